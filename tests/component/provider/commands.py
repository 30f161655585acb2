#!/usr/bin/python3
"""The commands for packages, distribution points, groups and jobs, against a real provider; what a site server
would write is written with sqlite3."""
import datetime
import json
import random
import subprocess
import threading
import time

import lab
import tap
from providerbox import Box


def distribute(box, package, *points):
    box.site.run('package', 'distribute', package, '--dp', ','.join(points))


@tap.case('/provider/commands/package-from-creation-to-deletion')
def package(t):
    box = Box(t, 'DP01', 'DP02')
    run, said = box.site.run, lambda: box.site.said
    t.contains(run('package', 'create', 'App', '--source', box.source, '--what-if'), 'Would create')
    t.equal(box.query('SELECT COUNT(*) FROM SMSPackages'), [(0,)], 'packages after --what-if')
    package = run('package', 'create', 'App', '--source', box.source, '--package-version', '1.0', '--priority', 'high').strip()
    t.equal(package, 'LAB00001')
    t.equal(box.query('SELECT Name, Version, Priority, Source FROM SMSPackages'),
            [('App', '1.0', 1, str(box.source))])
    other = json.loads(run('New-CMPackage', '-Name', 'Other', '-Path', box.source, '--json'))['PackageID']
    t.equal(other, 'LAB00002')
    t.contains(run('package', 'list'), 'App')
    t.contains(run('package', 'show', 'App'), str(box.source))
    run('Start-CMContentDistribution', '-PackageId', package, '-DistributionPointName', 'DP01')
    distribute(box, 'App', 'dp02')
    t.equal(box.query('SELECT COUNT(*), MIN(Action) FROM PkgServers'), [(2, 2)])
    rows = box.site.json('package', 'status', package)
    t.equal([(row['Name'], row['StateName']) for row in rows],
            [(f'{name}.LAB', 'Waiting to install package') for name in ('DP01', 'DP02')])
    t.contains(run('package', 'status', package), 'Waiting to install package')
    # Again: nothing where it is under way or whole, which is said; what failed or was cancelled is done again.
    def rows(action):
        box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 1')
        box.change('UPDATE PkgServers_L SET Action = ?', action)
        box.change('DELETE FROM PkgNotification')
        run('package', 'distribute', package, '--dp', 'DP01,DP02')
        return [row[0] for row in box.query('SELECT Action FROM PkgServers ORDER BY NALPath')], \
            box.query('SELECT COUNT(*) FROM PkgNotification WHERE Type = 4')[0][0] > 0

    for number, (name, status) in enumerate((('DP01', 3), ('DP02', 5))):
        box.change('INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, SourceVersion) '
                   "VALUES (?, ?, 2, 'LAB', ?, ?, 1)", number + 1, package, box.nal(name), status)
    t.equal(rows(0), ([0, 2], True), 'what failed is added anew')
    t.contains(said(), f'{package} (App) is on DP01.LAB already; upkeep package redistribute')
    t.contains(said(), 'It is being distributed;')
    for values, expected in (("3, 1", 0), ("6, 1", 2), ("3, 5", 2)):
        box.change('DELETE FROM DistributionJobs')
        box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, Action, CreationTime) SELECT DPID, ?, 1, '
                   f"{values}, '2026-01-01T00:00:00.000Z' FROM DistributionPoints WHERE ServerName = 'DP02.LAB'", package)
        t.equal(rows(0)[0], [0, expected], f'a job with {values}')
    box.change('DELETE FROM DistributionJobs')
    box.change('UPDATE PkgStatus SET Status = 3')
    t.equal(rows(0), ([0, 0], False), 'what is whole')
    t.equal('It is being distributed' in said(), False, said())
    box.change('DELETE FROM PkgStatus')
    box.change('UPDATE PkgServers_L SET Action = 2')
    box.change('UPDATE SMSPackages_L SET Action = 0')
    run('package', 'update', package)
    t.equal(box.query('SELECT Action, UpdateMask FROM SMSPackages WHERE PkgID = ?', package), [(1, 32)])
    run('package', 'redistribute', package, '--dp', 'DP01')
    t.equal(box.query('SELECT RefreshTrigger FROM PkgServers ORDER BY NALPath'), [(1,), (0,)])
    run('package', 'validate', package, '--dp', 'DP02')
    run('package', 'remove-content', package, '--all')
    t.equal(box.query('SELECT Action FROM PkgServers'), [(3,), (3,)])
    run('package', 'set', package, '--name', 'Application', '--description', 'x')
    t.equal(box.query('SELECT Name, Description FROM SMSPackages WHERE PkgID = ?', package), [('Application', 'x')])
    run('package', 'delete', package, other)
    t.equal(box.query('SELECT Action FROM SMSPackages'), [(3,), (3,)])
    run('package', 'update', package, 'nothing', status=1)
    t.contains(said(), 'is being deleted')
    t.contains(said(), 'there is no package nothing (upkeep package list shows all)')


