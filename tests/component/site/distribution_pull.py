#!/usr/bin/python3
"""A pull distribution point: it waits for a source, is notified, fetches, and its answer ends the job; logs in the order
of the acceptance trace (docs/spec/93-logs.md, sections 11.1, 11.2, 11.8)."""
import hashlib
import http.server
import json
import random
import re
import threading
import time
import xml.etree.ElementTree

import librarywalk
import sitekit
import tap

VERSION = [('Version: 3', 'Version: <v>'), ('Version:3', 'Version:<v>'), ('version 3', 'version <v>'),
           ('Version 3(3)', 'Version <v>(<v>)'), ('PkgStatus 0', 'PkgStatus <n>'), ('(3)', '(<v>)'), (' is 3.', ' is <v>.')]


@tap.case('/site/distribution-pull/whole-DIST-093-094-095-096-097-098-101-102-103-104-105-107-130-131-132-133-147')
def whole(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=1, pull_dps=1)
    rng = random.Random(5)
    w.write('setup.exe', rng.randbytes(1_500_000))
    for i in range(20):
        w.write(f'data/{i}', rng.randbytes(i * 50))
    package = w.create()
    w.stored(package, 1)
    # No source has it yet: phase 1 fails, and the job waits.
    w.mark()
    w.lab.run('package', 'distribute', package, '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: any('ID=8212' in line for line in w.texts('PkgXferMgr.log')), 'the message 8212')
    for thread in ('main', 'pkg', 'dp'):
        w.trace('DistMgr.log', '10.1', 0, thread)
    w.trace('DistMgr.log', '11.1', 1, change=VERSION)
    w.trace('PkgXferMgr.log', '11.2', 1)
    w.lab.wait(lambda: w.one('SELECT State, RetryCount, SendAction FROM DistributionJobs') == (4, 1, ''), 'the job that waits')
    restart, told = w.one('SELECT ReStartTime, LastUpdateTime FROM DistributionJobs')
    w.wait_text('PkgXferMgr.log', f'~ PullDP notification failed. Failure count = 1/30, Restart time = {sitekit.in_words(restart)}')
    t.equal(round((sitekit.when(restart) - sitekit.when(told)).total_seconds()), 20 * 60, 'seconds until it is tried again')
    # The source gets it: the pull goes on at once, not in twenty minutes.
    w.mark()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.installed(package, 1, 'DP01.LAB', 'PDP01.LAB')
    w.idle()
    w.trace('PkgXferMgr.log', '11.2', 0, 'send', change=[*VERSION, ('= 1/30', '= <n>/30')])
    w.lab.wait(lambda: any('processed PullDP response' in line for line in w.texts('DistMgr.log')), 'the response')
    w.trace('DistMgr.log', '11.8', 2, change=VERSION)
    t.equal(w.rows('SELECT * FROM PullDPResponse'), [], 'responses that were taken')
    w.same('PDP01', package)
    t.equal(w.files('PDP01'), w.files(), 'files in its library')
    t.equal(sorted(w.rows('SELECT ServerName, Version FROM ContentDPMap')), [('DP01.LAB', 1), ('PDP01.LAB', 1)],
            'it is a source itself now')
    # Update: both, the pull distribution point behind its source.
    w.write('data/3', b'changed')
    w.lab.run('package', 'update', package)
    w.installed(package, 2, 'DP01.LAB', 'PDP01.LAB')
    w.idle()
    w.same('PDP01', package)
    # Redistribute (DIST-154): the notification says redist.
    w.mark()
    w.lab.run('package', 'redistribute', package, '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: any('PullDP notification sent' in line for line in w.texts('PkgXferMgr.log')), 'the notification')
    w.idle()
    w.installed(package, 2, 'PDP01.LAB')
    pulled = w.lab.dp_path('PDP01', 'var/log/upkeep/PullDP.log').read_text(errors='replace')
    t.contains(pulled, f'{package}.2: redistribute/redownload all files', 'PullDP.log')


@tap.case('/site/distribution-pull/paused-and-resumed-by-hand-DIST-126')
def paused(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=1, pull_dps=1)
    w.write('setup.exe', random.Random(8).randbytes(1_500_000))
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '100k')
    w.lab.run('package', 'distribute', package, '--dp', 'PDP01.LAB')
    folder = w.library('PDP01') / 'SMS_DP$' / package
    w.lab.wait(lambda: any(s > 100_000 and p.suffix == '.part' for p, s in librarywalk.sizes(folder).items()), 'the beginning')
    job = w.one('SELECT JobID FROM DistributionJobs')[0]
    w.lab.run('job', 'pause', job)
    w.wait_text('PkgXferMgr.log', f'has paused the pull of package {package}')
    part, = folder.rglob('*.part')
    size = part.stat().st_size
    assert size < 1_400_000, 'it was over before'
    t.contains(w.lab.run('package', 'status', package), 'Paused')
    time.sleep(1)  # a second in which nothing may come
    t.equal(part.stat().st_size, size, 'what came while it was paused')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '0')
    w.lab.run('job', 'resume', job)
    w.installed(package, 1, 'PDP01.LAB')
    w.same('PDP01', package)
    # What must travel of an update is the new file: that is shown as soon as it is known, and nothing before.
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '100k')
    w.write('more', random.Random(9).randbytes(700_000))
    w.lab.run('package', 'update', package)
    totals = set()

    def known():
        totals.update(row[0] for row in w.rows("SELECT j.TotalSize FROM DistributionJobs j JOIN DistributionPoints d ON "
                                               "d.DPID = j.DPID WHERE d.IsPullDP = 1"))
        return totals - {0}
    w.lab.wait(known, 'what must travel')
    # How far it is it tells once a minute (DIST-126).
    tens = lambda: [int(found[1]) // 10 for line in w.texts('DistMgr.log')
                    if (found := re.search(r'Version 2\(2\), ActionState 16, .* ActionData = (\d+) ', line))]
    w.lab.wait(lambda: len(tens()) == 1, 'the first report of progress')
    w.lab.run('lab', 'clock', '--step', '61s')
    w.lab.wait(lambda: len(tens()) == 2, 'the next one, a minute later')
    t.equal(0 < tens()[0] < tens()[1], True, f'tenths: {tens()}')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '0')
    w.installed(package, 2, 'PDP01.LAB')
    t.equal(totals - {0}, {700_000}, 'what must travel')


