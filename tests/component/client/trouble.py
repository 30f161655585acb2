"""What goes wrong on the client's road: bad peers, bad input, long outages; and that it goes on."""
import os
import re
import socket
import xml.etree.ElementTree as ET

import clientkit
import logtrace
import peer
import tap


def registered(c):
    return c.rows("SELECT State FROM Client") == [('registered',)]


def dead_url():
    """A URL where nobody listens."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return f'http://127.0.0.1:{s.getsockname()[1]}'


@tap.case('/client/trouble/forged-policy-COMP-013')
def forged_policy(t):
    c = clientkit.Client(t)
    c.mp.what_forged = True
    c.start()
    c.wait_log('PolicyAgent.log', f"Refused policy assignment '{peer.SOURCE_POLICY}'")
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_Policy_Policy5'), [(0,)], 'policies')
    # The next cycle asks for everything again, since the cookie was not kept.
    c.mp.what_forged = False
    c.step(3600)
    c.wait_scans(1)


@tap.case('/client/trouble/swapped-body-COMP-017')
def swapped_body(t):
    c = clientkit.Client(t)
    c.mp.what_swapped = True
    c.start()
    c.wait_log('PolicyAgent.log', f"Refused the body of policy '{peer.SOURCE_POLICY}'")
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_UpdateSource'), [(0,)], 'update sources')
    c.mp.what_swapped = False
    c.step(3600)
    c.wait_scans(1)


@tap.case('/client/trouble/withdrawn-policy-COMP-019')
def withdrawn_policy(t):
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    whole = c.mp.assignment
    c.mp.assignment = lambda i: tombstone(c.mp, whole, i)
    c.mp.cookie += 1
    c.command('POLICY.CMD')
    c.wait(lambda: c.rows('SELECT COUNT(*) FROM CCM_UpdateSource') == [(0,)], 'the withdrawal')
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_Policy_Policy5'), [(0,)], 'policies')
    c.wait_log('ScanAgent.log', 'InstanceDeletionEvent')
    c.command('SCAN.CMD')
    c.wait_scans(1, 'Failed')


class OtherSite(peer.ManagementPoint):
    """The management point of a site PS2, with an update source of its own."""

    def __init__(self, site):
        super().__init__(site)
        self.source, self.policy = '{A0000000-0000-4000-8000-00000000000B}', '{b0000000-0000-4000-8000-00000000000b}'
        self.set_source(7, 1)
        version, category, body = self.policies.pop(peer.SOURCE_POLICY)
        for old, new in ((peer.SOURCE_POLICY, self.policy), (peer.SOURCE, self.source), ('SMS:PS1', 'SMS:PS2')):
            body = body.replace(old, new)
        self.policies[self.policy] = (version, category, body)

    def mp_policymanager(self, message):
        return super().mp_policymanager(message).replace('SMS:PS1', 'SMS:PS2')

    def mp_locationmanager(self, message):
        return '<WSUSLocationReply SchemaVersion="1.00"><Sites/></WSUSLocationReply>'


@tap.case('/client/trouble/another-site-and-back-COMP-019')
def another_site(t):
    """What the other site assigned is in force while the client belongs to it, and not a moment longer."""
    c = clientkit.Client(t)
    other = OtherSite(c.site)
    t.cleanup(other.close)
    c.start()
    c.wait_scans(1)
    for mp, code, source, policy in ((other, 'PS2', other.source, other.policy),
                                     (c.mp, 'PS1', peer.SOURCE, peer.SOURCE_POLICY)):
        c.write_conf({'client.mp': mp.url, 'site.code': code})
        c.command('JOIN.CMD')
        c.wait(lambda s=source: c.rows('SELECT UniqueId FROM CCM_UpdateSource') == [(s,)], f'the source of {code} alone')
        t.equal(c.rows('SELECT PolicyID, PolicySource, PolicyState FROM CCM_Policy_Policy5'),
                [(policy, f'SMS:{code}', 'Active')])
    t.equal(other.failures, [])
    c.command('SCAN.CMD')
    c.wait_scans(2)


def tombstone(mp, whole, policy_id):
    text = re.sub(r'<upkeep:Signature>.*', '', whole(policy_id)).replace('xmlns:upkeep', 'Tombstone="1" xmlns:upkeep')
    return f'{text}<upkeep:Signature>{mp.site.sign(text.encode())}</upkeep:Signature>'


@tap.case('/client/trouble/garbled-reply-COMP-036')
def garbled_reply(t):
    c = clientkit.Client(t)
    c.mp.what_garbled = {'mp_policymanager'}
    c.start()
    c.wait_log('CcmMessaging.log', 'stays in the queue')
    t.equal(c.rows('SELECT Endpoint FROM OutgoingMessage'), [('MP_PolicyManager',)], 'the queue')
    c.mp.what_garbled = set()
    c.step(60)
    c.wait_scans(1)


@tap.case('/client/trouble/unknown-endpoint-body')
def reply_of_another_message(t):
    c = clientkit.Client(t)
    original = peer.reply_bytes
    t.cleanup(lambda: setattr(peer, 'reply_bytes', original))

    def other(message, body):
        message.id = '{00000000-0000-4000-8000-000000000001}'
        return original(message, body)
    peer.reply_bytes = other
    c.start()
    c.wait_log('CcmMessaging.log', 'the reply belongs to message')
    peer.reply_bytes = original
    c.step(60)
    c.wait_scans(1)


@tap.case('/client/trouble/management-point-down-COMP-056')
def management_point_down(t):
    """Nothing is lost while nobody answers, and nothing counts as sent."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.mp.what_down = True
    c.command('SEND.CMD')
    c.wait_log('CcmMessaging.log', 'failed with 0x80244022')
    t.equal(c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg'), [(0,)], 'MessageSent')
    c.stop()
    c.start()
    c.wait(lambda: c.rows('SELECT Tries FROM OutgoingMessage')[0][0] > 1, 'another try after the restart')
    c.mp.what_down = False
    c.step(60)
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the acknowledgement')
    t.equal(len(c.mp.reports), 1, 'reports')


@tap.case('/client/trouble/page-of-somebody-in-between-is-no-receipt-COMP-056')
def somebody_in_between(t):
    """A network that answers everything with its login page, or sends everybody there."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    page = b'<html>welcome to the hotel</html>'
    for tries, answer in enumerate(((200, page), (302, b''), (204, b'')), 1):
        c.mp.what_portal = answer
        c.command('SEND.CMD')
        c.wait_log('CcmMessaging.log', f'minutes: {answer[0]} with {len(answer[1])} bytes')
        queue = [('MP_RelayEndpoint', tries)]  # written after the line of the log
        c.wait(lambda: c.rows('SELECT Endpoint, Tries FROM OutgoingMessage') == queue, f'try {tries} in the queue')
        t.equal(c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg'), [(0,)], 'MessageSent')
    t.contains('\n'.join(c.log('CcmMessaging.log')), 'look for a proxy or a login page')
    c.mp.what_portal = None
    c.step(3600)
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the acknowledgement')
    t.equal(len(c.mp.reports), 1, 'reports')


@tap.case('/client/trouble/pauses-grow')
def pauses_grow(t):
    c = clientkit.Client(t)
    c.mp.what_down = True
    c.start()
    for minutes in (1, 2, 4, 8):
        c.wait_log('CcmMessaging.log', f'the next try is in {minutes} minutes')
        c.step(minutes * 60)
    c.mp.what_down = False
    c.command('POLICY.CMD')  # whoever asks does not wait for the pause
    c.wait(lambda: registered(c), 'the registration')


def asked(c, endpoint):
    return [name for name, _ in c.mp.requests].count(endpoint)


@tap.case('/client/trouble/what-nobody-takes-is-not-sent-without-pause')
def nobody_takes(t):
    c = clientkit.Client(t)
    c.mp.what_bad = {'mp_clientregistration'}
    c.start()
    c.wait_log('ClientIDManagerStartup.log', 'Sleeping for 60 seconds')
    t.equal(asked(c, 'mp_clientregistration'), 1, 'registrations')
    c.mp.what_bad = {'mp_relayendpoint'}
    c.step(60)
    c.wait_scans(1)
    c.wait(lambda: c.rows('SELECT COUNT(*) FROM CCM_StateMsg WHERE StateID = 3') >= [(1,)], 'the state of the scan')
    c.step(15 * 60)
    c.wait_log('StateMessage.log', 'A report was not delivered')
    for _ in range(3):  # all goes through one queue: what was sent again would be in between
        before = asked(c, 'mp_policymanager')
        c.command('POLICY.CMD')
        c.wait(lambda n=before: asked(c, 'mp_policymanager') > n, 'a request for policy')
        c.wait(lambda: c.rows('SELECT COUNT(*) FROM OutgoingMessage') == [(0,)], 'its end')
    t.equal(asked(c, 'mp_relayendpoint'), 1, 'reports')
    c.mp.what_bad = set()
    c.step(15 * 60)
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the report')


@tap.case('/client/trouble/report-that-is-too-large-goes-in-parts-COMP-056')
def too_large(t):
    """Half as large until it is taken; one that cannot be taken holds nothing else."""
    c = clientkit.Client(t, statemessage__max_messages=1000)
    names = [f'p{i:03}' for i in range(600)]
    c.set_status(clientkit.STATUS + ''.join(
        f'\nPackage: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n' for name in names))
    head, sudo = clientkit.SET.split('sudo')
    (c.sets / 'debian.set').write_text(head + ''.join(f'{name} 2 500 s\t= = -\n' for name in names) + 'sudo' + sudo)
    c.mp.what_most = 100000
    c.start()
    c.wait_scans(1)
    c.wait_sent()
    t.equal(len([state for _, state, *_ in c.mp.messages() if state == 2]), 601, 'updates that are missing')
    if len(c.mp.reports) < 3:
        t.fail(f'{[len(report) for report in c.mp.reports]} letters in reports')
    c.wait_log('StateMessage.log', 'reports of 131072 bytes are tried')
    # Nobody takes any: they wait for the next cycle, and other messages go.
    c.mp.what_most = 10
    c.command('RESEND.CMD')
    c.wait_log('StateMessage.log', 'its messages go with the next one')
    before = asked(c, 'mp_policymanager')
    c.command('POLICY.CMD')
    c.wait(lambda: asked(c, 'mp_policymanager') > before, 'a request for policy')
    c.mp.what_most = 100000
    c.wait_sent()


@tap.case('/client/trouble/next-management-point')
def next_management_point(t):
    c = clientkit.Client(t)
    c.write_conf({'client.mp': f'{dead_url()} {c.mp.url}'})
    c.start()
    c.wait_scans(1)
    t.contains('\n'.join(c.log('CcmMessaging.log')), 'failed with 0x80072efd')


@tap.case('/client/trouble/pending-and-approved')
def pending(t):
    c = clientkit.Client(t)
    c.mp.approved = False
    c.start()
    c.wait_log('ClientIDManagerStartup.log', 'Client registration is pending')
    c.command('SCAN.CMD')
    c.wait_scans(1, 'Failed')  # there is no policy
    # The command asked how it stands, and it has been told, so that the step finds it waiting.
    c.wait_log('ClientIDManagerStartup.log', 'Sleeping for 120 seconds')
    t.equal({e for e, _ in c.mp.requests}, {'mp_clientregistration'}, 'what was asked')
    c.mp.approved = True
    c.step(15 * 60)
    c.wait_scans(1)
    t.contains('\n'.join(c.log('ClientIDManagerStartup.log')), 'Client is registered. Server assigned ClientID is GUID:')


@tap.case('/client/trouble/identity-stays')
def identity_stays(t):
    c = clientkit.Client(t)
    c.start()
    c.wait(lambda: registered(c), 'the registration')
    before = c.rows('SELECT SMSID FROM Client'), dict(c.mp.clients)
    c.kill()
    c.start()
    c.wait_scans(1)
    t.equal((c.rows('SELECT SMSID FROM Client'), dict(c.mp.clients)), before, 'GUID and key')
    key = c.root / 'var/lib/upkeep/client/identity.key'
    t.equal(oct(key.stat().st_mode & 0o777), '0o600', 'the rights of the key')


@tap.case('/client/trouble/another-system-than-was-registered-is-told')
def another_system(t):
    """The site's list has the machine as it is: after an upgrade of the system it registers once more, and reports on."""
    c = clientkit.Client(t)
    release = c.machine / 'etc/os-release'
    release.parent.mkdir()
    told = []
    original = c.mp.mp_clientregistration

    def registration(message):
        system = ET.fromstring(message.body).find('.//{urn:upkeep}System')
        told.append((system.get('Name'), system.get('Version')))
        return original(message)
    c.mp.mp_clientregistration = registration
    for version, count in (('12', 1), ('12', 1), ('13', 2)):
        release.write_text(f'ID=debian\nVERSION_ID={version}\n')
        c.start()
        c.wait(lambda n=count: registered(c) and len(told) == n, f'registration {count}')

        def has_asked_twice(before=asked(c, 'mp_policymanager')):
            c.command('POLICY.CMD')  # all goes through one queue: a registration would be in between
            return asked(c, 'mp_policymanager') > before + 1
        c.wait(has_asked_twice, 'requests for policy')
        t.equal(len(told), count, f'registrations with version {version}')
        c.stop()
    # A question that nobody takes is asked again, though the client is registered.
    release.write_text('ID=debian\nVERSION_ID=14\n')
    c.mp.what_bad = {'mp_clientregistration'}
    c.start()
    c.wait_log('ClientIDManagerStartup.log', 'Sleeping for 60 seconds')
    c.mp.what_bad = set()
    c.step(60)
    c.wait(lambda: len(told) == 3, 'the registration that was refused')
    t.equal(told, [('debian', '12'), ('debian', '13'), ('debian', '14')])
    c.wait(lambda: c.rows('SELECT Tries FROM Client') == [(0,)], 'the answer')
    # So is one that the site takes for an old one that somebody repeats.
    c.stop()
    c.mp.mp_clientregistration = lambda message: registration(message).replace(
        ' Status=', ' xmlns:upkeep="urn:upkeep" upkeep:Stale="1" Status=')
    release.write_text('ID=debian\nVERSION_ID=15\n')
    c.start()
    c.wait(lambda: 'Sleeping for' in '\n'.join(c.log('ClientIDManagerStartup.log')).partition('asks for another later')[2],
           'the pause')
    c.mp.mp_clientregistration = registration
    c.step(3600)
    c.wait(lambda: told[3:] == [('debian', '15')] * 2, 'the registration once more')
    c.wait(lambda: registered(c) and c.rows('SELECT Tries FROM Client') == [(0,)], 'the word that it was taken')


@tap.case('/client/trouble/blocked-COMP-056')
def blocked(t):
    """A client that is not served keeps what it has to say."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.mp.what_refused = {'mp_relayendpoint', 'mp_policymanager'}
    c.mp.approved = False
    c.command('SEND.CMD')
    c.wait_log('ClientIDManagerStartup.log', 'does not serve this client: this client is blocked')
    c.wait(lambda: c.rows('SELECT State FROM Client') == [('pending',)], 'the state')
    t.equal(c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg'), [(0,)], 'MessageSent')
    # It has been told how it stands, so that the step finds it waiting.
    c.wait(lambda: 'Sleeping for' in '\n'.join(c.log('ClientIDManagerStartup.log')).rpartition('does not serve')[2], 'the pause')
    c.mp.what_refused, c.mp.approved = set(), True
    c.step(3600)
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the acknowledgement')
    t.equal(len(c.mp.reports), 1, 'reports')


@tap.case('/client/trouble/unknown-to-a-restored-site')
def unknown_to_a_restored_site(t):
    """A client that joined after the backup is told that it is not known, and joins again by itself."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.mp.clients.clear()
    original = c.mp.mp_clientregistration

    def registration(message):
        if ET.fromstring(message.body).find('Data').get('RequestType') != 'ConfirmationRequest':
            c.mp.what_refused = set()
            return original(message)
        if c.mp.what_refused:
            return ('<ClientRegistrationResponse ResponseType="Confirmation" TimeStamp="2026-01-20T17:00:00Z" '
                    'Status="2" SMSID="" ApprovalStatus="0"/>')
        return original(message)
    c.mp.mp_clientregistration = registration
    c.mp.what_refused = {'mp_policymanager', 'mp_relayendpoint'}
    c.command('SEND.CMD')
    c.wait(lambda: c.rows('SELECT State FROM Client') == [('new',)], 'the word that it is not known')
    t.equal(c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg'), [(0,)], 'MessageSent')
    c.step(3600)
    c.wait(lambda: registered(c), 'the registration')
    c.wait(lambda: c.rows('SELECT DISTINCT MessageSent FROM CCM_StateMsg') == [(1,)], 'the reports')


@tap.case('/client/trouble/no-location-COMP-026-COMP-027')
def no_location(t):
    """A request without a server is kept, sent again every 15 minutes, and survives a restart."""
    c = clientkit.Client(t)
    c.mp.locations = []
    c.start()
    c.wait_log('LocationServices.log', 'No update server for')
    t.equal(c.rows('SELECT State FROM CCM_ScanJobInstance'), [('WaitingLocation',)], 'the job')
    t.equal(c.rows('SELECT StateID FROM CCM_StateMsg WHERE TopicType = 501'), [(1,)], 'the state')
    c.kill()
    c.mp.locations = [('http://PS1SITE.CONTOSO.COM:8530', 'PS1SITE.CONTOSO.COM', '38')]
    c.start()
    c.wait(lambda: registered(c), 'the start')
    t.equal(c.rows('SELECT State FROM CCM_ScanJobInstance'), [('WaitingLocation',)], 'the job after the restart')
    c.step(15 * 60)
    c.wait_scans(1)
    t.equal(len([e for e, _ in c.mp.requests if e == 'mp_locationmanager']), 2, 'location requests')


@tap.case('/client/trouble/location-given-up-COMP-026')
def location_given_up(t):
    c = clientkit.Client(t, locationservices__give_up_hours=1)
    c.mp.locations = []
    c.start()
    c.wait_log('LocationServices.log', 'No update server for')
    c.step(3600)
    c.wait_scans(1, 'Failed')
    c.wait_log('ScanAgent.log', 'Scan Failed with Error=0x87d00215')
    t.equal(c.rows('SELECT COUNT(*) FROM LocationRequest'), [(0,)], 'requests that are left')


@tap.case('/client/trouble/scan-fails-COMP-082-COMP-083-OQ-C15')
def scan_fails(t):
    """Four tries on one update point, then the next one."""
    c = clientkit.Client(t)
    second = ('http://PS1SYS.CONTOSO.COM:8530', 'PS1SYS.CONTOSO.COM', '38')
    c.mp.locations.append(second)
    (c.sets / 'FAIL').touch()
    c.start()
    for tries in (1, 2, 3):
        c.wait(lambda: c.rows('SELECT State, Tries FROM CCM_ScanJobInstance') == [('RetryPending', tries)],
               f'failure {tries}')
        c.step(30 * 60)
    c.wait(lambda: c.rows('SELECT State, Tries FROM CCM_ScanJobInstance') == [('RetryPending', 0)], 'failure 4')
    first = c.rows('SELECT ContentLocation FROM CCM_ScanJobInstance')[0][0]
    t.equal(c.rows('SELECT StateID, Param1 FROM CCM_StateMsg WHERE TopicType = 501'), [(4, str(0x80072efd))],
            'the state')
    t.contains('\n'.join(c.log('WUAHandler.log')), 'OnSearchComplete - Failed to end search job. Error = 0x80072efd.')
    t.contains('\n'.join(c.log('ScanAgent.log')), 'CScanJob::OnScanComplete - Scan Retry successfully scheduled')
    (c.sets / 'FAIL').unlink()
    c.step(2 * 60)
    c.wait_scans(1)
    other = c.rows('SELECT ContentLocation FROM CCM_ScanJobInstance')[0][0]
    t.equal({first, other}, {c.mp.locations[0][0], second[0]}, 'the update points')
    # From now on it stays with the one that answered (COMP-081).
    c.command('SCAN.CMD')
    c.wait_scans(2)
    t.equal(c.rows('SELECT DISTINCT ContentLocation FROM CCM_ScanJobInstance'), [(other,)], 'the update point')


@tap.case('/client/trouble/error-not-worth-a-retry-COMP-083')
def not_worth_a_retry(t):
    c = clientkit.Client(t)
    (c.machine / 'var/lib/dpkg/status').unlink()
    c.start()
    c.wait_scans(1, 'Failed')
    t.equal(c.rows('SELECT StateID FROM CCM_StateMsg WHERE TopicType = 501'), [(5,)], 'the state')
    t.contains(c.rows('SELECT ErrorText FROM CCM_ScanJobInstance')[0][0], 'dpkg', 'the error')


@tap.case('/client/trouble/damaged-set-is-retried')
def damaged_set(t):
    c = clientkit.Client(t)
    (c.sets / 'debian.set').write_text('upkeep-evaluation-set 1\nwhat is this\n')
    c.start()
    c.wait_scans(1, 'RetryPending')
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_UpdateStatus'), [(0,)], 'updates')


@tap.case('/client/trouble/overridden-by-policy-COMP-039-OQ-C14')
def overridden(t):
    c = clientkit.Client(t)
    (c.root / 'etc/upkeep/wuagent.policy').write_text(
        '[WindowsUpdate]\nWUServer=http://other:8530\nWUStatusServer=http://other:8530\n[AU]\nUseWUServer=1\n')
    c.start()
    c.wait_scans(1, 'Failed')
    text = '\n'.join(c.log('WUAHandler.log'))
    t.contains(text, 'Group policy settings were overwritten by a higher authority (Domain Controller) to: '
                     'Server http://other:8530 and Policy ENABLED')
    t.contains(text, f'Failed to Add Update Source for WUAgent of type (2) and id ({peer.SOURCE}). Error = 0x87d00692.')
    t.equal(c.rows('SELECT COUNT(*) FROM WUAUpdateSource'), [(0,)], 'sources that count as added')
    t.equal(c.rows('SELECT StateID, Param1 FROM CCM_StateMsg WHERE TopicType = 501'), [(5, str(0x87d00692))], 'the state')


@tap.case('/client/trouble/no-policy-COMP-005')
def no_policy(t):
    c = clientkit.Client(t)
    c.mp.policies.clear()
    c.start()
    c.wait(lambda: registered(c), 'the registration')
    c.command('SCAN.CMD')
    c.wait_scans(1, 'Failed')
    t.contains(c.rows('SELECT ErrorText FROM CCM_ScanJobInstance')[0][0], 'no UpdateSource policy yet')
    t.equal([e for e, _ in c.mp.requests if e == 'mp_locationmanager'], [], 'location requests')
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_StateMsg'), [(0,)], 'state messages')


def wait_for_newer_policy(c, scans):
    """Asks for policy until it has come: a question that is under way already gets the answer of before."""
    def asked_and_scanned():
        c.command('POLICY.CMD')
        return len(c.scans()) >= scans
    c.wait(asked_and_scanned, f'{scans} scans after a newer policy')


@tap.case('/client/trouble/required-version-COMP-024-OQ-C08')
def required_version(t):
    """A wish for a newer catalogue waits for the policy that names it."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.command('SCAN.CMD', 'Value: scan 39\n')
    c.wait_scans(1, 'WaitingPolicy')
    c.mp.set_source(39, 41)
    c.mp.locations = [(u, s, '39') for u, s, _ in c.mp.locations]
    wait_for_newer_policy(c, 2)
    t.equal(c.rows('SELECT RequiredVersion FROM CCM_ScanJobInstance ORDER BY CreatedTime')[-1], (39,), 'the version')


@tap.case('/client/trouble/required-version-asked-for-while-it-scans-OQ-C08')
def required_meanwhile(t):
    """The wish for a newer catalogue outlives the scan that is under way, a kill, and who wants less."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    sets = c.sets / 'debian.set'
    sets.unlink()
    os.mkfifo(sets)
    c.command('SCAN.CMD')
    c.wait(lambda: c.scans('Search'), 'the scan that goes on')
    c.command('SCAN.CMD', 'Value: scan 39\n')
    c.wait(lambda: c.rows("SELECT 1 FROM CCM_ScanJobInstance WHERE AgainTrace <> '' AND State = 'Search'"), 'the wish')
    c.kill()
    c.start()
    with open(sets, 'w') as held:  # whoever reads it goes on
        sets.unlink()
        sets.write_text(clientkit.SET)
        held.write(clientkit.SET)
    c.wait_scans(2)
    c.wait_scans(1, 'WaitingPolicy')
    c.command('SCAN.CMD')
    c.wait_scans(3)
    c.wait_scans(1, 'WaitingPolicy')
    c.mp.set_source(39, 41)
    c.mp.locations = [(u, s, '39') for u, s, _ in c.mp.locations]
    wait_for_newer_policy(c, 4)
    t.equal(c.rows('SELECT RequiredVersion, State FROM CCM_ScanJobInstance ORDER BY FinishTime'),
            [(38, 'Completed')] * 3 + [(39, 'Completed')], 'the versions')


def anchor(c):
    """When the last scan by schedule began."""
    return c.rows('SELECT AnchorTime FROM ScanHistory')[0][0]


@tap.case('/client/trouble/first-scan-is-delayed-COMP-002-COMP-003')
def first_scan(t):
    c = clientkit.Client(t, scanagent__first_delay_seconds=7200)
    c.mp.set_config(Enabled='true', ScanSchedule='every 7 days', MaxRandomDelayMinutes='120')
    c.start()
    c.wait(lambda: c.rows('SELECT FirstTime FROM ScanHistory') not in ([], [(None,)]), 'the plan')
    late = c.rows("SELECT (julianday(FirstTime) - julianday(StateTime)) * 86400 FROM ScanHistory, CCM_Policy_Policy5 "
                  "WHERE PolicyCategory = 'UpdateSource'")[0][0]
    if not -5 <= late <= 7205:
        t.fail(f'the first scan is planned {late} s after the policy')
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_ScanJobInstance'), [(0,)], 'scans')
    c.kill()
    c.start()  # the plan survives
    c.step(7200)
    c.wait_scans(1)
    # Then by the policy's schedule.
    first = anchor(c)
    c.step(7 * 86400)
    c.wait(lambda: anchor(c) > first, 'the scan a week later')
    c.wait(lambda: len(c.rows("SELECT 1 FROM CCM_ScanJobInstance WHERE Cause = 'schedule' AND State = 'Completed' AND "
                              "FinishTime > (SELECT MIN(CreatedTime) FROM CCM_ScanJobInstance)")) >= 1, 'the schedule')
    t.equal(c.rows('SELECT AnchorTime > FirstTime FROM ScanHistory'), [(1,)], 'the anchor')
    # A scan by a clock that was a year ahead: the next one is not a year away.
    began = anchor(c)
    c.step(365 * 86400)
    c.wait(lambda: anchor(c) > began, 'the scan a year ahead')
    ahead = anchor(c)
    c.kill()
    c.step(-365 * 86400)
    c.start()
    c.wait(lambda: anchor(c) < ahead, 'the scan of this year')


@tap.case('/client/trouble/switched-off-COMP-002')
def switched_off(t):
    c = clientkit.Client(t, scanagent__first_delay_seconds=7200)
    c.mp.set_config(Enabled='false')
    c.start()
    c.wait_log('ScanAgent.log', 'InstanceCreationEvent')
    c.wait(lambda: c.rows('SELECT COUNT(*) FROM CCM_ActualConfig') == [(1,)], 'the configuration')
    c.step(86400 * 8)
    c.wait(lambda: len([e for e, _ in c.mp.requests if e == 'mp_policymanager']) >= 2, 'the next policy cycle')
    t.equal(c.rows('SELECT COUNT(*) FROM CCM_ScanJobInstance'), [(0,)], 'scans')
    # No plan is left that would have every client scan at the moment at which it is switched on.
    c.wait(lambda: c.rows('SELECT FirstTime FROM ScanHistory') in ([], [(None,)]), 'the end of the plan')
    c.mp.set_config(version=2, Enabled='true', MaxRandomDelayMinutes='120')
    c.command('POLICY.CMD')
    c.wait(lambda: c.rows('SELECT FirstTime FROM ScanHistory') not in ([], [(None,)]), 'the new plan')
    late = c.rows("SELECT (julianday(FirstTime) - julianday(StateTime)) * 86400 FROM ScanHistory, CCM_Policy_Policy5 "
                  "WHERE PolicyCategory = 'SoftwareUpdatesClientConfig' AND PolicyVersion = '2.00'")[0][0]
    if not -5 <= late <= 7205:
        t.fail(f'the first scan is planned {late} s after the policy')


@tap.case('/client/trouble/bad-command')
def bad_command(t):
    c = clientkit.Client(t)
    c.start()
    c.wait(lambda: registered(c), 'the start')
    c.command('DANCE.CMD')
    box = c.root / 'var/lib/upkeep/client/inboxes/client.box/corrupt'
    c.wait(lambda: (box / 'DANCE.CMD').exists() and list(box.glob('*.why')), 'the refusal')
    t.contains(next(box.glob('*.why')).read_text(), "'DANCE' is no command")


@tap.case('/client/trouble/resend-OQ-C17')
def resend(t):
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.wait_sent()
    before = c.mp.messages()
    c.command('RESEND.CMD')
    c.wait(lambda: len(c.mp.messages()) == 2 * len(before) + 1, 'everything once more')
    first, *again = c.mp.messages()[len(before):]
    smsid = c.rows('SELECT SMSID FROM Client')[0][0]
    t.equal(first[:2], (f'GUID:{smsid}', 0), 'the message that says so, topic 700')
    t.equal({(topic, state) for topic, state, *_ in again}, {(topic, state) for topic, state, *_ in before}, 'states')
    t.equal([serial for _, _, serial, _ in c.mp.messages()], list(range(1, 2 * len(before) + 2)), 'serial numbers')


@tap.case('/client/trouble/clock-goes-back-COMP-071')
def clock_goes_back(t):
    """A state that follows another is never older than it, whatever the clock did meanwhile."""
    c = clientkit.Client(t)
    c.start()
    c.wait_scans(1)
    c.wait_sent()
    c.step(-86400)
    c.set_status(clientkit.STATUS.replace('Version: 3.0.9-1', 'Version: 3.0.11-1'))
    c.command('SCAN.CMD')
    c.wait(lambda: c.rows("SELECT COUNT(*) FROM CCM_UpdateStatus WHERE Status = 'Missing'") == [(0,)], 'the scan')
    c.wait_sent()
    topic = next(topic for topic, state, *_ in c.mp.messages() if state == 2 and topic != peer.SOURCE)
    mine = [(time, serial, state) for topic_, state, serial, time in c.mp.messages() if topic_ == topic]
    t.equal([state for *_, state in sorted(mine)], [2, 3], 'the order in which the site takes them')


@tap.case('/client/trouble/not-joined')
def not_joined(t):
    c = clientkit.Client(t)
    c.write_conf({'client.mp': '', 'client.site_certificate': ''})
    c.start()
    c.wait_log('CcmMessaging.log', 'run upkeep-client join URL')
    c.write_conf({})
    c.command('JOIN.CMD')
    c.wait_scans(1)


tap.main()
