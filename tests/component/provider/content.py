#!/usr/bin/python3
"""The provider's classes of packages and distribution points, spoken to over HTTP as any tool would; rows are
read with sqlite3, log lines held against docs/spec/93-logs.md. The site server has made the database and is
gone, so that what was asked for stays as it was asked."""
import json
import os
import pwd
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse

import lab
import tap
from providerbox import Box

OTHER = pwd.getpwnam('nobody')
ASK = """import sys, urllib.request, urllib.error
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, headers={'X-Upkeep-User': 'root'})).status)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode().strip())
"""


def ask_as(user, *urls):
    """What the provider answers a process of another user, one line for each URL; only root may ask so."""
    done = subprocess.run([sys.executable, '-c', ASK, *urls], user=user.pw_uid, group=user.pw_gid, extra_groups=[],
                          capture_output=True, text=True, check=True, cwd='/')
    return done.stdout.splitlines()


@tap.case('/provider/content/package-is-created-DIST-004-DIST-005-DIST-006-DIST-007')
def created(t):
    box = Box(t)
    first, second = box.create(Version='1.0', Manufacturer='Contoso'), box.create('Dummy2')
    t.equal((first, second), ('LAB00001', 'LAB00002'))
    for name in ('a\x1b[2J', 'a\nb'):
        t.contains(box.post('SMS_Package', 400, Name=name, PkgSourcePath=str(box.source)), 'control characters')
    t.equal(box.query('SELECT Name, Version, Manufacturer, Source, SourceSite, StoredPkgPath, StoredPkgVersion, '
                      'StorePkgFlag, ShareType, HashVersion, Permission, Priority, PkgFlags, SourceVersion, '
                      'PackageType, SourceLocaleID, UpdateMask, UpdateMaskEx, Action, RefreshSchedule '
                      'FROM SMSPackages WHERE PkgID = ?', first),
            [('Dummy1', '1.0', 'Contoso', str(box.source), 'LAB', '', 0, 2, 1, 1, 15, 2, 16777216, 1, 0, 1033, 0, 0,
              2, '')])
    t.equal(box.query('SELECT substr(LastRefresh, 1, 19) FROM SMSPackages_L WHERE PkgID = ?', first),
            [('1970-04-10T06:35:00',)])
    t.equal(box.query('SELECT Priority, Type FROM PkgNotification WHERE PkgID = ?', first), [(2, 2)])
    box.expect_log('8.1')
    t.equal(box.query("SELECT Action, ObjectID FROM Audit WHERE ClassName = 'SMS_Package'"),
            [('created', first), ('created', second)])
    t.equal({name.split('\\')[1] for name, in box.query('SELECT UserName FROM Audit')}, {pwd.getpwuid(os.getuid()).pw_name})
    row = box.get(f"SMS_Package('{first}')")[0]
    t.equal((row['Name'], row['PkgSourcePath'], row['ActionInProgress'], row['StoredPkgVersion']),
            ('Dummy1', str(box.source), 2, 0))
    trace = box.query('SELECT Trace FROM SMSPackages WHERE PkgID = ?', first)[0][0]
    t.equal((len(trace), box.query('SELECT Trace FROM Audit')[0][0]), (32, trace))


@tap.case('/provider/content/no-package-is-made-of-what-upkeep-keeps-to-itself')
def own_folders(t):
    box = Box(t)
    keys = box.site.path('var/lib/upkeep/site/keys')
    link = t.dir / 'link'
    link.symlink_to(keys)
    for folder in (keys, f'{box.source}/../{box.site.root.name}/var/lib/upkeep', box.site.path('etc/upkeep'), link, box.site.root,
                   box.site.path('run'), '/'):
        said = box.post('SMS_Package', 403, Name='Keys', PkgSourcePath=str(folder))
        t.contains(said, 'where Upkeep keeps what is not for others to read')
    package = box.create()
    box.post(f"SMS_Package('{package}')", 403, PkgSourcePath=str(keys))
    box.source.rmdir()
    box.source.symlink_to(keys)
    box.post(f"SMS_Package('{package}')/AdminService.RefreshPkgSource", 403)
    t.equal(box.query('SELECT Name, Source FROM SMSPackages'), [('Dummy1', str(box.source))])


