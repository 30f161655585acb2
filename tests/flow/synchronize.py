#!/usr/bin/python3
"""The synchronization of a standalone site, with real programs over a generated archive.

Each case starts a lab, does what an administrator or the clock would do, and holds the logs against
docs/spec/93-logs.md. What an archive may do wrong is in tests/unit/sup.
"""
import shutil
import signal
import threading

import archive
import lab
import logtrace
import tap
import webserver

WSYNC = 'WSyncMgr.log'


class World:
    """An archive with one suite, a machine that uses it, and a lab over both."""

    def __init__(self, t, *settings, first=False):
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror')
        t.cleanup(self.archive.key.forget)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', '7.88.1-10'), archive.Package('libcurl4', '7.88.1-10', source='curl'),
                       archive.Package('nginx', '1.22.1-9'), archive.Package('vim', '2:9.0.1378-2'))
        self.suite.write()
        self.machine = archive.Machine(t.dir / 'machine')
        self.machine.sources(self.archive.line(self.suite))
        self.site = lab.Lab(t, f'upstream.root={t.dir}/machine', f'wsyncmgr.sync_on_install={str(first).lower()}',
                            *settings)
        self.site.up()

    def publish(self, *packages, drop=()):
        """A newer state of the archive."""
        kept = [p for p in self.suite.packages['main'] if p.name not in drop]
        self.suite.packages = {'main': kept + list(packages)}
        self.suite.date += 60
        self.suite.write()

    def sync(self, *words, **options):
        """Asks for a run and waits for its last line, which comes after the answer."""
        before = self.runs()
        said = self.site.run('sync', 'start', '--wait', *words, **options)
        self.ended(before + 1)
        return said

    def log(self, name=WSYNC):
        return logtrace.texts(self.site.path('var/log/upkeep', name))

    def runs(self):
        """How many runs have ended."""
        if not self.site.path('var/log/upkeep', WSYNC).exists():
            return 0
        return sum(line.startswith(('Sync time:', 'Setting sync alert to active')) for line in self.log())

    def ended(self, count):
        """Waits until that many runs have ended."""
        self.site.wait(lambda: self.runs() >= count, f'the end of run {count}')

    def updates(self):
        """Titles of the updates that are neither expired nor superseded."""
        rows = self.site.json('update', 'list')
        return sorted(row['LocalizedDisplayName'] for row in rows)

    def status(self):
        return self.site.json('sync', 'status')[0]


def run_patterns(*starts):
    """The lines of one whole successful run at the top-level site, the start as given."""
    return [*starts, *logtrace.section('2.3')[0], *logtrace.section('2.4')[0][:5],
            logtrace.section('2.4')[0][6], *logtrace.section('2.4')[0][7:], *logtrace.section('2.5')[0],
            *logtrace.section('2.6')[0]]


@tap.case('/flow/synchronize/manual-SYNC-002-SYNC-018-SYNC-019-SYNC-020-SYNC-021-SYNC-023-SYNC-025-SYNC-026-SYNC-027-'
          'SYNC-029-SYNC-030-SYNC-031-SYNC-032-SYNC-033-SYNC-036-SYNC-037-SYNC-038-SYNC-039-SYNC-040-SYNC-041-SYNC-042')
def manual(t):
    w = World(t)
    w.sync()
    provider, monitor, manager = logtrace.section('2.2')
    bound = {}
    logtrace.match([line.rstrip('~') for line in w.log('SMSProv.log')], provider, 'SMSProv.log')
    logtrace.match(w.log('SMSDBMON.log'), monitor, 'SMSDBMON.log', {})
    lines = w.log()
    logtrace.match(lines, run_patterns(*manager), WSYNC, bound)
    logtrace.match(w.log('SoftwareDistribution.log'), logtrace.section('2.4')[1], 'SoftwareDistribution.log')
    t.equal(sum(line.startswith('SND:') and 'SELF.SYN' in line for line in w.log('SMSDBMON.log')), 1,
            'SELF.SYN files; the setting back to null drops none')
    t.contains('\n'.join(lines), 'Sleeping 2 more minutes')
    t.contains('\n'.join(lines), 'new update source content version is 1')
    t.equal([line for line in lines if line.startswith('Updated ')][0].split()[1], '3', 'items of the engine')
    version = [line for line in lines if line.startswith('Set content version')]
    t.equal([line.rsplit(' ', 1)[1] for line in version], ['0', '1'], 'content versions after the phases')


