#!/usr/bin/python3
"""The units of data/systemd as the service manager itself reads them."""
import os
import pathlib
import shutil
import subprocess

import tap

UNITS = tap.source_root() / 'data/systemd'


def installed(t):
    """The units as they are installed, with this build's programs, in a folder of their own."""
    folder = t.dir / 'system'
    shutil.copytree(UNITS, folder)
    for path in folder.glob('*.service.in'):
        role = path.name.removeprefix('upkeep-').removesuffix('.service.in')
        text = path.read_text().replace('@bindir@', str(tap.build_root() / 'src' / role))
        path.with_suffix('').write_text(text)
        path.unlink()
    return folder


def analyze(t, folder, *words):
    if shutil.which('systemd-analyze') is None:
        t.skip('systemd-analyze is not installed')
    return subprocess.run(['systemd-analyze', *words], capture_output=True, text=True,
                          env={**os.environ, 'SYSTEMD_UNIT_PATH': f'{folder}:'})


@tap.case('/units/one-for-each-program')
def each(t):
    roles = {path.parent.name for path in (tap.source_root() / 'src').glob('*/main.c')} - {'cli'}
    t.equal({path.name for path in UNITS.glob('*.service.in')}, {f'upkeep-{role}.service.in' for role in roles})
    listed = (tap.source_root() / 'data/meson.build').read_text()
    for role in roles:
        t.contains(listed, f"'{role}'", 'what is installed')


@tap.case('/units/systemd-accepts-them')
def accepted(t):
    folder = installed(t)
    for unit in sorted(folder.glob('*.service')):
        done = analyze(t, folder, 'verify', '--man=no', str(unit))
        complaints = [line for line in done.stderr.splitlines() if 'upkeep' in line]
        t.equal(complaints, [], unit.name)


@tap.case('/units/little-is-left-to-a-program-that-was-taken-over')
def sandboxed(t):
    """systemd's own measure, 0 to 10; 2.5 is what it calls safe enough to show in green."""
    folder = installed(t)
    for unit in sorted(folder.glob('*.service')):
        done = analyze(t, folder, 'security', '--offline=yes', '--threshold=25', '--no-pager', str(unit))
        t.equal(done.returncode, 0, done.stdout[-400:] + done.stderr)


@tap.case('/units/folders-that-may-be-written-are-made')
def folders(t):
    drop_in = (UNITS / 'upkeep-.service.d/sandbox.conf').read_text()
    allowed = next(line for line in drop_in.splitlines() if line.startswith('ReadWritePaths=')).split('=')[1].split()
    made = [line.split()[1] for line in (tap.source_root() / 'data/upkeep.tmpfiles').read_text().splitlines()]
    t.equal(sorted(made), sorted(allowed))


@tap.case('/units/a-start-may-take-long')
def patient(t):
    """A new schema of a large database, or a restore, is done before the program is ready: one that is killed begins anew."""
    drop_in = (UNITS / 'upkeep-.service.d/sandbox.conf').read_text()
    t.contains(drop_in, '\nType=notify\n')
    t.contains(drop_in, '\nTimeoutStartSec=infinity\n')
    t.equal([p.name for p in UNITS.glob('*.service.in') if 'Timeout' in p.read_text()], [], 'those that say something else')


tap.main()
