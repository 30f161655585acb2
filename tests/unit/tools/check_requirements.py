"""Tests of tools/check_requirements and tools/testlog.py: what counts as proof, and what does not."""
import json
import subprocess
import sys

import tap

sys.path.insert(0, str(tap.source_root() / 'tools'))
import testlog  # noqa: E402

TOOL = tap.source_root() / 'tools' / 'check_requirements'
SPEC = '**SYNC-001 — The first.**\nText.\n\n**SYNC-002 — The second.** Text. **SYNC-003 — The third** is.\n'


def check(t, tap_text, *options, mentions='', rows=None):
    for name, text in {'docs/spec/10-sync.md': SPEC, 'tests/unit/a.c': mentions,
                       'run.tap': tap_text}.items():
        (t.dir / name).parent.mkdir(parents=True, exist_ok=True)
        (t.dir / name).write_text(text)
    log = t.dir / 'run.tap'
    if rows is not None:
        log = t.dir / 'testlog.json'
        log.write_text('\n'.join(json.dumps(row) for row in rows))
    done = subprocess.run([TOOL, '--root', t.dir, '--json', *options, log],
                          capture_output=True, text=True)
    t.equal(done.stderr, '', 'standard error')
    return done.returncode, json.loads(done.stdout)


def states(answer):
    return {row['id']: row['state'] for row in answer['requirements']}


def case(name):
    return tap.case('/tools/check_requirements/' + name)


@case('only-a-passed-case-covers')
def passed(t):
    _, answer = check(t, '1..3\nok 1 /a/b-SYNC-001\nok 2 /a/c-SYNC-002 # SKIP no network\nok 3 /a/d\n')
    t.equal(states(answer), {'SYNC-001': 'covered', 'SYNC-002': 'standing', 'SYNC-003': 'open'})
    t.equal(answer['requirements'][0]['title'], 'The first')
    t.contains(answer['requirements'][1]['why'], 'no network')


@case('a-failing-case-uncovers')
def failed(t):
    _, answer = check(t, '1..2\nok 1 /a/b-SYNC-001\nnot ok 2 /a/c-SYNC-001\n')
    t.equal(states(answer)['SYNC-001'], 'standing')


@case('two-ids-in-one-name')
def two(t):
    _, answer = check(t, '1..1\nok 1 /a/b-SYNC-001-SYNC-003\n')
    t.equal(states(answer), {'SYNC-001': 'covered', 'SYNC-002': 'open', 'SYNC-003': 'covered'})


@case('ids-of-one-family-in-a-row')
def in_a_row(t):
    _, answer = check(t, '1..2\nok 1 /a/b-SYNC-001-002-OQ-D45\nok 2 /a/SYNC-0031-004\n')
    t.equal(states(answer), {'SYNC-001': 'covered', 'SYNC-002': 'covered', 'SYNC-003': 'open'})


@case('a-mention-without-a-case-is-no-proof')
def mention(t):
    _, answer = check(t, '1..1\nok 1 /a/b\n', mentions='/* SYNC-002 is tested some day */')
    t.equal(states(answer)['SYNC-002'], 'standing')
    t.contains(answer['requirements'][1]['why'], 'tests/unit/a.c')


@case('expected-ids-must-be-covered')
def expected(t):
    (t.dir / 'expected').write_text('SYNC-001 SYNC-002 # both\nSYNC-999\n')
    status, answer = check(t, '1..1\nok 1 /a/b-SYNC-001\n', '--expect', t.dir / 'expected')
    t.equal(status, 1)
    t.equal(len(answer['missed']), 2)
    t.contains(answer['missed'][0], 'SYNC-002 The second: expected, but open')
    t.contains(answer['missed'][1], 'SYNC-999')
    (t.dir / 'expected').write_text('SYNC-001\n')
    status, answer = check(t, '1..1\nok 1 /a/b-SYNC-001\n', '--expect', t.dir / 'expected')
    t.equal((status, answer['missed']), (0, []))


@case('no-run-is-no-answer')
def no_run(t):
    done = subprocess.run([TOOL, '--root', t.dir, t.dir / 'none'], capture_output=True, text=True)
    t.equal(done.returncode, 2)
    t.contains(done.stderr, 'script/test')


def row(stdout, result='OK', status=0, stderr=''):
    return {'name': 'unit/a', 'stdout': stdout, 'result': result, 'returncode': status, 'stderr': stderr}


@tap.case('/tools/testlog/a-program-that-dies-is-a-failure')
def died(t):
    log = t.dir / 'testlog.json'

    def read(*rows):
        log.write_text('\n'.join(json.dumps(r) for r in rows))
        return [(c.name, c.result) for c in testlog.read(log)]
    t.equal(read(row('1..1\nok 1 /a\n')), [('/a', 'pass')])
    t.equal(read(row('1..2\nok 1 /a\n', 'ERROR', -11)), [('/a', 'pass'), ('unit/a', 'fail')])
    t.equal(read(row('1..1\nok 1 /a\n', 'ERROR', 1, 'LeakSanitizer')), [('/a', 'pass'), ('unit/a', 'fail')])
    t.contains(testlog.read(log)[1].detail, 'LeakSanitizer')
    t.equal(read(row('', 'TIMEOUT', -9)), [('unit/a', 'fail')])
    t.equal(read(row('1..0 # SKIP no clang\n', 'SKIP')), [('unit/a', 'skip')])
    t.equal(read(row('', 'SKIP')), [('unit/a', 'fail')])
    t.equal(read(row('1..1\nnot ok 1 /a\n', 'FAIL', 1)), [('/a', 'fail')])


@tap.case('/tools/testlog/a-failure-says-why')
def why(t):
    log = t.dir / 'testlog.json'
    raised = '# Traceback (most recent call last):\n#   File "a.py", line 1\n# ValueError: too large\n# 2.0 s\nnot ok 1 /a\n'
    log.write_text(json.dumps(row('1..1\n' + raised, 'FAIL', 1, 'what it printed\n')))
    [case] = testlog.read(log)
    t.equal((case.reason, case.output), ('ValueError: too large', 'what it printed\n'))
    log.write_text(json.dumps(row('1..1\n# a.c:3: not 4\nnot ok 1 /a\n', 'FAIL', 1)))
    t.equal(testlog.read(log)[0].reason, '# a.c:3: not 4')


@tap.case('/tools/testlog/tap-file-that-ends-early-is-a-failure')
def early(t):
    _, answer = check(t, '1..2\nok 1 /a/b-SYNC-001\n')
    t.equal(states(answer)['SYNC-001'], 'covered')
    t.equal([c.result for c in testlog.read(t.dir / 'run.tap')], ['pass', 'fail'])


tap.main()