@tap.case('/flow/synchronize/updates-are-configuration-items-SYNC-010-SYNC-028-SYNC-035-DEB-020-DEB-024-DEB-025')
def items(t):
    w = World(t)
    w.sync()
    t.equal(w.updates(), ['curl 7.88.1-10 (Update Rollups)', 'nginx 1.22.1-9 (Update Rollups)',
                          'vim 2:9.0.1378-2 (Update Rollups)'])
    shown = w.site.json('update', 'show', 'curl')
    files = (shown[0] if isinstance(shown, list) else shown)['ContentFiles']
    expected = [f'{p.filename().rsplit("/", 1)[1]} {len(p.content())}' for p in w.suite.packages['main'][:2]]
    t.equal(sorted(' '.join(f.split()[:2]) for f in files), sorted(expected), 'names and sizes')


@tap.case('/flow/synchronize/nothing-new-keeps-the-version-SYNC-034-SYNC-038')
def nothing_new(t):
    w = World(t)
    w.sync()
    start = len(w.log())
    w.sync()
    lines = w.log()[start:]
    logtrace.match(lines, [*logtrace.section('2.2')[2], *logtrace.section('2.6')[0]], WSYNC)
    t.contains('\n'.join(lines), 'Updated 0 items in SMS database, new update source content version is 1')
    logtrace.absent(lines, 'Synchronizing update <guid> - <title>')
    t.equal(w.status()['SyncCatalogVersion'], 1)


@tap.case('/flow/synchronize/scheduled-run-is-full-SYNC-013-SYNC-016-SYNC-017-DEB-051')
def scheduled(t):
    w = World(t, 'wsyncmgr.schedule=every 6 hours')
    w.sync()
    w.publish(archive.Package('zip', '3.0-13'), drop=('nginx',))
    start = len(w.log())
    w.site.run('lab', 'clock', '--step', '7h')
    w.ended(2)
    lines = w.log()[start:]
    logtrace.match(lines, run_patterns(*logtrace.section('2.1')[0]), WSYNC)
    t.equal(w.updates(), ['curl 7.88.1-10 (Update Rollups)', 'vim 2:9.0.1378-2 (Update Rollups)',
                          'zip 3.0-13 (Update Rollups)'], 'a full run expires what is gone')


@tap.case('/flow/synchronize/what-the-first-run-sent-is-what-the-catalogue-holds-SYNC-028-SYNC-035')
def first_lines(t):
    """The engine sends a first catalogue from the lines that the run kept, and later from its rows."""
    w = World(t)
    w.publish(archive.Package('curl', '7.88.1-11'), archive.Package('libcurl4', '1:7.88.1-11', source='curl', source_version='7.88.1-11'),
              archive.Package('vim-common', '2:9.0.1378-2', arch='all', source='vim'))
    w.sync()
    t.equal(len(w.updates()), 3)
    w.site.kill('sup')
    w.site.up()
    start = len(w.log())
    w.sync('--full')
    lines = '\n'.join(w.log()[start:])
    t.contains(lines, 'processed 4 out of 4 items (100%)')
    t.contains(lines, 'Updated 0 items in SMS database, new update source content version is 1')