@tap.case('/provider/content/only-administrators-are-served')
def administrators(t):
    if os.getuid() != 0:
        t.skip('only root can ask as another user')
    box = Box(t)
    urls = [f'{box.base}SMS_Site', f'{box.base}$metadata']
    for said in ask_as(OTHER, *urls):
        t.contains(said, '403 ')
        t.contains(said, f'{OTHER.pw_name} may not administer this site: run it as root (sudo) or as root')
    # Nor is a stranger's page that an administrator's browser shows, by whatever name it came here.
    port, url = box.site.port('provider'), f'{box.base}SMS_Site'
    for head, status in ({}, 200), ({'Sec-Fetch-Site': 'none'}, 200), ({'Host': f'localhost:{port}'}, 200), ({'Host': '[::1]'}, 200), \
            ({'Origin': 'http://evil.example'}, 403), ({'Sec-Fetch-Site': 'cross-site'}, 403), ({'Host': f'evil.example:{port}'}, 403), \
            ({'Host': '127.evil'}, 403):
        said = subprocess.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}',
                               *(f'-H{name}: {value}' for name, value in head.items()), url], capture_output=True, text=True).stdout
        t.equal(said, str(status), f'{head}')
    # The command says so too, and not that no provider runs, where it may not see the port.
    done = subprocess.run([lab.UPKEEP, 'package', 'list', '--root', str(box.site.root)], user=OTHER.pw_uid, group=OTHER.pw_gid,
                          extra_groups=[], capture_output=True, text=True, cwd='/')
    t.contains(done.stderr, f'{OTHER.pw_name} may not administer the site below ')
    # In the group upkeep, in which the units run; /etc as it is where the group has that member.
    site, etc = box.site, t.dir / 'etc'
    etc.mkdir()
    (etc / 'group').write_text(f'root:x:0:\nnogroup:x:{OTHER.pw_gid}:\nupkeep:x:4711:{OTHER.pw_name}\n')
    site.kill('provider')
    mounted = subprocess.run(['unshare', '-m', 'true'], capture_output=True)
    if mounted.returncode != 0:
        t.skip('unshare is not permitted')
    ready = site.path('run/upkeep/provider.ready')
    ready.unlink(missing_ok=True)
    program = subprocess.Popen(['unshare', '-m', 'sh', '-c', f'mount --bind {etc}/group /etc/group && exec setpriv --regid=4711 '
                                f'--clear-groups {lab.role_program("provider")} --root {site.root}'], env=site.env)
    t.cleanup(program.wait)
    t.cleanup(program.terminate)
    site.wait(ready.exists, 'the provider in the group')
    box.base = f'http://127.0.0.1:{site.port("provider")}/AdminService/wmi/'
    t.equal(ask_as(OTHER, f'{box.base}SMS_Site'), ['200'])
    daemon = pwd.getpwnam('daemon')
    t.contains(ask_as(daemon, f'{box.base}SMS_Site')[0], 'or become a member of the group upkeep (as root: usermod -aG upkeep daemon)')


@tap.case('/provider/content/given-to-distribution-points-DIST-030-DIST-031-DIST-032-DIST-087')
def distributed(t):
    box = Box(t, 'DP01', 'DP02')
    package = box.create()
    box.change('DELETE FROM PkgNotification')
    box.post(f"SMS_Package('{package}')/AdminService.AddDistributionPoints",
             DistributionPoint=['dp01.lab', {'ServerNALPath': box.nal('DP02')}])
    t.equal(box.query('SELECT NALPath, SiteCode, SiteName = (SELECT SiteName FROM Sites), SourceSite, '
                      'substr(LastRefresh, 1, 19), RefreshTrigger, UpdateMask, Action FROM PkgServers ORDER BY 1'),
            [(box.nal(name), 'LAB', 1, 'LAB', '1970-04-10T06:35:00', 0, 0, 2) for name in ('DP01', 'DP02')])
    t.equal(set(box.query('SELECT PkgID, Priority, Type FROM PkgNotification')), {(package, 2, 4)})
    box.expect_log('9.1')
    rows = box.get(f"SMS_DistributionDPStatus?$filter=PackageID eq '{package}'")
    t.equal([(row['Name'], row['MessageState'], row['State'], row['StateName']) for row in rows],
            [(f'{name}.LAB', 2, 1, 'Waiting to install package') for name in ('DP01', 'DP02')])
    t.equal([row['Status'] for row in box.get('SMS_DistributionPoint')], [2, 2])