@tap.case('/site/distribution-pull/waits-for-room-and-no-longer-DIST-100')
def room(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', 'pkgxfermgr.pull_max_jobs=1', dps=1, pull_dps=1)
    w.write('a', random.Random(9).randbytes(900_000))
    packages = [w.create(name) for name in ('One', 'Two', 'Three')]
    w.lab.run('package', 'distribute', *packages, '--dp', 'DP01.LAB', '--wait')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '10k')  # the first holds its room until it is let go
    w.lab.run('package', 'distribute', packages[0], '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction = 'PullQueryResultAction'"), 'the first')
    w.lab.run('package', 'distribute', *packages[1:], '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: sum('ID=8211 SEV=E' in line for line in w.texts('PkgXferMgr.log')) == 2, 'two without room', 5)
    t.equal(w.rows('SELECT State, RetryCount FROM DistributionJobs WHERE State = 4'), [(4, 0)] * 2, 'no failures of theirs (OQ-D29)')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '0')
    for package in packages:  # twenty minutes is when they would be tried by themselves
        w.installed(package, 1, 'PDP01.LAB', seconds=30)


def grown(w, pattern):
    """Waits until a file on its way to PDP01 has grown to 100,000 bytes."""
    w.lab.wait(lambda: any(size > 100_000 and path.match(pattern) for path, size in
                           librarywalk.sizes(w.library('PDP01') / 'SMS_DP$').items()), f'a {pattern}')


def left_over(w):
    return [p for p in librarywalk.sizes(w.library('PDP01') / 'SMS_DP$') if p.suffix in ('.part', '.temp')]


@tap.case('/site/distribution-pull/becomes-a-standard-one-and-a-pull-one-again-DIST-147')
def changes_kind(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=1, pull_dps=1)

    def create(name, seed):
        w.write('setup.exe', random.Random(seed).randbytes(1_500_000))
        package = w.create(name)
        w.stored(package, 1)
        return package

    there, half, paused, third = create('There', 1), create('Half', 2), create('Paused', 3), create('Third', 4)
    w.lab.run('package', 'distribute', there, half, paused, third, '--dp', 'DP01.LAB', '--wait')
    w.lab.run('package', 'distribute', there, '--dp', 'PDP01.LAB', '--wait')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '100k')
    w.lab.run('package', 'distribute', half, paused, '--dp', 'PDP01.LAB')
    grown(w, '*.part')
    w.lab.run('job', 'pause', w.one('SELECT JobID FROM DistributionJobs WHERE PkgID = ?', paused)[0])
    w.mark()
    # What it has stays, what it was pulling is cancelled by name and sent, and what was paused stays so.
    w.lab.run('dp', 'set', 'PDP01.LAB', '--standard', '--rate-limit', '0')
    w.installed(half, 1, 'PDP01.LAB', seconds=30)
    w.wait_text('PDP01/SMSDPProv.log', f'The pull of package {half}, version 1 is cancelled: this is a standard distribution point now')
    w.wait_text('PDP01/PullDP.log', f'{half}.1 has been cancelled.')
    w.wait_text('PkgXferMgr.log', f'Sending legacy content {half}.1 for package {half}')
    w.wait_text('DistMgr.log', 'is sent its packages now; it is discarded')
    t.equal(w.rows('SELECT PkgID, State, SendAction FROM DistributionJobs WHERE Action <> 5'), [(paused, 8, '')], 'the jobs')
    t.equal(w.rows('SELECT * FROM PullDPMap'), [], 'its sources')
    t.equal(w.status(there, 'PDP01.LAB')[:2], (3, 1), 'what it had')
    t.equal([line for line in w.texts('PkgXferMgr.log') if there in line], [], 'work for what it had')
    w.lab.run('dp', 'set', 'PDP01.LAB', '--source', 'DP01.LAB', status=1)
    t.contains(w.lab.said, 'upkeep dp set PDP01.LAB --pull --source')
    # The other way, while it is being sent something: that is taken back, and pulled.
    w.lab.run('dp', 'set', 'PDP01.LAB', '--rate-limit', '100k')
    w.lab.run('package', 'distribute', third, '--dp', 'PDP01.LAB')
    grown(w, '*.temp')
    w.mark()
    w.lab.run('dp', 'set', 'PDP01.LAB', '--pull', '--source', 'DP01.LAB', '--rate-limit', '0')
    w.installed(third, 1, 'PDP01.LAB', seconds=30)
    w.wait_text('PDP01/SMSDPProv.log', f'The order for package {third} is taken back: this is a pull distribution point now')
    w.wait_text('PDP01/PullDP.log', f'{third}.1 has completed successfully')
    w.lab.run('job', 'resume', w.one('SELECT JobID FROM DistributionJobs WHERE PkgID = ?', paused)[0])
    w.installed(paused, 1, 'PDP01.LAB', seconds=30)
    w.idle()
    w.same('PDP01', third)
    w.lab.wait(lambda: not left_over(w), 'nothing half on its way')


