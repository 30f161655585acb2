#!/usr/bin/python3
"""The Data Transfer Service: what it fetches, how it goes on after every kind of end, and what binds it.

The program is dts_role.c beside this, whose owner component makes jobs of files; its path is the first
argument. Sources are Python's own web server, expected bytes come from the test.
"""
import collections
import datetime
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import logtrace
import tap
import webserver

PROGRAM = sys.argv.pop(1)
BIG = 4 * 1024 * 1024


class Dts:
    """The program below a root of its own."""

    def __init__(self, t, **settings):
        self.t, self.root = t, t.dir / 'root'
        etc = self.root / 'etc/upkeep'
        etc.mkdir(parents=True)
        self.target = t.dir / 'SMS_DP$' / 'PS100001' / 'PS100001.1' / '1'
        words = {'retry_seconds': 0, **settings}
        (etc / 'dts.conf').write_text('[dts]\n' + ''.join(f'{k}={v}\n' for k, v in words.items()))
        self.box = self.root / 'var/lib/upkeep/dts/inboxes/jobs.box'
        self.process = None
        t.cleanup(self.stop)

    def start(self):
        ready = self.root / 'run/upkeep/dts.ready'
        ready.unlink(missing_ok=True)
        self.out = open(self.t.dir / 'dts.out', 'ab')
        self.process = subprocess.Popen([PROGRAM, '--root', self.root], stdout=self.out, stderr=self.out)
        self.wait(ready.exists, 'the start')
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.wait(30)
        self.process = None
        self.out.close()
        found = tap.sanitizer((self.t.dir / 'dts.out').read_text(errors='replace'), 'dts.out')
        if found:
            self.t.fail(found)

    def drop(self, name, text):
        self.box.mkdir(parents=True, exist_ok=True)
        (self.box / f'.{name}.x').write_text(text)
        (self.box / f'.{name}.x').rename(self.box / name)

    def job(self, key, source, *files, priority=2):
        """files: (path, size) or (path, size, name, from), of one that need not be there (…, True)."""
        rows = [f'{f[0]} {f[2] if len(f) > 2 else f[0].replace("/", "_")} {f[1]} {f[3] if len(f) > 3 else -1}'
                f'{" optional" if len(f) > 4 else ""}\n' for f in files]
        self.drop(f'{key}.JOB', f'{source.rstrip("/")} {self.target} {priority}\n' + ''.join(rows))

    def lines(self, name):
        path = self.root / 'var/log/upkeep' / name
        return logtrace.texts(path) if path.exists() else []

    def told(self, key, state, seconds=30):
        """Waits for the owner's line on the key in that state; the line."""
        found = []

        def look():
            found[:] = [x for x in self.lines('Owner.log') if x.startswith(f'{key} is {state}')]
            return found
        self.wait(look, f'{key} to be {state}', seconds)
        return found[-1]

    def wait(self, done, what, seconds=30):
        until = tap.until(seconds)
        while not done():
            if self.process.poll() is not None or time.monotonic() > until:
                self.t.fail(f'waited in vain for {what}\n' + '\n'.join(self.lines('DataTransferService.log')[-20:]))
            time.sleep(0.02)


def source(t, **files):
    folder = t.dir / 'source'
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    server = webserver.Server(folder)
    t.cleanup(server.__exit__)
    return server


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


@tap.case('/transfer/dts/states-and-log-in-order-DIST-114-DIST-115')
def log_in_order(t):
    data = {f'f{i}': noise(1000 * i, i) for i in range(20)}
    server, dts = source(t), Dts(t).start()
    for folder in ('SMS_DP_SMSSIG$', 'SMS_DP_SMSPKG$/PS100001.1'):
        (t.dir / 'source' / folder).mkdir(parents=True)
        for name, body in data.items():
            (t.dir / 'source' / folder / name).write_bytes(body)
    dts.job('one', f'{server.uri}SMS_DP_SMSSIG$', *[(name, len(body)) for name, body in data.items()])
    dts.told('one', 'NotifiedComplete')
    for name, body in data.items():
        t.equal((dts.target / name).read_bytes(), body, name)
    # Words and order are the specification's (93-logs 11.5 and 11.6): there the target is its own.
    pattern = [x.replace('<cid>.tar', 'f5') for x in logtrace.section('11.5')[1]]
    lines = dts.lines('DataTransferService.log')
    logtrace.match(lines, pattern, 'DataTransferService.log')
    states = [m[1] for x in lines if (m := re.search(r"state:? '(\w+)'", x))]
    shutil.rmtree(dts.target)
    dts.job('two', f'{server.uri}SMS_DP_SMSPKG$/PS100001.1', *[(name, len(body)) for name, body in data.items()])
    dts.told('two', 'NotifiedComplete')
    logtrace.match(dts.lines('DataTransferService.log')[len(lines):], logtrace.section('11.6')[1], 'DataTransferService.log')
    t.equal(states, ['DownloadingData', 'RetrievedData', 'NotifiedComplete'], 'the states')


