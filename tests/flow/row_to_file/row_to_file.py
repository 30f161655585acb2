#!/usr/bin/python3
"""row_to_file.py - a row committed by one program becomes, through the change log and smsdbmon in
another, a file that a third handles once in effect, whatever fails and whoever is killed.

rowwriter commits requests to synchronize and rows of PkgNotification by the real statements;
rowmonitor, the site server with smsdbmon alone, drops SELF.SYN, FULL.SYN and .PKN; rowreader, a
component in a role of its own, takes them. The fault loop disturbs every step of each of the three,
also between commit and bell. The paths of the programs are the arguments. The clock runs 600 times
as fast, so that the pause before another try takes a tenth of a second.
"""
import atexit
import contextlib
import functools
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import faultloop
import tap

SITE, WRITER, READER, CLOCK = (sys.argv.pop(1) for _ in range(4))
ROWS = 3
SITE_DB = 'var/lib/upkeep/site/site.db'
READER_DB = 'var/lib/upkeep/rowreader/rowreader.db'
INBOXES = 'var/lib/upkeep/site/inboxes'
KINDS = ('.SYN', '.PKN')
# Whom to disturb, and for how long outside of --full, where all are disturbed at once as well.
SECONDS = {'writer': 6, 'monitor': 16, 'reader': 14}


@contextlib.contextmanager
def database(path):
    with contextlib.closing(sqlite3.connect(f'file:{path}?mode=rw', uri=True, timeout=10)) as db:
        yield db


def rows(path, statement):
    with database(path) as db:
        return db.execute(statement).fetchall()


def inputs(root):
    """Files that wait in the boxes; half-written ones have other names."""
    return [path for box in ('WSyncMgr.box', 'distmgr.box')
            for path in (root / INBOXES / box).glob('[!.]*.*') if path.is_file()]


def committed(root):
    return [trace for trace, in rows(root / SITE_DB, 'SELECT Trace FROM TestWrites ORDER BY N')]


def effects(root):
    """What rowreader has done; nothing, if it was stopped before it had a schema."""
    try:
        return rows(root / READER_DB, 'SELECT Kind, Trace FROM Effects')
    except sqlite3.OperationalError as error:
        assert 'no such table' in str(error) or 'unable to open' in str(error), error
        return []


def is_quiet(root):
    """All that was committed has been told and handled."""
    wanted = {(kind, trace) for trace in committed(root) for kind in KINDS}
    return (not inputs(root) and set(effects(root)) >= wanted and
            not rows(root / SITE_DB, 'SELECT 1 FROM ChangeLog'))


def is_ready(root, role):
    return (root / f'run/upkeep/{role}.ready').exists()


@functools.cache
def template():
    """A site with its schema and an update point, made once and copied for each run."""
    root = pathlib.Path(tempfile.mkdtemp(prefix='row-to-file-', dir=faultloop.room()))
    atexit.register(shutil.rmtree, root)
    with faultloop.Program(SITE, '--root', root) as site:
        assert site.until(lambda: is_ready(root, 'site')), 'upkeep-site did not start'
        assert site.stop() == 0, 'upkeep-site did not end well'
    with database(root / SITE_DB) as db:
        db.execute('CREATE TABLE TestWrites (N INTEGER PRIMARY KEY, Trace TEXT NOT NULL)')
        db.execute("INSERT INTO Update_SyncStatus (SiteCode, WSUSServerName, UpdateSource_UniqueID)"
                   " VALUES ('PS1', 'sup.example.org', '{C2D17964-BBDD-4339-B9F3-12D7205B39CC}')")
        db.commit()
    subprocess.run([CLOCK, root / 'run/upkeep/clock', '600'], check=True)
    return root


