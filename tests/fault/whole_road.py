#!/usr/bin/python3
"""The whole road of a standalone site, with one of its programs failing or killed at every point:
from the archive to the catalogue, the policy, the scan, the report and its summary (proof C4).

For each program there is a fault loop: in its n-th write, sync, rename, unlink, commit or connect it
fails or dies, whatever the others do then; after that the lab is brought up and the work asked for
again, as an administrator would. And there are rounds in which any of the programs is killed at any
moment. Each time the databases must say what they say after an undisturbed run (less times and
numbers that are only given out), pass their own checks, and no inbox may hold anything.
"""
import os
import pathlib
import random
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
import archive  # noqa: E402
import faultloop  # noqa: E402
import lab  # noqa: E402
import oneclient  # noqa: E402
import tap  # noqa: E402

ROLES = ('sup', 'site', 'mp', 'provider', 'client')
STATE = 'var/lib/upkeep'
POLICIES = 3  # the update source, what enables software updates, how often states are sent

# What differs between two undisturbed runs, or tells of what was tried rather than of what is.
HISTORY = {'SchemaSteps', 'sqlite_sequence', 'ChangeLog', 'ChangeLogReaders', 'ChangeLogContext', 'SiteKeys',
           'StatusMessages', 'StatusMessageInsStrs', 'StatusMessageAttributes', 'Audit', 'Alerts', 'Update_SyncRuns',
           'SR_Reports', 'SR_SummaryTasks', 'MachineContacts', 'MachineRequests', 'MachineLinks', 'ClientTriggers',
           'ClientEvents', 'Computers', 'Client', 'PolicySource', 'ScanHistory', 'CCM_StateMsg_SerialNum',
           'CCM_ScanJobInstance', 'CatalogState'}
NUMBERS = re.compile(r'Time$|Date|Trace$|Cause$|SerialNumber|ResourceID|^ID$|CauseID|Fingerprint|Certificate|SMSID|'
                     r'Signature|Body|PADBID|Posted|Revised|Created|Checked|Changed|ETag|LastModified|Lock|^Tries$|'
                     r'ReportID|MessageSent|PolicyHash|SourceCRC|Port|InstallDir')
