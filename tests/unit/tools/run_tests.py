"""Tests of tools/run_tests: the closing line and the exit status say what happened."""
import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys

import tap

sys.path.insert(0, str(tap.source_root() / 'tools'))
import testlog  # noqa: E402

_loader = importlib.machinery.SourceFileLoader('run_tests', str(tap.source_root() / 'tools/run_tests'))
run_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader('run_tests', _loader))
_loader.exec_module(run_tests)


@contextlib.contextmanager
def quiet():
    """What is printed meanwhile, also by programs, is no line of this test."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(nowhere, 1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def report(*results):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = run_tests.report([testlog.Case('unit/a', f'/a/{i}', result, detail)
                                   for i, (result, detail) in enumerate(results)])
    return status, out.getvalue()


@tap.case('/tools/run_tests/closing-line')
def closing(t):
    status, out = report(('pass', ''), ('pass', ''), ('skip', 'no network'))
    t.equal((status, out.splitlines()[-1]), (0, '2 passed, 0 failed, 1 skipped'))
    t.contains(out, 'skipped: /a/2: no network')


@tap.case('/tools/run_tests/one-failure-fails')
def failure(t):
    status, out = report(('pass', ''), ('fail', 'got 1, expected 2'))
    t.equal((status, out.splitlines()[-1]), (1, '1 passed, 1 failed, 0 skipped'))
    t.contains(out, 'FAILED: /a/1 (unit/a)\n  got 1, expected 2')


@tap.case('/tools/run_tests/cases-are-found-whatever-the-log-is-called')
def logs(t):
    """A wrapper, as the thread sanitizer has one, has its name in the log's."""
    (t.dir / 'meson.build').write_text("project('x')\ntest('a', find_program('echo'), args: '1..1\\nok 1 /a', protocol: 'tap')\n")
    t.cleanup(lambda root=run_tests.ROOT: setattr(run_tests, 'ROOT', root))
    run_tests.ROOT = t.dir
    with quiet():
        run_tests.run('configure', run_tests.MESON, 'setup', 'b')
    for options in [], ['--wrapper', 'env'], ['--wrapper', 'env -i']:
        with quiet():
            cases = run_tests.run_meson_tests('b', {}, 1, *options)
        t.equal([case.result for case in cases], ['pass'], f'{options}')


@tap.case('/tools/run_tests/nothing-ran-fails')
def nothing(t):
    t.equal(report()[0], 1)
    t.equal(report(('skip', 'a'))[0], 1)


@tap.case('/tools/run_tests/build-that-fails-is-a-failed-case')
def build(t):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            run_tests.run('build', 'false')
        except run_tests.Failed as failed:
            t.equal(failed.args[0], 'build')
        else:
            t.fail('a failing stage was taken for a good one')


tap.main()
