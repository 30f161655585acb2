#!/usr/bin/python3
"""What it takes to bring content to distribution points, beside rsync through its daemon on loopback.

usage: bench_push.py [--build DIR] [--rounds N] [--packages N] [--dps N] [--peer-pairs N] [TREE…]

first  each tree is a package in the site's library; `upkeep package distribute NAME --dp DP --wait`, the
       whole command by the clock, to a distribution point that has nothing of it, in turn with
       rsync -a TREE rsync://… && sync -f && sha256sum -c of the result by Upkeep's own fast hasher on as
       many threads as there are processors (bench_push_hash). Median of the rounds, limit 1.3. What the
       distribution point has afterwards is hashed from outside. Then to ten at once: how often the site
       reads the source and its library (rchar of its /proc/PID/io; from the disk: read_bytes, with a
       page cache that was dropped before, where root may do that). Limit 1.2 for the ten from the disk; what
       is read again from memory, by those that fell behind the first by more than is kept, is shown only.
small  --packages packages of three files of 2 KB to --dps distribution points: processor time of all the
       programs of the lab and of the command, by (package, distribution point); beside rsync -a with its
       daemon, one pair of processes each, for --peer-pairs of the same (package, folder) pairs, half
       before and half after (0: all of them). Limit 0.5; 10 ms is the aim. rsync neither proves nor syncs.
       ext4 passes over the inodes that were freed in the last minutes one by one when it makes a file, which
       doubles what a file costs: leave six minutes between two runs, and behind whatever removed many files.

Trees default to those that bench/pairs.py left in $UPKEEP_BENCH_DIR/uk-pairs (default /var/tmp).
"""
import argparse
import hashlib
import os
import pathlib
import random
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

import benchlab

FIRST_LIMIT, SMALL_LIMIT, AIM_MS, MANY, DISK_LIMIT = 1.3, 0.5, 10, 10, 1.2


