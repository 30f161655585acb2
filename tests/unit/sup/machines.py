"""Generated machines against apt itself: what is missing must be what `apt list --upgradable` says, row for row
(DEB-001, DEB-002, DEB-030 to DEB-033; C2)."""
import subprocess

import apt_pkg
import world
from generated import SEED, Apt, World

import tap

PER_ARCHIVE = 5
MACHINES = 300 if tap.full() else 40


def lines(rows):
    """Rows as text. Of an installed "0:1.2" that some archive has as "1.2", apt shows the archive's spelling; dpkg
    never writes the former."""
    return '\n'.join(sorted(' '.join([name, arch, old.removeprefix('0:'), new]) for name, arch, old, new in rows))


def check_archive(t, number):
    """Machines of one generated archive; the number of rows compared."""
    w = World(t, number)
    lists = None
    rows = 0
    point = None
    for n in range(PER_ARCHIVE):
        machine = w.machine(n)
        apt = Apt(machine)
        if lists is None:
            apt.update()
            lists = machine.root / 'var/lib/apt/lists'
            point = world.Point(w.dir / 'point', machine)
            run = point.sync()
            t.equal((run.code, run.error), (0, ''), f'seed {SEED}, archive {number}')
            t.equal(run.refusals, [])
        else:
            subprocess.run(['cp', '-a', f'{lists}/.', machine.root / 'var/lib/apt/lists'], check=True)
        expected, equal = apt.upgradable()
        missing, states, builds = point.evaluate(machine)
        where = f'seed {SEED}, archive {number}, machine {n}'
        t.equal(lines(missing), lines(expected), where)
        t.equal(sorted(set(row[0] for row in equal) - set(builds)), [], f'{where}: other builds')
        t.equal(set(states.values()) <= {'missing', 'installed', 'none'}, True)
        rows += len(expected)
    subprocess.run(['rm', '-rf', w.dir], check=True)
    return rows


@tap.case('/sup/machines/missing-as-apt-says-DEB-001-DEB-002-DEB-003-DEB-015-DEB-026-DEB-030-DEB-031-DEB-032-DEB-033')
def machines(t):
    apt_pkg.init_system()
    rows = 0
    for number in range(MACHINES // PER_ARCHIVE):
        rows += check_archive(t, number)
    print(f'seed {SEED}: {MACHINES} machines, {rows} rows as apt says')
    assert rows > MACHINES * 5, rows


tap.main()