@tap.case('/flow/synchronize/a-lost-catalogue-is-brought-again-by-itself-SYNC-022')
def lost_catalogue(t):
    """Until then no scan is answered: the hourly look of WCM finds it, and no administrator has to."""
    w = World(t)
    w.sync()
    w.site.kill('sup', signal.SIGTERM)
    for path in w.site.path('var/lib/upkeep/sup').glob('catalog.db*'):
        path.unlink()
    w.site.up()
    start = len(w.log())
    w.site.run('lab', 'clock', '--step', '+2h')
    w.site.wait_log('WCM.log', 'has another catalogue than the one that was synchronized last; a synchronization is requested')
    w.site.wait(lambda: 'Sync succeeded.' in '\n'.join(w.log()[start:]), 'the run')
    t.contains('\n'.join(w.log()[start:]), 'Found local sync request file')
    w.site.run('lab', 'clock', '--step', '+2h')
    w.site.wait(lambda: w.site.log('WCM.log').count('Setting new configuration state to 2') >= 3, 'the next look')
    t.equal(w.site.log('WCM.log').count('has another catalogue'), 1, 'requests')


@tap.case('/flow/synchronize/another-catalogue-of-the-engine-is-read-anew-SYNC-014-SYNC-028-SYNC-035')
def another_catalogue(t):
    """Change numbers belong to one catalogue: of a new one, or of one put back to an earlier state, nothing is missed."""
    w = World(t)
    folder, kept = w.site.path('var/lib/upkeep/sup'), t.dir / 'kept.db'

    def without_program(act):
        w.site.kill('sup', signal.SIGTERM)
        act()
        w.site.up()

    def remove():
        for path in folder.glob('catalog.db*'):
            path.unlink()

    def put_back():
        remove()
        shutil.copy(kept, folder / 'catalog.db')
    w.sync()
    without_program(lambda: shutil.copy(folder / 'catalog.db', kept))
    w.publish(archive.Package('zip', '3.0-13'), drop=('nginx',))
    without_program(remove)
    w.sync()
    t.equal(w.updates(), ['curl 7.88.1-10 (Update Rollups)', 'vim 2:9.0.1378-2 (Update Rollups)',
                          'zip 3.0-13 (Update Rollups)'], 'with a new catalogue')
    w.publish(archive.Package('xz', '5.4'), drop=('zip',))
    w.sync()
    w.publish(archive.Package('gawk', '5.2'), drop=('xz', 'vim'))
    without_program(put_back)
    w.sync()
    t.equal(w.updates(), ['curl 7.88.1-10 (Update Rollups)', 'gawk 5.2 (Update Rollups)'], 'with an older catalogue')
    start = len(w.log())
    w.sync()
    w.sync('--full')
    lines = '\n'.join(w.log()[start:])
    t.equal(lines.count('Updated 0 items in SMS database'), 2, 'and then it is known')
    # What a source has not brought into a new catalogue yet is not expired, by a full run neither; what is gone is found
    # when it has come, and by any run.
    other = archive.Archive(t.dir / 'other', w.archive.key)
    second = other.suite('trixie', suite='testing', version='13', origin='Third')
    second.add(archive.Package('tea', '1'), archive.Package('cup', '2')).write()
    w.machine.sources(w.archive.line(w.suite), other.line(second))
    w.sync()
    everything = ['cup 2 (Update Rollups)', 'curl 7.88.1-10 (Update Rollups)', 'gawk 5.2 (Update Rollups)', 'tea 1 (Update Rollups)']
    t.equal(w.updates(), everything, 'of two sources')
    away = t.dir / 'away'
    shutil.move(other.folder / 'dists', away)
    w.publish(drop=('gawk',))
    without_program(remove)
    for words in ((), ('--full',)):
        t.contains(w.sync(*words), '1 of 2 sources failed')
        t.equal(w.updates(), everything, f'with a new catalogue and a source that failed {words}')
    shutil.move(away, other.folder / 'dists')
    second.packages = {'main': [p for p in second.packages['main'] if p.name != 'cup']}
    second.date += 60
    second.write()
    w.sync()
    t.equal(w.updates(), ['curl 7.88.1-10 (Update Rollups)', 'tea 1 (Update Rollups)'], 'when it has come again')


