"""Every schema is built, and every statement prepared, on SQLite and on PostgreSQL 15 alike; what
the triggers do, and the reading of the change log, is compared between them.

A database is a folder below src/ that has schema/0001_….sql; its statements are the .sql files
beside, and those of src/db.
"""
import importlib.machinery
import importlib.util
import re
import sqlite3

import tap

import postgres

ROOT = tap.source_root()
loader = importlib.machinery.SourceFileLoader('sqlgen', str(ROOT / 'tools' / 'sqlgen'))
sqlgen = importlib.util.module_from_spec(importlib.util.spec_from_loader('sqlgen', loader))
loader.exec_module(sqlgen)


class Database:
    """A schema with the statements that run on it."""

    def __init__(self, folder):
        self.name = str(folder.relative_to(ROOT / 'src'))
        files = [*folder.glob('schema/*.sql'), *folder.glob('views/*.sql'),
                 *folder.glob('schema/notices.def')]
        self.steps = sqlgen.load_schema([str(f) for f in files])
        own = sorted(folder.glob('*.sql'))
        shared = [f for f in sorted((ROOT / 'src' / 'db').glob('*.sql'))
                  if f.name != 'changelog_tables.sql']
        if not any('CREATE TABLE ChangeLog (' in s for _, _, e in self.steps for s in e['sqlite']):
            shared = [f for f in shared if f.name in ('migrate.sql',)]
        self.statements = [s for f in own + shared for s in sqlgen.load_statements(str(f))]

    def script(self, engine):
        # What db_migrate makes before the first step.
        steps = [s for s in sqlgen.load_statements(str(ROOT / 'src' / 'db' / 'migrate.sql'))
                 if s.name == 'migrate_table']
        texts = [steps[0].sqlite if engine == 'sqlite' else steps[0].pg]
        for _, _, scripts in self.steps:
            texts += scripts[engine]
        return ';\n'.join(texts) + ';\n'

    def sqlite(self):
        db = sqlite3.connect(':memory:', isolation_level=None)
        db.execute('PRAGMA foreign_keys = ON')
        db.executescript(self.script('sqlite'))
        return db


DATABASES = [Database(path.parent.parent)
             for path in sorted((ROOT / 'src').rglob('schema/0001_*.sql'))]
SITE = next(d for d in DATABASES if d.name == 'sitedb')


@tap.case('/db/engines/statements-on-sqlite')
def on_sqlite(t):
    bad = []
    for database in DATABASES:
        db = database.sqlite()
        for s in database.statements:
            try:
                db.execute('EXPLAIN ' + s.sqlite, {name: None for name in s.params})
            except sqlite3.Error as problem:
                bad.append(f'{database.name}: {s.name}: {problem}')
    t.equal(bad, [], 'statements that SQLite refuses')


@tap.case('/db/engines/statements-on-postgresql')
def on_postgresql(t):
    bad = []
    for database in DATABASES:
        server = postgres.start(t)
        server.script(database.script('pg'))
        script = ''
        for s in database.statements:
            if re.match(r'(CREATE|BEGIN)\b', s.pg):  # PostgreSQL prepares no such thing
                continue
            script += f'\\warn @{s.name}\nPREPARE {s.name} AS {s.pg};\n'
        _, err = server.psql(script)
        name = ''
        for line in err.splitlines():
            if line.startswith('@'):
                name = line[1:]
            elif 'ERROR:' in line:
                bad.append(f'{database.name}: {name}: {line}')
    t.equal(bad, [], 'statements that PostgreSQL refuses')


@tap.case('/db/engines/every-statement-is-used')
def used(t):
    unused = []
    for path in sorted((ROOT / 'src').rglob('*.sql')):
        if not path.with_suffix('.c').exists():
            continue
        code = ''.join(c.read_text() for c in path.parent.glob('*.c'))
        unused += [f'{path.name}: {s.name}' for s in sqlgen.load_statements(str(path))
                   if not re.search(rf'\bsql_{s.name}\b', code)]
    t.equal(unused, [], 'statements that no code runs')