@tap.case('/provider/content/content-of-an-application-is-a-class-of-its-own-DIST-092')
def application(t):
    box = Box(t, 'PDP01')
    package = box.create(kind='SMS_ContentPackage')
    box.post(f"SMS_ContentPackage('{package}')/AdminService.AddDistributionPoints", DistributionPoint=['PDP01.LAB'])
    box.expect_log('11.1')
    t.equal(box.query('SELECT PackageType FROM SMSPackages'), [(8,)])
    t.equal(box.query('SELECT Action FROM PkgServers'), [(2,)])
    t.equal([row['PackageID'] for row in box.get('SMS_ContentPackage')], [package])
    t.equal(box.get('SMS_Package'), [])
    t.equal(box.query('SELECT PkgID FROM vSMS_ContentPackage'), [(package,)])


@tap.case('/provider/content/source-is-refreshed-DIST-136-DIST-137')
def refreshed(t):
    box = Box(t)
    package = box.create()
    box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 1')
    box.change('DELETE FROM PkgNotification')
    box.post(f"SMS_Package('{package}')/AdminService.RefreshPkgSource")
    t.equal(box.query('SELECT Source, StoredPkgVersion, UpdateMask, UpdateMaskEx, Action FROM SMSPackages'),
            [(str(box.source), 1, 32, 8388608, 1)])
    t.equal(box.query('SELECT PkgID, Priority, Type FROM PkgNotification'), [(package, 2, 1)])
    box.expect_log('12.1')


@tap.case('/provider/content/state-of-the-source-is-that-of-the-last-refresh')
def source_state(t):
    """Rows as Distribution Manager leaves them; a failure counts only once the refresh that was asked for is taken up."""
    box = Box(t, 'DP01')
    package = box.create()
    box.post(f"SMS_Package('{package}')/AdminService.AddDistributionPoints", DistributionPoint=['DP01.LAB'])

    def state():
        names = 'SourceState', 'SourceStateName', 'SourceError', 'SourceFailedTime', 'SourceNextTryTime'
        rows = [[row[name] for name in names] for kind in ('SMS_PackageBaseclass', 'SMS_DistributionDPStatus')
                for row in box.get(f"{kind}?$filter=PackageID eq '{package}'")]
        t.equal(rows[0], rows[1], 'what the package and its distribution point say')
        return rows[0]

    reading = [1, 'Source is being read', '', None, None]
    t.equal(state(), reading)
    box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer, Status, ErrorText, UpdateTime, NextTryTime) "
               "VALUES (1, ?, 1, 'LAB', 'site.lab', 4, 'a FIFO', '2026-01-01T00:00:00.000Z', '2026-01-01T00:30:00.000Z')", package)
    failed = [2, 'Source cannot be read', 'a FIFO', '2026-01-01T00:00:00.000Z', '2026-01-01T00:30:00.000Z']
    t.equal(state(), failed)
    t.equal([row['PackageID'] for row in box.get('SMS_PackageBaseclass?$filter=SourceState eq 2')], [package])
    box.post(f"SMS_Package('{package}')/AdminService.RefreshPkgSource")
    t.equal(state(), reading)
    box.change('UPDATE SMSPackages_L SET UpdateMaskEx = 0')  # DistMgr takes it up, with the status
    box.change('UPDATE PkgStatus SET Status = 1 WHERE PKID = 1')
    t.equal(state(), reading)
    box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 1')
    t.equal(state(), [0, '', '', None, None])


