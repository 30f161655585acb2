#!/usr/bin/python3
"""Distribution points that hang, are full or lie slow no other, say what is amiss, and go on by themselves.

A black-holed one is behind a link that is cut: connections are accepted and nothing ever answers. A
full one is told by the fault plan that there is no room for anything more. A lying one answers
everything, and nothing of it makes sense.
"""
import datetime
import random
import re
import statistics
import time

import contentlab
import lab
import tap

LIMIT = 120        # seconds of the lab's time until everything is well again
RATE = 10          # the lab's clock against the wall's, once nothing is measured any more
WITHOUT = 1.0      # seconds that a distribution point with work may be without a thread

# Says that it is ready as upkeep-dp does, and gives nonsense for an answer.
LIAR = '''#!/usr/bin/python3
import http.server, os, sys
ready = os.path.join(sys.argv[2], 'run/upkeep/dp.ready')

class Liar(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def answer(self):
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        body = b'{"Order": 7, "Missing": "everything", "moon": [cheese'
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = answer

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Liar)
with open(ready + '.new', 'w') as file:
    file.write(f'pid={os.getpid()}\\ndp={server.server_port}\\n')
os.rename(ready + '.new', ready)
server.serve_forever()
'''


# ---- the judge of the log ----

LINE = re.compile(r'(.*?)\s*\$\$<.*?><(\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d+)[^>]*><thread=(\d+)')
MADE = re.compile(r'Created package transfer job to send package (\S+) to distribution point .*\\\\([^\\\]]+)\\\.')
BEGAN = re.compile(r'ending thread starting for Job: \d+, package: .*, server: ([^,]+),')
ENDED = re.compile(r'Finished sending SWD package (\S+) version \d+ to distribution point (\S+)')


def lines_of(folder, name):
    """(seconds, thread, text) of each line of a log, the part that was set aside first."""
    for path in (folder / f'{name}.lo_', folder / f'{name}.log'):
        for line in path.read_text(errors='replace').splitlines() if path.exists() else ():
            found = LINE.match(line)
            if found:
                when = datetime.datetime.strptime(found[2], '%m-%d-%Y %H:%M:%S.%f').timestamp()
                yield when, found[3], found[1]


def events_of(folder, since):
    """(seconds, server, change of jobs, change of threads), in order, of what happened since then."""
    events, born, runs, ended = [], {}, {}, set()
    for when, _, text in lines_of(folder, 'DistMgr'):
        found = MADE.search(text)
        if found and when >= since:
            events.append((when, found[2].upper(), 1, 0))
    for when, thread, text in lines_of(folder, 'PkgXferMgr'):
        if when < since:
            continue
        began, done = BEGAN.search(text), ENDED.search(text)
        # A thread's run is over when it says so; one that did not say so did when its thread is used again.
        created = 'Created sending thread' in text
        if thread in runs and (created or 'ending thread complete' in text):
            events.append((when, runs.pop(thread), 0, -1))
        if created:
            born[thread] = when
        elif began:
            runs[thread] = began[1].upper()
            events.append((born.pop(thread, when), runs[thread], 0, 1))
        elif done and (done[1], done[2]) not in ended:
            ended.add((done[1], done[2]))
            events.append((when, done[2].upper(), -1, 0))
    return sorted(events, key=lambda event: event[0])


def idle_spans(events, server):
    """The spans [(from, seconds)] in which a distribution point had jobs and no thread."""
    jobs = threads = 0
    since, spans = None, []
    for when, _, job, thread in (event for event in events if event[1] == server.upper()):
        jobs, threads = jobs + job, threads + thread
        without = jobs > 0 and threads == 0
        if not without and since is not None:
            spans.append((since, when - since))
        since = (since if since is not None else when) if without else None
    return spans


def check_threads(t, site, servers, since):
    """No healthy distribution point with work was without a thread for long; the longest time of one."""
    events = events_of(site.path('var/log/upkeep'), since)
    longest = 0.0
    for server in servers:
        own = [event for event in events if event[1] == server]
        t.equal(sum(event[2] for event in own), 0, f'jobs of {server} that the log knows no end of')
        t.equal(any(event[3] for event in own), True, f'{server} has threads in the log')
        longest = max([longest, *(seconds for _, seconds in idle_spans(events, server))])
    t.equal(longest <= WITHOUT, True, f'a healthy one has no thread for at most {WITHOUT} s; it was {longest:.2f} s')
    return longest


