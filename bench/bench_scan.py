#!/usr/bin/python3
"""Cost of a scan beside apt, and of the update point that answers it beside nginx (proof C7).

usage: bench_scan.py [--build DIR] [--runs N] [--exchanges N] [--mirror DIR]

A lab holds the machine's real archives (copied once, served by nginx on loopback); its client has a
copy of the machine's package database. Measured, medians:
  first scan    bytes of all HTTP between client and site, beside apt's indices (Packages, compressed)
  repeated scan processor time of the client process from the request until the result is stored,
                beside `apt list --upgradable` and `apt-get -s dist-upgrade` over the same indices,
                alternating, all caches warm; the client's peak resident memory
  exchange      the update point's processor time for the requests of a repeated scan with nothing
                new, replayed byte for byte, beside nginx answering as many requests with as many
                bytes from files; each exchange on a connection of its own, both with an access log
"""
import argparse
import os
import re
import socket
import statistics
import sys
import tempfile

import benchlab
from benchlab import cpu_of_command, cpu_of_process, median_ms, mirror, row


def first_scan(lab, suites, folder):
    """Bytes of the first scan; those of registration, policy and report are counted with it."""
    print(f'first scan: {lab.first_scan()}')
    indices = sum(os.path.getsize(os.path.join(folder, archive, 'dists', suite, 'main/binary-amd64/Packages.xz'))
                  for archive, suite in suites)
    return row('first scan, all HTTP with the site', (lab.mp.bytes + lab.sup.bytes) / 1e6, 0.25, 'MB', indices / 1e6)


def apt_warm(lab):
    """apt's own lists and caches, as they are after an update and a first look."""
    for words in (['apt-get', 'update'], ['apt-get', 'check'], ['apt', 'list', '--upgradable']):
        benchlab.run([words[0], *lab.apt_options, *words[1:]])
    return (['apt', *lab.apt_options, 'list', '--upgradable'], ['apt-get', *lab.apt_options, '-s', 'dist-upgrade'])


def repeated_scans(lab, runs):
    listing, upgrade = apt_warm(lab)
    pid = lab.pid('client')
    ours, wholes, lists, upgrades = [], [], [], []
    for _ in range(runs):
        before = cpu_of_process(pid)
        lab.client('scan', '--wait', '60')
        stored = cpu_of_process(pid)
        lab.client('send', '--wait', '60')
        ours.append(stored - before)
        wholes.append(cpu_of_process(pid) - before)
        lists.append(cpu_of_command(listing))
        upgrades.append(cpu_of_command(upgrade))
    print(f"peers: {benchlab.version('apt', '--version')}: {' '.join(lab.apt_options[:2])} … list --upgradable; "
          "apt-get … -s dist-upgrade")
    kept = row('repeated scan, beside apt list --upgradable', median_ms(ours), 0.25, 'ms CPU', median_ms(lists))
    kept &= row('repeated scan, beside apt-get -s dist-upgrade', median_ms(ours), 0.04, 'ms CPU',
                median_ms(upgrades))
    print(f"{'with the report sent':46} {median_ms(wholes):9.2f} ms CPU")
    return row("client's peak resident memory", benchlab.memory_of(pid, 'VmHWM'), 40, 'MiB') and kept


def recorded_exchange(lab):
    """[(request, answer)] between client and update point in a scan with nothing new."""
    lab.sup.kept = []
    lab.client('scan', '--wait', '60')
    parts, lab.sup.kept = lab.sup.kept, None
    requests = [data for is_request, data in parts if is_request]
    answers = [data for is_request, data in parts if not is_request]
    return list(zip(requests, answers))


