#!/usr/bin/python3
"""The clients of a site as an administrator treats them: seen, approved, blocked, deleted, asked to scan."""
import signal
import xml.etree.ElementTree as ET

import oneclient
import tap


@tap.case('/flow/clients/pending-until-approved-then-blocked-then-deleted')
def treated(t):
    w = oneclient.World(t, 'mp.approve_automatically=false')
    row = w.registered()
    t.equal((row['ClientState'], row['IsApproved'], row['NumMissing'], row['LastSoftwareScan']),
            ('pending', False, None, None))
    t.contains(w.site.run('client', 'list'), 'pending')
    w.sync()
    w.site.run('client', 'approve', row['Name'].lower(), '--what-if')
    t.equal(w.registered()['ClientState'], 'pending', 'after --what-if')
    w.site.run('client', 'approve', row['Name'].lower())
    w.policy()
    w.scan()
    site = w.site
    site.wait(lambda: w.registered()['LastPolicyRequest'], 'the policy request')
    row = site.json('client', 'show', row['Name'])
    t.equal((row['ClientState'], row['NumMissing'], row['LastScanStateName'], row['LastScanVersion']),
            ('approved', 1, 'Scan completed', 1))
    shown = site.run('client', 'show', str(row['ResourceID']))
    for word in ('approved by', 'Scan completed', row['Fingerprint'], 'Last contact'):
        t.contains(shown, word)

    def lacking():
        return [line['PackageName'] for line in site.json('update', 'missing')]
    t.equal(lacking(), ['curl'])
    w.change('UPDATE CI_ConfigurationItems SET IsExpired = 1')
    t.equal(lacking(), [], 'of updates that have expired')
    w.change('UPDATE CI_ConfigurationItems SET IsExpired = 0')
    t.equal(lacking(), ['curl'])
    site.run('client', 'block', row['Name'])
    t.equal(lacking(), [], 'of a blocked client')
    w.client('send')
    site.run('lab', 'clock', '--step', '16m')
    w.client('policy')
    site.wait(lambda: 'is blocked' in site.log('CcmMessaging.log') + site.log('MP_Framework.log'), 'the refusal')
    t.equal(site.json('update', 'list', '--missing'), [], 'what counts of a blocked client')
    site.run('client', 'delete', row['Name'])
    t.equal(w.query('SELECT COUNT(*) FROM Update_ComplianceStatus'), [(0,)], 'its states')
    audit = [line for line in site.log('SMSProv.log').splitlines() if 'SMS_R_System' in line and 'Auditing' in line]
    t.equal(len(audit), 3, 'audit lines')
    actions = w.query("SELECT Action, Method FROM Audit WHERE ClassName = 'SMS_R_System' ORDER BY AuditID")
    t.equal(actions, [('called', 'Approve'), ('called', 'Block'), ('deleted', '')])


@tap.case('/flow/clients/asked-to-scan-does-so-with-its-next-policy-request-COMP-016')
def asked(t):
    w = oneclient.World(t)
    w.sync()
    name = w.name
    w.policy()
    w.site.run('client', 'scan', name)
    t.contains(w.site.said, 'asked to scan')
    t.equal(bool(w.registered()['TriggerRequestTime']), True, 'the wish waits')
    w.client('policy')
    w.site.wait(lambda: w.registered()['NumMissing'] == 1, 'the scan that was asked for')
    w.client('policy')
    w.site.wait(lambda: w.registered()['TriggerRequestTime'] is None, 'the wish taken')
    w.client('policy', '--wait', str(tap.patience(30)))
    t.equal(w.site.log('PolicyAgent.log').count('The site asks for'), 1, 'scans asked for')