# ---- what is bad ----

class Points:
    """The distribution points of a lab, some of which are bad for a while."""

    def __init__(self, t, count, rate, *settings):
        self.t, self.site = t, contentlab.ContentLab(t, *settings)
        self.site.stand_in()
        self.site.up('--dps', str(count), '--link-rate', rate)
        self.names = [f'DP{i:02}' for i in range(1, count + 1)]
        self.holes, self.changed = [], []

    def server(self, name):
        return f'{name}.LAB'

    def replace(self, programs):
        """Starts the programs {name: script for sh} in place of upkeep-dp."""
        script = ['#!/bin/sh', 'case ${2##*/} in']
        script += [f'{name}) {text} ;;' for name, text in programs.items()]
        script += ['esac', f'exec {lab.role_program("dp")} "$@"', '']
        path = self.t.dir / 'programs' / 'upkeep-dp'
        path.unlink(missing_ok=True)
        path.write_text('\n'.join(script))
        path.chmod(0o755)
        for name in set(programs) | set(self.changed):
            self.site.kill(name)
        self.changed = list(programs)
        self.site.run('lab', 'up')

    def spoil(self, holes=(), full=(), lying=()):
        # Its own few files a full one still writes when it starts; how many these are is counted first.
        report = {name: self.t.dir / f'{name}.writes' for name in full}
        only = 'exec env UPKEEP_FAULT_ONLY=write'
        program = f'{lab.role_program("dp")} "$@"'
        self.replace({name: f'{only} UPKEEP_FAULT=count UPKEEP_FAULT_REPORT={report[name]} {program}' for name in full})
        liar = self.t.dir / 'liar.py'
        liar.write_text(LIAR)
        plans = {name: f'exec python3 {liar} "$@"' for name in lying}
        for name in full:
            writes = len(report[name].read_text().splitlines()) if report[name].exists() else 0
            plans[name] = f'{only} UPKEEP_FAULT=fail+:{writes + 5} {program}'
        self.replace(plans)
        for name in holes:
            self.site.run('lab', 'link', name, '--down')
        self.holes = list(holes)

    def mend(self):
        for name in self.holes:
            self.site.run('lab', 'link', name, '--up')
        self.replace({})

    # ---- packages ----

    def create(self, what, count, size, seed):
        """{ID: folder} of packages, each with files of several sizes."""
        packages = {}
        for number in range(count):
            folder = self.t.dir / f'{what}{number}'
            fill(folder, size, random.Random(seed + number))
            packages[self.site.create(f'{what}{number}', folder)] = folder
        return packages

    def there(self, packages, names):
        rows = self.site.query('SELECT COUNT(*) FROM vUPK_PackageOnDP WHERE State = 0 AND PkgID IN '
                               f'({",".join("?" * len(packages))}) AND ServerName IN ({",".join("?" * len(names))})',
                               *packages, *map(self.server, names))
        return rows[0][0] == len(packages) * len(names)

    def distribute(self, packages, names, healthy, seconds):
        """Seconds from the command until the healthy ones have everything."""
        began = time.monotonic()
        self.site.run('package', 'distribute', *packages, '--dp', ','.join(names))
        self.site.wait(lambda: self.there(packages, healthy), 'the healthy ones', seconds)
        return time.monotonic() - began

    def remove(self, packages, names):
        self.site.run('package', 'remove-content', *packages, '--dp', ','.join(names), '--wait')

    def errors(self, names):
        """{name: what `package status` says is amiss} of those that are in trouble."""
        rows = self.site.json('package', 'status')
        said = {}
        for row in rows:
            name = row['Name'].split('.')[0].upper()
            text = row.get('JobError') or row.get('ErrorText') or row.get('DPError')
            if name in names and row['MessageState'] != 1 and text:
                said[name] = text
        return said