class RowToFile(faultloop.Scenario):
    """Disturbs one of the three programs, or all of them at once."""

    def __init__(self, who, mistake=False):
        self.name = f'row-to-file-{who}'
        self.who = who
        self.mistake = mistake
        self.patience = 2 if mistake else 20  # seconds; what is lost will not come

    def prepare(self, root):
        shutil.copytree(template(), root, dirs_exist_ok=True)
        if self.mistake:
            (root / 'etc/upkeep/rowreader.conf').write_text('[rowreader]\nmistake=true\n')

    def start(self, root, env):
        """The programs by name; those that are not to be disturbed get no plan."""
        def run(who, *argv):
            own = env if self.who in (who, 'all') else faultloop.clean_env()
            return stack.enter_context(faultloop.Program(*argv, env=own, log=root / f'{who}.said'))

        stack = contextlib.ExitStack()
        for role in ('site', 'rowreader'):
            (root / f'run/upkeep/{role}.ready').unlink(missing_ok=True)
        running = [run('monitor', SITE, '--root', root), run('reader', READER, '--root', root)]
        for program, role in zip(running, ('site', 'rowreader')):
            program.until(lambda role=role: is_ready(root, role))
        running.append(run('writer', WRITER, root / SITE_DB, ROWS))
        return stack, running

    def work(self, root, env, seconds):
        """Runs until all is handled, or something died, or the time is over; the exit statuses."""
        stack, running = self.start(root, env)
        with stack:
            writer = running.pop()
            writer.ended()
            deadline = tap.until(seconds)
            while time.monotonic() < deadline and not is_quiet(root):
                if any(program.dead(0.01) for program in running):
                    break
            return [writer.process.returncode, *(program.stop() for program in running)]

    def run(self, root, env):
        # What goes on failing is never handled: a few tries are enough.
        self.work(root, env, 5 if 'fail+' not in env.get('UPKEEP_FAULT', '') else 0.5)

    def glance(self, root):
        for path in inputs(root):
            body = path.read_text()
            assert re.fullmatch(r'(\w+: [^\n]+\n)+', body), f'{path.name} is half: {body!r}'

    def recover(self, root):
        statuses = self.work(root, faultloop.clean_env(), self.patience)
        assert statuses == [0, 0, 0], f'exit statuses {statuses}'

    def check(self, root):
        written, made = committed(root), effects(root)
        assert len(written) == len(set(written)) == ROWS, f'{len(written)} rows were committed'
        for kind in KINDS:
            for trace in written:
                assert (kind, trace) in made, f'{kind} of {trace} is lost'
        assert len(made) == len(set(made)), 'an effect was made twice'
        assert len(made) == ROWS * len(KINDS), 'an effect without a cause'
        assert not inputs(root), 'something is left in the inboxes'
        assert not list((root / INBOXES).glob('*/corrupt/*')), 'something was set aside'
        assert not rows(root / SITE_DB, 'SELECT 1 FROM PkgNotification'), 'a row was not told'
        assert not rows(root / SITE_DB, 'SELECT 1 FROM ChangeLog'), 'the mark did not move'
        for path in (SITE_DB, READER_DB):
            assert rows(root / path, 'PRAGMA integrity_check') == [('ok',)], f'{path} is damaged'
        self.check_log(root)

    def check_log(self, root):
        """RCV before SND, and each number that was sent was received."""
        received = set()
        for line in (root / 'var/log/upkeep/SMSDBMON.log').read_text().splitlines():
            number = re.search(r'\[(\d+)\]  \$\$<', line)
            if line.startswith('RCV: '):
                received.add(number[1])
            elif line.startswith('SND: '):
                assert number[1] in received, f'sent before it was received: {line}'


@tap.case('/fault/row-to-file-mistake/is-found')
def mistake_is_found(t):
    """An input that is removed before its effect is durable is lost by a kill at that commit."""
    scenario = RowToFile('reader', mistake=True)
    scenario.only = 'commit'
    loop = faultloop.Loop(scenario, faultloop.Limits(seconds=1e9))
    assert not loop.control.problem, loop.control.problem
    for n in range(2, len(loop.control.points) + 1):  # the first commit is the schema's
        step = loop.one('kill', n)
        print(loop.table([step]))
        if 'is lost' in step.problem:
            return
    t.fail('the planted mistake was not found')


for disturbed in SECONDS:
    faultloop.declare(RowToFile(disturbed), faultloop.Limits(seconds=SECONDS[disturbed]))
if tap.full():
    faultloop.declare(RowToFile('all'))
tap.main()
