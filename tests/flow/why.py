#!/usr/bin/python3
"""`upkeep why client NAME update ID` over a real site that is broken from outside (proof C6).

Each case does to running programs, files or ports what a bad day does, and expects the name of the
broken link and the command that helps, as text and as JSON. Never may an update be called installed
or not required behind a broken link.
"""
import os
import shutil
import signal

import gate
import oneclient
import tap


def answer(w, update='curl'):
    """The answer's name, for looking again and again."""
    return w.site.json('why', 'client', w.name, 'update', update)['Answer']


def links(w):
    """How each link stands."""
    return {link['Link']: link for link in w.site.json('why', 'client', w.name, 'update', 'curl')['Links']}


def why(w, update='curl'):
    """The answer as JSON; what is printed must say the same."""
    name = w.name
    told = w.site.json('why', 'client', name, 'update', update)
    text = w.site.run('why', 'client', name, 'update', update)
    broken = [link['Link'] for link in told['Links'] if link['State'] == 'broken']
    if told['BrokenLink'] is None:
        w.t.equal(broken, [], 'broken links of a whole chain')
        return told
    w.t.equal(broken, [told['BrokenLink']], 'the one link that is called broken')
    w.t.equal(told['Status'], 'unknown', 'the status behind a broken link')
    w.t.contains(text, f'unknown, because {told["Because"]} ({told["Answer"]}).')
    w.t.equal(text.count('\nBROKEN'), 1, 'links marked in the text')
    where = f', on {told["NextMachine"]}' if told['NextMachine'] else ''
    w.t.contains(text, f'\nNext{where}: {told["NextCommand"]}\n')
    return told


def expect(w, link, expected, command, update='curl', client=False):
    """Waits until the answer is there: what the management point notes comes a second later."""
    name = w.name
    w.site.wait(lambda: answer(w, update) == expected, f'the answer {expected}', 20)
    told = why(w, update)
    w.t.equal((told['BrokenLink'], told['Answer'], told['NextCommand'], told['NextMachine']),
              (link, expected, command, name if client else None))
    return told


def cause(told, link):
    return next(row['Cause'] for row in told['Links'] if row['Link'] == link)


def behind_gate(w):
    """The client reaches its management point through a gate from now on."""
    g = gate.Gate(w.t, w.site.port('mp', 'mp'))
    w.site.path('etc/upkeep/client.conf').write_text(f'[client]\nmp={g.url}\n')
    w.site.kill('client')
    w.site.up()
    return g


@tap.case('/flow/why/the-whole-chain-and-the-summary-behind-COMP-072-COMP-077')
def whole(t):
    w = oneclient.World(t)
    w.registered()
    w.sync()
    expect(w, 'download', 'policy-not-downloaded', 'upkeep-client policy --wait 60', client=True)
    w.policy()
    expect(w, 'scan', 'never-scanned', f'upkeep client scan {w.name}')
    w.scan()
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the whole chain')
    w.site.wait(lambda: all(link['State'] == 'ok' for link in links(w).values()), 'every link known')
    told = why(w)
    t.equal((told['Status'], told['NextCommand']), ('required', None))
    t.equal({link['State'] for link in told['Links']}, {'ok'}, 'states of the links')
    t.equal(all(link['Time'] for link in told['Links']), True, 'each link has its time')
    t.equal(why(w, 'vim')['Status'], 'not required')
    w.change(f"UPDATE Update_ComplianceCounts SET NumMissing = 0 WHERE CI_ID = {told['CI_ID']}")
    behind = expect(w, 'summary', 'summary-behind', 'upkeep summarize run updates')
    t.equal(behind['LastKnownStatus'], 'required')
    w.site.run('summarize', 'run', 'updates')
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the summary counted anew')


@tap.case('/flow/why/client-pending-blocked-and-no-policy-COMP-005')
def no_policy(t):
    w = oneclient.World(t, 'mp.approve_automatically=false')
    name = w.name
    box = w.site.inbox('policypv.box')
    shutil.rmtree(box)
    box.write_text('in the way\n')
    w.sync()
    expect(w, 'approval', 'client-pending', f'upkeep client approve {name}')
    w.site.run('client', 'block', name)
    expect(w, 'approval', 'client-blocked', f'upkeep client approve {name}')
    w.site.run('client', 'approve', name)
    expect(w, 'policy', 'no-policy', 'upkeep log --component PolicyPv --since 1d')
    w.site.kill('site')
    box.unlink()
    w.site.up()
    expect(w, 'download', 'policy-not-downloaded', 'upkeep-client policy --wait 60', client=True)


@tap.case('/flow/why/policy-not-downloaded-COMP-017')
def not_downloaded(t):
    w = oneclient.World(t)
    w.registered()
    g = behind_gate(w)
    g.stops = lambda path, body: '.sms_pol' in path
    w.sync()

    def tried():
        w.client('policy')
        return g.stopped > 0
    w.site.wait(tried, 'the client fetching the policy')
    told = expect(w, 'download', 'policy-not-downloaded', 'upkeep-client policy --wait 60', client=True)
    w.site.wait(lambda: 'did not fetch' in links(w)['download']['Cause'], 'the policy request')
    g.stops = lambda path, body: False
    w.policy()
    expect(w, 'scan', 'never-scanned', f'upkeep client scan {w.name}')