def columns(rows):
    tables = {}
    for table, column in rows:
        tables.setdefault(table.lower(), []).append(column.lower())
    return tables


@tap.case('/db/engines/same-columns-in-the-same-order')
def same_columns(t):
    for database in DATABASES:
        db, server = database.sqlite(), postgres.start(t)
        server.script(database.script('pg'))
        lite = columns(db.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"))
        out, _ = server.psql('SELECT table_name, column_name FROM information_schema.columns'
                             " WHERE table_schema = 'public' ORDER BY table_name, ordinal_position;")
        pg = columns(line.split('|') for line in out.splitlines())
        for table in ('changelog', 'changelogreaders'):
            if table in pg:
                pg[table].remove('xact')
        t.equal(pg, lite, database.name)


# Everything a notice listens to, once so that it fires and once so that it must not.
CHANGES = """
INSERT INTO Update_SyncStatus (SiteCode, WSUSServerName, UpdateSource_UniqueID) VALUES
  ('PS1', 'A.EXAMPLE.ORG', '{S}'), ('PS1', 'B.EXAMPLE.ORG', '{S}');
UPDATE Update_SyncStatus SET SyncNow = 'SELF' WHERE SiteCode = 'PS1';
UPDATE Update_SyncStatus SET SyncNow = NULL WHERE SiteCode = 'PS1';
UPDATE Update_SyncStatus SET SyncNow = 'FULL' WHERE SiteCode = 'PS1';
UPDATE Update_SyncStatus SET SyncNow = NULL WHERE SiteCode = 'PS1';
UPDATE Update_SyncStatus SET LastSyncState = 6704 WHERE SiteCode = 'PS1';
UPDATE Update_SyncStatus SET SyncCatalogVersion = 36, LastSuccessfulSyncTime = '2026-01-02T03:04:05.000Z'
 WHERE WSUSServerName = 'A.EXAMPLE.ORG';
UPDATE Update_SyncStatus SET SyncCatalogVersion = 36 WHERE WSUSServerName = 'A.EXAMPLE.ORG';
INSERT INTO SMSPackages (PkgID, Name, SourceSite, Action) VALUES ('PS100001', 'Dummy1', 'PS1', 2);
INSERT INTO SMSPackages_G (PkgID, Name, SourceSite) VALUES ('CS100001', 'Replicated', 'CS1');
UPDATE SMSPackages SET StoredPkgVersion = 1, UpdateMask = 32, UpdateMaskEx = 8388608, Action = 1
 WHERE PkgID = 'PS100001';
INSERT INTO PkgServers (PkgID, NALPath, SiteCode, SiteName, SourceSite, Action)
  VALUES ('PS100001', 'NAL1', 'PS1', 'One', 'PS1', 2);
INSERT INTO PkgServers_G (PkgID, NALPath, SiteCode, SourceSite) VALUES ('CS100001', 'NAL2', 'PS1', 'CS1');
UPDATE PkgServers_L SET Action = 0 WHERE PkgID = 'PS100001' AND Action <> 3;
INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode) VALUES ('NAL1', 'DP', 'PS1');
INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action)
  VALUES (1, 'PS100001', 1, 0, '2026-01-02T03:04:05.000Z', 1);
UPDATE DistributionJobs SET State = 2;
INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer) VALUES (72057594037928008, 'PS100001', 2, 'PS1', 'NAL1');
INSERT INTO PullDPResponse (PkgStatusID, MessageTime, PkgVersion, ActionState)
  VALUES (72057594037928008, '2026-01-02T03:04:05.000Z', 1, 16);
UPDATE PullDPResponse SET ActionState = 1;
DELETE FROM SMSPackages WHERE PkgID = 'CS100001';
"""
# Machines that begin and cease to count in the summary, and an update whose rules change. EMPTY: no
# bytes, which each engine writes in its own way.
CHANGES += """
INSERT INTO CI_UpdateSources (UpdateSource_ID, UpdateSource_UniqueID, UpdateSourceName, SourceSite,
                              ContentVersion, DateCreated, DateModified)
  VALUES (1, '{S}', 'Debian', 'PS1', 2, '', '');
INSERT INTO CI_ConfigurationItems (CI_ID, CI_UniqueID, RevisionNumber, UpdateSource_ID,
      MinSourceVersion, DateCreated, DateLastModified, SourceSite, Digest, RuleDigest)
  VALUES (1, 'a', 1, 1, 1, '', '', 'PS1', EMPTY, EMPTY), (2, 'b', 1, 1, 1, '', '', 'PS1', EMPTY, EMPTY),
         (3, 'c', 1, 1, 2, '', '', 'PS1', EMPTY, EMPTY);
INSERT INTO Update_ScanVersions (UpdateSource_ID, SourceVersion) VALUES (1, 1), (1, 2);
""" + ''.join(f"""
INSERT INTO Machines (ResourceID, SMSID, Name, SiteCode, State, StateTime, RegisteredTime,
                      Certificate, Fingerprint)
  VALUES ({n}, 'GUID:{n}', 'M{n}', 'PS1', {n} % 2, 'T{n}', '', '', '{n}');
INSERT INTO Update_ScanStatus (ResourceID, UpdateSource_ID, LastScanState, StateTime, SerialNumber,
                               LastScanVersion, CauseID)
  VALUES ({n}, 1, 3, '', 1, {v}, 1);
INSERT INTO Update_ComplianceStatus (ResourceID, CI_ID, Status, Revision, StateTime, SerialNumber,
                                     CauseID)
  VALUES ({n}, 1, 2, 1, '', 1, 1), ({n}, 2, {v}, 1, '', 1, 1), ({n}, 3, 0, 1, '', 1, 1);
UPDATE Machines SET State = 1 - State, StateTime = 'U{n}', Cause = 'C{n}' WHERE ResourceID = {n};
UPDATE Machines SET State = 1 - State WHERE ResourceID = {n};
UPDATE Machines SET State = 1 - State, Name = 'N' WHERE ResourceID = {n};
UPDATE Machines SET Name = 'N{n}' WHERE ResourceID = {n};
""" for n, v in ((10, 1), (12, 2), (14, 2), (16, 1), (18, 2))) + """
DELETE FROM Machines WHERE ResourceID = 12;
UPDATE Machines SET State = 2 WHERE ResourceID = 16;
DELETE FROM Machines WHERE ResourceID = 16;
UPDATE CI_ConfigurationItems SET MinSourceVersion = 3, DateLastModified = 'D', Cause = 'rules'
 WHERE CI_ID = 2;
UPDATE CI_ConfigurationItems SET MinSourceVersion = 1, DateLastModified = 'E' WHERE CI_ID = 1;
"""
QUESTIONS = (
    'SELECT Notice, TableName, Op, Value, Origin, Trace FROM ChangeLog ORDER BY Seq',
    'SELECT PkgID, Priority, Type FROM PkgNotification ORDER BY NotificationID',
    'SELECT PkgID, Name, StoredPkgVersion, UpdateMask, UpdateMaskEx, Action, PkgFlags FROM SMSPackages'
    ' ORDER BY PkgID',
    'SELECT PkgID, NALPath, SiteName, Action, RefreshTrigger FROM PkgServers ORDER BY PkgID',
    'SELECT COUNT(*) FROM SMSPackages_L', 'SELECT COUNT(*) FROM SMSPackages_G',
    'SELECT * FROM Update_ScanVersions ORDER BY UpdateSource_ID, SourceVersion',
    'SELECT * FROM Update_ComplianceCounts ORDER BY CI_ID',
    'SELECT * FROM Update_ComplianceSummary ORDER BY CI_ID',
)


def answers(ask):
    return [['|'.join('' if cell is None else str(cell) for cell in row) for row in ask(question)]
            for question in QUESTIONS]


def answers_sqlite(changes):
    db = SITE.sqlite()
    db.executescript(changes.replace('EMPTY', "x''"))
    return answers(lambda question: db.execute(question).fetchall())


def answers_postgresql(t, changes):
    server = postgres.start(t)
    server.script(SITE.script('pg'))
    server.script(changes.replace('EMPTY', "''"))
    return answers(lambda question: [line.split('|')
                                     for line in server.psql(question + ';')[0].splitlines()])


@tap.case('/db/engines/notices-fire-as-the-table-says-DIST-007')
def notices(t):
    got = answers_sqlite(CHANGES)
    t.equal(got[0], [
        'SyncNotif_WSyncMgr|Update_SyncStatus|UPDATE|SELF||',
        'SyncNotif_WSyncMgr|Update_SyncStatus|UPDATE|FULL||',
        'UpdSyncStatus_iu|Update_SyncStatus|UPDATE|{S}||',
        'PkgNotify_Add|PkgNotification|INSERT|PS100001||',
        'PkgNotify_Add|PkgNotification|INSERT|CS100001||',
        'DistributionJob_Creation|DistributionJobs|UPDATE|PS100001||',
        'PullDPResponse_UpdIns|PullDPResponse|INSERT|72057594037928008||',
        'PullDPResponse_UpdIns|PullDPResponse|UPDATE|72057594037928008||',
    ], 'the change log')
    t.equal(got[1:6], [
        ['PS100001|2|2', 'CS100001|2|2'],
        ['PS100001|Dummy1|1|32|8388608|1|16777216'],
        ['CS100001|NAL2||2|0', 'PS100001|NAL1|One|0|0'],
        ['1'], ['1'],
    ], 'packages')


@tap.case('/db/engines/machines-count-while-approved')
def summary(t):
    versions, counts, _ = answers_sqlite(CHANGES)[-3:]
    t.equal(versions, ['0|0|3|U16', '1|1|3|U16', '1|2|2|U18'], 'machines by version')
    t.equal(counts, ['1|3|0|0|0|U16|C16|', '2|0|0|0|0|D|rules|', '3|0|0|2|0|U18|C18|'], 'updates')


@tap.case('/db/engines/triggers-do-the-same-on-both')
def same_triggers(t):
    t.equal(answers_postgresql(t, CHANGES), answers_sqlite(CHANGES))


def statement(name):
    return next(s for s in SITE.statements if s.name == name)


@tap.case('/db/engines/late-commit-is-not-skipped')
def late_commit(t):
    """A transaction that took its number first and commits last."""
    server = postgres.start(t)
    server.script(SITE.script('pg'))
    prepare = ''.join(f'PREPARE {n} AS {statement(n).pg};\n'
                      for n in ('changelog_register', 'changelog_read', 'changelog_advance',
                                'changelog_trim'))
    notify = "INSERT INTO PkgNotification (PkgID, Type, TimeKey) VALUES ('{}', 1, '');\n"

    def read():
        out, err = server.psql(prepare + "EXECUTE changelog_read('drs', 100);")
        t.equal(err, '')
        return [line.split('|')[4] for line in out.splitlines()]

    def advance():
        values = {'reader': "'drs'", 'seq': ':seq'}
        given = ', '.join(values[name] for name in statement('changelog_advance').params)
        out, err = server.psql(prepare + 'SELECT MAX(Seq) AS seq FROM ChangeLog\n\\gset\n'
                               f'EXECUTE changelog_advance({given});\nEXECUTE changelog_trim;')
        t.equal((out, err), ('', ''))

    server.psql(prepare + notify.format('BEFORE') + "EXECUTE changelog_register('drs');")
    late = server.session()
    t.cleanup(late.wait)
    t.cleanup(late.stdin.close)
    late.stdin.write("BEGIN;\n" + notify.format('LATE') + "SELECT 'held';\n")
    late.stdin.flush()
    t.equal(late.stdout.readline(), 'held\n')
    server.psql(notify.format('EARLY'))
    t.equal(read(), [], 'while an older transaction is open')
    late.stdin.write("COMMIT;\nSELECT 'done';\n")
    late.stdin.flush()
    t.equal(late.stdout.readline(), 'done\n')
    t.equal(sorted(read()), ['EARLY', 'LATE'], 'when it has ended')
    advance()
    t.equal(read(), [], 'what was passed')
    server.psql(notify.format('NEXT'))
    t.equal(read(), ['NEXT'])


tap.main()
