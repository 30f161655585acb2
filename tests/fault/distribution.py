"""The fault loop over a site server that makes a package, brings it to a distribution point, updates it there and takes
it away: killed or failing anywhere, all of it ends in success without help, and no wrong byte is served meanwhile."""
import atexit
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'component/dp'))

import dpkit  # noqa: E402
import faultloop  # noqa: E402
import librarywalk  # noqa: E402
import tap  # noqa: E402

from distribution_point import Given, whole_files  # noqa: E402

LABCLOCK = sys.argv.pop(1)
RATE = 30  # pauses are of minutes
SITE = tap.build_root() / 'src/site/upkeep-site'
PACKAGE = 'PS100001'
VERSIONS = {1: {'same': b'same' * 5000, 'old': b'old' * 3000, 'big': b'1' * 200_000},
            2: {'same': b'same' * 5000, 'new': b'new' * 100, 'big': b'2' * 200_000}}


class SiteServer:
    """upkeep-site by itself, its requests written as the provider's statements (90-tables 4)."""

    def __init__(self, root):
        self.root, self.process = root, None
        self.database = root / 'var/lib/upkeep/site/site.db'
        self.library = root / 'var/lib/upkeep/content'

    def start(self, **env):
        ready = self.root / 'run/upkeep/site.ready'
        ready.unlink(missing_ok=True)
        with open(self.root / 'site.out', 'ab') as out:
            self.process = subprocess.Popen([SITE, '--root', self.root], stdout=out, stderr=out, env={**os.environ, **env})
        until = tap.until(20)
        while not ready.exists() and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        return self

    def lives(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.process is None:
            return
        if self.lives():
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process = None
        found = tap.sanitizer((self.root / 'site.out').read_text(errors='replace'), 'site.out')
        if found:
            raise AssertionError(found)

    def rows(self, question, *values):
        link = sqlite3.connect(f'file:{self.database}?mode=ro', uri=True, timeout=10)
        try:
            return link.execute(question, values).fetchall()
        finally:
            link.close()

    def write(self, *statements):
        link = sqlite3.connect(self.database, timeout=10)
        try:
            for statement, *values in statements:
                link.execute(statement, values)
            link.commit()
        finally:
            link.close()

    def notify(self, kind):
        return ("INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey) VALUES (?, 2, ?, '2026-01-01T00:00:00.000Z')",
                PACKAGE, kind)


class Template:
    """A site's root with key and database, made once and copied."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-dist-'))
        self.root = self.folder / 'site'
        (self.root / 'etc/upkeep').mkdir(parents=True)
        (self.root / 'etc/upkeep/upkeep.conf').write_text(
            '[site]\ncode=PS1\nmachine=site.example.com\n[host]\nkey_bits=2048\n[distmgr]\nsource_retry_seconds=1\ncontact_max_seconds=5\n'
            '[pkgxfermgr]\nretry_minutes=1\n')
        self.cert = self.root / 'etc/upkeep/site.crt'
        site = SiteServer(self.root).start()
        site.stop()

    def __del__(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class Distributed(faultloop.Scenario):
    name = 'site-server-create-distribute-update-remove-DIST-155'
    only = 'write,sync,rename,unlink,commit,connect'
    whole_syncs = ('upkeep/content',)
    # Uses are made anew by the library; a notice is dropped again from the change log; logs and marks are no data.
    unsynced = ('????/*.INI', '*.PKN', '*.DPN', '[0-9A-F]*', '*.temp', '*.ready', '*')

    def __init__(self):
        self.template, self.dp, self.site = Template(), None, None
        atexit.register(self.end)

    def end(self):
        site, dp, self.site, self.dp = self.site, self.dp, None, None
        try:
            if site is not None:
                site.stop()
        finally:
            if dp is not None:
                dp.stop()

    def prepare(self, root):
        self.end()
        given = Given(root)
        shutil.copytree(self.template.root, root / 'site', symlinks=True)
        self.site, self.step = SiteServer(root / 'site'), 0
        clock = self.site.root / 'run/upkeep/clock'
        clock.unlink(missing_ok=True)
        subprocess.run([LABCLOCK, clock, str(RATE)], check=True, capture_output=True)
        self.source = root / 'source'
        self.dp = dpkit.Point(given, site=self.template)
        theirs = self.dp.root / 'run/upkeep/clock'
        theirs.parent.mkdir(parents=True, exist_ok=True)
        os.link(clock, theirs)
        self.dp.start()
        self.site.write(('INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode, Url) VALUES (?, ?, ?, ?)', dpkit.NAL,
                         'dp1.example.com', 'PS1', f'http://127.0.0.1:{self.dp.port}'))

    def put_source(self, version):
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir()
        for name, data in VERSIONS[version].items():
            (self.source / name).write_bytes(data)

    # ---- the four actions, each asked for once and waited for ----

    def ask_create(self):
        self.put_source(1)
        self.site.write(
            ('INSERT INTO SMSPackages (PkgID, Name, Source, SourceSite, SourceVersion, Priority, Action) '
             "VALUES (?, 'Dummy1', ?, 'PS1', 1, 2, 2)", PACKAGE, str(self.source)),
            ('INSERT INTO PkgServers (PkgID, NALPath, SiteCode, SiteName, SourceSite, RefreshTrigger, UpdateMask, Action) '
             "VALUES (?, ?, 'PS1', '', 'PS1', 0, 0, 2)", PACKAGE, dpkit.NAL), self.site.notify(4))

    def ask_update(self):
        self.put_source(2)
        self.site.write(('UPDATE SMSPackages SET UpdateMask = 32, UpdateMaskEx = 8388608, Action = 1 WHERE PkgID = ?', PACKAGE),
                        self.site.notify(1))

    def ask_redistribute(self):
        self.site.write(('UPDATE PkgServers_L SET RefreshTrigger = 1, Action = 2', ), self.site.notify(4))

    def ask_remove(self):
        self.site.write(('UPDATE PkgServers_L SET Action = 3', ), self.site.notify(4))

    def installed(self, version):
        return self.site.rows('SELECT 1 FROM PkgStatus WHERE Type = 2 AND Status = 3 AND SourceVersion >= ?', version) and \
            not self.site.rows('SELECT 1 FROM DistributionJobs') and \
            not self.site.rows('SELECT 1 FROM SMSPackages WHERE Action <> 0') and \
            not self.site.rows('SELECT 1 FROM PkgServers_L WHERE Action <> 0')

    def removed(self):
        return not self.site.rows('SELECT 1 FROM PkgServers_L') and not list(self.dp.library.glob('PkgLib/*.INI'))

    def steps(self):
        return [(self.ask_create, lambda: self.installed(1)), (self.ask_update, lambda: self.installed(2)),
                (self.ask_redistribute, lambda: self.installed(2)), (self.ask_remove, self.removed)]

    def over(self, until):
        """Goes through the steps; false when the site died or time is up."""
        while self.step < 2 * len(self.steps()):
            ask, done = self.steps()[self.step // 2]
            if self.step % 2 == 0:
                ask()
                self.step += 1
            while not done():
                if not self.site.lives() or time.monotonic() > until:
                    return False
                time.sleep(0.02)
            self.step += 1
        return True

    def run(self, root, env):
        try:
            self.site.start(**env)
            if self.site.lives():
                self.over(time.monotonic() + 8)
        except sqlite3.OperationalError:
            pass  # the step is asked for again
        if self.site.lives():
            self.site.process.send_signal(signal.SIGTERM)
        self.site.process.wait(30)
        self.site.process = None

    def glance(self, root):
        whole_files(self.dp)

    def recover(self, root):
        self.site.start()
        if not self.over(time.monotonic() + 40):
            rows = [self.site.rows(f'SELECT * FROM {table}') for table in ('DistributionJobs', 'PkgStatus', 'PkgServers_L')]
            log = (self.site.root / 'var/log/upkeep/DistMgr.log').read_text(errors='replace')[-1500:]
            raise AssertionError(f'step {self.step} did not end: {rows}\n{log}')

    def check(self, root):
        self.site.stop()
        if whole_files(self.dp):
            raise AssertionError('the distribution point still holds files')
        held = {path.name for path in librarywalk.files(self.site.library) if '.' not in path.name}
        wanted = {dpkit.sha256(data) for data in VERSIONS[2].values()}
        if not wanted <= held:
            raise AssertionError('the site lacks files of the package')
        bad = [path for path in librarywalk.files(self.site.library)
               if '.' not in path.name and dpkit.file_hash(path) != path.name]
        if bad:
            raise AssertionError(f'other bytes in {bad}')
        waiting = [path for path in self.site.root.glob('var/lib/upkeep/site/inboxes/**/*') if path.is_file()]
        found = self.site.rows('PRAGMA integrity_check')
        self.dp.stop()
        if found != [('ok',)]:
            raise AssertionError(f'the database: {found}')
        corrupt = [path for path in waiting if 'corrupt' in path.parts]
        if corrupt:
            raise AssertionError(f'refused files: {corrupt}')


if __name__ == '__main__':
    faultloop.loop(Distributed(), full=faultloop.Limits.long())
