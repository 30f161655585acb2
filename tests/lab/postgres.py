"""postgres.py - a PostgreSQL 15 of a test's own: a temporary folder, a Unix socket, no other user.

    server = postgres.start(t)      # or the case is skipped, by name
    server.script('CREATE TABLE …')
    out, err = server.psql('SELECT …')
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

BIN = pathlib.Path('/usr/lib/postgresql/15/bin')


def _as_other():
    """What to put before a command, since PostgreSQL refuses to run as root; and the user's name."""
    if os.geteuid() != 0:
        return [], pwd.getpwuid(os.geteuid()).pw_name
    user = pwd.getpwnam('nobody')
    return ['setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}', '--clear-groups'], 'nobody'


class Server:
    """A running server."""

    def __init__(self, folder, before, user):
        self.folder, self.before, self.user = folder, before, user

    def control(self, *args):
        subprocess.run([*self.before, BIN / 'pg_ctl', '-D', self.folder / 'data', '-s', '-w', *args],
                       check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def stop(self):
        self.control('-m', 'immediate', 'stop')
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self):
        return [BIN / 'psql', '-h', self.folder, '-U', self.user, '-X', '-q', '-A', '-t', 'postgres']

    def psql(self, text):
        """Standard output and standard error of psql; it goes on after errors."""
        done = subprocess.run(self.command(), input=text, capture_output=True, text=True, check=True,
                              cwd=self.folder)
        return done.stdout, done.stderr

    def script(self, text):
        """Runs a script that must succeed; notices are passed over."""
        _, err = self.psql('SET client_min_messages = warning;\n\\set ON_ERROR_STOP on\n' + text)
        if err:
            raise AssertionError(err)

    def session(self):
        """A psql that stays open, for transactions that overlap: write to stdin, read stdout."""
        return subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, cwd=self.folder)


def start(t):
    """Starts a server that ends with the case."""
    if not (BIN / 'initdb').exists():
        t.skip('PostgreSQL 15 is not installed')
    before, user = _as_other()
    folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-pg-'))
    if before:
        shutil.chown(folder, user)
    server = Server(folder, before, user)
    subprocess.run([*before, BIN / 'initdb', '-D', folder / 'data', '-U', user, '-A', 'trust',
                    '--locale=C', '-E', 'UTF8', '--no-sync'],
                   check=True, cwd=folder, stdout=subprocess.DEVNULL)
    server.control('-l', folder / 'log', '-o', f"-k {folder} -c listen_addresses='' -c fsync=off",
                   'start')
    t.cleanup(server.stop)
    return server