@tap.case('/provider/content/one-point-is-sent-everything-again-DIST-151-then-verified-and-removed')
def again(t):
    box = Box(t, 'DP01', 'DP02')
    package = box.create()
    box.post(f"SMS_Package('{package}')/AdminService.AddDistributionPoints",
             DistributionPoint=['DP01.LAB', 'DP02.LAB'])
    box.change('UPDATE PkgServers_L SET Action = 0')
    box.change('DELETE FROM PkgNotification')
    key = f"SMS_DistributionPoint(PackageID='{package}',ServerNALPath='{box.nal('DP01')}')"
    box.post(key, RefreshNow=True)
    state = 'SELECT NALPath, RefreshTrigger, Action FROM PkgServers ORDER BY NALPath'
    t.equal(box.query(state), [(box.nal('DP01'), 1, 2), (box.nal('DP02'), 0, 0)])
    t.equal(box.query('SELECT PkgID, Type FROM PkgNotification'), [(package, 4)])
    box.change('UPDATE PkgServers_L SET Action = 0, RefreshTrigger = 0')
    box.post('SMS_DistributionPoint.VerifyPackage', PackageID=package, NALPath=box.nal('DP02'))
    t.equal(box.query(state), [(box.nal('DP01'), 0, 0), (box.nal('DP02'), 0, 4)])
    box.ask('DELETE', f"SMS_DistributionPoint(PackageID='{package}',ServerNALPath='DP01.LAB')")
    t.equal(box.query(state)[0], (box.nal('DP01'), 0, 3))
    box.ask('DELETE', f"SMS_Package('{package}')")
    t.equal(box.query('SELECT Action FROM SMSPackages'), [(3,)])
    said = box.post(f"SMS_Package('{package}')/AdminService.RefreshPkgSource", status=400)
    t.contains(said, f'package {package} is being deleted')


@tap.case('/provider/content/settings-of-a-distribution-point')
def points(t):
    box = Box(t, 'DP01', 'DP02', 'PDP01')
    box.change('DELETE FROM DPNotification')
    box.post("SMS_DistributionPointInfo('PDP01.LAB')", RateLimit=5000000, Priority=300, Schedule='A' * 84 + 'C' * 84,
             Sources=[{'ServerName': 'DP01.LAB', 'Rank': 1}, {'ServerName': 'dp02.lab', 'Rank': 2}])
    t.equal(box.query('SELECT SourceDPServerName, Priority FROM PullDPMap ORDER BY 2'),
            [('DP01.LAB', 1), ('DP02.LAB', 2)])
    t.equal(box.query("SELECT IsPullDP, RateLimit, Priority, length(Schedule), Url FROM DistributionPoints "
                      "WHERE ServerName = 'PDP01.LAB'"), [(1, 5000000, 300, 168, 'http://PDP01.LAB:80')])
    t.equal(len(box.query('SELECT 1 FROM DPNotification')), 1, 'notices to Distribution Manager')
    row = box.get("SMS_DistributionPointInfo('PDP01.LAB')")[0]
    t.equal((row['IsPullDP'], row['RateLimit'], row['RateLimitsEnabled'], row['TransferRate']),
            (True, 5000000, True, 5000000))
    box.post('SMS_DistributionPointInfo.SetDPMaintenanceMode', NALPath=box.nal('DP01'), Mode=1)
    t.equal(box.query("SELECT Maintenance FROM DistributionPoints WHERE ServerName = 'DP01.LAB'"), [(1,)])
    t.equal(box.query("SELECT MessageState FROM vSMS_DPStatusInfo WHERE Name = 'DP01.LAB'"), [(4,)])
    package = box.create()
    box.post(f"SMS_Package('{package}')/AdminService.AddDistributionPoints", DistributionPoint=['DP02.LAB'])
    t.contains(box.ask('DELETE', "SMS_DistributionPointInfo('DP02.LAB')", status=503), package)
    box.ask('DELETE', "SMS_DistributionPointInfo('DP01.LAB')")
    t.equal([row['SourceDPServerName'] for row in box.get('SMS_UPK_PullDPSource')], ['DP02.LAB'])