class Rsyncd:
    """An rsync daemon on loopback that takes files into a folder."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, conf = folder / 'in', folder / 'rsyncd.conf'
        self.folder.mkdir()
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        user = f'uid = {os.getuid()}\ngid = {os.getgid()}\n' if os.getuid() == 0 else ''
        conf.write_text(f'address = 127.0.0.1\nport = {self.port}\nuse chroot = no\n{user}'
                        f'log file = {folder}/log\n[in]\npath = {self.folder}\nread only = no\n')
        self.process = subprocess.Popen(['rsync', '--daemon', '--no-detach', f'--config={conf}'])
        while socket.socket().connect_ex(('127.0.0.1', self.port)):
            time.sleep(0.01)

    def command(self, source, name):
        return ['rsync', '-a', f'{source}/', f'rsync://127.0.0.1:{self.port}/in/{name}/']

    def end(self):
        self.process.terminate()
        self.process.wait()


class Lab:
    """A site with distribution points and nothing to synchronize."""

    def __init__(self, folder, build, dps):
        self.root, self.build = folder / 'lab', build
        self.names = [f'DP{i + 1:02}' for i in range(dps)]
        self.upkeep('lab', 'up', '--dps', dps, '--no-first-sync', '--bin', build / 'src',
                    '--set', 'distmgr.verify_kilobytes_per_second=0')
        self.db = sqlite3.connect(f'file:{self.root}/var/lib/upkeep/site/site.db?mode=ro', uri=True, timeout=60)

    def upkeep(self, *words):
        return benchlab.run([str(self.build / 'src/cli/upkeep'), '--root', str(self.root), *map(str, words)])

    def count(self, query):
        return self.db.execute(query).fetchone()[0]

    def until(self, query, number):
        deadline = time.monotonic() + 3600
        while (done := self.count(query)) < number:
            if time.monotonic() > deadline:
                sys.exit(f'{done} of {number} after an hour: {query}')
            time.sleep(0.2)

    def pids(self):
        """{process: the name of its program}, of all that run below the lab's folder."""
        found = {}
        for each in pathlib.Path('/proc').glob('[0-9]*'):
            try:
                words = (each / 'cmdline').read_bytes().split(b'\0')
            except OSError:
                continue
            if any(word.startswith(bytes(self.root)) for word in words) and b'upkeep-' in words[0]:
                found[int(each.name)] = os.path.basename(words[0]).decode()
        return found

    def cpu(self):
        """Processor seconds of the lab's programs, with those of their ended children."""
        total = {}
        for pid, name in self.pids().items():
            fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
            ended = (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')
            total[name] = total.get(name, 0) + benchlab.cpu_of_process(pid) + ended
        return total

    def site(self):
        """(bytes read, processor seconds, bytes read from the disk) of the site server's program."""
        pid = next(pid for pid, name in self.pids().items() if name == 'upkeep-site')
        rows = dict(line.split(': ') for line in pathlib.Path(f'/proc/{pid}/io').read_text().splitlines())
        return int(rows['rchar']), benchlab.cpu_of_process(pid), int(rows['read_bytes'])

    def down(self):
        """Its files stay until the end of the bench: a file system without a journal searches past files that were
        removed in the last minutes at each one that is made, so that the next run would pay for it."""
        self.db.close()
        self.upkeep('lab', 'down')


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def digests(tree):
    """{path in the tree: SHA-256} of the files of a tree, links left out."""
    found = {}
    for at, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(at, name)
            if not os.path.islink(path):
                with open(path, 'rb') as file:
                    found[os.path.relpath(path, tree)] = hashlib.file_digest(file, 'sha256').hexdigest() \
                        if hasattr(hashlib, 'file_digest') else hashlib.sha256(file.read()).hexdigest()
    return found


def settle():
    """What others left to be written is written before the clock runs."""
    os.sync()


def drop_cache():
    """True if the page cache could be dropped."""
    try:
        pathlib.Path('/proc/sys/vm/drop_caches').write_text('1')
        return True
    except OSError:
        return False


def timed(function, *words):
    settle()
    started = time.monotonic()
    function(*words)
    return time.monotonic() - started


def check_library(lab, dp, hashes):
    """The distribution point has each file of the tree, by its own hash."""
    for digest in set(hashes.values()):
        path = lab.root / f'dp/{dp}/var/lib/upkeep/content/FileLib' / digest[:4].upper() / digest.upper()
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            sys.exit(f'{path} is not what was sent')


def peer(daemon, tree, name, hashes, work, build):
    listing = work / f'{name}.sums'
    listing.write_text(''.join(f'{digest}  {daemon.folder}/{name}/{path}\n' for path, digest in hashes.items()))
    parts = []

    def whole():
        for command in (daemon.command(tree, name), ['sync', '-f', str(daemon.folder)],
                        [str(build / 'bench/bench_push_hash'), str(listing), str(os.cpu_count())]):
            started = time.monotonic()
            benchlab.run(command)
            parts.append(time.monotonic() - started)
    return timed(whole), parts


def first(tree, rounds, build, work):
    """One tree to one distribution point, then to ten. True when the limit is kept."""
    work.mkdir()
    hashes = digests(tree)
    size = sum((tree / path).stat().st_size for path in hashes)
    lab, daemon = Lab(work, build, rounds + MANY), Rsyncd(work / 'rsync')
    try:
        (work / 'small').mkdir()
        (work / 'small/file').write_bytes(os.urandom(100))
        lab.upkeep('package', 'create', 'warm', '--source', work / 'small', '--wait')
        lab.upkeep('package', 'distribute', 'warm', '--dp', ','.join(lab.names), '--wait')
        before = lab.site()
        lab.upkeep('package', 'create', 'tree', '--source', tree, '--wait')
        made = lab.site()
        ours, theirs, parts = [], [], []
        for i, dp in enumerate(lab.names[:rounds]):
            ours.append(timed(lab.upkeep, 'package', 'distribute', 'tree', '--dp', dp, '--wait'))
            seconds, part = peer(daemon, tree, f'round{i}', hashes, work, build)
            theirs.append(seconds)
            parts.append(part)
        check_library(lab, lab.names[0], hashes)
        print(f'\n{tree}: {len(hashes)} files, {size / 1e6:.0f} MB')
        print(f'  ours  {" ".join(f"{x:.2f}" for x in ours)} s   peer {" ".join(f"{x:.2f}" for x in theirs)} s   (rsync, sync, sums: '
              f'{" ".join(f"{statistics.median(x):.2f}" for x in zip(*parts))})')
        kept = benchlab.row('  first distribution to one', statistics.median(ours), FIRST_LIMIT, 's', statistics.median(theirs))
        settle()
        cold = drop_cache()
        one = lab.site()
        seconds = timed(lab.upkeep, 'package', 'distribute', 'tree', '--dp', ','.join(lab.names[rounds:]), '--wait')
        ten = lab.site()
        check_library(lab, lab.names[-1], hashes)
        from_disk = (ten[2] - one[2]) / size
        disk = f' ({from_disk:.2f} x from the disk, limit {DISK_LIMIT})' if cold else ''
        print(f'  to {MANY} at once: {seconds:.2f} s. Read by the site: {(made[0] - before[0]) / size:.2f} x the tree when the package was '
              f'made, {(one[0] - made[0]) / size / rounds:.2f} x for one, {(ten[0] - one[0]) / size:.2f} x for {MANY}{disk}; its processor '
              f'time {made[1] - before[1]:.2f}, {(one[1] - made[1]) / rounds:.2f}, {ten[1] - one[1]:.2f} s')
        return kept & (not cold or from_disk <= DISK_LIMIT)
    finally:
        daemon.end()
        lab.down()


def make_packages(folder, number):
    chance = random.Random(1)
    for i in range(number):
        at = folder / f'p{i:05}'
        at.mkdir(parents=True)
        for k in range(3):
            (at / f'file{k}').write_bytes(chance.randbytes(2000))


def rsync_pairs(folder, pairs, work):
    """Processor seconds of rsync for (package, folder) pairs, its daemon's included."""
    before = children_cpu()
    daemon = Rsyncd(work)
    for package, dp in pairs:
        (daemon.folder / f'{dp}').mkdir(exist_ok=True)
        command = daemon.command(folder / f'p{package:05}', f'{dp}/p{package:05}')
        if os.waitpid(os.posix_spawn(shutil.which('rsync'), command, os.environ), 0)[1]:
            sys.exit('rsync failed')
    daemon.end()
    return children_cpu() - before


def distribute(lab, names):
    """(seconds, {program: processor seconds}) of all packages to all distribution points."""
    before, command, started = lab.cpu(), children_cpu(), time.monotonic()
    for at in range(0, len(names), 500):
        lab.upkeep('package', 'distribute', *names[at:at + 500], '--dp', ','.join(lab.names))
    lab.until('SELECT COUNT(*) FROM PkgStatus WHERE Type=2 AND Status=3', len(names) * len(lab.names))
    lab.until('SELECT COUNT(*)=0 FROM DistributionJobs', 1)
    after = lab.cpu()
    used = {name: after[name] - before.get(name, 0) for name in after}
    used['the command'] = children_cpu() - command
    return time.monotonic() - started, used


def small(options, build, work):
    work.mkdir()
    make_packages(work / 'source', options.packages)
    pairs = [(i, dp) for i in range(options.packages) for dp in range(options.dps)]
    if 0 < options.peer_pairs < len(pairs):
        pairs = sorted(random.Random(2).sample(pairs, options.peer_pairs))
    lab = Lab(work, build, options.dps)
    try:
        names = [f'p{i:05}' for i in range(options.packages)]
        for name in names:
            lab.upkeep('package', 'create', name, '--source', work / 'source' / name)
        lab.until('SELECT COUNT(*) FROM SMSPackages WHERE StoredPkgVersion=1 AND Action=0', len(names))
        theirs = rsync_pairs(work / 'source', pairs[:len(pairs) // 2], work / 'before')
        seconds, used = distribute(lab, names)
        theirs += rsync_pairs(work / 'source', pairs[len(pairs) // 2:], work / 'after')
    finally:
        lab.down()
    number = options.packages * options.dps
    ms = sum(used.values()) / number * 1e3
    print(f'\n{options.packages} packages of 3 files of 2 KB to {options.dps} distribution points: {seconds:.1f} s; '
          f'{len(pairs)} pairs of rsync')
    print('  ms each: ' + ', '.join(f'{name} {spent / number * 1e3:.2f}' for name, spent in sorted(used.items()) if spent / number > 5e-5))
    print(f'  {ms:.2f} ms, aim {AIM_MS} ({"kept" if ms <= AIM_MS else "NOT KEPT"})')
    return benchlab.row('  processor time, each', ms, SMALL_LIMIT, 'ms', theirs / len(pairs) * 1e3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', type=pathlib.Path, default=pathlib.Path(benchlab.BUILD).resolve())
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--packages', type=int, default=1000, help='0: not that part')
    parser.add_argument('--dps', type=int, default=20)
    parser.add_argument('--peer-pairs', type=int, default=2000, help='0: all')
    parser.add_argument('--no-first', action='store_true', help='only the small packages')
    parser.add_argument('trees', nargs='*', type=pathlib.Path)
    options = parser.parse_args()
    base = pathlib.Path(benchlab.scratch_base())
    trees = [] if options.no_first else [t.resolve() for t in options.trees] or sorted((base / 'uk-pairs').glob('*/new'))
    if not shutil.which('rsync'):
        print('distribution: not measured, because rsync is not installed')
        return 0
    print('distribution beside', benchlab.version('rsync', '--version'))
    kept = True
    with tempfile.TemporaryDirectory(prefix='upkeep-bench-', dir=base) as scratch:
        for i, tree in enumerate(trees):
            kept &= first(tree, options.rounds, options.build, pathlib.Path(scratch, f'first{i}'))
        if options.packages:
            kept &= small(options, options.build, pathlib.Path(scratch, 'small'))
    return 0 if kept else 1


if __name__ == '__main__':
    sys.exit(main())