@tap.case('/site/distribution-pull/polled-and-the-next-goes-on-DIST-099-DIST-100-DIST-106')
def polled(t):
    # The management point takes no messages: the result is found by asking. The second job waits for the end of the
    # first one, which is hours before it would be tried by itself.
    w = sitekit.World(t, 'pkgxfermgr.pull_poll_minutes=1', 'pkgxfermgr.pull_max_jobs=1', 'pkgxfermgr.pull_retry_minutes=240',
                      dps=1, pull_dps=1)
    w.write('a', b'a' * 1000)
    first, second = w.create('One'), w.create('Two')
    w.stored(first, 1)
    w.stored(second, 1)
    w.lab.run('package', 'distribute', first, second, '--dp', 'DP01.LAB')
    w.installed(first, 1, 'DP01.LAB')
    w.installed(second, 1, 'DP01.LAB')
    w.lab.kill('mp')
    w.mark()
    w.lab.run('package', 'distribute', first, '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction = 'PullQueryResultAction' AND State = 3"),
               'the notification (DIST-104)')
    w.lab.run('package', 'distribute', second, '--dp', 'PDP01.LAB')
    w.lab.wait(lambda: any('ID=8211 SEV=E' in line for line in w.texts('PkgXferMgr.log')), 'the message 8211')
    w.trace('PkgXferMgr.log', '11.2', 2, change=[('capacity 50', 'capacity 1')])
    w.lab.run('lab', 'clock', '--rate', '30')
    w.installed(first, 1, 'PDP01.LAB')
    w.installed(second, 1, 'PDP01.LAB', seconds=60)
    w.trace('PkgXferMgr.log', '11.3', 0, change=VERSION + [('ISTR1="3"', 'ISTR1="<v>"'), ('AVAL1="3"', 'AVAL1="<v>"')])
    w.idle()