def waiting(port):
    """How many connections to a port of this machine have had their request read."""
    with open('/proc/net/tcp') as table:
        rows = [line.split() for line in list(table)[1:]]
    return sum(row[1].endswith(f':{port:04X}') and row[3] == '01' and row[4].endswith(':00000000') for row in rows)


@tap.case('/provider/content/two-changes-at-once-are-both-made')
def at_once(t):
    box = Box(t, 'DP01', 'DP02')
    package = box.create('one')
    held = sqlite3.connect(box.site.path('var/lib/upkeep/site/site.db'), isolation_level=None)
    t.cleanup(held.close)
    held.execute('BEGIN IMMEDIATE')
    asked = [threading.Thread(target=box.post, args=[path], kwargs=body) for path, body in (
        ("SMS_DistributionPointInfo('DP01.LAB')", {'RateLimit': 5000000}),
        ('SMS_DistributionPointInfo.SetDPMaintenanceMode', {'NALPath': box.nal('DP01'), 'Mode': 1}),
        (f"SMS_Package('{package}')", {'Name': 'other'}), (f"SMS_Package('{package}')", {'Priority': 3}))]
    for thread in asked:
        thread.start()
    # All four have come and wait for the database.
    box.site.wait(lambda: waiting(box.site.port('provider')) >= len(asked), 'the requests')
    held.execute('ROLLBACK')
    for thread in asked:
        thread.join()
    t.equal(box.query("SELECT RateLimit, Maintenance FROM DistributionPoints WHERE ServerName = 'DP01.LAB'"), [(5000000, 1)])
    t.equal(box.query('SELECT Name, Priority FROM SMSPackages'), [('other', 3)])


@tap.case('/provider/content/members-of-a-group-get-what-belongs-to-it')
def groups(t):
    box = Box(t, 'DP01', 'DP02')
    one, two = box.create('One'), box.create('Two')
    group = box.post('SMS_DistributionPointGroup', Name='North', Description='all of them')['GroupID']
    key = f"SMS_DistributionPointGroup('{group}')/AdminService."
    box.post(key + 'AddDistributionPoints', DistributionPoint=['DP01.LAB'])
    box.post(key + 'AddPackages', PackageID=[one])
    given = 'SELECT PkgID, substr(NALPath, 13, 4), Action FROM PkgServers ORDER BY 1, 2'
    t.equal(box.query(given), [(one, 'DP01', 2)])
    box.post(key + 'AddDistributionPoints', DistributionPoint=['DP02.LAB'])  # who joins gets it too
    box.post("SMS_DistributionPointGroup('north')/AdminService.AddPackages", PackageID=[two])
    t.equal(box.query(given), [(package, name, 2) for package in (one, two) for name in ('DP01', 'DP02')])
    other = box.post('SMS_DistributionPointGroup', Name='South')['GroupID']
    box.post(f"SMS_DistributionPointGroup('{other}')/AdminService.AddDistributionPoints",
             DistributionPoint=['DP02.LAB'])
    box.post(f"SMS_DistributionPointGroup('{other}')/AdminService.AddPackages", PackageID=[one])
    box.change('DELETE FROM PkgServers WHERE PkgID = ? AND NALPath = ?', one, box.nal('DP01'))
    box.post(key + 'RedistributePackage', PackageID=[one])
    t.equal(box.query('SELECT substr(NALPath, 13, 4), RefreshTrigger FROM PkgServers WHERE PkgID = ?', one), [('DP02', 1)],
            'a member that has lost it keeps the others not from being sent it')
    box.change('UPDATE PkgServers SET RefreshTrigger = 0')
    t.contains(box.post(key + 'RedistributePackage', status=404, PackageID=[two, 'LAB99999']),
               'no distribution point of group North has package LAB99999')
    t.equal(box.query('SELECT SUM(RefreshTrigger) FROM PkgServers'), [(0,)], 'all or nothing')
    box.post(key + 'AddPackages', PackageID=[one])
    box.post(key + 'RemovePackages', PackageID=[one])
    t.equal(box.query(given)[:2], [(one, 'DP01', 3), (one, 'DP02', 2)])
    box.post(key + 'RemoveDistributionPoints', DistributionPoint=['DP01.LAB'])
    t.equal(box.query(given)[2], (two, 'DP01', 2), 'who leaves keeps what it has')
    row = box.get(f"SMS_DistributionPointGroup('{group}')")[0]
    t.equal((row['Name'], row['MemberCount'], row['ContentCount'], row['HasMember'], row['ContentInSync']),
            ('North', 1, 1, True, False))
    t.equal(box.query('SELECT Name, MembersCount, AssignedContentCount, InProgressContentCount FROM vSMS_DPGroupInfo '
                      'ORDER BY Name'), [('North', 1, 1, 1), ('South', 1, 1, 1)])
    t.contains(box.post('SMS_DistributionPointGroup', status=409, Name='NORTH'), 'there is a group North already')
    box.ask('DELETE', f"SMS_DistributionPointGroup('{group}')")
    t.equal(len(box.get('SMS_DPGroupMembers')), 1)


