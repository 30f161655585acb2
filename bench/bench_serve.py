#!/usr/bin/python3
"""How fast a distribution point serves, beside nginx with the same files: 4 KB files, 64 KB ranges, 256 MB.

usage: bench_serve.py [--build DIR] [--seconds N] [--rounds N]

A package of 2,000 files of 4 KB and one of 256 MB is sent to a release build of upkeep-dp; nginx has the
source folder itself, with sendfile and an open-file cache. A client of our own keeps 64 connections open,
asks both in turn, the first of a round being the second of the next, and counts; the figure is bodies per
second, the median of the rounds; the ratio is the median of those of the rounds, since a machine's speed
moves; and the servers' own processor time stands beside it. The limit: at least 0.9 x nginx.
"""
import argparse
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[1:1] = [str(ROOT / 'tests/lab'), str(ROOT / 'tests/component/dp')]

LIMIT = 0.9


class Case:
    """What dpkit asks of a case."""

    def __init__(self, folder):
        self.dir, self.ends = pathlib.Path(folder), []

    def cleanup(self, function, *words):
        self.ends.append((function, words))

    def fail(self, text):
        raise SystemExit(text)

    def equal(self, got, expected, what):
        if got != expected:
            raise SystemExit(f'{what}: got {got!r}, expected {expected!r}')

    def close(self):
        for function, words in reversed(self.ends):
            function(*words)


def make_source(folder):
    folder.mkdir()
    for i in range(2000):
        path = folder / f'd{i % 20}' / f'small{i}'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(4096))
    with open(folder / 'large', 'wb') as file:
        for _ in range(256):
            file.write(os.urandom(1 << 20))


def start_nginx(case, source):
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    folder = case.dir / 'nginx'
    folder.mkdir()
    user = 'user root; ' if os.getuid() == 0 else ''
    (folder / 'nginx.conf').write_text(
        f'daemon off; {user}pid {folder}/pid; error_log {folder}/error.log; worker_processes 2;\n'
        'events { worker_connections 4096; }\n'
        f'http {{ access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000000;\n'
        'open_file_cache max=10000; open_file_cache_valid 60s; default_type application/octet-stream;\n'
        f'server {{ listen 127.0.0.1:{port}; location /content/ {{ alias {source}/; }} }} }}\n')
    process = subprocess.Popen(['nginx', '-p', folder, '-c', folder / 'nginx.conf'])
    case.cleanup(process.wait)
    case.cleanup(process.terminate)
    while socket.socket().connect_ex(('127.0.0.1', port)):
        time.sleep(0.05)
    return process.pid, port


def cpu_of(pid):
    """Processor seconds of a process and its children."""
    pids = [pid, *map(int, subprocess.run(['pgrep', '-P', str(pid)], capture_output=True, text=True).stdout.split())]
    total = 0
    for each in pids:
        fields = pathlib.Path(f'/proc/{each}/stat').read_text().rsplit(')', 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf('SC_CLK_TCK')


def measure(load, pid, port, seconds, span, paths):
    before = cpu_of(pid)
    out = subprocess.run([load, str(port), '64', str(seconds), str(span), paths], check=True, capture_output=True,
                         text=True).stdout.split()
    requests, count, passed = int(out[0]), int(out[1]), float(out[2])
    return count / passed, (cpu_of(pid) - before) / max(count, 1) * (1 << 20) * 1e6, requests / passed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default=str(ROOT / 'build-release'))
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=5)
    options = parser.parse_args()
    build = pathlib.Path(options.build)
    os.environ['UPKEEP_BUILD_ROOT'] = options.build
    os.environ['DPTOOL'] = str(build / 'tests/component/dp/component-dp-tool')
    if shutil.which('nginx') is None:
        print('serving: not measured, because nginx is not installed (nginx-light)')
        return 0
    import dpkit
    said = subprocess.run(['nginx', '-v'], capture_output=True, text=True).stderr.strip()
    print(f'serving over 64 open connections, {options.rounds} rounds of {options.seconds} s in turn; {said}')
    base = os.environ.get('UPKEEP_BENCH_DIR', '/var/tmp')
    kept = True
    with tempfile.TemporaryDirectory(prefix='upkeep-bench-', dir=base) as scratch:
        case = Case(scratch)
        try:
            kept = compare(case, build, options, dpkit)
        finally:
            case.close()
    return 0 if kept else 1


def compare(case, build, options, dpkit):
    source = case.dir / 'source'
    make_source(source)
    dp = dpkit.Point(case, 'verify_bytes_per_second=0').start()
    dp.configure()
    order = dpkit.Order(dp, dpkit.Package(case, 'PS100001', 1, {'PS100001.1': source}))
    order.send_missing(block=16 << 20)
    order.commit()
    servers = {'upkeep-dp': (dp.process.pid, dp.port, '/SMS_DP_SMSPKG$/PS100001.1'), 'nginx': (*start_nginx(case, source), '/content')}
    small = sorted(path.relative_to(source) for path in source.rglob('small*'))
    size = (source / 'large').stat().st_size
    kept = True
    for what, span, files in (('4 KB files', 0, small), ('64 KB ranges', 65536, ['large']), ('a 256 MB file', 0, ['large'])):
        results = {name: [] for name in servers}
        for i in range(options.rounds):
            for name in sorted(servers, reverse=i % 2 == 0):
                pid, port, prefix = servers[name]
                paths = case.dir / f'paths-{name}'
                paths.write_text(''.join(f'{prefix}/{path} {size}\n' for path in files))
                results[name].append(measure(build / 'bench/bench_serve_load', pid, port, options.seconds, span, paths))
        ours, peer = ([statistics.median(row[i] for row in results[name]) for i in range(3)] for name in ('upkeep-dp', 'nginx'))
        ratio = statistics.median(a[0] / b[0] for a, b in zip(results['upkeep-dp'], results['nginx']))
        kept &= ratio >= LIMIT
        print(f'{what:16} {ours[0] / 1e6:9.1f} MB/s  {ours[2]:9.0f} a second  (nginx {peer[0] / 1e6:9.1f} MB/s, {peer[2]:9.0f}; '
              f'ratio {ratio:.2f}, at least {LIMIT}; processor {ours[1]:.1f} us a MiB, nginx {peer[1]:.1f})')
    return kept


sys.exit(main())