@tap.case('/provider/commands/waiting-follows-to-the-end')
def waiting(t):
    """The states that a site server writes, seen by a command that waits; it ends when all is there, and fails
    with the reason when one has given up."""
    box = Box(t, 'DP01', 'DP02')
    package = box.create('App')
    with subprocess.Popen([lab.UPKEEP, 'package', 'distribute', package, '--all', '--wait'], env=box.site.env,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as command:
        box.site.wait(lambda: box.query('SELECT COUNT(*) FROM PkgServers') == [(2,)], 'the rows')
        # The site server does not run in this test, which is said before an administrator wonders.
        late = threading.Timer(tap.patience(60), command.kill)
        late.start()
        t.equal(any('upkeep-site does not run, and until it does nothing goes on (upkeep lab up --root' in line
                    for line in command.stderr), True, 'what is said of the site server')
        late.cancel()
        for number, name in enumerate(('DP01', 'DP02')):
            box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, SourceVersion) "
                       "VALUES (?, ?, 2, 'LAB', ?, 3, 1)", number + 1, package, box.nal(name))
        box.change('UPDATE PkgServers_L SET Action = 0')
        t.equal(command.poll(), None, 'the command, while the package is being added')
        box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 1')
        said = command.communicate(timeout=tap.patience(30))[1]
    t.equal(command.returncode, 0)
    for text in ('DP01.LAB', 'DP02.LAB', f'{package} (App) is done.'):
        t.contains(said, text)
    box.change("UPDATE PkgStatus SET Status = 5, ErrorText = 'the disk is full' WHERE PKID = 2")
    box.site.run('package', 'status', package, '--follow', status=3)
    t.contains(box.site.said, f'package {package} failed on 1 of 2 distribution points; DP02.LAB: the disk is full')
    box.change("DELETE FROM PkgServers_G")
    box.change("DELETE FROM PkgServers_L")
    box.site.run('package', 'delete', package)
    with subprocess.Popen([lab.UPKEEP, 'package', 'delete', package, '--wait'], env=box.site.env,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as command:
        box.site.wait(lambda: len(box.query("SELECT 1 FROM Audit WHERE Action = 'deleted'")) == 2, 'the call')
        box.change('DELETE FROM SMSPackages')
        said = command.communicate(timeout=tap.patience(30))[1]
    t.equal(command.returncode, 0, said)
    t.contains(said, 'is gone')


def windows_come_back(t, box):
    """Whatever the letters are, what is shown of them makes the same letters."""
    seed = random.randrange(1 << 30)
    print(f'# windows of seed {seed}')
    dice = random.Random(seed)
    weeks = ['C' * 168, 'A' * 144 + 'C' * 24, 'H' * 24 + 'A' * 144, 'A' * 23 + 'M' * 2 + 'A' * 143,
             ('A' * 8 + 'H' * 10 + 'M' * 2 + 'A' * 4) * 7]
    weeks += [''.join(dice.choice('AMHC') * 6 for _ in range(28)) for _ in range(3)]
    for week in weeks:
        box.change("UPDATE DistributionPoints SET Schedule = ? WHERE ServerName = 'PDP01.LAB'", week)
        lines = box.site.run('dp', 'show', 'PDP01').split('Window ')[1].split('Sources')[0].splitlines()
        windows = [line.strip() for line in lines]
        box.site.run('dp', 'set', 'DP01', '--window', ','.join(windows))
        t.equal(box.query("SELECT Schedule FROM DistributionPoints WHERE ServerName = 'DP01.LAB'"), [(week,)], str(windows))
    box.site.run('dp', 'set', 'DP01', '--window', 'none')
    t.equal('Window' in box.site.run('dp', 'show', 'DP01'), False)


@tap.case('/provider/commands/distribution-points-and-their-settings')
def points(t):
    # A certificate for all programs of the machine, which the provider does not ask its callers to believe.
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=site.example.org', '-days', '9',
                    '-keyout', t.dir / 'web.key', '-out', t.dir / 'web.crt'], check=True, capture_output=True)
    box = Box(t, settings=(f'http.certificate={t.dir / "web.crt"}', f'http.key={t.dir / "web.key"}'))
    run = box.site.run
    run('dp', 'add', 'DP01.LAB', '--url', 'http://127.0.0.1:81/')
    run('dp', 'add', 'PDP01.LAB', '--url', 'http://127.0.0.1:82', '--pull', '--source', 'dp01', '--rate-limit', '5M',
        '--window', 'mon-fri 08-18 high', '--window', 'sat 0-24 closed')
    hours = box.query("SELECT Schedule FROM DistributionPoints WHERE ServerName = 'PDP01.LAB'")[0][0]
    t.equal([hours[day * 24:day * 24 + 24] for day in range(7)],
            ['A' * 24] + ['A' * 8 + 'H' * 10 + 'A' * 6] * 5 + ['C' * 24])
    t.equal(box.query('SELECT ServerName, Url, IsPullDP, RateLimit FROM DistributionPoints ORDER BY 1'),
            [('DP01.LAB', 'http://127.0.0.1:81', 0, 0), ('PDP01.LAB', 'http://127.0.0.1:82', 1, 5000000)])
    t.equal(box.query('SELECT * FROM PullDPMap'), [('PDP01.LAB', 'DP01.LAB', 1)])
    shown = run('dp', 'show', 'pdp01')
    t.contains(shown, 'DP01.LAB, rank 1')
    t.contains(shown, 'Window           mon-fri 08-18 high\n                 sat 00-24 closed\n')
    windows_come_back(t, box)
    run('dp', 'set', 'PDP01', '--rate-limit', '0', '--window', 'none', '--maintenance', 'on')
    t.equal(box.query("SELECT RateLimit, Schedule, Maintenance FROM DistributionPoints WHERE IsPullDP = 1"),
            [(0, '', 1)])
    t.contains(run('dp', 'list'), 'not yet configured')
    package = box.create('App')
    distribute(box, package, 'DP01')
    t.contains(run('dp', 'status', 'DP01'), 'App')
    run('dp', 'remove', 'DP01', status=1)
    t.contains(box.site.said, 'upkeep package remove-content')
    # A name in full is that one, though others begin with it; of those alone one is to be named in full.
    for server, port in (('DP01.AWAY', 84), ('DP01', 83)):
        run('dp', 'add', server, '--url', f'http://127.0.0.1:{port}')
    t.contains(run('dp', 'show', 'dp01'), 'http://127.0.0.1:83')
    run('dp', 'remove', 'DP01')
    run('dp', 'show', 'DP01', status=1)
    t.contains(box.site.said, 'several distribution points begin with DP01; name one in full')
    run('dp', 'remove', 'DP01.AWAY')
    run('dp', 'set', 'DP01', '--source', 'PDP01', status=1)
    t.contains(box.site.said, 'only such a one has sources; to make it one')
    run('dp', 'remove', 'PDP01')
    t.equal([row['ServerName'] for row in box.site.json('dp', 'list')], ['DP01.LAB'])
    for words, said in ((('dp', 'add', 'x'), 'where is it reached?'), (('dp', 'set', 'DP01'), 'nothing is to be'),
                        (('dp', 'set', 'DP01', '--rate-limit', 'fast'), 'bytes a second are wanted'),
                        (('dp', 'set', 'DP01', '--window', 'always'), 'days, hours and what'),
                        (('dp', 'set', 'DP01', '--window', 'mon 18-08 high'), 'hours from 0 to 24'),
                        (('dp', 'set', 'DP01', '--maintenance', 'maybe'), 'on or off')):
        run(*words, status=2)
        t.contains(box.site.said, said)
    run('dp', 'show', 'nobody', status=1)
    t.contains(box.site.said, 'there is no distribution point nobody (upkeep dp list shows all)')