@tap.case('/flow/clients/policy-and-names-can-be-read-COMP-015-COMP-070')
def read(t):
    """The two queries of the specification, by a program that is not ours."""
    w = oneclient.World(t)
    w.sync()
    w.site.wait(lambda: w.query("SELECT 1 FROM SettingsPolicy WHERE SourceType = 'UpdateSource'"), 'the policy')
    body = w.query("SELECT Body FROM Policy WHERE PolicyID = (SELECT PolicyID FROM SettingsPolicy "
                   "WHERE SourceType = 'UpdateSource')")[0][0]
    instance = ET.fromstring(body).find('.//instance')
    t.equal(instance.get('class'), 'CCM_UpdateSource')
    said = {p.get('name'): p.findtext('value') for p in instance.findall('property')}
    t.equal((said['ContentVersion'], said['ContentType']), ('1', '2'))
    names = {(topic, state): name for topic, state, name in
             w.query('SELECT TopicType, StateID, StateName FROM SR_StateNames')}
    t.equal([names[500, state] for state in range(4)],
            ['Detection state unknown', 'Update is not required', 'Update is required', 'Update is installed'])


@tap.case('/flow/clients/states-that-were-lost-are-sent-again-COMP-053')
def lost(t):
    """The site loses what a machine reported; the digest of its next scan shows it, the machine is
    asked, and says all again, less what the site should not have had at all."""
    w = oneclient.World(t)
    w.sync()
    w.policy()
    w.scan()
    held = 'SELECT Status, CI_ID FROM Update_ComplianceStatus ORDER BY CI_ID'
    expected = w.query(held)
    t.equal(len(expected), 1, 'states')
    w.change('UPDATE Update_ComplianceStatus SET CI_ID = (SELECT MIN(CI_ID) FROM CI_ConfigurationItems WHERE '
             'CI_ID NOT IN (SELECT CI_ID FROM Update_ComplianceStatus))')
    t.equal(w.query(held) == expected, False, 'still the same states')
    w.scan()
    w.site.wait(lambda: w.query('SELECT 1 FROM Update_ScanStatus WHERE ResyncTime IS NOT NULL'), 'the request')
    t.equal(w.site.json('update', 'missing'), [], 'what is known of a machine that must say all anew')
    w.policy()
    w.site.wait(lambda: w.query(held) == expected, 'the states')
    w.site.wait(lambda: w.query('SELECT ResyncTime FROM Update_ScanStatus') == [(None,)], 'the end of the request')
    w.policy()  # takes the wish off
    t.equal(w.query('SELECT COUNT(*) FROM ClientTriggers'), [(0,)], 'wishes')
    t.contains(w.site.log('StateMessage.log'), 'All state messages are sent once more')
    # The update point loses its catalogue: what an empty one does not name is not "not required".
    w.site.kill('sup', signal.SIGTERM)
    for path in w.site.path('var/lib/upkeep/sup').glob('catalog.db*'):
        path.unlink()
    w.site.up()
    w.client('scan')
    w.site.wait(lambda: 'with the fault ServerBusy' in w.site.log('WindowsUpdate.log'), 'the refusal')
    t.equal(w.query_client("SELECT ReportedState FROM CCM_UpdateStatus WHERE Status = 'Missing'"), [(2,)], 'still known')
    w.sync()
    w.policy()
    w.scan()
    t.equal(w.query(held), expected, 'states')
    t.equal([line['PackageName'] for line in w.site.json('update', 'missing')], ['curl'])
    w.change('UPDATE CI_ConfigurationItems SET MinSourceVersion = MinSourceVersion + 9')
    t.equal(w.site.json('update', 'missing'), [], 'by rules that the machine has not scanned by')


@tap.case('/flow/clients/what-cannot-be-done-is-said')
def bad(t):
    w = oneclient.World(t)
    w.registered()
    w.site.run('client', 'show', 'nobody', status=1)
    t.contains(w.site.said, 'no client is named nobody (upkeep client list shows all)')
    w.site.run('client', 'approve', w.name, 'nobody', status=3)
    w.site.run('client', 'list', '--state', 'asleep', status=2)
    t.equal(len(w.site.json('state', 'names')), len(w.query('SELECT 1 FROM SR_StateNames')))
    t.contains(w.site.run('state', 'names'), 'Update is required')


tap.main()