@tap.case('/flow/synchronize/manual-run-is-delta-SYNC-014')
def delta(t):
    w = World(t)
    w.sync()
    w.publish(archive.Package('zip', '3.0-13'), drop=('nginx',))
    w.sync()
    t.contains(w.updates(), 'nginx 1.22.1-9 (Update Rollups)', 'a delta run removes nothing')
    t.contains(w.updates(), 'zip 3.0-13 (Update Rollups)')
    w.sync('--full')
    t.equal('nginx 1.22.1-9 (Update Rollups)' in w.updates(), False, 'still there after a full run')


@tap.case('/flow/synchronize/files-dropped-by-hand-SYNC-021-SYNC-022')
def by_hand(t):
    w = World(t)
    w.site.inbox('WSyncMgr.box', 'SELF.SYN').touch()
    w.ended(1)
    logtrace.match(w.log(), run_patterns(*logtrace.section('2.2')[2]), WSYNC)
    w.publish(drop=('nginx',))
    w.site.inbox('WSyncMgr.box', 'full.syn').touch()
    w.ended(2)
    t.equal(len(w.updates()), 2, 'updates after a full run')
    # A file that stands for a thousand requests, as smsdbmon leaves it when the site server was down for long.
    w.site.inbox('WSyncMgr.box', 'new.tmp').write_text(''.join(f'Trace: {n:032x}\n' for n in range(1, 1001)))
    w.site.inbox('WSyncMgr.box', 'new.tmp').rename(w.site.inbox('WSyncMgr.box', 'SELF.SYN'))
    w.ended(3)
    t.equal(list(w.site.inbox('WSyncMgr.box').glob('*.*yn')), [], 'files left')


@tap.case('/flow/synchronize/foreign-request-is-ignored-SYNC-054')
def foreign(t):
    w = World(t)
    w.site.inbox('WSyncMgr.box', 'XYZ.SYN').touch()
    w.site.wait_log(WSYNC, 'Ignoring XYZ.SYN')
    logtrace.absent(w.log(), 'Starting Sync')


@tap.case('/flow/synchronize/failure-retry-and-alert-SYNC-009-SYNC-068-SYNC-069-SYNC-070')
def failing(t):
    w = World(t)
    away = t.dir / 'away'
    shutil.move(w.archive.folder / 'dists', away)
    w.sync(status=1)
    t.contains(w.site.said, 'the synchronization failed')
    alerts = w.site.json('alert', 'list')
    t.equal([a['AlertStateName'] for a in alerts], ['Active'])
    t.equal(w.status()['LastSyncState'], 6703)
    shutil.move(away, w.archive.folder / 'dists')
    w.site.run('lab', 'clock', '--step', '61m')
    w.ended(2)
    patterns = logtrace.section('2.9')[0]
    logtrace.match(w.log(), [*logtrace.section('2.2')[2], *patterns, *logtrace.section('2.6')[0]], WSYNC)
    t.equal(w.site.json('alert', 'list'), [], 'active alerts')
    t.equal(w.status()['LastSyncState'], 6702)


@tap.case('/flow/synchronize/a-source-that-failed-is-tried-again-and-told-of-DEB-014-SYNC-069-SYNC-070')
def partly(t):
    """What came is there; what did not come is an alert and is tried again, until a run in which all came."""
    w = World(t)
    other = archive.Archive(t.dir / 'other', w.archive.key)
    second = other.suite('trixie', suite='testing', version='13', origin='Third').add(archive.Package('tea', '1')).write()
    w.machine.sources(w.archive.line(w.suite), other.line(second))
    away = t.dir / 'away'
    shutil.move(other.folder / 'dists', away)
    said = w.sync()
    t.contains(said, '1 of 2 sources failed and keep their old content: ')
    t.contains(said, f'file://{other.folder}/ trixie')
    logtrace.match(w.log(), [*logtrace.section('2.2')[2], *logtrace.section('2.6')[0]], WSYNC)
    t.equal((len(w.updates()), w.status()['LastSyncState']), (3, 6702), 'what came is there')
    w.site.wait_log(WSYNC, 'Will retry in 60 minutes')
    t.contains(w.site.run('site', 'status', status=None), 'is not whole: 1 of 2 sources failed')
    t.equal([(a['AlertStateName'], 'trixie' in a['Description']) for a in w.site.json('alert', 'list')],
            [('Active', True)])
    shutil.move(away, other.folder / 'dists')
    w.site.run('lab', 'clock', '--step', '61m')
    w.ended(2)
    logtrace.match(w.log(), ['Performing sync on retry schedule', *logtrace.section('2.6')[0]], WSYNC)
    t.equal((len(w.updates()), w.site.json('alert', 'list'), w.status()['LastSyncErrorText']), (4, [], ''))


