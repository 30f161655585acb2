"""Databases of other versions under the real programs: a newer schema is refused by name and left as it
is, an older one is brought up to date with a copy kept beside it."""
import datetime
import fcntl
import hashlib
import importlib.machinery
import importlib.util
import os
import sqlite3
import subprocess

import lab
import tap

ROOT = tap.source_root()
loader = importlib.machinery.SourceFileLoader('sqlgen', str(ROOT / 'tools' / 'sqlgen'))
sqlgen = importlib.util.module_from_spec(importlib.util.spec_from_loader('sqlgen', loader))
loader.exec_module(sqlgen)

STATE = 'var/lib/upkeep'
# The programs and the database each opens; where the schema's files are, for the one that migrates.
DATABASES = {'site': ('site/site.db', 'src/sitedb'), 'sup': ('sup/catalog.db', 'src/sup/catalog'),
             'client': ('client/client.db', 'src/client')}
READERS = ('mp', 'provider')
SCAN_VERSIONS = 11  # the step of the site's database that leaves the versions that updates came with


def ended(site, role):
    """Starts a program that is to refuse; its exit status and what it said."""
    done = subprocess.run([lab.role_program(role), '--root', site.root], capture_output=True, text=True, timeout=tap.patience(60))
    return done.returncode, done.stderr


def number(path):
    db = sqlite3.connect(path)
    try:
        return db.execute('SELECT MAX(Number) FROM SchemaSteps').fetchone()[0]
    finally:
        db.close()


@tap.case('/upgrade/schema/newer-is-refused-by-name')
def newer(t):
    site = lab.Lab(t)
    site.up()
    site.down()
    for role, (name, _) in DATABASES.items():
        path = site.path(STATE, name)
        known = number(path)
        db = sqlite3.connect(path)
        db.execute("INSERT INTO SchemaSteps VALUES (99, '0099_later', '2030-01-01T00:00:00.000Z')")
        db.commit()
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        db.close()
        before = hashlib.sha256(path.read_bytes()).hexdigest()
        for program in (role, *(READERS if role == 'site' else ())):
            code, said = ended(site, program)
            t.equal(code, 1, f'upkeep-{program}: {said}')
            t.contains(said, f'the database {path} has schema 99, this program (version ')
            t.contains(said, f') knows up to {known}; install the version that wrote it, or put back a backup')
        t.equal(hashlib.sha256(path.read_bytes()).hexdigest(), before, f'{name} is as it was')
        t.equal([p.name for p in path.parent.glob('*.schema-*')], [])
    text = site.run('lab', 'up', status=1)
    t.contains(text + site.said, 'has schema 99')


def make_old(path, folder, upto):
    """A database as the program of schema `upto` left it."""
    files = [*(ROOT / folder).glob('schema/*.sql'), *(ROOT / folder).glob('schema/notices.def')]
    steps = [step for step in sqlgen.load_schema([str(f) for f in files]) if 0 < step[0] <= upto]
    table = next(s for s in sqlgen.load_statements(str(ROOT / 'src/db/migrate.sql')) if s.name == 'migrate_table')
    db = sqlite3.connect(path)
    db.execute('PRAGMA journal_mode = WAL')
    db.execute(table.sqlite)
    for step, name, scripts in steps:
        db.executescript(';\n'.join(scripts['sqlite']) + ';')
        db.execute('INSERT INTO SchemaSteps VALUES (?, ?, ?)', (step, name, '2026-01-20T17:18:55.000Z'))
    db.commit()
    db.close()


def days():
    """Today, and yesterday for a test over midnight."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return [(now - datetime.timedelta(days=n)).date().isoformat() for n in (0, 1)]


@tap.case('/upgrade/schema/older-is-migrated-and-a-copy-kept')
def older(t):
    site = lab.Lab(t)
    site.up()
    known = number(site.path(STATE, 'site/site.db'))
    site.down()
    t.equal(known > 1, True, 'there is more than one step')
    path = site.path(STATE, 'site/site.db')
    for old in range(1, known):
        for name in path.parent.glob('site.db*'):
            name.unlink()
        make_old(path, DATABASES['site'][1], old)
        db = sqlite3.connect(path)
        db.execute("INSERT INTO Machines (ResourceID, SMSID, Name, SiteCode, State, StateTime, RegisteredTime, "
                   "Certificate, Fingerprint) VALUES (16777216, 'GUID:A', 'old-machine', 'LAB', 1, "
                   "'2026-01-20T17:18:55.000Z', '2026-01-20T17:18:55.000Z', 'x', 'F')")
        if old < SCAN_VERSIONS:  # counted at every number, also where no update came
            db.execute('INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion) VALUES (1, 7), (1, 8)')
        db.commit()
        db.close()
        site.up()
        t.equal(number(path), known, f'from schema {old}')
        copies = [p for p in path.parent.glob('site.db.schema-*')]
        t.equal([p.name.rsplit('.', 1)[0] for p in copies], [f'site.db.schema-{old}'])
        t.equal(copies[0].name.rsplit('.', 1)[1] in days(), True, copies[0].name)
        t.equal(number(copies[0]), old, 'the copy is the old database')
        for base in (path, copies[0]):
            db = sqlite3.connect(base)
            t.equal(db.execute("SELECT Name FROM Machines WHERE SMSID = 'GUID:A'").fetchall(), [('old-machine',)])
            t.equal(db.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
            db.close()
        db = sqlite3.connect(path)
        t.equal(db.execute('SELECT UpdateSource_ID, SourceVersion FROM Update_ScanVersions').fetchall(), [(0, 0)])
        db.close()
        t.contains(site.log('upkeep-site.log'), f'kept a copy of schema {old} as {copies[0]}')
        t.equal(site.json('site', 'status')['troubles'], [])
        site.down()


@tap.case('/upgrade/schema/no-room-for-the-copy-changes-nothing')
def no_room(t):
    site = lab.Lab(t)
    site.up()
    site.down()
    path = site.path(STATE, 'site/site.db')
    for name in path.parent.glob('site.db*'):
        name.unlink()
    make_old(path, DATABASES['site'][1], 1)
    before = sqlite3.connect(path).execute('SELECT * FROM SchemaSteps').fetchall()
    # Beside one that runs nothing is migrated either.
    with open(site.path('run/upkeep/site.lock'), 'r+') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, said = ended(site, 'site')
    t.equal(code, 1, said)
    t.contains(said, 'another upkeep-site runs below')
    t.equal([p.name for p in path.parent.glob('*.schema-*')], [])
    t.equal(sqlite3.connect(path).execute('SELECT * FROM SchemaSteps').fetchall(), before)
    # No copy gets its name, and no step may be taken without one.
    done = subprocess.run([lab.role_program('site'), '--root', site.root], capture_output=True, text=True, timeout=tap.patience(60),
                          env={**os.environ, 'UPKEEP_FAULT': 'fail+:1', 'UPKEEP_FAULT_ONLY': 'rename'})
    t.equal(done.returncode, 1, done.stderr)
    t.equal(sqlite3.connect(path).execute('SELECT * FROM SchemaSteps').fetchall(), before)
    site.up()
    t.equal(number(path) > 1, True)


tap.main()