class Point(http.server.BaseHTTPRequestHandler):
    """A pull distribution point that takes what it is told, and says of each package what server.standing says."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *words):
        pass

    def read(self):
        return self.rfile.read(int(self.headers.get('Content-Length', 0)))

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        asked, body = self.path.partition('?')[0].rpartition('/')[2], self.read()
        self.server.asked.append(asked)
        if asked == 'notify':
            self.server.told.append(body)
        if asked in self.server.broken:
            self.answer({'error': {'code': 'IO', 'message': 'the disk is gone'}}, 500)
            return
        self.answer({'IdentityGUID': '{0}', 'Certificate': '', 'Version': '1', 'BytesFree': 1 << 20, 'BytesTotal': 1 << 30})

    def do_PUT(self):
        self.server.bundle = self.read()
        self.answer({})

    def do_GET(self):
        self.read()
        self.answer(self.server.standing)


def point(t, w, name):
    """Such a one as `name`, with DP01 for its source."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Point)
    server.broken, server.asked, server.told = set(), [], []
    server.standing = {'Version': 1, 'State': 'Downloading', 'BytesDone': 0, 'BytesAll': 1000, 'Error': ''}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanup(server.shutdown)
    w.lab.run('dp', 'add', name, '--url', f'http://127.0.0.1:{server.server_port}', '--pull', '--source', 'DP01.LAB')
    return server


@tap.case('/site/distribution-pull/what-keeps-it-is-shown-if-only-polling-tells-and-tries-end-DIST-091-DIST-096-DIST-097-'
          'DIST-098-DIST-099-DIST-106')