@tap.case('/flow/synchronize/first-run-starts-by-itself-SYNC-001-SYNC-012-SYNC-024')
def first(t):
    w = World(t, first=True)
    w.ended(1)
    logtrace.match(w.log(), [*logtrace.section('2.3')[0], *logtrace.section('2.6')[0]], WSYNC)
    t.equal(len(w.updates()), 3)


@tap.case('/flow/synchronize/criteria-are-the-administrators-SYNC-006')
def criteria(t):
    w = World(t)
    w.sync()
    w.site.run('classification', 'unsubscribe', 'Update Rollups')
    w.site.wait(lambda: '4 categories wanted, 1 not' in w.site.log('SoftwareDistribution.log')
                or '1 not' in w.site.log('SoftwareDistribution.log'), 'the criteria at the engine')
    w.sync('--full')
    t.equal(w.updates(), [], 'updates of a classification that nobody wants')
    w.site.run('classification', 'subscribe', 'Update Rollups')
    w.sync('--full')
    t.equal(len(w.updates()), 3)
    audit = [line for line in w.log('SMSProv.log') if 'modified an instance of class' in line]
    t.equal(len(audit), 2, 'audit lines')


@tap.case('/flow/synchronize/an-update-point-that-starts-later-is-not-waited-for-an-hour-SYNC-070')
def starts_later(t):
    """Both begin together; the site is ready first and is not to wait for an hour because of that."""
    w = World(t)
    w.site.kill('sup')
    w.site.run('sync', 'start')
    w.ended(1)
    logtrace.match(w.log(), ['Sync failed: <text>. Source: <place>', 'Sync failed. Will retry in 0 minutes'], WSYNC)
    w.site.up()
    w.ended(2)
    logtrace.match(w.log(), ['Performing sync on retry schedule', *logtrace.section('2.6')[0]], WSYNC)
    t.equal(w.site.json('alert', 'list'), [], 'active alerts')


@tap.case('/flow/synchronize/interrupted-run-counts-as-failed-SYNC-072')
def interrupted(t):
    w = World(t)
    server = webserver.Server(w.archive.folder)
    t.cleanup(server.__exit__, None, None, None)
    server.__enter__()
    server.on['InRelease'] = webserver.stall(0)
    w.machine.sources(w.archive.line(w.suite, server.uri))
    w.site.run('sync', 'start')
    w.site.wait(lambda: server.requests, 'the engine asking the archive')
    w.site.kill('site')
    w.site.kill('sup')
    gate = threading.Event()
    t.cleanup(gate.set)

    def held(handler, data):
        gate.wait(tap.patience(30))
        handler.serve(data)

    server.on['InRelease'] = held
    w.site.up()
    w.site.wait(lambda: w.status()['LastSyncErrorCode'] != 0, 'the failure in the state of the update point')
    gate.set()
    w.ended(2)
    t.equal((w.status()['LastSyncState'], w.status()['LastSyncErrorCode']), (6702, 0))
    logtrace.match(w.log(), ['Sync failed: <text>. Source: <place>', 'Sync failed. Will retry in 0 minutes',
                             'Wakeup for a polling cycle', 'Performing sync on retry schedule',
                             *logtrace.section('2.6')[0]], WSYNC)
    t.equal(len(w.updates()), 3)
    logtrace.match(w.log('SoftwareDistribution.log'), ['…Going on with the synchronization that the last stop cut short'],
                   'SoftwareDistribution.log')


tap.main()
