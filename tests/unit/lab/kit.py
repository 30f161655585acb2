"""Tests of the kit tests/lab/lab.py, with the real site server and stand-ins for the other roles."""
import socket
import subprocess

import lab
import tap


def started(t):
    site = lab.Lab(t, 'site.code=LAB')
    site.stand_in('sup', 'mp', 'provider', 'client')
    site.up()
    return site


@tap.case('/lab/kit/real-site-server-up-and-down')
def up_and_down(t):
    site = started(t)
    t.equal({role: row['state'] for role, row in site.roles().items()},
            {role: 'running' for role in ('sup', 'site', 'mp', 'provider', 'client')})
    t.equal(site.port('sup'), 40001)
    t.contains(site.path('etc/upkeep/upkeep.conf').read_text(), 'code=LAB')
    t.equal(site.path('var/lib/upkeep/site/site.db').exists(), True, 'the database is there')
    site.down()
    t.equal({row['state'] for row in site.roles().values()}, {'stopped'})
    t.equal(site.path('run/upkeep/site.ready').exists(), False, 'the ready file is gone')


def key_bits(site):
    """The size of the site's key, by openssl."""
    said = subprocess.run(['openssl', 'x509', '-noout', '-text', '-in', site.path('etc/upkeep/site.crt')], check=True,
                          capture_output=True, text=True).stdout
    return int(said.split('Public-Key: (')[1].split()[0])


@tap.case('/lab/kit/key-of-the-site-has-the-size-that-is-set')
def size_of_key(t):
    site = started(t)
    t.equal(key_bits(site), 2048, 'in a lab unless told')
    site.down()
    # The key that is there stays; without it one of the size that is set now is made.
    site.up('--set', 'host.key_bits=2560')
    t.equal(key_bits(site), 2048, 'a key that was there')
    site.down()
    for path in site.path('var/lib/upkeep/site/keys').iterdir():
        path.unlink()
    site.up('--set', 'host.key_bits=2560')
    t.equal(key_bits(site), 2560, 'a new one')


@tap.case('/lab/kit/killed-site-server-starts-again')
def killed(t):
    site = started(t)
    first = site.roles()['site']['pid']
    site.kill('site')
    t.equal(site.roles()['site']['state'], 'died')
    site.up()
    row = site.roles()['site']
    t.equal((row['state'], row['pid'] != first), ('running', True))


@tap.case('/lab/kit/up-twice-changes-nothing')
def twice(t):
    site = started(t)
    before = site.roles()
    site.up()
    t.equal(site.roles(), before)


@tap.case('/lab/kit/real-distribution-points-behind-links')
def points(t):
    site = lab.Lab(t)
    site.stand_in('sup', 'mp', 'client')
    site.up('--dps', '1', '--pull-dps', '1', '--link-rate', '5M', '--link-delay', '1ms')
    rows = site.roles()
    t.equal([(name, rows[name]['state']) for name in ('dp', 'DP01', 'PDP01', 'lab')],
            [('dp', 'running'), ('DP01', 'running'), ('PDP01', 'running'), ('lab', 'running')])
    known = {row['ServerName']: row for row in site.json('dp', 'list')}
    own = [name for name, row in known.items() if row['IsColocated']]
    t.equal((len(known), len(own), known['DP01.LAB']['IsPullDP'], known['PDP01.LAB']['IsPullDP']),
            (3, 1, False, True), 'what the site knows')
    t.contains(site.run('dp', 'show', 'PDP01'), 'DP01.LAB, rank 1')
    link = dict(line.split('=') for line in site.path('run/upkeep/lab.ready').read_text().splitlines())
    t.equal(known['DP01.LAB']['Url'], f'http://127.0.0.1:{link["DP01"]}')
    with socket.create_connection(('127.0.0.1', int(link['DP01'])), 10) as through:
        through.sendall(b'GET /nothing HTTP/1.0\r\n\r\n')
        t.contains(through.recv(100).decode(), 'HTTP/1.', 'what came through the link')
    t.contains(site.run('lab', 'link', 'dp01', '--rate', '1M', '--down'), 'DP01: 1.0 MB/s, delay 1 ms, CUT')
    site.run('lab', 'link', 'DP07', status=1)
    t.contains(site.said, 'upkeep lab status')
    site.run('lab', 'link', 'DP01', '--rate', 'fast', status=2)
    site.kill('DP01')
    site.run('lab', 'status', status=3)
    t.contains(site.said, 'upkeep-dp of DP01 died')
    site.up()
    t.equal(site.roles()['DP01']['state'], 'running')
    site.down()
    t.equal({row['state'] for row in site.roles().values()}, {'stopped'})


tap.main()
