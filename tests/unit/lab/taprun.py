"""Tests of the kit tests/lab/tap.py: what a program of cases prints for each way of ending."""
import re
import subprocess
import sys

import tap

PROGRAM = '''
import tap
@tap.case('/a/good-DEB-001')
def good(t):
    print('not ok 9 what a case prints is no result')
    (t.dir / 'x').write_text('')
@tap.case('/a/bad')
def bad(t):
    t.equal(1, 2, 'the number')
@tap.case('/a/skipped')
def skipped(t):
    t.skip('no network')
@tap.case('/a/bad-end')
def bad_end(t):
    t.cleanup(t.fail, 'left over')
tap.main()
'''


@tap.case('/lab/tap/each-way-of-ending')
def endings(t):
    (t.dir / 'program.py').write_text(PROGRAM)
    done = subprocess.run([sys.executable, t.dir / 'program.py'], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if not line.startswith('#')]
    t.equal(lines, ['1..4', 'ok 1 /a/good-DEB-001', 'not ok 2 /a/bad', 'ok 3 /a/skipped # SKIP no network',
                    'not ok 4 /a/bad-end'])
    t.equal(done.returncode, 1)
    t.contains(done.stdout, '# AssertionError: the number: got 1, expected 2')
    t.contains(done.stdout, '# AssertionError: left over')
    t.contains(done.stderr, 'not ok 9')


@tap.case('/lab/tap/only-the-named-cases')
def named(t):
    (t.dir / 'program.py').write_text(PROGRAM)
    done = subprocess.run([sys.executable, t.dir / 'program.py', 'good'], capture_output=True, text=True)
    t.equal(done.returncode, 0)
    assert re.fullmatch(r'1\.\.1\n# \d+\.\d s\nok 1 /a/good-DEB-001\n', done.stdout), done.stdout


tap.main()
