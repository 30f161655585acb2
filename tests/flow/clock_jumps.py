"""A clock that jumps back a day and forward a year under a whole site: nothing hangs, nothing runs wild,
no age is negative, and the answer is right afterwards, without anybody's help."""
import os
import re
import sqlite3
import subprocess
import time

import archive
import lab
import tap

STATE = 'var/lib/upkeep'
RUNNING = {role: 'running' for role in ('sup', 'site', 'mp', 'provider', 'client')}


class World:
    def __init__(self, t):
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror')
        t.cleanup(self.archive.key.forget)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', '7.88.1-10'))
        self.suite.date -= 3 * 86400  # an archive of the future is refused, and rightly so
        self.suite.write()
        self.machine = archive.Machine(t.dir / 'machine')
        self.machine.sources(self.archive.line(self.suite))
        self.machine.status([archive.Package('curl', '7.88.1-9')])
        self.site = lab.Lab(t, f'upstream.root={t.dir}/machine', f'client.machine_root={t.dir}/machine',
                            'wsyncmgr.results_wait_seconds=0',
                            'statesys.pause_seconds=0', 'mp.contact_seconds=1', 'policypv.max_random_delay_minutes=0')
        self.site.up()
        self.site.run('sync', 'start', '--wait')
        self.site.wait(self.has_policy, 'the policy')
        self.scan('7.88.1-9')

    def base(self, name, statement):
        db = sqlite3.connect(f'file:{self.site.path(STATE, name)}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def client(self, *words):
        done = subprocess.run([lab.role_program('client'), *words, '--root', self.site.root], capture_output=True,
                              text=True, timeout=tap.patience(90))
        if done.returncode != 0:
            self.t.fail(f'upkeep-client {" ".join(words)}: {done.returncode}\n{done.stdout}{done.stderr}')

    def has_policy(self):
        self.client('policy', '--wait', str(tap.patience(30)))
        return self.base('client/client.db', 'SELECT 1 FROM CCM_UpdateSource')

    def missing(self):
        return self.base('site/site.db', 'SELECT InstalledVersion, NewVersion FROM Update_MissingPackages')

    def scan(self, installed, new='7.88.1-10', seconds=75):
        """A scan and its report; the site must know of it by the look through its inboxes after a minute at the latest."""
        self.client('scan', '--wait', str(tap.patience(60)))
        self.client('send', '--wait', str(tap.patience(60)))
        self.site.wait(lambda: self.missing() == [(installed, new)], f'the report of curl {installed}', seconds)

    def publish(self, version):
        self.suite.packages = {'main': [archive.Package('curl', version)]}
        self.suite.date += 60
        self.suite.write()

    def jump(self, span):
        """Moves the clock, and holds what the programs do in the seconds after against what is decent."""
        before = self.spent()
        lines = self.lines()
        begin = time.monotonic()
        self.site.run('lab', 'clock', '--step', span)
        time.sleep(3)  # a storm is what goes on; there is no event for its not being there
        self.site.run('site', 'status', status=None)
        took = time.monotonic() - begin
        for role, spent in self.spent().items():
            self.t.equal(spent - before[role] < 0.5 * took, True,
                         f'upkeep-{role} took {spent - before[role]:.1f} s of processor time in {took:.1f} s\n')
        told = {name: count - lines.get(name, 0) for name, count in self.lines().items()}
        self.t.equal({name: count for name, count in told.items() if count > 300}, {}, 'logs that run over')
        self.t.equal({role: row['state'] for role, row in self.site.roles().items()}, RUNNING)

    def spent(self):
        """Seconds of processor time of each program."""
        found = {}
        for role, row in self.site.roles().items():
            fields = open(f'/proc/{row["pid"]}/stat').read().rsplit(')', 1)[1].split()
            found[role] = (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        return found

    def lines(self):
        return {path.name: path.read_bytes().count(b'\n') for path in self.site.path('var/log/upkeep').glob('*.log')}

    def no_negative_age(self):
        """Of anything that says how long ago something was."""
        for words in (('site', 'status'), ('sync', 'status'), ('update', 'list'), ('message', 'list'),
                      ('client', 'list')):
            said = self.site.run(*words, status=None)
            self.t.equal(re.findall(r'.*(?:-\d+ (?:s|min|h|d)\b|\bin \d+ (?:s|min|h|d)\b).*', said), [], ' '.join(words))
        for box in self.site.json('site', 'status', status=None)['inboxes']:
            self.t.equal(box['oldestSeconds'] >= 0, True, str(box))


@tap.case('/flow/clock-jumps/back-a-day')
def back(t):
    w = World(t)
    w.jump('-1d')
    w.no_negative_age()
    w.publish('7.88.1-11')
    begin = time.monotonic()
    w.site.run('sync', 'start', '--wait')
    t.equal(time.monotonic() - begin < tap.patience(30), True, 'a synchronization does not wait for yesterday')
    w.site.wait(lambda: 'curl 7.88.1-11 (Update Rollups)' in
                [row['LocalizedDisplayName'] for row in w.site.json('update', 'list')], 'the update')
    w.machine.status([archive.Package('curl', '7.88.1-8')])
    w.has_policy()
    w.scan('7.88.1-8', '7.88.1-11')
    w.no_negative_age()


@tap.case('/flow/clock-jumps/forward-a-year')
def forward(t):
    w = World(t)
    runs = w.site.log('WSyncMgr.log').count('Starting Sync')
    w.jump('365d')
    # What was due fifty times is done once.
    w.site.wait(lambda: w.site.log('WSyncMgr.log').count('Starting Sync') > runs, 'the scheduled synchronization')
    w.site.wait(lambda: w.site.json('sync', 'status')[0]['LastSyncState'] in (6702, 6703), 'its end')
    time.sleep(1)
    t.equal(w.site.log('WSyncMgr.log').count('Starting Sync'), runs + 1, 'runs in the year that was skipped')
    w.publish('7.88.1-11')
    w.site.run('sync', 'start', '--wait')
    w.machine.status([archive.Package('curl', '7.88.1-8')])
    w.has_policy()
    w.scan('7.88.1-8', '7.88.1-11')
    w.no_negative_age()
    t.equal(w.base('site/site.db', 'SELECT State FROM Machines'), [(1,)], 'the client is trusted as before')


@tap.case('/flow/clock-jumps/there-and-back-again-with-a-report-of-the-future')
def there_and_back(t):
    w = World(t)
    w.jump('365d')
    w.machine.status([archive.Package('curl', '7.88.1-7')])
    w.has_policy()
    w.scan('7.88.1-7')
    w.jump('-365d')
    w.publish('7.88.1-11')
    w.site.run('sync', 'start', '--wait')
    w.machine.status([archive.Package('curl', '7.88.1-8')])
    w.has_policy()
    w.scan('7.88.1-8', '7.88.1-11')
    w.no_negative_age()


@tap.case('/flow/clock-jumps/what-is-to-be-tried-again-does-not-wait-for-the-year-that-was-taken-back')
def tried_again(t):
    w = World(t)
    w.site.run('lab', 'up', '--dps', '1')
    folder = t.dir / 'source'
    folder.mkdir()
    (folder / 'setup').write_bytes(os.urandom(100_000))
    package = w.site.json('package', 'create', 'App', '--source', folder, '--wait')['PackageID']
    w.site.run('lab', 'clock', '--step', '365d')
    # The management point and the distribution point are away: client and site plan their next tries.
    w.site.kill('mp')
    w.site.kill('DP01')
    w.machine.status([archive.Package('curl', '7.88.1-7')])
    w.client('scan')
    w.site.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.site.wait_log('CcmMessaging.log', 'stays in the queue, the next try is in')
    w.site.wait(lambda: w.base('site/site.db', 'SELECT 1 FROM DistributionPoints WHERE QuarantineTime IS NOT NULL'),
                'the distribution point to be let alone')
    w.site.run('lab', 'clock', '--step', '-365d')
    w.site.up()
    w.site.run('lab', 'clock', '--rate', '30')
    w.site.wait(lambda: w.missing() == [('7.88.1-7', '7.88.1-10')], 'the report')
    w.site.wait(lambda: w.base('site/site.db', 'SELECT State FROM vUPK_PackageOnDP') == [(0,)], 'the package')


tap.main()