@tap.case('/provider/commands/groups-and-jobs')
def groups(t):
    box = Box(t, 'DP01', 'DP02')
    run = box.site.run
    package = box.create('App')
    run('dp-group', 'create', 'North', '--description', 'all')
    run('dp-group', 'add', 'north', 'DP01', 'dp02')
    run('dp-group', 'add-package', 'North', 'App')
    t.equal(box.query('SELECT COUNT(*) FROM PkgServers WHERE PkgID = ?', package), [(2,)])
    shown = run('dp-group', 'show', 'North')
    for text in ('DP01.LAB', 'DP02.LAB', f'{package} App'):
        t.contains(shown, text)
    second = box.create('Second')
    run('package', 'distribute', second, '--group', 'North')
    t.equal(box.query('SELECT COUNT(*) FROM PkgServers WHERE PkgID = ?', second), [(2,)])
    run('dp-group', 'remove', 'North', 'DP01')
    run('dp-group', 'remove-package', 'North', package)
    t.equal(box.query('SELECT Action FROM PkgServers WHERE PkgID = ? ORDER BY NALPath', package), [(2,), (3,)])
    run('dp-group', 'delete', 'North')
    run('dp-group', 'show', 'North', status=1)
    t.contains(box.site.said, 'upkeep dp-group list')
    for version in (1, 2):
        box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action, TotalSize, '
                   "RemainingSize) SELECT DPID, ?, ?, 3, '2026-01-01T00:00:00.000Z', 1, 4000000, 1000000 "
                   "FROM DistributionPoints WHERE ServerName = 'DP01.LAB'", package, version)
    listed = run('job', 'list', 'App')
    for text in ('under way', '3.0 MB of 4.0 MB', 'DP01.LAB'):
        t.contains(listed, text)
    first, last = [row['JobID'] for row in box.site.json('job', 'list')]
    run('job', 'top', last)
    t.equal([row['JobID'] for row in box.site.json('job', 'list')], [last, first])
    run('job', 'pause', last)
    t.contains(run('job', 'list'), 'paused')
    t.contains(run('package', 'status', package), 'Paused')
    run('job', 'resume', last)
    run('job', 'cancel', last, first)
    t.equal(box.query('SELECT DISTINCT Action FROM DistributionJobs'), [(5,)])
    run('job', 'cancel', 'all', status=2)
    t.contains(box.site.said, 'the number of a job is wanted')
    t.equal(box.site.json('job', 'list', 'DP02'), [])


