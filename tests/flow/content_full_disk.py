#!/usr/bin/python3
"""The volume of a distribution point is full, with its library and its database: everybody says so, other packages
go on, and when there is room again it goes on by itself. On small volumes in a name space of the test's own."""
import os
import shutil
import subprocess

import namespace

WHY_NOT = namespace.enter()

import contentlab  # noqa: E402
import lab  # noqa: E402
import tap  # noqa: E402

VOLUME, TAKEN, LARGE, SMALL = 64_000_000, 52_000_000, 16_000_000, 200_000
FULL, STATE = ('DP02', 'PDP01'), 'var/lib/upkeep'
LIMIT = 120        # seconds of the lab's time until it has gone on by itself
RATE = 10          # the lab's clock against the wall's


def small_volume(t, name, state):
    """Puts all that a distribution point keeps, which does not run, on a volume of its own, most of which is taken."""
    kept = t.dir / f'kept-{name}'
    shutil.copytree(state, kept)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={VOLUME}', 'none', state], check=True)
    t.cleanup(subprocess.run, ['umount', '-l', state])
    shutil.copytree(kept, state, dirs_exist_ok=True)
    (state / 'ballast').write_bytes(bytes(TAKEN))


def source(t, name, size):
    folder = t.dir / name
    folder.mkdir()
    (folder / 'file').write_bytes(os.urandom(size))
    return folder


def troubles(site, package):
    """{name: what `package status` says is amiss}."""
    rows = [row for row in site.json('package', 'status', package) if row['PackageID'] == package]
    return {row['Name'].split('.')[0].upper(): row.get('JobError') or row.get('ErrorText') for row in rows
            if row.get('JobError') or row.get('ErrorText')}


def fetched(site):
    """How often the large file was fetched from the source of the pull distribution point."""
    log = site.path('dp', 'DP01', 'var/log/upkeep/dp-access.log').read_text(errors='replace')
    return sum('GET' in line and '/file ' in line for line in log.splitlines())


def pulled(site):
    return site.path('dp', 'PDP01', 'var/log/upkeep/DataTransferService.log').read_text(errors='replace')


@tap.case('/flow/content-full-disk/a-clear-error-others-go-on-and-so-does-it-when-there-is-room-DIST-082-DIST-120')
def full(t):
    if WHY_NOT:
        t.skip(f'no name space of its own: {WHY_NOT}')
    site = contentlab.ContentLab(t, 'log.verbose=DataTransferService')
    t.cleanup(lambda: site.run('lab', 'down', status=None))
    site.up('--dps', '2', '--pull-dps', '1')
    site.down()
    for name in FULL:
        small_volume(t, name, site.dp_path(name, STATE))
    site.up()
    large, small = source(t, 'large', LARGE), source(t, 'small', SMALL)
    first, second = site.create('large', large), site.create('small', small)
    site.run('package', 'distribute', first, '--dp', ','.join(('DP01', *FULL)))
    said = {}

    def told():
        said.update(troubles(site, first))
        return all(str(site.library(name)) in said.get(name, '') for name in FULL)
    t.equal(contentlab.until(told, 60), True, f'what package status says of the full ones: {said}')
    for name in FULL:
        print(f'# {name}: {said[name]}')
        t.contains(said[name], 'room', f'the error of {name}')
        # So does the chain of why, whichever way the package goes there (DIST-082, DIST-120).
        chain = site.json('why', 'dp', name, 'package', first)
        t.equal((chain['BrokenLink'], chain['Status'], chain['NextCommand']),
                ('room', 'not there', f'upkeep dp status {name}.LAB'), f'why of {name}')
        room = next(link for link in chain['Links'] if link['Link'] == 'room')
        t.contains(room['Cause'], str(site.library(name)), f'the cause of {name}')
    # As long as there is no more room than before, nothing moves in vain: not in ten minutes, either.
    asked = fetched(site)
    site.run('lab', 'clock', '--step', '10m')
    t.equal(contentlab.until(lambda: 'still has no room' in pulled(site), 20), True, 'it looked for room')
    t.equal(fetched(site), asked, 'requests for the large file at the source while its volume is full')
    # Another package finds room on them, and one that is not full is not held up.
    site.distribute(second, 'DP01', *FULL)
    site.equal(second, small, 'DP01', *FULL)
    # So does one that is larger than the whole volume by its size, but is nearly all holes (DIST-153).
    sparse = source(t, 'sparse', SMALL)
    os.truncate(sparse / 'file', 2 * VOLUME)
    third = site.create('sparse', sparse)
    site.distribute(third, FULL[0])
    site.equal(third, sparse, FULL[0])
    site.wait(lambda: site.query("SELECT 1 FROM vUPK_PackageOnDP WHERE PkgID = ? AND ServerName = 'DP01.LAB' "
                                 'AND State = 0', first), 'the one with room')
    for name in FULL:
        site.dp_path(name, STATE, 'ballast').unlink()
    site.run('lab', 'clock', '--rate', str(RATE))
    site.wait_settled(first, LIMIT / RATE)
    site.equal(first, large, 'DP01', *FULL)


@tap.case('/flow/content-full-disk/of-the-site-server-is-told-to-who-waits-and-it-goes-on-DIST-015')
def full_site(t):
    if WHY_NOT:
        t.skip(f'no name space of its own: {WHY_NOT}')
    site = contentlab.ContentLab(t, 'distmgr.source_retry_seconds=1')
    t.cleanup(lambda: site.run('lab', 'down', status=None))
    site.up()
    site.down()
    library = site.path(STATE, 'content')
    kept = t.dir / 'kept'
    shutil.copytree(library, kept)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8M', 'none', library], check=True)
    t.cleanup(subprocess.run, ['umount', '-l', library])
    shutil.copytree(kept, library, dirs_exist_ok=True)
    site.up()
    command = subprocess.Popen([lab.UPKEEP, 'package', 'create', 'large', '--source', source(t, 'large', LARGE), '--wait'],
                               env=site.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said = ''
    while 'cannot store' not in said:
        line = command.stderr.readline()
        t.equal(line != '', True, f'the command that waits says the cause: {said}')
        said += line
    for text in ('the site server cannot store it: ', 'No space left on device', 'it is tried again by itself '):
        t.contains(said, text)
    t.equal(command.poll(), None, 'the command that waits')
    subprocess.run(['mount', '-o', f'remount,size={VOLUME}', library], check=True)
    out, rest = command.communicate(timeout=60)
    t.equal(command.returncode, 0, rest)
    t.equal([row['SourceState'] for row in site.json('package', 'list')], [0])


tap.main()
