"""Tests of the kit tests/lab/lab.py, with the real site server and stand-ins for the other roles."""
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


tap.main()
