"""A disk that is full on the road: everybody says which volume, nothing is lost, and when there is room
again it goes on by itself. On a small tmpfs in a name space of the test's own."""
import re
import shutil
import sqlite3
import subprocess

import namespace

WHY_NOT = namespace.enter()

import archive  # noqa: E402
import lab  # noqa: E402
import tap  # noqa: E402
import webserver  # noqa: E402

STATE = 'var/lib/upkeep'
SETTINGS = ('wsyncmgr.results_wait_seconds=0', 'statesys.pause_seconds=0',
            'mp.contact_seconds=1')


RUNNING = {role: 'running' for role in ('sup', 'site', 'mp', 'provider', 'client')}


class World:
    """A lab whose state, or a part of it, is on a volume of its own, and a machine that lacks one update."""

    def __init__(self, t, size, where='.'):
        if WHY_NOT:
            t.skip(f'no name space of its own: {WHY_NOT}')
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror')
        t.cleanup(self.archive.key.forget)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', '7.88.1-10'))
        self.suite.write()
        self.machine = archive.Machine(t.dir / 'machine')
        self.server = webserver.Server(self.archive.folder)
        self.server.__enter__()
        t.cleanup(self.server.__exit__, None, None, None)
        self.machine.sources(self.archive.line(self.suite, self.server.uri))
        self.machine.status([archive.Package('curl', '7.88.1-9')])
        self.site = lab.Lab(t, f'upstream.root={t.dir}/machine', f'client.machine_root={t.dir}/machine', *SETTINGS)
        self.site.up()
        self.site.down()
        self.volume = self.site.path(STATE, where)
        kept = t.dir / 'kept'
        shutil.copytree(self.volume, kept)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'none', self.volume], check=True)
        t.cleanup(subprocess.run, ['umount', '-l', self.volume])
        t.cleanup(lambda: self.site.run('lab', 'down', status=None))
        shutil.copytree(kept, self.volume, dirs_exist_ok=True)
        self.site.up()

    def fill(self):
        """Nobody else gets a block of the volume."""
        with open(self.volume / 'ballast', 'ab', buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(b'x' * size)
                except OSError:
                    pass

    def free(self):
        (self.volume / 'ballast').unlink()

    def query(self, statement):
        db = sqlite3.connect(f'file:{self.site.path(STATE, "site/site.db")}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def client(self, *words, code=0):
        done = subprocess.run([lab.role_program('client'), *words, '--root', self.site.root], capture_output=True,
                              text=True, timeout=tap.patience(90))
        if code is not None and done.returncode != code:
            self.t.fail(f'upkeep-client {" ".join(words)}: {done.returncode}\n{done.stdout}{done.stderr}')
        return done

    def has_policy(self):
        self.client('policy', '--wait', str(tap.patience(30)))
        db = sqlite3.connect(f'file:{self.site.path(STATE, "client/client.db")}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute('SELECT 1 FROM CCM_UpdateSource').fetchall()
        finally:
            db.close()

    def sound(self):
        """All databases are whole."""
        for path in self.site.path(STATE).glob('*/*.db'):
            db = sqlite3.connect(path, timeout=20)
            found = db.execute('PRAGMA integrity_check').fetchall() + db.execute('PRAGMA foreign_key_check').fetchall()
            db.close()
            self.t.equal(found, [('ok',)], path.name)


@tap.case('/flow/full-disk/a-synchronization-says-which-volume-and-goes-on-SYNC-068-SYNC-070')
def synchronization(t):
    w = World(t, '24m')
    gate = webserver.Gate(w.server, 'InRelease')
    t.cleanup(gate.open)
    w.fill()
    w.site.run('sync', 'start', status=1)
    t.contains(w.site.said, f'no room left on the volume of the database {w.volume}/site/site.db; make some')
    w.free()
    w.site.run('sync', 'start')
    w.site.wait(lambda: w.server.requests, 'the engine asking the archive')
    w.fill()
    gate.open()
    w.site.wait(lambda: 'Sync failed' in w.site.log('WSyncMgr.log'), 'the failure')
    logs = ''.join(w.site.log(name) for name in ('WSyncMgr.log', 'SoftwareDistribution.log'))
    t.equal(bool(re.search(rf'no room left on the volume of the database {w.volume}/|'
                           rf'{w.volume}/\S*: No space left on device', logs)), True, logs[-4000:])
    # Nobody dies of it, and the status says where there is no room.
    t.equal({role: row['state'] for role, row in w.site.roles().items()}, RUNNING)
    t.contains(w.site.run('site', 'status', status=None), f'! the volume of {w.volume}/')
    w.site.run('site', 'backup', w.volume / 'backup', status=1)
    t.equal([path.name for path in w.volume.glob('backup*')], [], 'no half backup')
    # With room again it goes on by itself, at the latest when a failed run is tried again.
    w.free()
    w.site.run('lab', 'clock', '--step', '61m')
    w.site.wait(lambda: w.site.json('update', 'list'), 'the updates')
    w.sound()


def report_over(t, where):
    """The volume of a role is full while a report is on its way; nobody asks for anything again."""
    w = World(t, '24m', where)
    w.site.run('sync', 'start', '--wait')
    w.site.wait(w.has_policy, 'the policy')
    w.client('scan', '--wait', str(tap.patience(60)))
    w.client('send', '--wait', str(tap.patience(60)))
    w.site.wait(lambda: w.query('SELECT 1 FROM Update_MissingPackages'), 'the first report')
    w.machine.status([archive.Package('curl', '7.88.1-8')])
    before = {path.name: len(w.site.log(path.name)) for path in w.site.path('var/log/upkeep').glob('*.log')}
    w.fill()
    w.client('scan', '--wait', str(tap.patience(60)))
    w.client('send', '--wait', '3', code=None)

    def said():
        """What is allocated already may hold a report or two; so it is told again until it does not."""
        w.fill()
        w.client('resend', '--wait', '1', code=None)
        text = ''.join(w.site.log(name)[size:] for name, size in before.items())
        return re.search(rf'{w.volume}/\S*: No space left on device|no room left on the volume of the database '
                         rf'{w.volume}/', text)
    w.site.wait(said, 'somebody to name the volume')
    t.equal({role: row['state'] for role, row in w.site.roles().items()}, RUNNING, 'nobody dies of it')
    w.free()

    def there():
        w.site.run('lab', 'clock', '--step', '16m')
        return w.query('SELECT InstalledVersion FROM Update_MissingPackages') == [('7.88.1-8',)]
    w.site.wait(there, 'the report of what the machine lacks')
    t.equal([str(path) for path in w.site.path(STATE).rglob('corrupt/*')], [], 'nothing was refused')
    w.sound()


@tap.case('/flow/full-disk/the-management-point-s-refuses-and-the-client-sends-again-COMP-031-COMP-056')
def management_point(t):
    report_over(t, 'mp')


@tap.case('/flow/full-disk/the-site-s-keeps-the-report-where-it-is-COMP-063-COMP-066')
def site_server(t):
    report_over(t, 'site')


tap.main()
