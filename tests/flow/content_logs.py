#!/usr/bin/python3
"""The logs of the five actions over real programs, with a standard and a pull distribution point, against the acceptance
trace (docs/spec/93-logs.md, sections 8 to 13, less what a second site does): every section in order, thread by thread."""
import random
import urllib.error

import sitekit
import tap

# A single site sends nothing to others.
OTHER_SITES = ('ID=2333', 'is new or has changed')
# The numbers of versions, tries and items are those of the samples; <v> is the version that the action makes.
NUMBERS = [('Version: 3', 'Version: <v>'), ('Version:3', 'Version:<v>'), ('version 3', 'version <v>'), ('Version 3(3)', 'Version <v>(<v>)'),
           ('PkgStatus 0', 'PkgStatus <n>'), ('(3)', '(<v>)'), (' is 3.', ' is <v>.'), ('= 1/30', '= <n>/30'),
           ('Version: 1', 'Version: <v>'), ('Version:1,', 'Version:<v>,'), ('version 1', 'version <v>'), ('version 2', 'version <v>'),
           ('ISTR1="1"', 'ISTR1="<v>"'), ('ISTR1="3"', 'ISTR1="<v>"'), ('AVAL1="1"', 'AVAL1="<v>"'), ('AVAL1="3"', 'AVAL1="<v>"'),
           ('SourceVersion:1;StoredVersion:1', 'SourceVersion:<n>;StoredVersion:<n>'), ('Version=2', 'Version=<v>'), ('(2)', '(<v>)'),
           (' is 2.', ' is <v>.'), ('<PkgID>\\<cid>\\<v>', '<PkgID>\\<cid>\\<n>'), ('Processed 1 records', 'Processed <n> records')]
POINTS = ('DP01', 'PDP01')


class Road:
    """The sections of one action on a package, which has that version then; all that do not fit are told at once."""

    def __init__(self, t, world, package=None, version=1):
        self.t, self.w, self.failures = t, world, []
        self.package, self.version, self.known = package, version, {}

    def known_of(self, log, point):
        """What was found on the way to that point: words, and DistMgr's threads; a job has another thread at each try."""
        words = {**self.known.get(point, {}), **self.known.get((log, point), {})}
        return {**words, **sitekit.about(self.package, self.version, f'{point}.LAB')}

    def note(self, log, point, words):
        threads = {key: value for key, value in words.items() if key.startswith('|')}
        self.known[point] = {key: value for key, value in words.items() if key not in threads and key != 'seq'}
        if log == 'DistMgr.log':
            self.known[log, point] = threads

    def fits(self, name, number, block, thread=None, cut=None, change=(), seconds=20, point='DP01'):
        """The section in order, of the package's way to that point; its last lines may still be on their way."""
        def tried():
            words = self.known_of(name, point)
            try:
                self.w.trace(name, number, block, thread, cut, [*NUMBERS, *change], words)
                self.note(name, point, words)
                self.why = None
            except AssertionError as error:
                self.why = f'{number}/{block} {error}'
            return self.why is None
        try:
            self.w.lab.wait(tried, 'the section', seconds if not self.failures else 0)
        except AssertionError:
            self.failures.append(self.why)

    def begins(self, what, words):
        """Of an action: SMSProv, and the doorbell."""
        self.fits('SMSProv.log', what, 0, change=words)
        self.rings()

    def rings(self):
        self.fits('SMSDBMON.log', '8.1', 1)

    def sent(self, **more):
        """A job for a standard distribution point, from its row to its status (9.9)."""
        self.fits('SMSDBMON.log', '9.9', 0)
        self.fits('PkgXferMgr.log', '9.9', 1, **more)
        self.arrived()

    def arrived(self):
        self.fits('DP01/SMSDPProv.log', '9.9', 2)
        self.fits('DistMgr.log', '9.9', 3)

    def pulled(self, change=()):
        """A job for a pull distribution point, from the notification to the answer (11.2 to 11.8)."""
        def fits(*words, **more):
            self.fits(*words, point='PDP01', **more)
        fits('PkgXferMgr.log', '11.2', 0)
        fits('PDP01/SMSDPProv.log', '11.4', 0)
        fits('PDP01/PullDP.log', '11.4', 1)
        fits('PDP01/PullDP.log', '11.6', 0, change=change)
        fits('PDP01/DataTransferService.log', '11.6', 1)
        fits('PDP01/PullDP.log', '11.6', 2)
        fits('PDP01/SMSDPProv.log', '11.6', 3)
        fits('PDP01/PullDP.log', '11.7', 0)
        fits('MP_Relay.log', '7.2', 1)
        fits('StateSys.log', '11.8', 0)
        fits('DistMgr.log', '11.8', 2)
        fits('SMSDBMON.log', '11.8', 1)

    def threads(self, number, block, threads='main pkg dp', **more):
        for thread in threads.split():
            self.fits('DistMgr.log', number, block, thread, **more)

    def sent_files(self):
        return [line for line in self.w.texts('PkgXferMgr.log') if line.startswith('Sending file')]

    def over(self, action):
        self.t.equal(self.failures, [], f'{action}\n' + '\n'.join(self.failures))


def source(w, rng):
    w.write('setup.exe', rng.randbytes(2_000_000))
    for i in range(12):
        w.write(f'data/two words {i}', rng.randbytes(i * 700))


@tap.case('/flow/content-logs/five-actions-in-order-DIST-001-002-003-004-008-009-010-011-013-014-015-018-019-020-021-022-023-024-'
          '025-030-066-067-068-069-070-073-074-075-076-077-078-079-080-081-083-084-089-090-092-093-094-095-096-097-101-102-'
          '108-109-110-111-113-114-115-116-117-118-119-121-122-123-124-127-128-129-130-131-132-133-135-136-138-139-141-'
          '142-145-146-147-150-152-153-154-156-157')