@tap.case('/provider/commands/why-names-the-broken-link-and-the-next-command')
def why(t):
    """Each link broken by its rows, from the first on; the command that is named is there."""
    box = Box(t, 'DP01', 'PDP01')
    package = box.create('App')

    def ask(point='DP01', **expected):
        answer = box.site.json('why', 'dp', point, 'package', 'App')
        for key, value in expected.items():
            t.equal(answer[key], value, f'{key} of {answer}')
        marked = [link['Link'] for link in answer['Links'] if link['State'] == 'broken']
        t.equal(marked, [answer['BrokenLink']] if answer['BrokenLink'] else [], 'the links marked')
        return answer

    answer = ask(BrokenLink='source', Status='not there')
    t.equal(answer['Links'][1]['Time'], None, 'when it was last read: never')
    box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 1')
    box.change("INSERT INTO PkgContents (PkgID, Version, ContentID, Hash, Files, Size, CreationTime) "
               "VALUES (?, 1, ?, '', 1, 1000, '2026-01-01T00:00:00.000Z')", package, package + '.1')
    ask(BrokenLink='given', NextCommand=f'upkeep package distribute {package} --dp DP01.LAB')
    distribute(box, package, 'DP01', 'PDP01')
    ask(BrokenLink='point')
    box.change("UPDATE DistributionPoints SET ConfiguredTime = '2026-01-01T00:00:00.000Z'")
    ask(BrokenLink=None, Status='under way')
    ask('PDP01', BrokenLink='sources', NextCommand='upkeep dp set PDP01.LAB --source DP')
    box.site.run('dp', 'set', 'PDP01', '--source', 'DP01')
    ask('PDP01', BrokenLink='sources', NextCommand=f'upkeep why dp DP01.LAB package {package}')
    box.change("UPDATE PkgServers_L SET Action = 3 WHERE NALPath LIKE '%DP01.LAB%' AND NALPath NOT LIKE '%PDP01%'")
    ask('PDP01', BrokenLink='sources', NextCommand=f'upkeep package distribute {package} --dp DP01.LAB')
    box.change("UPDATE PkgServers_L SET Action = 2")
    box.change("INSERT INTO ContentDPMap (ServerName, ContentID, Version) VALUES ('DP01.LAB', ?, 1)", package)
    ask('PDP01', BrokenLink=None)
    box.site.run('dp', 'set', 'DP01', '--maintenance', 'on')
    ask(BrokenLink='point', NextCommand='upkeep dp set DP01.LAB --maintenance off')
    box.site.run('dp', 'set', 'DP01', '--maintenance', 'off')
    box.change("UPDATE DistributionPoints SET ConfiguredTime = '2026-01-01T00:00:00.000Z', Failures = 3, "
               "LastError = 'no route' WHERE ServerName = 'DP01.LAB'")
    answer = ask(BrokenLink='contact', NextMachine=None, NextCommand=f'upkeep lab up --root {box.site.root}')
    t.contains(answer['Links'][5]['Cause'], '3 calls failed: no route')
    t.contains(box.site.run('site', 'status', status=3), '! distribution point DP01.LAB: 3 calls failed: no route\n'
                                                         '    next: upkeep dp show DP01.LAB\n')
    (box.site.root / '.upkeep-lab').rename(box.site.root / 'aside')  # then a service manager starts the programs
    ask(BrokenLink='contact', NextMachine='DP01.LAB', NextCommand='systemctl status upkeep-dp')
    (box.site.root / 'aside').rename(box.site.root / '.upkeep-lab')
    box.change('UPDATE DistributionPoints SET Failures = 0')
    box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action) '
               "SELECT DPID, ?, 1, 8, '2026-01-01T00:00:00.000Z', 1 FROM DistributionPoints "
               "WHERE ServerName = 'DP01.LAB'", package)
    job = box.query('SELECT JobID FROM DistributionJobs')[0][0]
    ask(BrokenLink='job', NextCommand=f'upkeep job resume {job}')
    # Closed now, open in the hour after the next: the letters begin on Sunday, by the clock of this machine.
    now = time.localtime()
    hour = ((now.tm_wday + 1) % 7 * 24 + now.tm_hour + 2) % 168
    box.change('UPDATE DistributionPoints SET Schedule = ?', ('H' * 168)[:hour] + 'A' + 'H' * (167 - hour))
    ask(BrokenLink='job')
    box.change('UPDATE DistributionJobs SET State = 4')
    answer = ask(BrokenLink='point', NextCommand='upkeep dp show DP01.LAB')
    opens = time.gmtime((time.time() // 3600 + 2) * 3600)
    opens = time.strftime('%Y-%m-%dT%H:00:00', opens)
    t.contains(answer['Links'][4]['Cause'], f'jobs of priority 2 may not be sent to it before {opens}')
    closed = "SMS_DistributionDPStatus?$filter=ClosedUntil gt '2020' and ClosedUntil eq ClosedUntil&$orderby=ClosedUntil"
    t.equal([row['ClosedUntil'][:19] for row in box.get(closed)], [opens])
    status = box.site.run('package', 'status', package)
    t.contains(status, 'its window is closed for such a job (upkeep dp show DP01.LAB); before: no route')
    t.contains(status, '  in ')
    box.change('UPDATE DistributionPoints SET Schedule = ?', 'C' * 168)
    t.contains(ask(BrokenLink='point')['Links'][4]['Cause'], 'jobs of priority 2 may never be sent to it')
    status = box.site.run('package', 'status', package)
    t.contains(status, 'its window never opens for such a job')
    t.equal('  in ' in status, False, status)
    box.change("UPDATE DistributionPoints SET Schedule = ''")
    t.equal(box.get(closed), [])
    box.change('UPDATE DistributionJobs SET State = 8')
    said = box.site.run('why', 'dp', 'DP01', 'package', package)
    t.contains(said, f'App ({package}) on DP01.LAB: not there, because its job is paused.')
    t.contains(said, f'Next: upkeep job resume {job}')
    # A full disk, in the words that a distribution point has for it: of the last try, and not of one that is under way.
    words = 'DP01: package x needs 17 MB more; the volume of /x has 11 MB free of 64 MB: make room there, the rest is taken when there is'
    for values, broken in (("State = 4", 'room'), ("State = 3", None)):
        box.change(f'UPDATE DistributionJobs SET {values}, LastError = ?', words)
        answer = ask(BrokenLink=broken)
        t.equal('17 MB' in answer['Links'][6]['Cause'], broken is not None)
    # A pull distribution point tells by itself: its job is under way all the time.
    box.change("UPDATE DistributionJobs SET State = 3, LastError = '', SendAction = 'PullQueryResultAction', DPID = "
               "(SELECT DPID FROM DistributionPoints WHERE ServerName = 'PDP01.LAB')")
    ask('PDP01', BrokenLink=None, Status='under way')
    for words, broken, command in (('/x is full: make room there', 'room', 'upkeep dp status PDP01.LAB'),
                                   ('/x: Input/output error', 'arrival', 'upkeep log --component PullDP --since 1d')):
        box.change("DELETE FROM PkgStatus")
        box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, SourceVersion, ErrorText) "
                   "VALUES (8, ?, 2, 'LAB', ?, 4, 0, ?)", package, box.nal('PDP01'), words)
        answer = ask('PDP01', BrokenLink=broken, Status='not there', NextCommand=command)
        t.contains([link['Cause'] for link in answer['Links'] if link['State'] == 'broken'][0], words)
    # One that is so full that it cannot be configured answers that.
    box.change("UPDATE DistributionPoints SET Failures = 1, LastError = 'DP: no space: make room there' "
               "WHERE ServerName = 'DP01.LAB'")
    ask(BrokenLink='room')
    box.change('UPDATE DistributionPoints SET Failures = 0')
    box.change('DELETE FROM DistributionJobs')
    box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, SourceVersion) "
               "VALUES (7, ?, 2, 'LAB', ?, 3, 1)", package, box.nal('DP01'))
    ask(BrokenLink=None, Status='there', NextCommand=None)
    # What is asked for again and stands still is named, although the package is there.
    box.change("UPDATE PkgServers_L SET Action = 0")
    box.site.run('dp', 'set', 'DP01', '--maintenance', 'on')
    ask(BrokenLink=None, Status='there')
    box.change("UPDATE PkgServers_L SET Action = 2, RefreshTrigger = 1")
    ask(BrokenLink='point', Status='there', NextCommand='upkeep dp set DP01.LAB --maintenance off')
    t.contains(box.site.run('why', 'dp', 'DP01', 'package', package), 'there, but it is in maintenance')
    box.change("UPDATE PkgServers_L SET Action = 0, RefreshTrigger = 0")
    box.change("UPDATE SMSPackages_L SET Action = 1")
    ask(BrokenLink=None, Status='there')
    box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, SourceVersion, ErrorText) "
               "VALUES (9, ?, 1, 'LAB', 'site.lab', 4, 1, 'a FIFO')", package)
    answer = ask(BrokenLink='source', Status='there', NextCommand=f'upkeep package update {package}')
    t.contains(answer['Links'][1]['Cause'], 'a FIFO')
    t.contains(answer['Because'], 'the version before is served')
    box.site.run('why', 'dp', 'DP01', 'update', '1', status=2)
    box.site.run('why', 'dp', 'DP09', 'package', package, status=1)
    t.contains(box.site.said, 'upkeep dp list')