def fill(folder, size, chosen):
    folder.mkdir()
    for number in range(8):
        (folder / f'small{number}').write_bytes(chosen.randbytes(2000 + number))
    for number in range(4):
        with open(folder / f'large{number}', 'wb') as file:
            for _ in range(0, size // 4, 1 << 20):
                file.write(chosen.randbytes(min(1 << 20, size // 4)))


def goes_on(t, points, packages):
    """The bad ones were mended: they end by themselves, and have the right bytes."""
    points.mend()
    points.site.run('lab', 'clock', '--rate', str(RATE))
    began = time.monotonic()
    points.site.wait(lambda: points.there(packages, points.names), 'the mended ones', LIMIT / RATE)
    took = (time.monotonic() - began) * RATE
    for package in packages:
        points.site.wait_settled(package)
    return took


@tap.case('/flow/bad-distribution-points/a-hanging-a-full-and-a-lying-one-slow-no-other-DIST-012-DIST-075-DIST-082')
def few(t):
    points = Points(t, 5, '3M', 'distmgr.silent_seconds=4')
    healthy, bad = points.names[3:], points.names[:3]
    first = points.create('alone', 3, 3 << 20, 1)
    second = points.create('beside', 3, 3 << 20, 100)
    alone = points.distribute(first, healthy, healthy, 30)
    points.spoil(holes=['DP01'], full=['DP02'], lying=['DP03'])
    since = time.time()
    beside = points.distribute(second, points.names, healthy, 30)
    print(f'# alone {alone:.2f} s, beside bad ones {beside:.2f} s', flush=True)
    longest = check_threads(t, points.site, [points.server(name) for name in healthy], since)
    print(f'# the longest time of a healthy one without a thread: {longest:.3f} s')
    # Others may use the machine meanwhile; the full form is exact.
    t.equal(beside <= 1.25 * alone + 1, True, f'{beside:.2f} s is the pace alone ({alone:.2f} s)')
    t.equal(contentlab.until(lambda: set(points.errors(bad)) == set(bad), 60), True,
            f'what package status says of the bad ones: {points.errors(bad)}')
    for name, text in sorted(points.errors(bad).items()):
        print(f'# {name}: {text}')
    t.contains(points.errors(bad)['DP02'], 'No space left', 'the error of the full one')
    took = goes_on(t, points, second)
    print(f'# mended: done after {took:.0f} s of the lab', flush=True)
    for package, folder in second.items():
        points.site.equal(package, folder, *points.names)


@tap.case('/flow/bad-distribution-points/thirteen-of-twenty-keep-their-pace-DIST-012-DIST-075')
def many(t):
    if not tap.full():
        t.skip('takes six minutes; script/test --full runs it')
    points = Points(t, 20, '5M')
    holes, full, healthy = points.names[:5], points.names[5:7], points.names[7:]
    packages = points.create('large', 6, 52 << 20, 1)
    alone = []
    for _ in range(3):
        since = time.time()
        alone.append(points.distribute(packages, healthy, healthy, 300))
        longest = check_threads(t, points.site, [points.server(name) for name in healthy], since)
        print(f'# alone {alone[-1]:.2f} s; without a thread for {longest:.3f} s at most', flush=True)
        points.remove(packages, healthy)
    t.equal(min(alone) >= 60, True, f'the work takes at least a minute: {alone}')
    points.spoil(holes=holes, full=full)
    since = time.time()
    beside = points.distribute(packages, points.names, healthy, 600)
    ratio = beside / statistics.median(alone)
    print(f'# beside bad ones {beside:.2f} s, {ratio:.3f} of the median alone', flush=True)
    longest = check_threads(t, points.site, [points.server(name) for name in healthy], since)
    print(f'# without a thread for {longest:.3f} s at most', flush=True)
    t.equal(ratio <= 1.1, True, f'the healthy ones take {ratio:.3f} of the time alone')
    bad = holes + full
    t.equal(contentlab.until(lambda: set(points.errors(bad)) == set(bad), 120), True,
            f'what package status says of the bad ones: {points.errors(bad)}')
    points.mend()
    points.site.wait(lambda: points.there(packages, points.names), 'the mended ones', 600)
    for package, folder in packages.items():
        points.site.equal(package, folder, *points.names)


tap.main()
