"""`upkeep site status` over real programs, whole and half dead: what an administrator sees at night."""
import os
import re
import signal
import subprocess
import time

import lab
import tap


def status(site, code=0):
    found = site.json('site', 'status', status=code)
    found['by_role'] = {row['role']: row for row in found['programs']}
    found['by_box'] = {row['name']: row for row in found['inboxes']}
    return found


def new_site(t):
    site = lab.Lab(t, 'mp.contact_seconds=1')
    site.up()
    return site


@tap.case('/flow/site-status/whole')
def whole(t):
    site = new_site(t)
    site.wait(lambda: status(site)['SMS_UPK_ClientContacts'][0]['WithinHour'] == 1, 'the client to be counted')
    found = status(site)
    t.equal([(row['role'], row['state']) for row in found['programs']],
            [(role, 'running') for role in ('sup', 'site', 'mp', 'provider', 'client')])
    for role, row in found['by_role'].items():
        pid = int(site.path(f'run/upkeep/{role}.ready').read_text().splitlines()[0].removeprefix('pid='))
        ticks = int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[19])
        age = float(open('/proc/uptime').read().split()[0]) - ticks / os.sysconf('SC_CLK_TCK')
        t.equal((row['pid'], abs(age - row['seconds']) < 2), (pid, True), f'upkeep-{role}')
    volume = os.statvfs(site.path('var/lib/upkeep/site'))
    t.equal(found['volumes'][0]['total'], volume.f_blocks * volume.f_frsize)
    t.equal('content' in ', '.join(row['holds'] for row in found['volumes']), True, 'the volume of the content library')
    t.equal([row['name'] for row in found['databases']],
            ['site/site.db', 'sup/catalog.db', 'sup/clients.db', 'client/client.db'])
    t.equal(found['SMS_SUPSyncStatus'][0]['LastSyncState'], 0)
    t.equal(found['troubles'], [])
    text = site.run('site', 'status')
    t.contains(text, 'Nothing is wrong.')
    t.equal(len(text.splitlines()) < 30, True, f'it is one screen:\n{text}')
    t.equal([line for line in text.splitlines() if line.startswith('!')], [])


@tap.case('/flow/site-status/dead-stopped-and-strangers')
def dead(t):
    site = new_site(t)
    site.kill('sup')
    site.kill('mp', signal.SIGTERM)
    found = status(site, 3)
    t.equal((found['by_role']['sup']['state'], found['by_role']['mp']['state']), ('died', 'stopped'))
    t.equal(found['SMS_Site'][0]['SiteCode'], 'LAB')
    text = site.run('site', 'status', status=3)
    t.contains(text, '! upkeep-sup died; its log ends ')
    t.contains(text, '! upkeep-mp is stopped\n    next: upkeep lab up --root ')
    # The number of the dead program belongs to another one now; nothing says that the program runs.
    ready = site.path('run/upkeep/sup.ready')
    ready.write_text(f'pid={os.getpid()}\nhttp=1\n')
    t.equal(status(site, 3)['by_role']['sup']['state'], 'died')
    site.run('lab', 'up')
    t.equal(status(site)['by_role']['sup']['state'], 'running')


@tap.case('/flow/site-status/no-provider-and-one-that-hangs')
def no_provider(t):
    site = new_site(t)
    pid = site.roles()['provider']['pid']
    os.kill(pid, signal.SIGSTOP)
    t.cleanup(lambda: site.kill('provider') if site.roles()['provider']['pid'] == pid else None)
    begin = time.monotonic()
    found = status(site, 3)
    t.equal(time.monotonic() - begin < tap.patience(20), True, 'it does not wait for ever')
    t.equal((found['SMS_Site'], found['by_role']['site']['state']), (None, 'running'))
    t.contains(found['troubles'][0]['what'], 'not known: the last synchronization, the clients and the content, because asking for '
                                             'SMS_Site: the provider at ')
    site.kill('provider')
    text = site.run('site', 'status', status=3)
    t.contains(text, '! upkeep-provider died')
    t.contains(text, '! not known: the last synchronization, the clients and the content, because upkeep-provider does not run\n')
    t.equal(re.search(r'^All \d+ inboxes are empty\.$', text, re.M) is not None, True, text)
    t.contains(text, 'site/site.db ')


@tap.case('/flow/site-status/backlog-and-refused')
def backlog(t):
    site = new_site(t)
    site.kill('site')
    box = site.inbox('auth/statesys.box/incoming')
    old = time.time() - 2 * 3600
    for name in ('A.SMX', 'B.SMX', 'C.SMX'):
        (box / name).write_text('x')
    os.utime(box / 'B.SMX', (old, old))
    (box / '.D.tmp').write_text('half')
    refused = site.inbox('auth/statesys.box/corrupt')
    refused.mkdir(exist_ok=True)
    (refused / 'E.SMX').write_text('x')
    (refused / 'E.SMX.why').write_text('because')
    found = status(site, 3)
    row = found['by_box']['auth/statesys.box/incoming']
    t.equal((row['waiting'], 7190 < row['oldestSeconds'] < 7300), (3, True), str(row))
    t.equal(found['by_box']['auth/statesys.box']['refused'], 1)
    text = site.run('site', 'status', status=3)
    t.contains(text, '! auth/statesys.box/incoming: 3 files wait, the oldest for 2 h\n')
    t.contains(text, '! auth/statesys.box: 1 file was refused\n')
    # A clock that is set back makes files of the future, and no negative ages.
    os.utime(box / 'B.SMX', (time.time() + 86400,) * 2)
    site.run('lab', 'clock', '--step', '-1d')
    row = status(site, 3)['by_box']['auth/statesys.box/incoming']
    t.equal((row['waiting'], row['oldestSeconds']), (3, 0))


@tap.case('/flow/site-status/one-lab-by-eight-at-once')
def at_once(t):
    site = lab.Lab(t, 'mp.contact_seconds=1')
    many = [subprocess.Popen([lab.UPKEEP, 'lab', 'up', '--dps', '2', '--pull-dps', '1'], env=site.env, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
    said = [process.communicate(timeout=tap.patience(120))[1] for process in many]
    # One of them works; the others came too early and say so, or late enough.
    t.equal(0 in [process.returncode for process in many], True, str(said))
    for process, words in zip(many, said):
        if process.returncode != 0:
            t.contains(words, 'another upkeep lab command works on')
    site.run('lab', 'up')
    t.equal([row['state'] for row in site.json('lab', 'status')['roles']], ['running'] * 9)
    t.equal([row['ServerName'] for row in site.json('dp', 'list') if row['ServerName'].endswith('.LAB')],
            ['DP01.LAB', 'DP02.LAB', 'PDP01.LAB'])
    # The root of a distribution point is one of a machine that has nothing else.
    alone = ('--root', site.dp_path('DP01'))
    found = site.json('site', 'status', *alone)
    t.equal(([row['role'] for row in found['programs']], found['troubles'], found['SMS_Site']), (['dp'], [], None))
    text = site.run('site', 'status', *alone)
    t.contains(text, 'The site server is another machine')
    t.contains(text, 'Nothing is wrong.')
    site.run('site', 'backup', t.dir / 'backup', *alone, status=1)
    t.contains(site.said, 'there is a distribution point only below')
    t.equal([path.name for path in t.dir.glob('backup*')], [])


@tap.case('/flow/site-status/no-site-at-all')
def nowhere(t):
    site = lab.Lab(t)
    site.run('site', 'status', status=1)
    t.contains(site.said, 'upkeep lab up')


tap.main()