def kept(t):
    w = sitekit.World(t, 'pkgxfermgr.pull_poll_minutes=1', 'pkgxfermgr.pull_max_jobs=1', 'pkgxfermgr.pull_polls=2',
                      'pkgxfermgr.pull_retries=2', dps=1)
    w.write('a', b'a' * 1000)
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    server = point(t, w, 'full.lab')
    server.standing['Error'] = 'the volume of /var/lib/upkeep/content is full: make room there, the rest is fetched when there is'
    w.lab.run('package', 'distribute', package, '--dp', 'full.lab')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction = 'PullQueryResultAction' AND State = 3"), 'the notification')
    why = lambda: w.lab.json('why', 'dp', 'full.lab', 'package', package)
    t.equal((why()['Status'], why()['BrokenLink']), ('under way', None), 'before it was polled')
    w.lab.run('lab', 'clock', '--step', '2m')
    w.lab.wait(lambda: (w.status(package, 'full.lab') or (0,))[0] == 4, 'the status that polling found')
    t.equal((why()['Status'], why()['BrokenLink'], why()['Because']), ('not there', 'room', 'its disk is full'))
    t.contains(w.lab.run('package', 'status', package), 'make room there')
    # What has passed is not shown on.
    server.standing['Error'] = ''
    w.lab.run('lab', 'clock', '--step', '2m')
    w.lab.wait(lambda: w.status(package, 'full.lab')[0] == 1, 'the status that polling found then')
    t.equal((why()['Status'], why()['BrokenLink']), ('under way', None), 'when there is room')
    # It has lost the job: the job is told once more, and takes no place from itself.
    notified = lambda: server.asked.count('notify')
    job = lambda: (w.rows('SELECT State, RetryCount, SendAction FROM DistributionJobs') or [()])[0]
    server.standing['State'] = 'Absent'
    w.lab.run('lab', 'clock', '--step', '2m')
    w.lab.wait(lambda: notified() == 2, 'the second notification')
    w.lab.wait(lambda: w.one('SELECT Attempts FROM DistributionJobs') == (2,), 'its note that it was told')
    t.equal(job(), (3, 0, 'PullQueryResultAction'), 'the job that was told')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'ID=8211' in line], [], 'that it has no room')
    # So it is when its source has lost the content, too: it waits for a source, and is told when there is one.
    w.execute('DELETE FROM ContentDPMap')
    w.lab.run('lab', 'clock', '--step', '2m')
    w.lab.wait(lambda: job() == (4, 1, ''), 'the job that waits for a source')
    w.lab.run('package', 'redistribute', package, '--dp', 'DP01.LAB', '--wait')
    w.lab.wait(lambda: notified() == 3, 'the third notification')
    t.equal(w.rows('SELECT ServerName, Version FROM ContentDPMap'), [('DP01.LAB', 1)], 'the source')
    # It is asked so often and no more; who resumes the job by hand has it asked again.
    server.standing['State'] = 'Downloading'
    polls = lambda: w.one('SELECT State, RetryCount, Polls FROM DistributionJobs')

    def give_up():
        for expected in ((3, 0, 0), (3, 0, 1), (3, 0, 2), (6, 0, 2)):
            w.lab.wait(lambda: polls() == expected, f'state, failures and polls {expected}')
            w.lab.run('lab', 'clock', '--step', '2m')
    give_up()
    w.lab.wait(lambda: w.status(package, 'full.lab')[0] == 5, 'the status of what was given up')
    t.contains(w.status(package, 'full.lab')[2], 'after 2 polls, it is not asked any more')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'Failure count' in line and 'Failure count = 1/2' not in line], [], 'failures')
    w.lab.run('job', 'resume', w.one('SELECT JobID FROM DistributionJobs')[0])
    w.lab.wait(lambda: polls() == (3, 0, 1), 'the poll that was asked for')
    server.standing['State'] = 'Installed'
    w.lab.run('lab', 'clock', '--step', '2m')
    w.installed(package, 1, 'full.lab')
    # The site server's own is a source like any other: what waits for it goes on at once.
    own, = w.one('SELECT ServerName FROM DistributionPoints WHERE IsColocated = 1')
    w.lab.run('dp', 'set', 'full.lab', '--source', own)
    w.source = t.dir / 'updates'
    for number in (1, 2):
        w.write(f'0a1b2c3d-0000-4000-8000-00000000000{number}/a', b'%d' % number)
    other = w.insert('LAB0F001', 'Other', 5)
    w.stored(other, 1)
    w.lab.run('package', 'distribute', other, '--dp', 'full.lab')
    w.wait_text('PkgXferMgr.log', 'ID=8212')
    told = server.asked.count('notify')
    w.lab.run('package', 'distribute', other, '--dp', own)
    w.lab.wait(lambda: server.asked.count('notify') > told, 'the notification')
    # A success that it tells after it was given up counts.
    server.standing['State'] = 'Downloading'
    give_up()
    says(w, other, 'full.lab', 1)
    w.idle()
    t.equal(w.status(other, 'full.lab')[:2], (3, 1), 'what is there')
    # Each content item must have a source. After the last try only a new action begins it again.
    items = [row[0] for row in w.rows('SELECT ContentID FROM PkgContents WHERE PkgID = ? ORDER BY ContentID', other)]
    only = lambda item: w.execute('UPDATE ContentDPMap SET AccessType = (ContentID = ?)', item)
    only(items[0])
    w.mark()
    told = server.asked.count('notify')
    w.lab.run('package', 'redistribute', other, '--dp', 'full.lab')
    for count in (1, 2):
        w.lab.wait(lambda: job() == (4, count, ''), f'the failure {count}')
        w.wait_text('PkgXferMgr.log', f'~ PullDP notification failed. Failure count = {count}/2, Restart time = '
                    + sitekit.in_words(w.one('SELECT ReStartTime FROM DistributionJobs')[0]))
        only(items[1])
        w.lab.run('lab', 'clock', '--step', '21m')
    w.lab.wait(lambda: job() == (6, 3, '') and w.status(other, 'full.lab')[0] == 5, 'the end')
    w.wait_text('PkgXferMgr.log', '~ PullDP notification failed. Failure count = 3/2, no more retries')
    w.lab.run('lab', 'clock', '--step', '1h')
    w.execute('UPDATE ContentDPMap SET AccessType = 1')
    w.lab.run('package', 'redistribute', other, '--dp', own, '--wait')
    w.lab.run('dp', 'set', 'full.lab', '--description', 'looked at')
    t.equal((job(), server.asked.count('notify')), ((6, 3, ''), told), 'after an hour, and with a source for each')
    w.lab.run('package', 'redistribute', other, '--dp', 'full.lab')
    w.lab.wait(lambda: server.asked.count('notify') > told, 'the notification')


