#!/usr/bin/python3
"""bench_update.py - what an update moves and how long it takes, against casync and rsync.

    bench/bench_update.py [--runs 5] [--only postgresql,openjdk] [--trees DIR]

Old to new over two versions each of real programs (pairs.py). Ours: definition, signatures and deltas;
make, move, apply and prove by two threads (bench_update_ours.c). Peers: casync's new chunks of 16 KiB
and its index; rsync -az through its daemon, over loopback, bytes in both directions. In turn, medians.
What ours built is judged by sha256sum of the new tree. Limits: geometric mean of the ratios of bytes 0.5
against either, no tree above 1.0, whole time 1.0 of rsync's.
"""
import argparse
import hashlib
import math
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
OURS = HERE.parent / 'build-release' / 'bench' / 'bench_update_ours'


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(map(str, command))[:300]} failed:\n{(done.stdout + done.stderr)[-3000:]}')
    return done.stdout


def is_right(new, library):
    """Whether the library has each file of the tree, judged from outside."""
    for path in new.rglob('*'):
        if path.is_file() and not path.is_symlink():
            name = hashlib.sha256(path.read_bytes()).hexdigest().upper()
            stored = library / 'FileLib' / name[:4] / name
            if not stored.exists() or hashlib.sha256(stored.read_bytes()).hexdigest().upper() != name:
                return False
    return True


def ours(old, new, work):
    folder = work / 'ours'
    rows = dict(line.split(' ', 1) for line in run(OURS, old, new, folder).splitlines())
    if not is_right(new, folder / 'dp'):
        sys.exit(f'what ours built of {new} is not the new tree')
    shutil.rmtree(folder)
    return int(rows['bytes']), float(rows['seconds']), float(rows['durable']), float(rows['cpu']), rows['ways']


def casync(old, new, work):
    """Bytes of the chunks that the new tree has and the old one has not, and of the index."""
    store, index = work / 'store', work / 'new.caidx'

    def chunks(tree, name):
        run('casync', 'make', '--chunk-size=16384', f'--store={store}', work / name, tree)
        return {path: path.stat().st_size for path in store.rglob('*.cacnk')}
    before = chunks(old, 'old.caidx')
    after = chunks(new, 'new.caidx')
    size = sum(after[path] for path in after if path not in before) + index.stat().st_size
    shutil.rmtree(store)
    return size


class Daemon:
    """An rsync daemon over loopback."""

    def __init__(self, trees, work):
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        conf = work / 'rsyncd.conf'
        user = f'uid = {os.getuid()}\ngid = {os.getgid()}\n' if os.getuid() == 0 else ''
        conf.write_text(f'address = 127.0.0.1\nport = {self.port}\nuse chroot = no\n{user}[trees]\npath = {trees}\n')
        self.process = subprocess.Popen(['rsync', '--daemon', '--no-detach', f'--config={conf}'])
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', self.port)) == 0:
                    break

    def update(self, old, name, work):
        """(bytes, seconds, processor seconds of both ends) of rsync -az onto a copy of the old tree."""
        copy = work / 'copy'
        run('cp', '-a', old, copy)
        os.sync()
        start, before = time.monotonic(), self.cpu()
        text = run('rsync', '-az', '--delete', '--stats', f'rsync://127.0.0.1:{self.port}/trees/{name}/new/', f'{copy}/')
        spent, cpu = time.monotonic() - start, self.cpu() - before
        shutil.rmtree(copy)
        moved = sum(int(n.replace(',', '')) for n in re.findall(r'Total bytes (?:sent|received): ([\d,]+)', text))
        return moved, spent, cpu

    def cpu(self):
        """Processor seconds of the daemon's ended children and of ours, the peer's command among them."""
        fields = pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')', 1)[1].split()
        times = os.times()
        return sum(map(int, fields[11:15])) / os.sysconf('SC_CLK_TCK') + times.children_user + times.children_system


def geometric(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def measure(trees, names, runs, work):
    daemon, rows = Daemon(trees, work), []
    try:
        for name in names:
            old, new = trees / name / 'old', trees / name / 'new'
            chunks = casync(old, new, work)
            mine, theirs = [], []
            for _ in range(runs):
                mine.append(ours(old, new, work))
                theirs.append(daemon.update(old, name, work))
            moved, sent = mine[0][0], theirs[0][0]
            seconds, durable, cpu = (statistics.median(row[i] for row in mine) for i in (1, 2, 3))
            peer, peer_cpu = (statistics.median(row[i] for row in theirs) for i in (1, 2))
            rows.append((name, moved, chunks, sent, seconds, peer, cpu, peer_cpu))
            print(f'{name:12} {moved / 1e6:8.2f} {chunks / 1e6:8.2f} {sent / 1e6:8.2f} {moved / chunks:8.2f} {moved / sent:7.2f}'
                  f' {seconds:8.2f} {durable:8.2f} {peer:7.2f} {seconds / peer:6.2f} {cpu:9.2f} {peer_cpu:7.2f} {cpu / peer_cpu:6.2f}'
                  f'   {mine[0][4]}', flush=True)
    finally:
        daemon.process.terminate()
        daemon.process.wait()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=5)
    parser.add_argument('--only', default='postgresql,openjdk,libreoffice,kernel,chromium')
    parser.add_argument('--trees', type=pathlib.Path,
                        default=pathlib.Path(os.environ.get('UPKEEP_BENCH_DIR', '/var/tmp')) / 'upkeep-bench-trees')
    args = parser.parse_args()
    if not shutil.which('casync') or not shutil.which('rsync'):
        print('bench_update: casync and rsync are needed: apt-get install --no-install-recommends casync rsync')
        return 1
    print(run('rsync', '--version').splitlines()[0], '/', run('casync', '--version').splitlines()[0])
    print(f'casync make --chunk-size=16384 / rsync -az --delete, daemon on loopback / {args.runs} runs, in turn, medians')
    args.trees.mkdir(parents=True, exist_ok=True)
    print(run(sys.executable, '-B', HERE / 'pairs.py', args.trees, '--only', args.only), end='')
    names = [name for name in args.only.split(',') if (args.trees / name / 'new').exists()]
    print('              moved MB                    ratio to        seconds                  ratio   processor seconds      ways')
    print('                 ours   casync    rsync   casync   rsync     ours  durable   rsync             ours   rsync  ratio   frame delta chunks whole')
    with tempfile.TemporaryDirectory(dir=args.trees.parent, prefix='upkeep-bench-') as folder:
        rows = measure(args.trees, names, args.runs, pathlib.Path(folder))
    to_casync, to_rsync = [r[1] / r[2] for r in rows], [r[1] / r[3] for r in rows]
    times, work = (sum(r[i] for r in rows) / sum(r[i + 1] for r in rows) for i in (4, 6))
    print(f'bytes, geometric mean: {geometric(to_casync):.3f} of casync, {geometric(to_rsync):.3f} of rsync (limit 0.5, aim 0.3)')
    print(f'bytes, the worst tree: {max(to_casync):.3f} of casync, {max(to_rsync):.3f} of rsync (limit 1.0)')
    print(f'whole time: {times:.2f} of rsync (limit 1.0); processor time: {work:.2f}')
    print(f'load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors')
    good = max(geometric(to_casync), geometric(to_rsync)) <= .5 and max(to_casync + to_rsync) <= 1 and times <= 1
    return 0 if good else 1


if __name__ == '__main__':
    sys.exit(main())