@tap.case('/transfer/dts/killed-in-mid-file-goes-on-where-it-was-DIST-114')
def killed(t):
    data = noise(BIG)
    server, dts = source(t, big=data), Dts(t).start()
    server.on['/big'] = webserver.slow(65536, 0.01)
    dts.job('one', server.uri, ('big', BIG))
    part = dts.target / 'big.part'
    dts.wait(lambda: part.exists() and part.stat().st_size > BIG // 4, 'a quarter')
    dts.stop(signal.SIGKILL)
    there = part.stat().st_size
    server.on.clear()
    dts.start()
    dts.told('one', 'NotifiedComplete')
    t.equal((dts.target / 'big').read_bytes(), data, 'the file')
    headers = server.requests[-1][1]
    t.equal(headers.get('Range'), f'bytes={there}-', 'what was asked for after the kill')
    assert headers.get('If-Range'), 'nothing says that it is still the same file'


@tap.case('/transfer/dts/another-file-meanwhile-begins-anew-DIST-114')
def changed(t):
    old, new = noise(BIG), noise(BIG, 2)
    server, dts = source(t, big=old), Dts(t).start()
    server.on['/big'] = webserver.slow(65536, 0.01)
    dts.job('one', server.uri, ('big', BIG))
    part = dts.target / 'big.part'
    dts.wait(lambda: part.exists() and part.stat().st_size > BIG // 4, 'a quarter')
    dts.stop(signal.SIGKILL)
    (t.dir / 'source/big').write_bytes(new)
    server.on['/big'] = lambda handler, body: (handler.headers.__delitem__('Range'), handler.serve(body))
    dts.start()
    dts.told('one', 'NotifiedComplete')
    t.equal((dts.target / 'big').read_bytes(), new, 'the file')


def in_turn(*acts):
    """The first request gets the first, and so on; the last one stays."""
    left = list(acts)
    return lambda handler, body: (left.pop(0) if len(left) > 1 else left[0])(handler, body)


@tap.case('/transfer/dts/next-source-goes-on-in-mid-file-DIST-120')
def another_source(t):
    data = noise(BIG)
    first, dts = source(t, big=data), Dts(t).start()
    first.on['/big'] = in_turn(webserver.cut(BIG // 2), webserver.status(503))
    dts.job('one', first.uri, ('big', BIG))
    said = dts.told('one', 'Failed')
    t.contains(said, 'answered 503')
    with webserver.Server(t.dir / 'source') as second:
        dts.job('two', second.uri, ('big', BIG))
        dts.told('two', 'NotifiedComplete')
        t.equal(second.requests[0][1].get('Range'), f'bytes={BIG // 2}-', 'what the second source was asked for')
    t.equal((dts.target / 'big').read_bytes(), data, 'the file')


@tap.case('/transfer/dts/source-without-it-fails-at-once-others-three-times-DIST-120')
def failures(t):
    server, dts = source(t, there=b'x' * 100), Dts(t).start()
    dts.job('lacks', server.uri, ('there', 100), ('not', 5))
    t.contains(dts.told('lacks', 'Failed'), 'NOT_FOUND')
    t.equal([p for p, _ in server.requests].count('/not'), 1, 'requests for what is not there')
    server.on['/there'] = webserver.replace(b'y' * 101)
    (dts.target / 'there').unlink(missing_ok=True)
    dts.job('lies', server.uri, ('there', 100))
    t.contains(dts.told('lies', 'Failed'), 'SIGNATURE')
    with socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        dts.job('dead', f'http://127.0.0.1:{nobody.getsockname()[1]}', ('a', 1))
        t.contains(dts.told('dead', 'Failed'), 'NETWORK')
    begun = [x for x in dts.lines('DataTransferService.log') if x.startswith('Starting BITS download')]
    t.equal(len(begun), 5, 'tries of the three jobs')


@tap.case('/transfer/dts/one-file-that-never-comes-fails-the-source-DIST-120')
def one_bad_file(t):
    files = {f'f{i}': noise(1_000_000, i) for i in range(2)}
    server, dts = source(t, bad=b'bad', **files), Dts(t).start()
    for name in files:
        server.on[f'/{name}'] = webserver.slow(4096, 0.02)

    def refuse(handler, data):
        deadline = tap.until(10)
        before = sum(part.stat().st_size for part in dts.target.glob('*.part'))
        while sum(part.stat().st_size for part in dts.target.glob('*.part')) <= before:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        handler.send_error(500)
    server.on['/bad'] = refuse
    dts.job('one', server.uri, *[(name, len(data)) for name, data in files.items()], ('bad', 3))
    t.contains(dts.told('one', 'Failed'), 'answered 500')
    t.equal([path for path, _ in server.requests].count('/bad'), 3, 'how often it was asked for')


@tap.case('/transfer/dts/a-file-refused-now-and-another-one-then-fail-no-source-DIST-120')
def refused_in_turn(t):
    files = {name: name.encode() for name in 'abc'}
    server, dts = source(t, big=noise(1_000_000), **files), Dts(t).start()
    server.on['/big'] = webserver.slow(4096, 0.02)
    left, asked = list(files), collections.Counter()

    def there():
        return sum(part.stat().st_size for part in dts.target.glob('big.part'))

    def refuse(handler, data):
        name = handler.path[1:]
        turn = left[:1] == [name]
        asked[name] += 1
        if name not in left:
            handler.serve(data)
        elif not turn:  # it has no answer before the try is over
            handler.connection.settimeout(10)
            handler.connection.recv(1)
            handler.close_connection = True
        else:
            before, deadline = there(), tap.until(10)
            # The others of this try are on their way too, so that none of them is taken for one of the next.
            while there() <= before or any(asked[other] < asked[name] for other in left):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            left.pop(0)
            if not left:
                server.on.pop('/big')
            handler.send_error(503)
    for name in files:
        server.on[f'/{name}'] = refuse
    dts.job('one', server.uri, ('big', 1_000_000), *[(name, 1) for name in files])
    dts.told('one', 'NotifiedComplete')
    t.equal([sum('answered 503' in line and f'/{name}:' in line for line in dts.lines('DataTransferService.log'))
             for name in files], [1, 1, 1], 'refusals')


@tap.case('/transfer/dts/parts-of-a-file-and-nothing-outside-of-the-folder')
def ranges_and_names(t):
    data = noise(300000)
    server, dts = source(t, big=data), Dts(t).start()
    server.on['/big'] = parts_only
    dts.job('parts', server.uri, ('big', 1000, 'big.5000', 5000), ('big', 7, 'big.299993', 299993))
    dts.told('parts', 'NotifiedComplete')
    t.equal((dts.target / 'big.5000').read_bytes(), data[5000:6000], 'the first part')
    t.equal((dts.target / 'big.299993').read_bytes(), data[-7:], 'the last part')
    dts.job('out', server.uri, ('big', 300000, '../escaped'))
    corrupt = dts.box / 'corrupt' / 'out.JOB.why'
    dts.wait(corrupt.exists, 'the refusal')
    t.contains(corrupt.read_text(), 'is no name of a file to download')
    (t.dir / 'elsewhere').write_bytes(b'mine')
    (dts.target / 'trap.part').symlink_to(t.dir / 'elsewhere')
    dts.job('trap', server.uri, ('big', 300000, 'trap'))
    dts.wait(lambda: any('waits until' in x for x in dts.lines('DataTransferService.log')), 'the refusal of a link')
    t.equal((t.dir / 'elsewhere').read_bytes(), b'mine', 'what the link pointed to')


def parts_only(handler, data):
    first, last = map(int, handler.headers['Range'][6:].split('-'))
    handler.head(206, last + 1 - first, Content_Range=f'bytes {first}-{last}/{len(data)}')
    handler.wfile.write(data[first:last + 1])


@tap.case('/transfer/dts/what-need-not-be-there-and-is-too-large-is-not-there-DIST-113')
def too_large(t):
    size = 256 * 1024 * 1024
    server, dts = source(t, large=b'x', unsaid=b'x', small=noise(1000)), Dts(t).start()
    server.on['/large'] = lambda handler, data: (handler.head(200, size + 1), handler.wfile.write(data))

    def unsaid(handler, data):
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(size // (1 << 20) + 1):
            handler.wfile.write(bytes(1 << 20))
    server.on['/unsaid'] = unsaid
    files = [(name, -1, name, -1, True) for name in ('large', 'unsaid', 'small')]
    dts.job('one', server.uri, *files)
    dts.told('one', 'NotifiedComplete')
    t.equal(sorted(path.name for path in dts.target.iterdir()), ['large.none', 'small', 'unsaid.none'], 'what came')
    t.equal((dts.target / 'small').read_bytes(), noise(1000), 'the small one')
    dts.job('two', server.uri, ('large', -1))
    t.contains(dts.told('two', 'Failed'), 'SIGNATURE')


@tap.case('/transfer/dts/zeros-become-holes')
def holes(t):
    data = b'a' * 65536 + bytes(BIG) + b'b' * 10 + bytes(100000)
    server, dts = source(t, sparse=data), Dts(t).start()
    dts.job('one', server.uri, ('sparse', len(data)))
    dts.told('one', 'NotifiedComplete')
    t.equal((dts.target / 'sparse').read_bytes(), data, 'the file')
    blocks = (dts.target / 'sparse').stat().st_blocks * 512
    assert blocks < BIG // 4, f'{blocks} bytes on disk'


def rate_of(server_bytes, started):
    return server_bytes / (time.monotonic() - started)


@tap.case('/transfer/dts/rate-binds-all-jobs-together-and-changes-live')
def rate(t):
    files = {f'r{i}': noise(600000, i) for i in range(4)}
    server, dts = source(t, **files), Dts(t).start()
    dts.drop('a.LIM', '400000')
    dts.wait(lambda: not (dts.box / 'a.LIM').exists(), 'the limit')
    began = time.monotonic()
    for name in files:
        dts.job(name, server.uri, (name, 600000))

    def there():
        return sum(p.stat().st_size for p in dts.target.glob('r*')) if dts.target.exists() else 0
    dts.wait(lambda: there() >= 600000, 'a quarter')
    took = time.monotonic() - began
    t.equal(1.0 < took < 3.0, True, f'a quarter of 2.4 MB at 0.4 MB/s took {took:.2f} s: that')
    dts.drop('b.LIM', '4000000')
    began, before = time.monotonic(), there()
    for name in files:
        dts.told(name, 'NotifiedComplete')
    took = time.monotonic() - began
    assert took < 2.5, f'the other {2400000 - before} bytes took {took:.2f} s after the limit was raised'


def week(letter_now, other):
    """A schedule in which this hour and the next one have one letter, all others another."""
    now = datetime.datetime.now()
    hour = ((now.weekday() + 1) % 7) * 24 + now.hour
    return ''.join(letter_now if i in (hour, (hour + 1) % 168) else other for i in range(168))


@tap.case('/transfer/dts/window-closes-and-opens-while-it-runs')
def windows(t):
    data = noise(BIG)
    server, dts = source(t, big=data, small=b'x' * 10), Dts(t).start()
    server.on['/big'] = webserver.slow(65536, 0.02)
    dts.job('one', server.uri, ('big', BIG), priority=2)
    part = dts.target / 'big.part'
    dts.wait(lambda: part.exists() and part.stat().st_size > BIG // 8, 'an eighth')
    dts.drop('a.LIM', f'0 {week("H", "A")}')
    dts.wait(lambda: any('is held until' in x for x in dts.lines('DataTransferService.log')), 'the hold')
    stands = part.stat().st_size
    dts.job('urgent', server.uri, ('small', 10), priority=1)
    dts.told('urgent', 'NotifiedComplete')
    t.equal(part.stat().st_size, stands, 'what is there while the window is closed')
    requests = len(server.requests)
    dts.drop('b.LIM', f'0 {week("M", "C")}')
    dts.told('one', 'NotifiedComplete')
    t.equal((dts.target / 'big').read_bytes(), data, 'the file')
    t.equal(len(server.requests), requests + 1, 'requests after it opened')


@tap.case('/transfer/dts/most-urgent-first-and-a-removed-job-ends')
def priorities(t):
    server = source(t, **{f'p{i}': noise(50000, i) for i in range(6)})
    dts = Dts(t, max_jobs=1).start()
    server.on['/p0'] = webserver.slow(1000, 0.05)
    dts.job('first', server.uri, ('p0', 50000), priority=3)
    server.wait_for('/p0')
    for i, priority in ((1, 3), (2, 2), (3, 1), (4, 2), (5, 1)):
        dts.job(f'k{i}', server.uri, (f'p{i}', 50000), priority=priority)
        dts.wait(lambda i=i: not (dts.box / f'k{i}.JOB').exists(), 'the job')
    dts.drop('first.END', 'x')
    for i in range(1, 6):
        dts.told(f'k{i}', 'NotifiedComplete')
    t.equal([p for p, _ in server.requests], ['/p0', '/p3', '/p5', '/p2', '/p4', '/p1'], 'the order')


if __name__ == '__main__':
    tap.main()