def write_answer(w, package, server, state, data='', version=1):
    """What StateSys makes of a state message 902, and SMSDBMON's file, without the wait for its look at the database."""
    w.execute('INSERT INTO PullDPResponse (PkgStatusID, MessageTime, PkgVersion, ActionState, ActionData) '
              'SELECT PKID, ?, ?, ?, ? FROM PkgStatus WHERE ID = ? AND Type = 2 AND PkgServer = ?',
              time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime()), version, state, data, package, sitekit.nal(server))
    key, = w.one('SELECT PKID FROM PkgStatus WHERE ID = ? AND Type = 2 AND PkgServer = ?', package, sitekit.nal(server))
    w.lab.inbox('distmgr.box', 'incoming', f'{key}.tmp').write_bytes(b'')
    w.lab.inbox('distmgr.box', 'incoming', f'{key}.tmp').rename(w.lab.inbox('distmgr.box', 'incoming', f'{key}.PUL'))


def says(w, package, server, state, data='', version=1):
    """The same, until Distribution Manager has taken it."""
    write_answer(w, package, server, state, data, version)
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM PullDPResponse'), f'the answer {state}')


def notified(t, w, server, package, action, sources):
    """Demands the notification of DIST-103, and the bundle that it names: 92-state-messages, section 6.1."""
    root = xml.etree.ElementTree.fromstring(server.told[-1])
    notice = root.find('PullDPPackageNotification')
    expected = {'PackageID': package, 'Version': '1', 'Action': action, 'Priority': '2', 'HashAlgorithm': '32780',
                'Hash': hashlib.sha256(server.bundle).hexdigest().upper()}
    t.equal((root.tag, {name: notice.get(name) for name in expected}), ('PullDPNotification', expected), 'the notification')
    t.equal([content.get('ContentID') for content in notice], [f'{package}.1'], 'its content items')
    addresses = dict(w.rows('SELECT ServerName, Url FROM DistributionPoints'))
    t.equal([(place.get('DPUrl'), place.get('Rank')) for place in notice[0]],
            [(f'{addresses[name]}/SMS_DP_SMSPKG$/{package}.1', str(rank)) for rank, name in enumerate(sources, 1)], 'its sources')


@tap.case('/site/distribution-pull/a-pause-that-it-does-not-take-is-wanted-until-it-does-and-answers-of-all-kinds-DIST-102-'
          'DIST-103-DIST-104-DIST-131-DIST-133')