def actions(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=1, pull_dps=1)
    rng = random.Random(11)
    source(w, rng)

    def action(package=None, version=1):
        w.mark()
        return Road(t, w, package, version)

    # ---- create (8.1)
    road = action()
    package = w.create()
    w.stored(package, 1)
    road.package = package
    road.begins('8.1', [])
    road.fits('DistMgr.log', '8.1', 2)
    road.over('create')
    # DIST-022: no distribution point, no file leaves the site.
    t.equal(w.rows('SELECT 1 FROM DistributionJobs'), [], 'jobs of a package that is nowhere')

    # ---- distribute to a standard distribution point (10.1, 9.9)
    road = action(package)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01')
    w.installed(package, 1, 'DP01.LAB')
    road.begins('9.1', [])
    road.threads('10.1', 0)
    road.threads('9.8', 0, 'dp')
    road.sent()
    road.over('distribute to a standard distribution point')

    # ---- distribute to a pull distribution point (11.1 to 11.8); of an application nobody is a source yet (11.2, phase 1)
    item = w.lab.run('package', 'create', 'Application1', '--application', '--source', w.source).split()[0]
    w.stored(item, 1)
    road = action(item)
    w.lab.run('package', 'distribute', item, '--dp', 'PDP01')
    w.wait_text('PkgXferMgr.log', 'ID=8212')
    road.begins('11.1', [])
    road.threads('10.1', 0, 'main pkg', point='PDP01')
    road.threads('11.1', 1, 'dp pkg', point='PDP01')
    road.fits('SMSDBMON.log', '9.9', 0)
    road.fits('PkgXferMgr.log', '11.2', 1, point='PDP01')
    t.equal(w.texts('PDP01/PullDP.log'), [], 'what the pull distribution point was told without a source')
    w.lab.run('package', 'distribute', item, '--dp', 'DP01')
    w.installed(item, 1, 'DP01.LAB', 'PDP01.LAB')
    w.lab.run('package', 'distribute', package, '--dp', 'PDP01')
    w.installed(package, 1, 'PDP01.LAB')
    w.idle()
    road.pulled()
    # DIST-001, DIST-078: the application has the files of the package, which DP01 holds.
    t.equal(road.sent_files(), [], 'files sent though they are there')
    road.over('distribute to a pull distribution point')

    # ---- update (12.1 to 12.3)
    changed = (w.source / 'setup.exe').read_bytes()
    w.write('setup.exe', changed[:900_000] + b'inserted' * 50 + changed[900_000:])
    gone = sitekit.digest(w.source / 'data/two words 3')
    (w.source / 'data/two words 3').unlink()
    road = action(package, 2)
    w.lab.run('package', 'update', package)
    w.installed(package, 2, 'DP01.LAB', 'PDP01.LAB')
    w.idle()
    road.begins('12.1', [])
    road.threads('12.2', 0, cut=OTHER_SITES)
    road.threads('12.2', 0, cut=OTHER_SITES, point='PDP01')
    # What it is made from is the old content item.
    road.sent(change=[('Related=', 'Related=<PkgID>.1')])
    road.fits('PDP01/PullDP.log', '11.5', 0, point='PDP01')
    road.fits('PDP01/DataTransferService.log', '11.5', 1, point='PDP01')
    road.fits('PDP01/PullDP.log', '11.5', 2, point='PDP01')
    road.pulled(change=[('FullDownload(Manifest)', 'DeltaDownload(Manifest)')])
    t.equal(len(road.sent_files()), 1, 'DIST-002: only what has changed')
    w.copied(sitekit.digest(w.source / 'setup.exe'))
    road.over('update')
    for point in POINTS:
        w.same(point, package)
        try:
            w.fetch(point, package, 'data/two words 3')
            t.fail(f'{point} still serves a file that the new version has not')
        except urllib.error.HTTPError as error:
            t.equal(error.code, 404, 'a file that is gone')
        # The application shares it.
        t.equal(gone in w.files(point), True, f'the shared file in the library of {point}')

    # ---- redistribute to both (13.1 to 13.3)
    road = action(package, 2)
    w.lab.run('package', 'redistribute', package, '--dp', 'DP01', '--dp', 'PDP01')
    w.wait_text('DistMgr.log', 'Status 3', 2)
    w.idle()
    road.rings()
    road.threads('10.1', 0, 'main pkg')
    road.threads('11.1', 1, 'dp', point='PDP01')
    road.fits('DistMgr.log', '13.1', 0)
    road.fits('SMSDBMON.log', '9.9', 0)
    road.fits('PkgXferMgr.log', '13.2', 0)
    road.fits('PkgXferMgr.log', '9.9', 1, cut=('Found send request', 'ID=8200'))
    road.arrived()
    road.fits('PDP01/PullDP.log', '13.3', 0, point='PDP01')
    road.pulled()
    t.equal([line for line in w.texts('DistMgr.log') if 'snapshot' in line], [], 'DIST-157: the source is not read')
    t.equal([line for line in w.texts('DistMgr.log') if 'properties updated' in line], [], '10.1: the package is as it was')
    t.equal([line for line in w.texts('PDP01/PullDP.log') if 'Signature' in line], [], '13.3: without 11.5')
    t.equal(len(road.sent_files()), sum(path.is_file() for path in w.source.rglob('*')), 'DIST-003, DIST-153: every file again')
    road.over('redistribute')


tap.main()
