#!/usr/bin/python3
"""Time of a snapshot into a content library, beside what others take for the same trees.

usage: bench_snapshot.py [--rounds N] [TREE…]

The trees are those given, else the newer versions that bench/pairs.py fetches into
$UPKEEP_BENCH_DIR/uk-pairs (default /var/tmp). Measured is the whole: reading, hashing, cutting into
chunks, storing, the definition, and everything durable (the peers need not be). Peers, in turn with
ours, each into a fresh folder on the same disk, the sources in memory:
  sha256sum + cp -a   limit 0.7    both after one another
  casync make         limit 0.35   its store, chunks of its default size
  ostree commit       limit 0.15   an archive repository, the one that is served over HTTP
A peer that is not installed is left out, by name. The median of the rounds counts.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
TOOL = HERE / 'build-release/tests/unit/content/unit-content-library-tool'
BASE = pathlib.Path(os.environ.get('UPKEEP_BENCH_DIR', '/var/tmp'))
PROBES = 1000


def run(*command, **more):
    subprocess.run([os.fspath(c) for c in command], check=True, stdout=subprocess.DEVNULL, **more)


def ours(trees, out):
    """All in one call, as one program of ours stays open."""
    words = []
    for i, tree in enumerate(trees):
        words += [','] * bool(i) + ['snapshot', f'PS1{i:05}.1', tree]
    run(TOOL, out / 'library', *words)


def sha256sum_and_copy(trees, out):
    for i, tree in enumerate(trees):
        with subprocess.Popen(['find', tree, '-type', 'f', '-print0'], stdout=subprocess.PIPE) as find:
            run('xargs', '-0', 'sha256sum', stdin=find.stdout)
        run('cp', '-a', tree, out / str(i))


def casync(trees, out):
    for i, tree in enumerate(trees):
        run('casync', 'make', f'--store={out}/store.castr', out / f'{i}.caidx', tree)


def ostree(trees, out):
    run('ostree', f'--repo={out}/repo', 'init', '--mode=archive')
    for i, tree in enumerate(trees):
        run('ostree', f'--repo={out}/repo', 'commit', f'--branch=tree{i}', f'--tree=dir={tree}')


PEERS = [('sha256sum + cp -a', 'sha256sum', sha256sum_and_copy, 0.7), ('casync make', 'casync', casync, 0.35),
         ('ostree commit', 'ostree', ostree, 0.15)]


def warm(trees):
    """The sources into memory."""
    for tree in trees:
        with subprocess.Popen(['tar', '-cf', '-', tree], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as tar:
            while tar.stdout.read(1 << 20):
                pass


def once(what, trees, base):
    """Seconds; what is left to be written for others' doing is written before. Nothing is removed
    before the end: ext4 searches long for an inode where many were freed in the last minutes."""
    out = pathlib.Path(tempfile.mkdtemp(dir=base))
    os.sync()
    started = time.monotonic()
    what(trees, out)
    return time.monotonic() - started


def settle(base):
    """Waits until files are made quickly: without a journal ext4 steps over the inodes that were freed in the last
    minutes, whoever did that, one by one for each new file."""
    for number in range(37):
        folder = pathlib.Path(tempfile.mkdtemp(dir=base))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_stime
        for i in range(PROBES):
            (folder / str(i)).touch()
        spent = (resource.getrusage(resource.RUSAGE_SELF).ru_stime - before) / PROBES
        if spent < 50e-6:
            return
        if number == 0:
            print(f'a new file costs {spent * 1e6:.0f} us, since files were removed just now; waiting', flush=True)
        time.sleep(10)


def all_rounds(trees, rounds, peers):
    """{name: seconds of each round}, in turn."""
    times = {None: []} | {p[0]: [] for p in peers}
    base = pathlib.Path(tempfile.mkdtemp(prefix='uk-snapshot-', dir=BASE))
    try:
        settle(base)
        for _ in range(rounds):
            for name, what in [(None, ours)] + [(p[0], p[2]) for p in peers]:
                warm(trees)
                times[name].append(once(what, trees, base))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return times


def version(program):
    text = subprocess.run([program, '--version'], capture_output=True, text=True).stdout
    return ' '.join(text.split('\n')[:2]).strip() if program == 'ostree' else text.splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('trees', nargs='*', type=pathlib.Path)
    args = parser.parse_args()
    trees = [t.resolve() for t in args.trees] or sorted((BASE / 'uk-pairs').glob('*/new'))
    if not trees:
        subprocess.run([HERE / 'bench/pairs.py', BASE / 'uk-pairs'], check=True)
        trees = sorted((BASE / 'uk-pairs').glob('*/new'))
    files = sum(len(names) for tree in trees for _, _, names in os.walk(tree))
    size = sum(os.lstat(os.path.join(at, n)).st_size for tree in trees for at, _, names in os.walk(tree) for n in names)
    pairs = BASE / 'uk-pairs/pairs.json'
    if not args.trees and pairs.exists():
        print(', '.join(versions[-1] for versions in json.loads(pairs.read_text()).values()))
    print(f'{len(trees)} trees, {files} files, {size / 1e6:.0f} MB: {" ".join(map(str, trees))}')
    print('ours: library_tool LIBRARY snapshot ID TREE, … (release build)')
    peers = [p for p in PEERS if shutil.which(p[1])]
    for name, program, _, _ in PEERS:
        print(f'{name}: {version(program) if shutil.which(program) else "not installed, left out"}')
    times = all_rounds(trees, args.rounds, peers)
    mine = statistics.median(times[None])
    print(f'{"ours":22} {mine:8.2f} s   ({" ".join(f"{x:.2f}" for x in times[None])})')
    bad = False
    for name, _, _, limit in peers:
        theirs = statistics.median(times[name])
        bad |= mine > limit * theirs
        print(f'{name:22} {theirs:8.2f} s   ratio {mine / theirs:.2f}, limit {limit}   '
              f'({" ".join(f"{x:.2f}" for x in times[name])})')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
