"""The verbs of upkeep-client: join, scan, policy, send; with and without a client that runs."""
import subprocess

import clientkit
import tap
import uppeer

PROGRAM = tap.build_root() / 'src/client/upkeep-client'
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


def pair(t):
    """A client that is joined to nothing, with its peers; not started."""
    c = clientkit.Client(t, program=PROGRAM)
    up = uppeer.UpdatePoint(clientkit.SET)
    t.cleanup(up.close)
    (c._folder(c.machine / 'etc') / 'os-release').write_text(OS_RELEASE)
    c.mp.locations = [(up.url, 'localhost', '38')]
    return c, up


def verb(c, *words, status=0):
    """upkeep-client words; what it said on both."""
    done = subprocess.run([PROGRAM, '--root', str(c.root), *words], capture_output=True, text=True, timeout=tap.patience(60))
    if done.returncode != status:
        c.t.fail(f'{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout + done.stderr


def unjoined(c):
    conf = c.root / 'etc/upkeep/client.conf'
    conf.write_text(f'[client]\nmachine_root={c.machine}\n[scanagent]\nfirst_delay_seconds=0\n')
    return conf


@tap.case('/client/verbs/join')
def join(t):
    c, _ = pair(t)
    conf = unjoined(c)
    c.start()
    c.wait_log('CcmMessaging.log', 'run upkeep-client join URL')
    colons = ':'.join(c.site.fingerprint[i:i + 2] for i in range(0, 64, 2)).upper()
    t.contains(verb(c, 'join', c.mp.url + '/', '--fingerprint', colons), 'belongs to site PS1')
    for line in (f'site_certificate={c.site.der.hex()}', 'code=PS1', f'mp={c.mp.url}\n', 'first_delay_seconds=0'):
        t.contains(conf.read_text(), line, 'client.conf')
    c.wait_scans(1)


@tap.case('/client/verbs/join-another-certificate')
def join_another(t):
    c, _ = pair(t)
    conf = unjoined(c)
    before = conf.read_text()
    said = verb(c, 'join', c.mp.url, '--fingerprint', 'ab' * 32, status=1)
    t.contains(said, c.site.fingerprint)
    t.equal(conf.read_text(), before, 'client.conf')
    t.contains(verb(c, 'join', c.mp.url, status=1), '--fingerprint')
    t.contains(verb(c, 'join', 'http://127.0.0.1:1', '--fingerprint', 'ab' * 32, status=1), '127.0.0.1:1')
    t.contains(verb(c, 'join', c.mp.url, '--fingerprint', c.site.fingerprint, '--site', 'LONG', status=1),
               "'LONG' is no site code")


@tap.case('/client/verbs/scan-and-wait')
def scan(t):
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    t.contains(verb(c, 'scan', '--wait', str(tap.patience(30))), '1 missing, 2 installed, 0 not applicable')
    t.equal(len(c.scans()), 2, 'scans')
    up.what_fault = ['InternalServerError']
    t.contains(verb(c, 'scan', '--wait', '1', status=1), 'not done within 1 seconds')


@tap.case('/client/verbs/scan-that-fails')
def scan_fails(t):
    c, _ = pair(t)
    c.mp.policies.clear()
    c.start()
    c.wait(lambda: c.rows('SELECT State FROM Client') == [('registered',)], 'the registration')
    t.contains(verb(c, 'scan', '--wait', str(tap.patience(30)), status=1), 'the scan failed: there is no UpdateSource policy yet')


@tap.case('/client/verbs/policy-and-send')
def policy_and_send(t):
    c, _ = pair(t)
    c.start()
    c.wait_scans(1)
    t.contains(verb(c, 'policy', '--wait', str(tap.patience(30))), 'the management point has answered')
    t.contains(verb(c, 'send', '--wait', str(tap.patience(30))), 'acknowledged all state messages')
    t.equal(len(c.mp.messages()), 3, 'messages')
    verb(c, 'resend', '--wait', str(tap.patience(30)))
    t.equal(len(c.mp.messages()), 7, 'messages, with the one that announces the others')


@tap.case('/client/verbs/a-command-waits-for-the-client')
def waits_for_the_client(t):
    c, _ = pair(t)
    c.start()
    c.wait_scans(1)
    c.stop()
    t.contains(verb(c, 'scan'), 'Asked for.')
    c.start()
    c.wait_scans(2)


@tap.case('/client/verbs/nowhere-is-no-client-and-nothing-is-made-there')
def nowhere(t):
    c, _ = pair(t)
    root = t.dir / 'nowhere'
    done = subprocess.run([PROGRAM, '--root', root, 'scan'], capture_output=True, text=True, timeout=tap.patience(60))
    t.equal((done.returncode, done.stdout), (1, ''))
    t.contains(done.stderr, f'no client has run below {root} yet: systemctl start upkeep-client, or --root')
    t.equal(root.exists(), False)
    done = subprocess.run([PROGRAM, '--help'], capture_output=True, text=True, timeout=tap.patience(60))
    for word in ('upkeep-client join URL --fingerprint F', 'policy | send | resend', '--components'):
        t.contains(done.stdout, word)


@tap.case('/client/verbs/unknown')
def unknown(t):
    c, _ = pair(t)
    t.contains(verb(c, 'dance', status=1), "'dance' is no verb")
    t.contains(verb(c, 'scan', '--quickly', status=1), '--quickly')


tap.main()
