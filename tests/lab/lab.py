"""lab.py - a lab for tests: real programs under a throw-away root, driven through `upkeep`.

    site = lab.Lab(t, 'wsyncmgr.results_wait_seconds=0')    # ends with the case
    site.up()
    site.run('sync', 'start', '--wait')          # standard output; fails on another exit status
    rows = site.json('update', 'list')
    site.wait_log('WSyncMgr.log', 'Sync succeeded')
    site.kill('sup'); site.up()

Programs are those of the build folder; t.dir / 'programs' may hold others (see stand_in).
"""
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import time

import tap

UPKEEP = tap.build_root() / 'src' / 'cli' / 'upkeep'

# Says that it is ready as the host does and then waits to be ended.
STAND_IN = '''#!/bin/sh
r=$2/run/upkeep/${0##*upkeep-}.ready
printf 'pid=%s\\nhttp=40001\\nother=40002\\n' $$ > $r.tmp && mv $r.tmp $r
exec sleep 600
'''


def role_program(role):
    """The program of a role in the build folder; it may not be there."""
    return tap.build_root() / 'src' / role / f'upkeep-{role}'


class Lab:
    """One lab; its root is t.dir / 'lab'. Unless told it does not synchronize when it comes up: that would read
    the machine's own archives, half of what most tests cost."""

    def __init__(self, t, *settings):
        self.t, self.root = t, t.dir / 'lab'
        self.settings = ('wsyncmgr.sync_on_install=false', *settings)
        self.env = {**os.environ, 'UPKEEP_ROOT': str(self.root)}
        self.env.pop('UPKEEP_PROVIDER', None)
        t.cleanup(self._end)

    def _end(self):
        if not self.root.exists():
            return
        try:
            self.run('lab', 'down')
        finally:
            self._judge_outputs()

    def _judge_outputs(self):
        """What a sanitizer said of any program of the lab is a failure."""
        paths = [*self.path('var/log/upkeep').glob('*.out'), *self.path('dp').glob('*/var/log/upkeep/*.out')]
        found = [tap.sanitizer(path.read_text(errors='replace'), path.name) for path in paths]
        if any(found):
            self.t.fail('\n'.join(text for text in found if text))

    def stand_in(self, *roles):
        """Starts a shell script in place of these roles; the others are the real ones."""
        folder = self.t.dir / 'programs'
        folder.mkdir(exist_ok=True)
        for role in roles:
            path = folder / f'upkeep-{role}'
            path.write_text(STAND_IN)
            path.chmod(0o755)
        for path in (tap.build_root() / 'src').glob('*/upkeep-*'):
            if path.parent.name not in roles and path.is_file() and os.access(path, os.X_OK):
                link = folder / path.name
                if not link.exists():
                    link.symlink_to(path)
        self.env['UPKEEP_PROGRAMS'] = str(folder)

    def run(self, *words, status=0, seconds=120):
        """`upkeep words`; its standard output. status None: any exit status will do."""
        done = subprocess.run([UPKEEP, *map(str, words)], capture_output=True, text=True, env=self.env,
                              timeout=seconds, stdin=subprocess.DEVNULL)
        self.said = done.stderr
        if status is not None and done.returncode != status:
            self.t.fail(f'upkeep {" ".join(map(str, words))}: exit status {done.returncode}, expected '
                        f'{status}\n{done.stdout}{done.stderr}')
        return done.stdout

    def json(self, *words, **options):
        """`upkeep words --json`, read."""
        return json.loads(self.run(*words, '--json', **options))

    def up(self, *options):
        self.run('lab', 'up', *options, '--set', ','.join(self.settings))

    def down(self):
        self.run('lab', 'down')

    def dp_path(self, name, *parts):
        """A path below the root of a distribution point, "DP01"."""
        return self.path('dp', name, *parts)

    def roles(self):
        """{role, or name of a distribution point: its row of lab status}."""
        rows = self.json('lab', 'status', status=None)['roles']
        return {row['name'] or row['role']: row for row in rows}

    def port(self, role, name='http'):
        """A port that a role, or the distribution point of that name, says it listens on."""
        root, role = (self.root / 'dp' / role, 'dp') if role[-1].isdigit() else (self.root, role)
        lines = (root / 'run' / 'upkeep' / f'{role}.ready').read_text().splitlines()
        return int(dict(line.split('=', 1) for line in lines)[name])

    def lock(self, role):
        """The file that a role's program, or that of a distribution point, has locked while it runs."""
        return self.path(f'dp/{role}/run/upkeep/dp.lock' if role[-1].isdigit() else f'run/upkeep/{role}.lock')

    def pid(self, role):
        """The process that has the role's lock, 0: none; by the kernel's list, which costs less than `lab status`.
        One list may lack a lock while others come and go."""
        try:
            inode = f':{self.lock(role).stat().st_ino}'
        except FileNotFoundError:
            return 0
        for _ in range(4):
            for words in map(str.split, pathlib.Path('/proc/locks').read_text().splitlines()):
                if words[1] == 'FLOCK' and words[5].endswith(inode):
                    return int(words[4])
        return 0

    def kill(self, role, number=signal.SIGKILL):
        """Ends a role's program as a crash would, and waits until it is gone."""
        pid = self.pid(role) or self.roles()[role]['pid']  # what stands in for a program locks nothing
        if pid == 0:
            self.t.fail(f'upkeep-{role} does not run, so it cannot be killed')
        process = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(process, number)
            if not select.select([process], [], [], tap.patience(60))[0]:
                self.t.fail(f'upkeep-{role} did not end; the last warnings:\n{self.warnings()}')
        finally:
            os.close(process)
        # The last of its threads may be a moment behind; until then nothing can start in its place, unless
        # somebody else has started it meanwhile.
        self.wait(lambda: self.pid(role) != pid, f'the last thread of upkeep-{role}')

    def path(self, *parts):
        return pathlib.Path(self.root, *parts)

    def inbox(self, *parts):
        """A folder below the site's inboxes."""
        return self.path('var/lib/upkeep/site/inboxes', *parts)

    def log(self, name):
        """The text of a log, "" while there is none."""
        path = self.path('var/log/upkeep', name)
        return path.read_bytes().decode(errors='replace') if path.exists() else ''

    def wait_log(self, name, text, seconds=60):
        self.wait(lambda: text in self.log(name), f'"{text}" in {name}', seconds)

    def wait(self, done, what, seconds=60):
        """Looks until done() is true; a test has no event to wait for in another program's file. What costs much to
        look at is looked at less often, so that the programs get the processors."""
        deadline, began = tap.until(seconds), time.monotonic()
        while not done():
            now = time.monotonic()
            if now > deadline:
                self.t.fail(f'waited {seconds} s in vain for {what}; the last warnings:\n{self.warnings()}')
            time.sleep(min(max(0.02, 2 * (now - began)), 0.5))
            began = time.monotonic()

    def warnings(self):
        """What the programs' logs warned of last: for whoever reads a failure when the lab is gone."""
        found = []
        for path in [*self.path('var/log/upkeep').glob('*.log'), *self.path('dp').glob('*/var/log/upkeep/*.log')]:
            lines = path.read_text(errors='replace').splitlines()
            found += [f'{path.name}: {line[:400]}' for line in lines if re.search(' type="[23]" | SEV=[EW] |^~?Failed', line)][-4:]
        return '\n'.join(found)