@tap.case('/provider/content/long-lists-have-pages-and-what-is-followed-has-none')
def pages(t):
    """As many distribution points as spec 55 wants of a site."""
    box = Box(t)
    count = 3000
    box.change("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO DistributionPoints "
               "(NALPath, ServerName, SiteCode, Url) SELECT 'N' || i, printf('DP%04d', i), 'LAB', 'http://x' FROM n", count)

    def walk(query):
        sizes, names, path = [], [], f'SMS_DistributionPointInfo{query}'
        while path:
            answer = box.ask('GET', path)
            sizes.append(len(answer['value']))
            names += [row['ServerName'] for row in answer['value']]
            path = urllib.parse.unquote(answer.get('@odata.nextLink', '').rpartition('/')[2])
        t.equal(len(set(names)), len(names), 'names')
        return sizes

    t.equal(walk('?$select=ServerName'), [1000, 1000, 1000])
    t.equal(walk('?$top=1500'), [1000, 500])
    t.equal(walk('?$top=1000'), [1000])
    t.equal(walk('?$top=2000&$skip=500&$orderby=ServerName desc'), [1000, 1000])
    answer, etag = box.follow('SMS_DistributionPointInfo')
    t.equal((len(answer['value']), '@odata.nextLink' in answer), (count, False))
    box.change("UPDATE DistributionPoints SET Priority = 7 WHERE ServerName = 'DP2999'")
    t.equal(etag == box.follow('SMS_DistributionPointInfo', etag)[1], False, 'the tag after a change in the last row but one')


@tap.case('/provider/content/one-that-follows-a-wrong-question-keeps-no-other-waiting')
def wrong_question(t):
    """A filter is held against rows: that it names a property which is not there is seen with the first row."""
    box = Box(t)
    asked, ends = ['SMS_PackageBaseclass', 'SMS_DistributionPointInfo?$filter=Nope eq 1'], {}
    tags = {path: box.follow(path.partition('?')[0])[1] for path in asked}

    def follow(path):
        try:
            ends[path] = box.follow(path.replace(' ', '%20'), tags[path])[1] != tags[path]
        except urllib.error.HTTPError as error:
            ends[path] = error.code, json.loads(error.read())['error']['message']

    threads = [threading.Thread(target=follow, args=(path,)) for path in asked]
    for thread in threads:
        thread.start()
        time.sleep(0.5)  # the last is looked at first
    t.equal(ends, {}, 'both wait')
    with sqlite3.connect(box.site.path('var/lib/upkeep/site/site.db')) as db:  # both at once
        db.execute("INSERT INTO DistributionPoints (NALPath, ServerName, SiteCode, Url) VALUES ('N', 'D', 'LAB', 'http://x')")
        db.execute("INSERT INTO SMSPackages_G (PkgID, Name, SourceSite) VALUES ('LAB00001', 'One', 'LAB')")
    for thread in threads:
        thread.join(tap.patience(10))
    t.equal(ends.get('SMS_PackageBaseclass'), True, str(ends))
    status, message = ends[asked[1]]
    t.equal(status, 400)
    t.contains(message, 'the class has no property Nope')


