"""Backup and restore of a site that works: docs/flows/backup.md, held against the answers before and after."""
import shutil
import signal
import sqlite3
import subprocess
import time

import archive
import lab
import tap
import webserver

STATE = 'var/lib/upkeep'
SETTINGS = ('wsyncmgr.results_wait_seconds=0', 'statesys.pause_seconds=0')
PARTS = ('etc', 'mp', 'site', 'sup', 'client', 'provider')


class World:
    """A site over a generated archive, with a client whose machine lacks curl's update."""

    def __init__(self, t, *settings):
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror')
        t.cleanup(self.archive.key.forget)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', '7.88.1-10'), archive.Package('nginx', '1.22.1-9'))
        self.suite.write()
        self.server = webserver.Server(self.archive.folder)
        self.server.__enter__()
        t.cleanup(self.server.__exit__, None, None, None)
        self.machine = archive.Machine(t.dir / 'machine')
        self.machine.sources(self.archive.line(self.suite, self.server.uri))
        self.machine.status([archive.Package('curl', '7.88.1-9'), archive.Package('nginx', '1.22.1-8')])
        self.site = lab.Lab(t, f'upstream.root={t.dir}/machine', f'client.machine_root={t.dir}/machine', *SETTINGS,
                            *settings)
        self.site.up()
        self.backup = t.dir / 'backup'

    def publish(self, *packages):
        """A newer state of the archive."""
        names = [p.name for p in packages]
        self.suite.packages = {'main': [p for p in self.suite.packages['main'] if p.name not in names] + list(packages)}
        self.suite.date += 60
        self.suite.write()

    def query(self, statement, *values):
        db = sqlite3.connect(f'file:{self.site.path(STATE, "site/site.db")}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def client(self, *words):
        done = subprocess.run([lab.role_program('client'), *words, '--root', self.site.root], capture_output=True,
                              text=True, timeout=tap.patience(60))
        if done.returncode != 0:
            self.t.fail(f'upkeep-client {" ".join(words)}: {done.returncode}\n{done.stdout}{done.stderr}')

    def missing(self):
        return sorted(self.query('SELECT PackageName, InstalledVersion, NewVersion FROM Update_MissingPackages'))

    def has_policy(self):
        """Asks for policies; whether the one that scans need is there."""
        self.client('policy', '--wait', str(tap.patience(30)))
        db = sqlite3.connect(f'file:{self.site.path(STATE, "client/client.db")}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute('SELECT 1 FROM CCM_UpdateSource').fetchall()
        finally:
            db.close()

    def scan(self, *expected):
        self.site.wait(self.has_policy, 'the policy')

        def reported():
            """A scan may come before the policy with the newest content version."""
            self.client('policy', '--wait', str(tap.patience(30)))
            self.client('scan', '--wait', str(tap.patience(60)))
            self.client('send', '--wait', str(tap.patience(60)))
            deadline = time.monotonic() + 2
            while self.missing() != sorted(expected) and time.monotonic() < deadline:
                time.sleep(0.05)
            return self.missing() == sorted(expected)
        self.site.wait(reported, f'the report of {expected}')

    def goes_on(self, title):
        """Waits until the run that was cut short has brought an update. Where the site asks the update
        point before that is ready again, it tries again after an hour (SYNC-070), which is stepped over."""
        stepped = []

        def there():
            if not stepped and 'Will retry in 60 minutes' in self.site.log('WSyncMgr.log'):
                self.site.run('lab', 'clock', '--step', '61m')
                stepped.append(1)
            return title in self.answer()['updates']
        self.site.wait(there, 'the synchronization going on')

    def answer(self):
        """What an administrator sees, without times."""
        return {'updates': sorted(row['LocalizedDisplayName'] for row in self.site.json('update', 'list', '--all')),
                'missing': sorted((r['PackageName'], r['InstalledVersion'], r['NewVersion'], r['MachineName'])
                                  for r in self.site.json('update', 'missing')),
                'trust': self.query('SELECT SMSID, State, Fingerprint FROM Machines ORDER BY SMSID')}


OLD = [('curl', '7.88.1-9', '7.88.1-10'), ('nginx', '1.22.1-8', '1.22.1-9')]
NEW = [('curl', '7.88.1-9', '7.88.1-11'), ('nginx', '1.22.1-8', '1.22.1-9')]


@tap.case('/flow/backup/the-answer-comes-back-and-goes-on')
def comes_back(t):
    w = World(t)
    w.site.run('sync', 'start', '--wait')
    w.scan(*OLD)
    before, version = w.answer(), w.site.json('sync', 'status')[0]['SyncCatalogVersion']
    # A synchronization stands in the middle, and the client reports, while the backup is made.
    w.publish(archive.Package('curl', '7.88.1-11'))
    gate = webserver.Gate(w.server, 'InRelease')
    t.cleanup(gate.open)
    asked = len(w.server.requests)
    w.site.run('sync', 'start')
    w.site.wait(lambda: len(w.server.requests) > asked, 'the engine asking the archive')
    w.client('resend')
    said = w.site.json('site', 'backup', w.backup)
    t.equal((said['site'], sorted(said['parts'])), ('LAB', sorted(PARTS)))
    # The site goes on, and then much is lost.
    gate.open()
    w.site.wait(lambda: 'curl 7.88.1-11 (Update Rollups)' in w.answer()['updates'], 'the synchronization')
    w.scan(*NEW)
    later = w.site.json('sync', 'status')[0]['SyncCatalogVersion']
    gate = webserver.Gate(w.server, 'InRelease')
    t.cleanup(gate.open)
    pids = {role: row['pid'] for role, row in w.site.roles().items()}
    w.site.kill('mp')
    db = sqlite3.connect(w.site.path(STATE, 'site/site.db'), timeout=20)
    db.execute('DELETE FROM Machines')
    db.execute('DELETE FROM CI_ContentFiles')
    db.commit()
    db.close()
    wishes = w.query('SELECT LastNumber FROM ClientTriggerCounter')
    w.site.path(STATE, 'sup/catalog.db').unlink()
    w.site.path(STATE, 'site/keys/site.key').unlink()
    w.site.path(STATE, 'client/identity.key').unlink()
    shutil.rmtree(w.site.inbox('auth'))
    w.site.path('etc/upkeep/site.crt').write_text('rubbish')
    w.site.run('site', 'restore', w.backup)
    now = w.site.roles()
    t.equal({role: now[role]['pid'] for role in pids if role != 'mp'},
            {role: pid for role, pid in pids.items() if role != 'mp'}, 'the programs that ran, without a new start')
    w.site.up()
    t.equal(w.answer(), before)
    t.equal(len(list(w.site.path(STATE).glob('site.before-restore-*/site.db'))), 1, 'what was there is kept')
    # It goes on: the cut-off run, the policies, the client that is trusted as before, and its answer.
    gate.open()
    w.goes_on('curl 7.88.1-11 (Update Rollups)')
    w.scan(*NEW)
    t.equal(w.answer()['trust'], before['trust'])
    again = w.site.json('sync', 'status')[0]['SyncCatalogVersion']
    t.equal((version, later, again > later), (1, 2, True), f'no version is given out twice ({again})')
    if w.query('SELECT LastNumber FROM ClientTriggerCounter') <= wishes:
        t.fail(f'{wishes} is the number of a wish before and after the restore')
    check = sqlite3.connect(w.site.path(STATE, 'site/site.db'))
    t.equal((check.execute('PRAGMA integrity_check').fetchall(), check.execute('PRAGMA foreign_key_check').fetchall()),
            ([('ok',)], []))
    check.close()


@tap.case('/flow/backup/pending-work-of-inboxes-and-journal-goes-on')
def pending(t):
    w = World(t)
    w.site.run('sync', 'start', '--wait')
    w.site.wait(lambda: w.query("SELECT 1 FROM Machines WHERE State = 1"), 'the client to be trusted')
    w.site.wait(w.has_policy, 'the policy')
    w.site.kill('site', signal.SIGTERM)
    w.client('scan', '--wait', str(tap.patience(60)))
    w.client('send', '--wait', str(tap.patience(60)))
    box = w.site.inbox('auth/statesys.box/incoming')
    w.site.wait(lambda: list(box.rglob('*.SMX')), 'the report in the inbox')
    w.publish(archive.Package('zip', '3.0-13'))
    w.site.inbox('WSyncMgr.box', 'SELF.SYN').write_bytes(b'')
    w.site.run('site', 'backup', w.backup)
    waiting = sorted(path.name for path in box.rglob('*.SMX'))
    t.equal(w.missing(), [], 'nothing was reported to the database yet')
    # All of it is lost, with the site server down.
    for path in w.site.inbox().rglob('*'):
        if path.is_file():
            path.unlink()
    w.site.run('site', 'restore', w.backup)
    t.equal(sorted(path.name for path in box.rglob('*.SMX')), waiting)
    w.site.up()
    w.site.wait(lambda: w.missing() == sorted(OLD), 'the report that waited in the inbox')
    w.site.wait(lambda: 'zip 3.0-13 (Update Rollups)' in w.answer()['updates'], 'the synchronization asked for by file')


@tap.case('/flow/backup/onto-a-machine-that-lost-everything')
def everything(t):
    w = World(t)
    w.site.run('sync', 'start', '--wait')
    w.scan(*OLD)
    before = w.answer()
    w.site.run('site', 'backup', w.backup)
    for role in ('site', 'sup', 'mp', 'provider', 'client'):
        w.site.kill(role)
    for folder in ('etc', 'var/lib', 'run/upkeep'):
        for path in w.site.path(folder).iterdir():
            if path.name != 'lab' and path.name != 'clock':
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    w.site.run('site', 'restore', w.backup)
    w.site.up()
    t.equal(w.answer(), before)
    w.site.run('sync', 'start', '--wait')
    w.client('scan', '--wait', str(tap.patience(60)))
    t.equal(w.answer(), before, 'it is the same machine to the site, and the same site to the machine')


tap.main()