@tap.case('/provider/commands/trace-tells-one-story-over-logs-files-and-machines')
def trace(t):
    """Records of the two forms, of another machine and of another action; a file that waits."""
    box = Box(t, 'DP01')
    package = box.create('App')
    first = box.query('SELECT Trace FROM Audit ORDER BY AuditID DESC LIMIT 1')[0][0]
    distribute(box, package, 'DP01')
    newest = box.query('SELECT Trace FROM Audit ORDER BY AuditID DESC LIMIT 1')[0][0]
    now = datetime.datetime.now(datetime.timezone.utc)

    def stamp(seconds, form):
        return (now + datetime.timedelta(seconds=seconds)).strftime(form)

    def server(text, trace, seconds):
        return (f'{text}  $$<SMS_DISTRIBUTION_MANAGER><{stamp(seconds, "%m-%d-%Y %H:%M:%S")}.000+000>'
                f'<thread=77 (0x4D)><trace={trace}>\r\n')

    box.site.path('var/log/upkeep/DistMgr.log').write_text(
        server('Start adding', newest, 5) + server('Not of it', first, 6) + server('Done adding', newest, 8), newline='')
    logs = box.site.dp_path('DP01', 'var/log/upkeep')
    logs.mkdir(parents=True)
    logs.joinpath('SMSDPProv.log').write_text(
        f'<![LOG[Content has been added]LOG]!><time="{stamp(7, "%H:%M:%S")}.500+000" date="{stamp(7, "%m-%d-%Y")}" '
        f'component="SMSDPProv" context="{newest}" type="1" thread="9" file="a.c:1">\r\n', newline='')
    box.site.inbox('distmgr.box').mkdir(parents=True, exist_ok=True)
    box.site.inbox('distmgr.box', f'{package}.PKN').write_text(f'Seq: 1\nTrace: {newest}\n')
    story = box.site.json('trace', 'package', 'App')
    t.equal((story['Trace'], story['Action']), (newest, 'called SMS_Package.AddDistributionPoints'))
    told = [(row['Machine'], row['Component'], row['Text']) for row in story['Records'][-3:]]
    t.equal(told, [('', 'SMS_DISTRIBUTION_MANAGER', 'Start adding'), ('DP01', 'SMSDPProv', 'Content has been added'),
                   ('', 'SMS_DISTRIBUTION_MANAGER', 'Done adding')])
    t.equal(story['Records'][0]['Component'], 'SMS Provider')
    t.equal(story['Waiting'], [str(box.site.inbox('distmgr.box', f'{package}.PKN'))])
    said = box.site.run('trace', 'package', package)
    t.equal([(row['Name'], row['StateName']) for row in story['DistributionPoints']], [('DP01.LAB', 'Waiting to install package')])
    for text in ('3.000 s', 'SMSDPProv on DP01', 'Done adding', 'DP01.LAB', 'Waiting to install package'):
        t.contains(said, text)
    t.equal('Not of it' in said, False)
    t.contains(box.site.run('trace', 'package', package, '--trace', first, '--records'), 'Not of it')
    t.equal(len(box.site.json('trace', 'package', package, '--list')), 2)
    # Nor is what came with a group left out: its audit names the packages.
    other = box.create('InGroup')
    box.site.run('dp-group', 'create', 'North')
    box.site.run('dp-group', 'add-package', 'North', other)
    box.site.run('dp-group', 'add', 'North', 'DP01')
    story = box.site.json('trace', 'package', other)
    t.equal((story['Action'], [row['Name'] for row in story['DistributionPoints']]),
            ('called SMS_DistributionPointGroup.AddDistributionPoints', ['DP01.LAB']))
    # What is asked for later and moves nothing does not hide it: it is told in a line each.
    box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action, Trace) SELECT DPID, ?, '
               "1, 3, '2026-01-01T00:00:00.000Z', 1, ? FROM DistributionPoints", package, newest)
    job = box.query('SELECT JobID FROM DistributionJobs')[0][0]
    box.site.run('job', 'pause', job)
    box.site.run('package', 'validate', package, '--dp', 'DP01')
    t.equal(box.query('SELECT State, Trace FROM DistributionJobs'), [(8, newest)], 'what the job is the work of')
    pause, validate = (row[0] for row in box.query('SELECT Trace FROM Audit ORDER BY AuditID DESC LIMIT 2')[::-1])
    story = box.site.json('trace', 'package', package)
    t.equal((story['Trace'], story['Records'][-1]['Text']), (newest, 'Done adding'))
    t.equal([(row['Method'], row['Trace']) for row in story['Later']], [('Pause', pause), ('VerifyPackage', validate)])
    said = box.site.run('trace', 'package', package)
    for text in ('Done adding', 'Since then:', 'called SMS_DistributionJob.Pause', f'trace {pause}', f'trace {validate}'):
        t.contains(said, text)
    t.equal(box.site.json('trace', 'package', package, '--trace', pause)['Action'], 'called SMS_DistributionJob.Pause')
    box.site.run('package', 'update', package)
    story = box.site.json('trace', 'package', package)
    t.equal((story['Action'], story['Later']), ('called SMS_Package.RefreshPkgSource', []))
    box.site.run('trace', 'package', package, '--trace', 'x', status=2)
    box.site.run('trace', 'package', package, '--trace', '0' * 32, status=1)
    t.contains(box.site.said, 'upkeep trace package')


tap.main()
