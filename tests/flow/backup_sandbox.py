"""A restore where, as in the units' sandbox, nothing but the four folders of Upkeep can be written, and
those are mounts that nobody can rename."""
import subprocess

import namespace

WHY_NOT = namespace.enter()

import lab  # noqa: E402
import tap  # noqa: E402


def mount(t, *words):
    subprocess.run(['mount', *map(str, words)], check=True)
    if '-o' not in words:
        t.cleanup(subprocess.run, ['umount', '-l', str(words[-1])])


@tap.case('/flow/backup-sandbox/a-restore-writes-in-the-four-folders-only')
def sandbox(t):
    if WHY_NOT:
        t.skip(f'no name space of its own: {WHY_NOT}')
    site = lab.Lab(t)
    site.up()
    site.down()
    for name in ('etc/upkeep', 'var/lib/upkeep', 'var/log/upkeep', 'run/upkeep'):
        mount(t, '--bind', site.path(name), site.path(name))
    for name in ('etc', 'var/lib', 'var/log', 'run'):
        mount(t, '--rbind', site.path(name), site.path(name))
        mount(t, '-o', 'remount,bind,ro', site.path(name))
    t.cleanup(lambda: site.run('lab', 'down', status=None))
    try:
        (site.path('etc') / 'probe').write_text('x')
        t.fail('etc can be written')
    except OSError:
        pass
    site.up()
    site.run('site', 'backup', t.dir / 'good')
    conf = site.path('etc/upkeep/upkeep.conf')
    old = conf.read_text()
    conf.write_text(old + '\n[log]\nkeep_files=7\n')
    site.path('etc/upkeep/later.conf').write_text('x')
    site.run('site', 'restore', t.dir / 'good')
    t.equal(conf.read_text(), old)
    t.equal(site.path('etc/upkeep/later.conf').exists(), False)
    kept = list(site.path('var/lib/upkeep').glob('etc.before-restore-*'))
    t.equal([sorted(path.name for path in folder.iterdir()) for folder in kept],
            [['later.conf', 'site.crt', 'upkeep.conf']])
    t.equal(site.json('site', 'status')['troubles'], [])


tap.main()