@tap.case('/provider/content/jobs-are-moved-paused-and-taken-back')
def jobs(t):
    box = Box(t, 'DP01')
    package = box.create()
    for version in (1, 2):
        box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action) '
                   "SELECT DPID, ?, ?, 0, '2026-01-01T00:00:00.000Z', 1 FROM DistributionPoints", package, version)
    first, second = [row['JobID'] for row in box.get('SMS_DistributionJob')]
    box.post(f'SMS_DistributionJob({second})/AdminService.MoveToTop')
    t.equal([row['JobID'] for row in box.get('SMS_DistributionJob')], [second, first])
    box.post(f'SMS_DistributionJob({second})/AdminService.MoveToBottom')
    t.equal([row['JobID'] for row in box.get('SMS_DistributionJob')], [first, second])
    box.post(f'SMS_DistributionJob({first})/AdminService.Pause')
    t.equal(box.query('SELECT State FROM DistributionJobs WHERE JobID = ?', first), [(8,)])
    box.post(f'SMS_DistributionJob({first})/AdminService.Resume')
    t.equal(box.query('SELECT State FROM DistributionJobs WHERE JobID = ?', first)[0][0] in (0, 1), True)
    box.post(f'SMS_DistributionJob({first})/AdminService.Cancel')
    t.equal(box.query('SELECT Action FROM DistributionJobs WHERE JobID = ?', first), [(5,)])
    t.contains(box.post('SMS_DistributionJob(4711)/AdminService.Cancel', status=404), '4711')


@tap.case('/provider/content/states-of-the-summarizers-follow-the-rows')
def states(t):
    """Each state of 52-status-and-state 8, from the rows that bring it about."""
    box = Box(t, 'DP01')
    package = box.create()
    box.post(f"SMS_Package('{package}')/AdminService.AddDistributionPoints", DistributionPoint=['DP01.LAB'])
    box.change('UPDATE SMSPackages_L SET Action = 0, StoredPkgVersion = 2')
    box.change("INSERT INTO PkgStatus (PKID, ID, Type, SiteCode, PkgServer) VALUES (7, ?, 2, 'LAB', ?)", package,
               box.nal('DP01'))
    box.change('INSERT INTO DistributionJobs (DPID, PkgID, PackageVersion, State, CreationTime, Action) '
               "SELECT DPID, ?, 2, 0, '2026-01-01T00:00:00.000Z', 1 FROM DistributionPoints", package)
    wanted = []

    def look(action, status, version, job, state, counts):
        box.change('UPDATE PkgServers_L SET Action = ?', action)
        box.change('UPDATE PkgStatus SET Status = ?, SourceVersion = ?', status, version)
        box.change('UPDATE DistributionJobs SET State = ?, Action = ?', job or 0, 1 if job is not None else 5)
        got = (box.get('SMS_PackageStatusDistPointsSummarizer')[0]['State'],
               box.query('SELECT Targeted, Installed, Retrying, Failed FROM v_PackageStatusRootSummarizer')[0])
        wanted.append((got, (state, counts)))

    look(2, 0, 0, None, 1, (1, 0, 0, 0))  # not begun
    look(0, 0, 0, 3, 1, (1, 0, 0, 0))     # the first version on its way
    look(0, 4, 0, 4, 2, (1, 0, 1, 0))     # waits for its next try
    look(0, 5, 0, 6, 3, (1, 0, 0, 1))     # given up
    look(0, 5, 2, None, 3, (1, 0, 0, 1))  # it reported a failure
    look(2, 5, 2, None, 7, (1, 0, 0, 0))  # and is being sent again
    look(0, 5, 2, 3, 7, (1, 0, 0, 0))
    look(0, 0, 1, 3, 7, (1, 0, 0, 0))     # a newer version on its way
    look(0, 3, 1, None, 7, (1, 0, 0, 0))  # an older version is there
    look(0, 3, 2, None, 0, (1, 1, 0, 0))  # the newest
    look(4, 3, 2, None, 8, (1, 0, 0, 0))  # being validated
    look(3, 3, 2, None, 4, (1, 0, 0, 0))  # to be removed
    look(3, 9, 2, None, 5, (1, 0, 1, 0))
    look(3, 8, 2, None, 6, (1, 0, 0, 1))
    t.equal([got for got, _ in wanted], [expected for _, expected in wanted])
    t.equal(box.query('SELECT NumberErrors, TargeteddDPCount FROM v_ContDistStatSummary'), [(1, 1)])


