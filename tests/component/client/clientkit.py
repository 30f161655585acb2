"""clientkit.py - a real client process against the peer: start, step its clock, kill, look.

    c = clientkit.Client(t)          # with a management point in c.mp, ended with the case
    c.start()
    c.wait_scans(1)
"""
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import logtrace
import peer
import tap

PROGRAM = tap.build_root() / 'tests' / 'component' / 'client' / 'client-with-sets'

STATUS = '''Package: libssl3
Status: install ok installed
Architecture: amd64
Source: openssl
Version: 3.0.9-1

Package: openssl
Status: hold ok installed
Architecture: amd64
Version: 3.0.9-1

Package: bash
Status: install ok installed
Architecture: amd64
Version: 5.2.15-2

Package: sudo
Status: install ok installed
Architecture: amd64
Version: 1.9.13p3-1
'''

SET = ('upkeep-evaluation-set 1\nproduct 3f2a6b1e-6a3f-5d0e-9a3b-0d6d4c6f8a10\ntitle Debian 12\n'
       'origin Debian\ncodename bookworm\narchitecture amd64\n\n'
       'bash 5.2.15-2 500 r\t= = -\n'
       'openssl 3.0.11-1 500 s\tlibssl3 = -\t= = -\n'
       'sudo 1.9.13p3-1 500 s\t= = -\n')


class Client:
    def __init__(self, t, program=PROGRAM, **settings):
        self.t, self.program = t, program
        self.root = t.dir / 'root'
        self.database = self.root / 'var/lib/upkeep/client/client.db'
        self.machine = t.dir / 'machine'
        self.sets = t.dir / 'sets'
        self.process = None
        self.site = peer.Site(self._folder(t.dir / 'site'))
        self.mp = peer.ManagementPoint(self.site)
        t.cleanup(self.mp.close)
        t.cleanup(self.stop)
        self.set_status(STATUS)
        self._folder(self.sets)
        (self.sets / 'debian.set').write_text(SET)
        self.write_conf(settings)
        self._folder(self.root / 'run/upkeep')
        self.step(0)
        self.mp.locations = [('http://PS1SITE.CONTOSO.COM:8530', 'PS1SITE.CONTOSO.COM', '38')]
        self.mp.set_source(38, 40)

    @staticmethod
    def _folder(path):
        path.mkdir(parents=True, exist_ok=True)
        return path

    def set_status(self, text):
        (self._folder(self.machine / 'var/lib/dpkg') / 'status').write_text(text)

    def write_conf(self, settings):
        values = {'client.mp': self.mp.url, 'client.site_certificate': self.site.der.hex(),
                  'client.machine_root': str(self.machine), 'site.code': 'PS1',
                  'site.machine': 'ps1lnx64.contoso.com', 'scanagent.first_delay_seconds': '0',
                  **{name.replace('__', '.'): str(value) for name, value in settings.items()}}
        groups = {}
        for name, value in values.items():
            group, key = name.split('.', 1)
            groups.setdefault(group, []).append(f'{key}={value}')
        text = ''.join(f'[{group}]\n' + '\n'.join(lines) + '\n' for group, lines in groups.items())
        (self._folder(self.root / 'etc/upkeep') / 'client.conf').write_text(text)

    # ---- the process ----

    def start(self, **environment):
        self.process = subprocess.Popen(
            [self.program, '--root', str(self.root)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, 'UPKEEP_TEST_SETS': str(self.sets), **environment})

    def _end(self, number):
        if self.process is None:
            return
        self.process.send_signal(number)
        said = self.process.communicate(timeout=tap.patience(30))[1].decode()
        self.process = None
        found = tap.sanitizer(said, 'client')
        if found:
            self.t.fail(found)

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def ended(self):
        """Whether it has ended by itself (a planned kill)."""
        return self.process.poll() is not None

    def step(self, seconds):
        """Moves the client's clock."""
        subprocess.run([PROGRAM, 'clock-step', str(self.root), str(int(seconds * 1000000))], check=True)

    def command(self, name, body=''):
        """Drops a command as a foreign program would."""
        box = self._folder(self.root / 'var/lib/upkeep/client/inboxes/client.box')
        part = box / f'.{name}.tmp'
        part.write_text(body)
        part.rename(box / name)

    # ---- looking ----

    def wait(self, done, what, seconds=30):
        deadline = tap.until(seconds)
        while not done():
            if self.mp.failures:
                self.t.fail(f'the management point says: {self.mp.failures}')
            if time.monotonic() > deadline:
                self.t.fail(f'waited {seconds} s in vain for {what}\n{self.tail()}')
            time.sleep(0.02)

    def rows(self, sql, *arguments):
        if not self.database.exists():
            return []
        base = sqlite3.connect(f'file:{self.database}?mode=ro', uri=True, timeout=10)
        try:
            return base.execute(sql, arguments).fetchall()
        except sqlite3.OperationalError as problem:
            if 'no such table' in str(problem):
                return []
            raise
        finally:
            base.close()

    def scans(self, state='Completed'):
        return self.rows('SELECT JobID FROM CCM_ScanJobInstance WHERE State = ?', state)

    def wait_scans(self, count, state='Completed'):
        self.wait(lambda: len(self.scans(state)) >= count, f'{count} scans in state {state}')

    def wait_sent(self):
        """Until every state message is acknowledged; asks for it."""
        self.command('SEND.CMD')
        self.wait(lambda: self.rows('SELECT COUNT(*) FROM CCM_StateMsg') != [(0,)] and
                  self.rows('SELECT COUNT(*) FROM CCM_StateMsg WHERE MessageSent = 0') == [(0,)],
                  'all state messages to be sent')

    def log_path(self, name):
        return self.root / 'var/log/upkeep' / name

    def log(self, name):
        path = self.log_path(name)
        return logtrace.texts(path) if path.exists() else []

    def wait_log(self, name, part, seconds=30):
        self.wait(lambda: any(part in line for line in self.log(name)), f'"{part}" in {name}', seconds)

    def tail(self):
        """The ends of all logs, for a case that fails."""
        parts = []
        for path in sorted((self.root / 'var/log/upkeep').glob('*.log')):
            parts.append(f'---- {path.name}\n' + '\n'.join(self.log(path.name)[-12:]))
        return '\n'.join(parts)[-9000:]
