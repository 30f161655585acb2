"""The client's road, from its first start to an acknowledged report, against a management point that
shares no code with it, and its logs against the acceptance trace."""
import re
import xml.etree.ElementTree as ET

import clientkit
import logtrace
import peer
import tap


def whole_road(t, **settings):
    """A client that has made its first scan and told of it."""
    c = clientkit.Client(t, **settings)
    c.start()
    c.wait_scans(1)
    c.wait_sent()
    return c


def agent_texts(c):
    """The records of WindowsUpdate.log behind date, time, process and thread."""
    lines = [' '.join(line.split()) for line in c.log('WindowsUpdate.log')]
    found = [re.fullmatch(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3} \d+ [0-9a-f]+ (.*)', line) for line in lines]
    return [fit[1] for fit in found]


@tap.case('/client/road/policy-COMP-016-COMP-017-COMP-018-COMP-019-COMP-020-COMP-021')
def policy(t):
    c = whole_road(t)
    logtrace.match_section(c.log_path('PolicyAgent.log'), '4.2', 0)
    logtrace.match_section(c.log_path('PolicyEvaluator.log'), '4.2', 1)
    c.wait_log('ScanAgent.log', 'InstanceCreationEvent notification received')
    t.equal(c.rows("SELECT PolicyID, PolicyVersion, PolicySource, PolicyState FROM CCM_Policy_Policy5 "
                   "WHERE PolicyCategory = 'UpdateSource'"),
            [(peer.SOURCE_POLICY, '40.00', 'SMS:PS1', 'Active')], 'the requested configuration')
    t.equal(c.rows('SELECT UniqueId, ContentVersion, ContentType, Trace FROM CCM_UpdateSource'),
            [(peer.SOURCE, 38, 2, peer.TRACE)], 'the actual configuration')
    raw = c.log_path('PolicyAgent.log').read_text()
    for component in ('PolicyAgent_ReplyAssignments', 'PolicyAgent_PolicyDownload'):
        t.contains(raw, f'component="{component}"', 'PolicyAgent.log')
    t.contains(c.log_path('PolicyEvaluator.log').read_text(), 'component="PolicyAgent_PolicyEvaluator"')
    # The next cycle brings the next version, as a modification, and scans nothing.
    c.mp.set_source(39, 41)
    c.step(3600)
    c.wait(lambda: c.rows('SELECT ContentVersion FROM CCM_UpdateSource') == [(39,)], 'version 39')
    c.wait_log('ScanAgent.log', 'InstanceModificationEvent')
    logtrace.match_section(c.log_path('ScanAgent.log'), '4.2', 2)
    t.equal(c.rows('SELECT PolicyVersion, PolicyState FROM CCM_Policy_Policy5'), [('41.00', 'Active')],
            'the old version is gone')
    t.equal(len(c.scans()), 1, 'scans')


@tap.case('/client/road/location-COMP-023-COMP-024-COMP-025-COMP-026-COMP-027-COMP-028-COMP-031-COMP-036-'
          'COMP-037')
def location(t):
    c = whole_road(t)
    bound = {}
    logtrace.match_section(c.log_path('ScanAgent.log'), '5.1', 0, bound=bound)
    at = logtrace.match_section(c.log_path('LocationServices.log'), '5.1', 1, bound=bound)
    logtrace.match_section(c.log_path('CcmMessaging.log'), '5.1', 2, bound=bound)
    logtrace.match_section(c.log_path('CcmMessaging.log'), '5.2', 1, bound=bound)
    logtrace.match_section(c.log_path('LocationServices.log'), '5.2', 2, start=at, bound=bound)
    t.equal(c.rows('SELECT COUNT(*) FROM LocationRequest'), [(0,)], 'requests that are left')


@tap.case('/client/road/source-COMP-038-COMP-039-COMP-040-COMP-041-COMP-043-COMP-044')
def source(t):
    c = whole_road(t)
    bound = {}
    logtrace.match_section(c.log_path('ScanAgent.log'), '5.3', 0, bound=bound)
    logtrace.match_section(c.log_path('WUAHandler.log'), '5.3', 1, bound=bound)
    patterns = [pattern.split('<tid> ')[1] for pattern in logtrace.section('5.3')[3]]
    logtrace.match(agent_texts(c), patterns, 'WindowsUpdate.log')
    text = (c.root / 'var/lib/upkeep/client/wuagent.policy').read_text()
    for line in ('WUServer=http://PS1SITE.CONTOSO.COM:8530', 'WUStatusServer=http://PS1SITE.CONTOSO.COM:8530',
                 'UseWUServer=1'):
        t.contains(text, line, 'the local policy')


@tap.case('/client/road/source-exists-COMP-042-COMP-022')
def source_exists(t):
    c = whole_road(t)
    c.mp.set_source(39, 41)
    c.mp.locations = [(u, s, '39') for u, s, _ in c.mp.locations]
    c.command('POLICY.CMD')
    c.wait(lambda: c.rows('SELECT ContentVersion FROM CCM_UpdateSource') == [(39,)], 'version 39')
    before = len(c.log('WUAHandler.log'))
    c.command('SCAN.CMD')
    c.wait_scans(2)
    logtrace.match_section(c.log_path('WUAHandler.log'), '5.3', 2, start=before)
    logtrace.absent(c.log('WUAHandler.log')[before:], 'Waiting for 2 mins for Group Policy to notify of WUA '
                    'policy change...')


@tap.case('/client/road/scan-COMP-045-COMP-046-COMP-048-COMP-049-COMP-050-COMP-051')
def scan(t):
    c = whole_road(t)
    patterns = [p for p in logtrace.section('6.1')[0] if not p.startswith('Pruning')]
    logtrace.match(c.log('WUAHandler.log'), patterns[:-2] + patterns[-1:], 'WUAHandler.log')
    texts = agent_texts(c)
    logtrace.match(texts, logtrace.section('6.2')[0], 'WindowsUpdate.log')
    t.equal([re.sub(r' \(.*', '', line) for line in c.log('WUAHandler.log') if line.startswith('Update (Missing')],
            ['Update'], 'missing updates')
    t.contains('\n'.join(texts), 'evaluated appl. rules of 3 out of 3 deployed entities')
    t.contains('\n'.join(texts), 'COMAPI - Updates found = 3')


@tap.case('/client/road/store-COMP-052-COMP-053-COMP-054-DEB-041-DEB-033')
def store(t):
    c = whole_road(t)
    logtrace.match_section(c.log_path('UpdatesStore.log'), '6.3', 0)
    logtrace.match_section(c.log_path('StateMessage.log'), '6.3', 1)
    t.equal(c.rows('SELECT Article, Status, ReportedState FROM CCM_UpdateStatus ORDER BY Article'),
            [('bash', 'Installed', 0), ('openssl', 'Missing', 2), ('sudo', 'Installed', 3)], 'the store')
    t.equal(c.rows('SELECT Package, Architecture, InstalledVersion, NewVersion, IsHeld FROM '
                   'CCM_UpdateStatusPackage ORDER BY Package'),
            [('libssl3', 'amd64', '3.0.9-1', '3.0.11-1', 0), ('openssl', 'amd64', '3.0.9-1', '3.0.11-1', 1)],
            'the packages')
    t.equal(c.rows('SELECT TopicType, StateID, Param1, MessageSent FROM CCM_StateMsg ORDER BY TopicType, StateID'),
            [(500, 2, '1', 1), (500, 3, '1', 1), (501, 3, '0', 1)], 'the state messages')


@tap.case('/client/road/cycle-is-the-policys-COMP-055')
def cycle(t):
    c = clientkit.Client(t, statemessage__cycle_minutes=60)
    c.mp.set_states(5)
    c.start()
    c.wait_scans(1)
    c.step(4 * 60)
    c.wait(lambda: c.rows('SELECT COUNT(*) FROM CCM_StateMsg WHERE MessageSent = 0') == [(3,)], 'three messages')
    t.equal(c.mp.reports, [], 'reports before the end of the cycle')
    c.step(70)
    c.wait(lambda: len(c.mp.reports) == 1, 'the report after five minutes')


@tap.case('/client/road/report-COMP-055-COMP-056-COMP-057-COMP-058-COMP-059-COMP-060')
def report(t):
    c = clientkit.Client(t, log__verbose='StateMessage')
    c.start()
    c.wait_scans(1)
    t.equal(c.mp.reports, [], 'reports before the end of the cycle')
    t.equal(c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg'), [(0,)], 'MessageSent')
    c.step(15 * 60)
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the acknowledgement')
    bound = {}
    logtrace.match_section(c.log_path('StateMessage.log'), '7.1', 0, bound=bound)
    logtrace.match_section(c.log_path('CcmMessaging.log'), '7.1', 1, bound=bound)
    t.equal(len(c.mp.reports), 1, 'reports')
    root = ET.fromstring(re.sub(r'<\?xml.*?\?>', '', c.mp.reports[0]))
    smsid = c.rows('SELECT SMSID FROM Client')[0][0]
    t.equal(root.findtext('.//ClientID'), f'GUID:{smsid}', 'ClientID')
    t.equal(root.findtext('.//NetBIOSName'), 'PS1LNX64', 'NetBIOSName')
    t.equal(root.findtext('.//ReportContent'), 'State Message Data', 'ReportContent')
    t.equal(root.findtext('.//Priority'), '5', 'Priority')
    messages = root.findall('.//StateMessage')
    t.equal([int(m.get('SerialNumber')) for m in messages], [1, 2, 3], 'serial numbers')
    missing = next(m for m in messages if m.find('State').get('ID') == '2')
    t.equal(missing.find('Topic').get('IDType'), '3', 'IDType')
    t.equal(missing.findtext('StateDetails').split('\n')[:2],
            ['libssl3 amd64 3.0.9-1 3.0.11-1', 'openssl amd64 3.0.9-1 3.0.11-1 hold'], 'the packages')
    completed = next(m for m in messages if m.find('Topic').get('Type') == '501')
    t.equal([p.text for p in completed.iterfind('.//Param')], ['0', '38'], 'parameters of topic 501')
    for line in ('missing 1', 'installed 2', 'notapplicable 0', 'version 38'):
        t.contains(completed.findtext('StateDetails').split('\n'), line, 'the figures')


@tap.case('/client/road/trace-COMP-057')
def trace(t):
    """One trace goes from the command to the report."""
    c = whole_road(t)
    mine = '4bf92f3577b34da6a3ce929d0e0e4736'
    c.set_status(clientkit.STATUS.replace('Version: 1.9.13p3-1', 'Version: 1.9.12-1'))
    c.command('SCAN-1.CMD', f'Value: scan\nTrace: {mine}\n')
    c.wait_scans(2)
    c.wait(lambda: len(c.mp.reports) > 1, 'the report of a scan that was asked for')
    t.equal(c.rows('SELECT Cause, Trace FROM CCM_ScanJobInstance ORDER BY CreatedTime')[-1],
            ('command scan', mine), 'the job')
    t.contains(c.mp.reports[-1], mine, 'the report')
    t.equal({header.split('-')[1] for endpoint, header in c.mp.requests[-2:]}, {mine}, 'the headers')


@tap.case('/client/road/nothing-new-COMP-053-OQ-C17')
def nothing_new(t):
    c = whole_road(t)
    before = len(c.mp.messages())
    c.command('SCAN.CMD')
    c.wait_scans(2)
    c.wait_sent()
    c.wait(lambda: len(c.mp.messages()) > before, 'the report of the second scan')
    t.equal([topic for topic, *_ in c.mp.messages()[before:]], [peer.SOURCE], 'topics of the second report')


@tap.case('/client/road/changes-COMP-053-COMP-071')
def changes(t):
    """Missing becomes installed, installed becomes missing, and what is gone is not required."""
    c = whole_road(t)
    before = len(c.mp.messages())
    newer = clientkit.STATUS.replace('Version: 3.0.9-1', 'Version: 3.0.11-1')
    c.set_status(newer.replace('Version: 1.9.13p3-1', 'Version: 1.9.12-1'))
    c.command('SCAN.CMD')
    c.wait_scans(2)
    c.wait_sent()
    states = {topic: state for topic, state, *_ in c.mp.messages()[before:] if topic != peer.SOURCE}
    names = dict(c.rows('SELECT UniqueId, Article FROM CCM_UpdateStatus'))
    t.equal({names[topic]: state for topic, state in states.items()}, {'openssl': 3, 'sudo': 2}, 'states')
    c.set_status(newer.split('\n\n')[2] + '\n')
    before = len(c.mp.messages())
    c.command('SCAN.CMD')
    c.wait_scans(3)
    c.wait_sent()
    states = {names[topic]: state for topic, state, *_ in c.mp.messages()[before:] if topic != peer.SOURCE}
    t.equal(states, {'openssl': 1, 'sudo': 1}, 'states after their packages were removed')


tap.main()