@tap.case('/provider/content/what-cannot-be-done-is-said-with-the-next-step')
def bad(t):
    box = Box(t, 'DP01')
    package = box.create()
    gone, plain = t.dir / 'gone', t.dir / 'plain'
    plain.write_text('x')
    for said, status, path, body in (
            ('upkeep package list', 404, "SMS_Package('LAB0FFFF')/AdminService.RefreshPkgSource", {}),
            ('upkeep dp list', 404, f"SMS_Package('{package}')/AdminService.AddDistributionPoints",
             {'DistributionPoint': ['nowhere']}),
            ('a list of distribution points is wanted', 400,
             f"SMS_Package('{package}')/AdminService.AddDistributionPoints", {}),
            (f"'{gone}': there is no such folder", 404, 'SMS_Package', {'Name': 'x', 'PkgSourcePath': str(gone)}),
            (f"'{plain}' is no folder", 400, 'SMS_Package', {'Name': 'x', 'PkgSourcePath': str(plain)}),
            ('the whole path of a folder', 400, 'SMS_Package', {'Name': 'x', 'PkgSourcePath': 'a/b'}),
            (f'package {package} is named "dummy1" already', 409, 'SMS_Package',
             {'Name': 'dummy1', 'PkgSourcePath': str(box.source)}),
            ('needs a name', 400, 'SMS_Package', {'PkgSourcePath': str(box.source)}),
            ('PackageType 4', 400, 'SMS_Package', {'Name': 'x', 'PkgSourcePath': str(box.source), 'PackageType': 4}),
            ('priority 9', 400, f"SMS_Package('{package}')", {'Priority': 9}),
            ('DP01.LAB is a distribution point already', 409, 'SMS_DistributionPointInfo',
             {'ServerName': 'dp01.lab', 'Url': 'http://x:1'}),
            ('must have the form http://host:port', 400, 'SMS_DistributionPointInfo',
             {'ServerName': 'DP09', 'Url': 'ftp://x'}),
            ('only such a one has sources', 400, "SMS_DistributionPointInfo('DP01.LAB')",
             {'Sources': [{'ServerName': 'DP01.LAB'}]}),
            ('has not been given to distribution point DP01.LAB', 404,
             f"SMS_DistributionPoint(PackageID='{package}',ServerNALPath='DP01.LAB')", {'RefreshNow': True}),
            ('wants a PackageID', 400, "SMS_DistributionPoint('x')", {'RefreshNow': True}),
            ('only RefreshNow can be changed', 400,
             f"SMS_DistributionPoint(PackageID='{package}',ServerNALPath='DP01.LAB')", {'Status': 1}),
            ('upkeep dp-group list', 404, "SMS_DistributionPointGroup('none')/AdminService.AddPackages",
             {'PackageID': [package]}),
            ('cannot be created', 501, 'SMS_DistributionJob', {})):
        t.contains(box.ask('POST', path, body, status), said, path)
    t.equal(box.query('SELECT COUNT(*) FROM SMSPackages'), [(1,)], 'packages')
    t.equal(box.query('SELECT COUNT(*) FROM PkgServers'), [(0,)])


tap.main()
