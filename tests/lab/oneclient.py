"""oneclient.py - a lab with one client over a generated archive: what tests of the whole road share.

    w = oneclient.World(t)              # curl 7.88.1-10 installed, 7.88.1-11 in the archive
    w.sync(); w.policy(); w.scan()      # the road, step by step
    w.publish('7.88.1-12'); w.sync()    # a newer catalogue
"""
import shutil
import sqlite3
import subprocess

import archive
import lab
import tap

OLD, NEW = '7.88.1-10', '7.88.1-11'


class World:
    """An archive with one suite, a machine that uses it and has an older curl, and a lab over both.

    Contacts are written at once, StateSys does not gather, and no scan starts by itself."""

    def __init__(self, t, *settings, up=True):
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror')
        t.cleanup(self.archive.key.forget)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', NEW), archive.Package('vim', '2:9.0.1378-2'))
        self.suite.write()
        self.machine = archive.Machine(t.dir / 'machine')
        self.machine.sources(self.archive.line(self.suite))
        self.machine.status([archive.Package('curl', OLD), archive.Package('vim', '2:9.0.1378-2')])
        self.site = lab.Lab(t, f'upstream.root={t.dir}/machine', f'client.machine_root={t.dir}/machine',
                            'mp.contact_seconds=1', 'statesys.pause_seconds=0',
                            *settings)
        if up:
            self.site.up()

    def sync(self, *words):
        self.site.run('sync', 'start', '--wait', *words)

    def publish(self, version):
        """A newer curl in the archive."""
        self.suite.packages = {'main': [archive.Package('curl', version), archive.Package('vim', '2:9.0.1378-2')]}
        self.suite.date += 60
        self.suite.write()

    def client(self, *words, status=0):
        """`upkeep-client words` on the client; its output."""
        done = subprocess.run([lab.role_program('client'), *words, '--root', self.site.root], capture_output=True,
                              text=True, timeout=tap.patience(100))
        if status is not None and done.returncode != status:
            self.t.fail(f'upkeep-client {" ".join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout + done.stderr

    def registered(self):
        """The client's row, once it is there."""
        self.site.wait(lambda: self.site.json('client', 'list'), 'a client')
        return self.site.json('client', 'list')[0]

    @property
    def name(self):
        return self.registered()['Name']

    def policy(self):
        """The client fetches its policy, once the site has made it."""
        def current():
            self.client('policy', '--wait', str(tap.patience(30)))
            return self.query_client('SELECT ContentVersion FROM CCM_UpdateSource') == \
                self.query('SELECT ContentVersion FROM CI_UpdateSources')
        self.site.wait(current, 'the policy at the client')

    def scan(self, status=0):
        """The client scans, and its report is in the database."""
        before = self.reports()
        said = self.client('scan', '--wait', str(tap.patience(60)), status=status)
        if status == 0:
            self.site.wait(lambda: self.reports() > before, 'the report in the database')
        return said

    def query(self, statement):
        db = sqlite3.connect(f'file:{self.site.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def query_client(self, statement):
        db = sqlite3.connect(f'file:{self.site.path("var/lib/upkeep/client/client.db")}?mode=ro', uri=True)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def change(self, statement):
        """What an administrator does to the database by hand."""
        db = sqlite3.connect(self.site.path('var/lib/upkeep/site/site.db'), timeout=10)
        with db:
            db.execute(statement)
        db.close()

    def reports(self):
        """The time of the client's newest report."""
        rows = self.query("SELECT COALESCE(MAX(LastReportTime), '') FROM MachineContacts")
        return rows[0][0]

    def copy_database(self, to):
        """A copy of the site database as a backup tool makes it."""
        source = sqlite3.connect(f'file:{self.site.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True)
        target = sqlite3.connect(to)
        source.backup(target)
        source.close()
        target.close()

    def restore_database(self, copy):
        """Puts the copy in the place of the database; the programs that use it must be down."""
        path = self.site.path('var/lib/upkeep/site/site.db')
        for suffix in ('-wal', '-shm'):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, path)