class Plain:
    """nginx with files, asked by requests and answering with files of the same sizes in all."""

    def __init__(self, scratch, exchange):
        self.folder = os.path.join(scratch, 'plain')
        os.makedirs(self.folder)
        self.server = mirror.Server(self.folder, os.path.join(scratch, 'plain-nginx'))
        self.exchange = exchange

    def __enter__(self):
        self.server.__enter__()
        return self

    def __exit__(self, *unused):
        self.server.__exit__()

    def pids(self):
        parent = self.server.process.pid
        with open(f'/proc/{parent}/task/{parent}/children') as children:
            return [parent, *map(int, children.read().split())]

    def requests(self):
        made = []
        for i, (request, answer) in enumerate(self.exchange):
            path = os.path.join(self.folder, str(i))
            head = f'GET /{i} HTTP/1.1\r\nHost: 127.0.0.1:{self.server.port}\r\nX-Pad: '
            like = (head + 'x' * (len(request) - len(head) - 4) + '\r\n\r\n').encode()
            self.write(path, 1000)
            beside = len(ask(self.server.port, [like])[0]) - 1000
            # The number of the length may have another number of digits; a byte is no matter.
            self.write(path, max(len(answer) - beside, 0))
            made.append(like)
        return made

    @staticmethod
    def write(path, size):
        with open(path, 'w') as out:
            out.write('x' * size)


def read_answer(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        data += sock.recv(65536)
    head, body = data.split(b'\r\n\r\n', 1)
    length = int(re.search(rb'(?i)content-length: *(\d+)', head).group(1))
    while len(body) < length:
        more = sock.recv(65536)
        body += more
    return head + b'\r\n\r\n' + body


def ask(port, requests):
    """One connection, as a client opens one for a scan; the answers."""
    with socket.create_connection(('127.0.0.1', port)) as sock:
        answers = []
        for request in requests:
            sock.sendall(request)
            answers.append(read_answer(sock))
        return answers


def cpu_of_exchanges(port, pids, requests, count):
    """Microseconds of the server's processor time per exchange."""
    before = sum(map(cpu_of_process, pids))
    for _ in range(count):
        ask(port, requests)
    return (sum(map(cpu_of_process, pids)) - before) * 1e6 / count


def exchanges(lab, scratch, runs, count):
    exchange = recorded_exchange(lab)
    requests = [request for request, _ in exchange]
    port, pid = lab.port('sup', 'http'), lab.pid('sup')
    for got, (_, expected) in zip(ask(port, requests), exchange):
        if len(got) != len(expected) or not got.startswith(b'HTTP/1.1 200'):
            sys.exit(f'the update point answers a replayed request otherwise than before:\n{got!r}\n{expected!r}')
    ours, theirs = [], []
    with Plain(scratch, exchange) as plain:
        like = plain.requests()
        for _ in range(runs):
            ours.append(cpu_of_exchanges(port, [pid], requests, count))
            theirs.append(cpu_of_exchanges(plain.server.port, plain.pids(), like, count))
        print(f"peer: {benchlab.version(mirror.nginx(), '-v')}, {len(like)} GET a connection, "
              f'{sum(map(len, like))} bytes up, {sum(map(len, ask(plain.server.port, like)))} down')
    size = sum(len(request) + len(answer) for request, answer in exchange)
    kept = row(f'update point, exchange of {len(exchange)} request(s)', statistics.median(ours), 4, 'us CPU',
               statistics.median(theirs))
    return row('request and answer together', size / 1e3, 4, 'KB') and kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default=benchlab.BUILD)
    parser.add_argument('--runs', type=int, default=9)
    parser.add_argument('--exchanges', type=int, default=2000, help='in each of the runs')
    parser.add_argument('--mirror', help='folder of a mirror made before (else made now)')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='upkeep-bench-', dir=benchlab.scratch_base()) as scratch:
        folder = options.mirror or os.path.join(scratch, 'mirror')
        suites = mirror.copy_machine(folder)
        with mirror.Server(folder, os.path.join(scratch, 'nginx')) as server:
            lab = benchlab.Lab(scratch, options.build, server.url, suites)
            lab.up()
            try:
                lab.upkeep('sync', 'start', '--wait')
                kept = first_scan(lab, suites, folder)
                kept &= repeated_scans(lab, options.runs)
                kept &= exchanges(lab, scratch, options.runs, options.exchanges)
            finally:
                lab.down()
    sys.exit(0 if kept else 1)


if __name__ == '__main__':
    main()