def pausing(t):
    w = sitekit.World(t, dps=1)
    w.write('a', b'a' * 1000)
    package = w.create()
    own, = w.one('SELECT ServerName FROM DistributionPoints WHERE IsColocated = 1')
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--dp', own, '--wait')
    server = point(t, w, 'deaf.lab')
    w.lab.run('dp', 'set', 'deaf.lab', '--source', f'DP01.LAB:2,{own}:1')
    w.lab.run('package', 'distribute', package, '--dp', 'deaf.lab')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction = 'PullQueryResultAction' AND State = 3"), 'the notification')
    job, restart, told = w.one('SELECT JobID, ReStartTime, LastUpdateTime FROM DistributionJobs')
    w.wait_text('PkgXferMgr.log', f'~ PullDP notification sent. Attempted count = 1/30, Restart time = {sitekit.in_words(restart)}')
    t.equal(round((sitekit.when(restart) - sitekit.when(told)).total_seconds()), 60 * 60, 'seconds until it is asked (OQ-D32)')
    notified(t, w, server, package, 'add', (own, 'DP01.LAB'))
    server.broken = {'pause', 'configure'}
    w.lab.run('job', 'pause', job)
    # Shown is what is: that it is wanted, that the distribution point runs on, and when it is told again.
    w.lab.wait(lambda: 'the disk is gone' in w.one('SELECT LastError FROM DistributionJobs')[0], 'the reason')
    shown = w.lab.run('package', 'status', package)
    for text in ('Pausing', 'has not taken the pause yet', 'the disk is gone', 'in '):
        t.contains(shown, text)
    t.contains(w.lab.run('job', 'list'), 'pausing')
    chain = w.lab.json('why', 'dp', 'deaf.lab', 'package', package)
    t.contains([link['Cause'] for link in chain['Links'] if link['Link'] == 'job'][0], 'has not taken the pause yet')
    # It is asked as it is in any trouble, first after 5 seconds; when it answers it is told.
    server.broken = set()
    w.wait_text('PkgXferMgr.log', f'has paused the pull of package {package}')
    order = [what for what in server.asked if what in ('pause', 'configure')]
    t.equal(order[order.index('pause'):], ['pause', 'configure', 'pause'], 'what it was asked, in order')
    w.lab.wait(lambda: w.one('SELECT State, LastError, ReStartTime FROM DistributionJobs') == (8, '', None), 'the pause that was taken')
    shown = w.lab.run('package', 'status', package)
    t.equal(('Paused' in shown, 'Pausing' in shown), (True, False), shown)
    server.standing['State'] = 'Installed'
    w.lab.run('job', 'resume', job)
    w.installed(package, 1, 'deaf.lab')
    # What it says of a pull that was cancelled, by hand or by whom ever, is no beginning of anything.
    w.idle()
    server.standing['State'] = 'Downloading'
    w.lab.run('package', 'redistribute', package, '--dp', 'deaf.lab')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction = 'PullQueryResultAction' AND State = 3"), 'the notification')
    says(w, package, 'deaf.lab', 16, '30')
    w.lab.wait(lambda: w.status(package, 'deaf.lab')[0] == 1, 'the progress')
    w.lab.run('job', 'cancel', w.one('SELECT JobID FROM DistributionJobs')[0])
    w.lab.wait(lambda: w.status(package, 'deaf.lab')[0] == 5, 'the status of what was cancelled')
    for state in (16, 64):
        says(w, package, 'deaf.lab', state)
        t.equal(w.status(package, 'deaf.lab')[0], 5, f'the status after state {state}')
    # Nor is what it says of that one the end of the next, of which it was not told.
    w.lab.run('dp', 'set', 'deaf.lab', '--maintenance', 'on')
    w.lab.run('package', 'redistribute', package, '--dp', 'deaf.lab')
    w.lab.wait(lambda: w.rows('SELECT 1 FROM DistributionJobs'), 'the next job')
    told = server.asked.count('notify')
    for state in (64, 4, 1):
        says(w, package, 'deaf.lab', state)
        t.equal(w.rows('SELECT State, RetryCount FROM DistributionJobs'), [(0, 0)], f'the job after state {state}')
    w.lab.run('dp', 'set', 'deaf.lab', '--maintenance', 'off')
    w.lab.wait(lambda: server.asked.count('notify') == told + 1, 'the notification')
    w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction <> ''"), 'the job that was told')
    notified(t, w, server, package, 'redist', (own, 'DP01.LAB'))
    # What it says of that one (docs/decisions/0013); one of another version counts for nothing, or not yet (OQ-D43).
    for state, data, status, text in ((8, '', 1, ''), (2, 'it is full', 4, 'it is full'), (16, '50', 1, ''), (2, 'again', 4, 'again'),
                                      (32, '', 1, ''), (64, '', 1, ''), (4, 'it broke', 5, 'it broke')):
        says(w, package, 'deaf.lab', state, data)
        t.equal(w.status(package, 'deaf.lab'), (status, 1, text), f'the status after state {state}')
        if state == 64:
            w.lab.wait(lambda: w.one('SELECT Polls, ReStartTime > LastUpdateTime FROM DistributionJobs') == (1, 1), 'the question about it')
    # After a failure it goes on by itself, in a minute: so a cancellation and a pause reach it then, too.
    job = lambda: w.one('SELECT State, RetryCount, SendAction FROM DistributionJobs')
    asked = lambda what, count: w.lab.wait(lambda: server.asked.count(what) == count, f'{what} number {count}')
    pulls = lambda: w.lab.wait(lambda: w.rows("SELECT 1 FROM DistributionJobs WHERE SendAction <> '' AND Action <> 5"), 'the pull')
    cancels, pauses = server.asked.count('cancel'), server.asked.count('pause')
    t.equal(job(), (4, 1, ''), 'the job that has failed')
    w.lab.run('job', 'cancel', w.one('SELECT JobID FROM DistributionJobs')[0])
    asked('cancel', cancels + 1)
    w.lab.run('package', 'redistribute', package, '--dp', 'deaf.lab')
    pulls()
    says(w, package, 'deaf.lab', 4, 'it broke')
    server.broken = {'pause', 'configure'}
    w.lab.run('job', 'pause', w.one('SELECT JobID FROM DistributionJobs')[0])
    w.lab.wait(lambda: 'the disk is gone' in w.one('SELECT LastError FROM DistributionJobs')[0], 'the reason')
    t.contains(w.lab.run('package', 'status', package), 'Pausing')
    t.contains(w.lab.run('job', 'list'), 'pausing')
    server.broken = set()
    asked('pause', pauses + 2)
    w.lab.wait(lambda: w.one('SELECT State, LastError FROM DistributionJobs') == (8, ''), 'the pause that was taken')
    says(w, package, 'deaf.lab', 4, 'it broke before')
    t.equal(w.one('SELECT State, LastError FROM DistributionJobs'), (8, ''), 'the pause, when a failure from before is told')
    w.lab.run('job', 'resume', w.one('SELECT JobID FROM DistributionJobs')[0])
    pulls()
    says(w, package, 'deaf.lab', 4, 'it broke')
    t.equal(job(), (4, 1, ''), 'the job that has failed')
    w.mark()
    says(w, package, 'deaf.lab', 1, version=0)
    w.wait_text('DistMgr.log', 'The response is for version 0, which is not the stored one any more; it is discarded')
    t.equal((w.status(package, 'deaf.lab')[0], w.one('SELECT State FROM DistributionJobs')), (5, (4,)), 'after an old answer')
    says(w, package, 'deaf.lab', 1)
    w.idle()
    t.equal(w.status(package, 'deaf.lab')[:2], (3, 1), 'what is there')
    w.wait_text('DistMgr.log', 'ID=2330')
    t.contains([line for line in w.texts('DistMgr.log') if 'ID=2330' in line][-1], sitekit.nal('deaf.lab'), 'the message')
    # One that comes before its version is stored waits for that.
    w.lab.run('dp', 'set', 'deaf.lab', '--maintenance', 'on')
    w.mark()
    write_answer(w, package, 'deaf.lab', 1, version=2)
    w.wait_text('DistMgr.log', f'Package {package}, Version 2(1), ActionState 1')
    w.lab.run('package', 'update', package)
    w.stored(package, 2)
    t.equal((w.status(package, 'deaf.lab')[:2], len(w.rows('SELECT 1 FROM PullDPResponse'))), ((3, 1), 1), 'while it waits')
    w.lab.run('lab', 'clock', '--step', '1h')
    w.installed(package, 2, 'deaf.lab')


tap.main()
