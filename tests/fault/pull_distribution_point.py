"""The fault loop over a package's way into a pull distribution point, from the notification to the state message:
killed or failing anywhere, it ends in success without help, and nobody is served a wrong byte meanwhile."""
import atexit
import contextlib
import http.client
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'component/dp'))

import dpkit  # noqa: E402
import faultloop  # noqa: E402
import pullkit  # noqa: E402

from distribution_point import Given, served, whole_files  # noqa: E402

LABCLOCK = sys.argv.pop(1)
RATE = 30  # pauses are of minutes


class Template:
    """A configured pull distribution point, made once and copied; the package, its source and its site."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-dp-'))
        self.given = Given(self.folder)
        self.world = pullkit.World(self.given)
        dp = self.world.dp
        dp.stop()
        self.site, self.root = dp.site_key, dp.root
        source = self.folder / 'tree'
        source.mkdir()
        (source / 'big').write_bytes(os.urandom(1_200_000))
        (source / 'small').write_bytes(b'small')
        (source / 'empty').write_bytes(b'')
        self.package = dpkit.Package(self.given, 'PS100001', 1, {'PS100001.1': source})
        self.source = self.world.source(self.package)
        self.conf = dp.conf.read_text()

        # Not when it is freed: at the end of the interpreter, which may be when, its servers' threads stand still, and
        # whoever waits for them waits for ever.
        atexit.register(self.close)

    def close(self):
        self.given.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pulled(faultloop.Scenario):
    name = 'package-to-pull-distribution-point-DIST-112-DIST-120'
    whole_syncs = ('upkeep/content',)
    # Uses are made anew by the library; what was downloaded is hashed before it counts.
    unsynced = ('????/*.INI', '*.part', '[0-9A-F]*', '*.temp')

    def __init__(self):
        self.template = Template()
        self.world = self.template.world

    def prepare(self, root):
        given = Given(root)
        self.dp = dpkit.Point(given, site=self.template.site)
        shutil.rmtree(self.dp.root)
        shutil.copytree(self.template.root, self.dp.root, symlinks=True)
        port = self.template.conf.split('port=', 1)[1].split('\n', 1)[0]
        self.dp.conf.write_text(self.template.conf.replace(f'port={port}\n', f'port={self.dp.kept.number}\n'))
        clock = self.dp.root / 'run/upkeep/clock'
        clock.unlink(missing_ok=True)
        subprocess.run([LABCLOCK, clock, str(RATE)], check=True, capture_output=True)
        self.world.dp, self.world.t = self.dp, given
        self.world.mp.bodies.clear()
        self.told = False

    def notify(self):
        self.world.notify(self.template.package, [self.template.source])
        self.told = True

    def over(self):
        """It is installed, and nothing is left to do: what is told twice may be two jobs, one after the other."""
        return any(r[0] == 1 for r in self.world.reports()) and not self.jobs()

    def jobs(self):
        try:
            with contextlib.closing(sqlite3.connect(f'file:{self.dp.root}/var/lib/upkeep/dp/dp.db?mode=ro', uri=True)) as db:
                return db.execute('SELECT (SELECT COUNT(*) FROM SMS_PullDPNotification) +'
                                  ' (SELECT COUNT(*) FROM SMS_PullDPState)').fetchone()[0]
        except sqlite3.OperationalError:  # a database whose program was killed is recovered by the next start
            return 1

    def run(self, root, env):
        try:
            self.dp.start(**env)
            self.notify()
            until = time.monotonic() + 4
            while not self.over() and self.dp.process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        except (AssertionError, OSError, http.client.HTTPException):
            pass  # what a fault made of it is for recover to mend
        self.dp.stop()

    def glance(self, root):
        whole_files(self.dp)

    def recover(self, root):
        self.dp.start()
        if not self.told:  # the site tells it again until it has answered
            self.notify()
        self.world.wait(self.over, 'the success', 20)

    def check(self, root):
        if served(self.dp, self.template.package) != 3:
            raise AssertionError('the package is not whole')
        if whole_files(self.dp) != set(self.template.package.files):
            raise AssertionError('the library holds other files than the package')
        left = [path.name for path in (self.dp.library / 'SMS_DP$').iterdir()]
        self.dp.stop()
        if left:
            raise AssertionError(f'left over: {left}')


if __name__ == '__main__':
    faultloop.loop(Pulled())