@tap.case('/flow/why/update-point-unreachable-scan-failed-and-client-silent-COMP-049-COMP-082')
def scans(t):
    w = oneclient.World(t)
    w.registered()
    w.sync()
    w.policy()
    w.site.kill('sup')
    w.client('scan')
    w.site.wait_log('ScanAgent.log', 'StateId = 4')
    w.client('send', '--wait', str(tap.patience(30)))
    told = expect(w, 'scan', 'update-point-unreachable', 'upkeep site status')
    t.contains(cause(told, 'scan'), '0x80072efd')
    w.site.up()
    w.scan()
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the whole chain')
    w.machine.write('var/lib/dpkg/status', 'no stanza\n\0\n')
    w.client('scan')
    w.site.wait(lambda: w.site.log('ScanAgent.log').count('StateId = 4') == 2, 'the failure')
    w.client('send', '--wait', str(tap.patience(30)))
    told = expect(w, 'scan', 'scan-failed', 'upkeep-client scan --wait 300', client=True)
    t.equal(told['LastKnownStatus'], 'required')
    w.site.kill('client')
    w.site.run('lab', 'clock', '--step', '8d')
    told = expect(w, 'contact', 'client-silent', 'systemctl status upkeep-client', client=True)
    t.contains(cause(told, 'contact'), 'more than 7 days')


@tap.case('/flow/why/scan-older-than-the-synchronization-and-catalogue-older-than-the-policy-COMP-023-COMP-035')
def older(t):
    w = oneclient.World(t)
    w.registered()
    w.sync()
    w.policy()
    w.scan()
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the whole chain')
    w.copy_database(t.dir / 'backup.db')
    w.publish('7.88.1-12')
    w.sync()
    w.policy()
    told = expect(w, 'version', 'scan-older-than-synchronization', f'upkeep client scan {w.name}')
    t.contains(cause(told, 'version'), 'it saw content version 1, the update came with 2')
    t.equal(told['LastKnownStatus'], 'unknown')
    t.equal(why(w, 'vim')['Answer'], 'chain-whole', 'an update that was there before')
    for role in ('provider', 'mp', 'site'):
        w.site.kill(role)
    w.restore_database(t.dir / 'backup.db')
    w.site.up()
    w.client('scan')
    told = expect(w, 'location', 'catalogue-older-than-policy', 'upkeep sync start --full --wait')
    t.contains(cause(told, 'location'), 'version 2')
    t.equal(told['LastKnownStatus'], 'required')


@tap.case('/flow/why/report-not-sent-COMP-055-COMP-058')
def not_sent(t):
    w = oneclient.World(t, 'policypv.max_random_delay_minutes=0', 'scanagent.first_delay_seconds=0')
    w.registered()
    g = behind_gate(w)
    w.sync()
    w.policy()
    # The first scan; after it none comes by itself for days.
    w.site.wait_log('ScanAgent.log', 'StateId = 3')
    w.client('send', '--wait', str(tap.patience(30)))
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the first report')
    g.stops = lambda path, body: b'mp_relayendpoint' in body.replace(b'\0', b'').lower()
    w.client('scan')
    w.site.wait(lambda: g.stopped > 0, 'the client reporting')
    w.site.wait(lambda: 'has not reported yet' in links(w)['report']['Cause'], 'the scan seen by the site')
    t.equal(why(w)['Answer'], 'chain-whole', 'within the half hour')
    w.site.run('lab', 'clock', '--step', '31m')
    told = expect(w, 'report', 'report-not-sent', 'upkeep-client send --wait 60', client=True)
    t.equal(told['LastKnownStatus'], 'required')
    g.stops = lambda path, body: False
    w.client('send', '--wait', str(tap.patience(30)))
    w.site.wait(lambda: answer(w) == 'chain-whole', 'the whole chain')


@tap.case('/flow/why/report-not-processed-and-report-rejected-COMP-069')
def rejected(t):
    w = oneclient.World(t)
    w.registered()
    w.sync()
    w.policy()
    site = w.site.roles()['site']['pid']
    os.kill(site, signal.SIGSTOP)
    try:
        w.client('scan', '--wait', str(tap.patience(60)))
        incoming = w.site.inbox('auth/statesys.box/incoming')
        w.site.wait(lambda: list(incoming.rglob('*.SMX')), 'a report in the inbox')
        expect(w, 'processing', 'report-not-processed', 'upkeep site status')
        names = []
        for path in incoming.rglob('*.SMX'):
            path.write_bytes(path.read_bytes()[:-200])
            names.append(path.name)
    finally:
        os.kill(site, signal.SIGCONT)
    w.site.wait(lambda: answer(w) == 'report-rejected', 'the refusal')
    told = why(w)
    t.equal((told['BrokenLink'], told['NextMachine']), ('processing', None))
    t.equal(told['NextCommand'].rpartition(' ')[0], 'upkeep log --component StateSys --id')
    t.contains(names, told['NextCommand'].rpartition(' ')[2])
    t.contains(w.site.run(*told['NextCommand'].split()[1:]), names[0])


@tap.case('/flow/why/what-cannot-be-answered-is-said')
def bad(t):
    w = oneclient.World(t)
    name = w.name
    w.sync()
    w.site.run('why', 'client', 'nobody', 'update', 'curl', status=1)
    t.contains(w.site.said, 'no client is named nobody')
    w.site.run('why', 'client', name, 'update', 'nothing', status=1)
    t.contains(w.site.said, 'no update has the article or ID nothing')
    w.site.run('why', 'client', name, 'update', '4711', status=1)
    t.contains(w.site.said, 'upkeep update list')
    w.site.run('why', 'client', name, 'package', 'curl', status=2)
    t.contains(w.site.said, 'upkeep why client NAME update ID')
    w.site.run('summarize', 'run', 'nothing', status=1)
    t.contains(w.site.said, "'updates' is one")


tap.main()