MASKS = ((re.compile(r'\b[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}'), '<random>'),
         (re.compile(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?'), '<time>'), (re.compile(r':\d{4,5}\b'), ':<port>'))


def masked(value):
    if isinstance(value, str):
        for pattern, word in MASKS:
            value = pattern.sub(word, value)
    return value.hex() if isinstance(value, bytes) else value


def dump(path):
    """{table: its rows, sorted, less what may differ}; raises if the database is not as it must be."""
    db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)
    found = db.execute('PRAGMA integrity_check').fetchall() + db.execute('PRAGMA foreign_key_check').fetchall()
    if found != [('ok',)]:
        raise AssertionError(f'{path.name} is damaged: {found}')
    tables = {}
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if name in HISTORY:
            continue
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{name}")') if not NUMBERS.search(row[1])]
        rows = db.execute(f'SELECT {", ".join(columns)} FROM "{name}"').fetchall() if columns else []
        tables[name] = sorted(repr(tuple(masked(v) for v in row)) for row in rows)
    db.close()
    return tables


class Archive:
    """One archive for all worlds, since a key takes long to make and its address is in the databases."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-road-'))
        self.archive = archive.Archive(self.folder)
        self.suite = self.archive.suite('bookworm', suite='stable', version='12.1')
        self.suite.add(archive.Package('curl', oneclient.NEW), archive.Package('vim', '2:9.0.1378-2'))
        self.suite.write()

    def forget(self):
        self.archive.key.forget()
        shutil.rmtree(self.folder, ignore_errors=True)


class World(oneclient.World):
    """The lab of oneclient, of which one program may have a plan."""

    def __init__(self, given, shared):
        self.t = given
        self.machine = archive.Machine(given.dir / 'machine')
        self.machine.sources(shared.archive.line(shared.suite))
        self.machine.status([archive.Package('curl', oneclient.OLD), archive.Package('vim', '2:9.0.1378-2')])
        self.site = lab.Lab(given, f'upstream.root={given.dir}/machine', f'client.machine_root={given.dir}/machine',
                            'mp.contact_seconds=1', 'statesys.pause_seconds=0',
                            'host.empty_file_seconds=0')

    def plan(self, role, env):
        """The role runs with the faults of env from its next start on (none: as it is)."""
        folder = self.t.dir / 'programs'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ROLES:
            program, target = folder / f'upkeep-{name}', lab.role_program(name)
            if name != role or not env:
                program.symlink_to(target)
                continue
            words = ' '.join(f'{k}={shlex.quote(v)}' for k, v in env.items() if k.startswith('UPKEEP_FAULT'))
            program.write_text(f'#!/bin/sh\nexec env {words} {target} "$@"\n')
            program.chmod(0o755)
        self.site.env['UPKEEP_PROGRAMS'] = str(folder)

    def alive(self, role):
        return self.site.pid(role) != 0

    def attempt(self, seconds, role, *argv):
        """Runs a command to its end, to the death of the role or for so long; what comes of it does not
        matter."""
        process = subprocess.Popen([str(a) for a in argv], env=self.site.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline and (role is None or self.alive(role)):
            time.sleep(0.1)
        if process.poll() is None:
            process.kill()
            process.wait()

    def steps(self, seconds):
        """The road, as commands: (seconds, argv)."""
        client = [lab.role_program('client')]
        return ((seconds, [lab.UPKEEP, 'sync', 'start', '--wait']),
                (seconds, [*client, 'policy', '--wait', str(seconds), '--root', self.site.root]),
                (seconds, [*client, 'scan', '--wait', str(seconds), '--root', self.site.root]))

    # ---- the end ----

    def inboxes(self):
        """What lies in the inboxes of all programs, by name."""
        files = [p for box in self.site.path(STATE).glob('*/inboxes') for p in box.rglob('*') if p.is_file()]
        return sorted(str(p.relative_to(self.site.path(STATE))) for p in files)

    def told(self):
        """Whether the site knows what the machine lacks, from a scan at its newest content."""
        rows = self.query('SELECT s.LastScanVersion, u.ContentVersion, s.NumMissing, s.LastScanState, '
                          '(SELECT COUNT(*) FROM Update_MissingPackages), '
                          '(SELECT SUM(NumMissing) FROM Update_ComplianceCounts) '
                          'FROM Update_ScanStatus s JOIN CI_UpdateSources u USING (UpdateSource_ID)')
        return [(v == content and content > 0, missing, state, packages, counted)
                for v, content, missing, state, packages, counted in rows] == [(True, 1, 3, 1, 1)]

    def synchronized(self):
        """Whether the last synchronization succeeded and none is under way."""
        return self.query('SELECT LastSyncState FROM Update_SyncStatus') == [(6702,)] and \
            self.query('SELECT RunningKind FROM Update_SyncRuns') == [(0,)]

    def sent(self):
        """Whether the client has nothing more to send."""
        db = sqlite3.connect(f'file:{self.site.path(STATE)}/client/client.db?mode=ro', uri=True)
        try:
            return db.execute('SELECT (SELECT COUNT(*) FROM OutgoingMessage) + (SELECT COUNT(*) FROM Letter) + '
                              '(SELECT COUNT(*) FROM CCM_StateMsg WHERE MessageSent = 0)').fetchall() == [(0,)]
        finally:
            db.close()

    def governed(self):
        """Whether the client has all policies of the site."""
        db = sqlite3.connect(f'file:{self.site.path(STATE)}/client/client.db?mode=ro', uri=True)
        try:
            has = db.execute("SELECT COUNT(*) FROM CCM_Policy_Policy5 WHERE PolicyState = 'Active'").fetchone()[0]
        finally:
            db.close()
        return has == self.query('SELECT COUNT(*) FROM PolicyAssignment')[0][0] == POLICIES

    def quiet(self):
        try:
            return self.told() and self.synchronized() and self.inboxes() == [] and self.sent() and self.governed()
        except sqlite3.Error:
            return False

    def finish(self):
        """Brings the lab up without faults, the work to its end, and the lab down."""
        self.plan(None, {})
        for role in ROLES:
            if self.alive(role):
                try:
                    self.site.kill(role)
                except (AssertionError, ProcessLookupError):
                    pass
        self.site.up()
        deadline = tap.until(120)
        self.work(deadline)
        self.site.down()
        # Something of its own accord may have been under way just then: a look for policy.
        while not self.quiet():
            self.site.up()
            self.work(deadline)
            self.site.down()

    def work(self, deadline):
        """Asks for the work until it is done."""
        while not self.quiet():
            if time.monotonic() > deadline:
                raise AssertionError(f'it does not come to an end: {self.inboxes()}\n' + self.tail())
            for seconds, argv in self.steps(30):
                self.attempt(seconds + 5, None, *argv)
            wait = time.monotonic() + 5
            while not self.quiet() and time.monotonic() < wait:
                time.sleep(0.05)
            if not self.quiet():  # over the pauses before a retry
                self.site.run('lab', 'clock', '--step', '2m', status=None)

    def tail(self):
        logs = [f'{path.name}: {line}' for path in self.site.path('var/log/upkeep').glob('upkeep-*.log')
                for line in path.read_text(errors='replace').splitlines()[-4:]]
        return '\n'.join(logs)

    def dumps(self):
        return {path.name: dump(path) for path in sorted(self.site.path(STATE).glob('*/*.db'))}


def differences(got, expected):
    said = []
    for base in sorted({*got, *expected}):
        a, b = got.get(base, {}), expected.get(base, {})
        for table in sorted({*a, *b}):
            if a.get(table) != b.get(table):
                more = sorted(set(a.get(table, [])) - set(b.get(table, [])))[:3]
                less = sorted(set(b.get(table, [])) - set(a.get(table, [])))[:3]
                said.append(f'{base} {table}: {len(a.get(table, []))} rows, undisturbed {len(b.get(table, []))}; '
                            f'only here {more}, only there {less}')
    return '\n'.join(said)


class Undisturbed:
    """The dumps of a run without faults, made once for all scenarios."""

    shared, dumps = None, None

    @classmethod
    def archive(cls):
        if cls.shared is None:
            cls.shared = Archive()
        return cls.shared

    @classmethod
    def reference(cls):
        if cls.dumps is None:
            folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-road-'))
            given = faultloop.Given(folder)
            world = World(given, cls.archive())
            try:
                world.finish()
                cls.dumps = world.dumps()
            finally:
                given.close()
                shutil.rmtree(folder, ignore_errors=True)
        return cls.dumps


class Road(faultloop.Scenario):
    """The road with faults in one program."""

    # What was read of an index: a checksum finds the damage, and it is fetched again. A report: the
    # management point's journal has it, and its next start drops it once more.
    unsynced = ('spool/*.stanzas', 'incoming/*.SMX')

    def __init__(self, role):
        self.role, self.given, self.world = role, None, None
        self.name = f'whole-road-{role}-COMP-062-COMP-067-SYNC-072'

    def prepare(self, root):
        if self.given is not None:
            self.given.close()
        self.given = faultloop.Given(root)
        self.world = World(self.given, Undisturbed.archive())

    def run(self, root, env):
        w = self.world
        w.plan(self.role, env)
        w.attempt(30, None, lab.UPKEEP, 'lab', 'up', '--set', ','.join(w.site.settings))
        for seconds, argv in w.steps(6):
            if not w.alive(self.role):
                return
            w.attempt(seconds, self.role, *argv)
        deadline = time.monotonic() + 2
        while w.alive(self.role) and not w.quiet() and time.monotonic() < deadline:
            time.sleep(0.1)

    def recover(self, root):
        self.world.finish()

    def check(self, root):
        try:
            said = differences(self.world.dumps(), Undisturbed.reference())
        finally:
            self.given.close()
            self.given = None
        if said:
            raise AssertionError(said)


KILLS = 60 if tap.full() else 3


@tap.case('/fault/whole-road/any-program-killed-at-any-moment')
def killed(t):
    """Three kills a round, of programs and at moments that the seed chooses; the host's pauses before
    a retry are the clock's, so the work is asked for again."""
    seed = int(os.environ.get('UPKEEP_TEST_SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'seed {seed}: UPKEEP_TEST_SEED={seed} repeats it')
    chosen = random.Random(seed)
    for number in range(KILLS):
        folder = t.dir / f'round{number}'
        folder.mkdir()
        given = faultloop.Given(folder)
        world = World(given, Undisturbed.archive())
        try:
            killed_round(world, chosen)
            world.finish()
            said = differences(world.dumps(), Undisturbed.reference())
        finally:
            given.close()
        shutil.rmtree(folder, ignore_errors=True)
        if said:
            t.fail(f'round {number} of seed {seed}:\n{said}')


def killed_round(world, chosen):
    world.plan(None, {})
    world.site.up()
    for _ in range(3):
        role, moment = chosen.choice(ROLES), chosen.uniform(0, 0.8)
        seconds, argv = chosen.choice(world.steps(5))
        print(f'  {role} after {moment:.2f} s of {" ".join(map(str, argv[1:3]))}')
        process = subprocess.Popen([str(a) for a in argv], env=world.site.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            pass
        if world.alive(role):
            world.site.kill(role)
        process.kill()
        process.wait()
        world.site.up()


def limits(mode):
    return faultloop.Limits(modes=(mode,), seconds=8)


ALL = faultloop.Limits.long()
for program, first in zip(ROLES, ('kill', 'killafter', 'fail', 'kill', 'fail+')):
    faultloop.declare(Road(program), limits(first), full=ALL)
try:
    tap.main()
finally:
    if Undisturbed.shared is not None:
        Undisturbed.shared.forget()
