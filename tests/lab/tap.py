"""tap.py - named test cases for Python, printed as TAP, which Meson reads.

    import tap

    @tap.case('/sup/debian/rolled-back-DEB-011')
    def rolled_back(t):
        t.equal(run(...), 'expected', 'what is compared')

    tap.main()

A case fails by raising (an assertion, or t.fail), is left out by t.skip('the reason'), and may use
t.dir, a throw-away folder of its own. Full mode (script/test --full) is tap.full(). What a case
prints goes to standard error, so that it cannot be taken for a result.
"""
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

_cases = []


class Skip(Exception):
    """Raised by t.skip; its text is the reason."""


class Case:
    """What a case is given."""

    def __init__(self, name):
        self.name = name
        self._dir = None
        self._cleanups = []

    @property
    def dir(self):
        """A folder that goes when the case ends (kept with UPKEEP_TEST_KEEP=1)."""
        if self._dir is None:
            self._dir = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-test-'))
        return self._dir

    def skip(self, reason):
        raise Skip(reason)

    def fail(self, text):
        raise AssertionError(text)

    def equal(self, got, expected, what='the value'):
        if got != expected:
            raise AssertionError(f'{what}: got {got!r}, expected {expected!r}')

    def contains(self, text, part, what='the text'):
        if part not in text:
            raise AssertionError(f'{what} does not contain {part!r}:\n{text}')

    def cleanup(self, function, *args):
        """Calls function(*args) when the case ends, the last one first; if it fails, so does the
        case."""
        self._cleanups.append((function, args))

    def close(self):
        """Cleans up; what went wrong with that."""
        failures = []
        for function, args in reversed(self._cleanups):
            try:
                function(*args)
            except Exception:  # one failing cleanup must not keep the others from running
                failures.append(traceback.format_exc())
        if self._dir is not None and not os.environ.get('UPKEEP_TEST_KEEP'):
            shutil.rmtree(self._dir, ignore_errors=True)
        return ''.join(failures)


def case(name):
    """Declares the function below as the case of that name; IDs it proves stand at the end."""
    def keep(function):
        if any(name == other for other, _ in _cases):
            raise ValueError(f'two cases are named {name}')
        _cases.append((name, function))
        return function
    return keep


def full():
    """True in script/test --full."""
    return os.environ.get('UPKEEP_TEST_FULL') == '1'


def patience(seconds):
    """How long to wait for what takes at most so long when a program runs alone: script/test has more patience,
    because several run at once there, or under the thread sanitizer."""
    return round(seconds * float(os.environ.get('UPKEEP_TEST_PATIENCE', 1)))


def until(seconds):
    """The moment (of time.monotonic) after which waiting is in vain."""
    return time.monotonic() + patience(seconds)


def source_root():
    """The root of the source tree."""
    return pathlib.Path(__file__).resolve().parent.parent.parent


def build_root():
    """The build folder that Meson runs this test in."""
    return pathlib.Path(os.environ.get('UPKEEP_BUILD_ROOT', source_root() / 'build'))


def sanitizer(text, name):
    """What a sanitizer said in the text of a program, '' if none did. The whole text is kept beside Meson's logs,
    since the folders of cases go."""
    at = min((i for i in (text.find('Sanitizer'), text.find('runtime error:')) if i >= 0), default=-1)
    if at < 0:
        return ''
    folder = build_root() / 'meson-logs' / 'sanitizer'
    folder.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=f'{name}-', suffix='.txt', dir=folder)
    with os.fdopen(handle, 'w') as file:
        file.write(text)
    return f'a sanitizer spoke in {name}, kept as {path}:\n{text[max(0, at - 200):at + 12000]}'


def _say(text):
    sys.stderr.flush()
    for line in text.splitlines():
        print(f'# {line}')


def _run(number, name, function):
    t, began = Case(name), time.monotonic()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            function(t)
        result = f'ok {number} {name}'
    except Skip as reason:
        result = f'ok {number} {name} # SKIP {reason}'
    except Exception:
        _say(traceback.format_exc())
        result = f'not ok {number} {name}'
    with contextlib.redirect_stdout(sys.stderr):
        failures = t.close()
    if failures:
        _say(failures)
        result = f'not ok {number} {name}'
    print(f'# {time.monotonic() - began:.1f} s\n{result}', flush=True)
    return not result.startswith('not')


def main():
    """Runs the cases, or those whose name contains one of the arguments and none of those after a '-'; then exits."""
    wanted = [a for a in sys.argv[1:] if not a.startswith('-')] or ['']
    left_out = [a[1:] for a in sys.argv[1:] if a.startswith('-')]
    chosen = [(n, f) for n, f in _cases if any(a in n for a in wanted) and not any(a in n for a in left_out)]
    print(f'1..{len(chosen)}', flush=True)
    results = [_run(i, name, function) for i, (name, function) in enumerate(chosen, 1)]
    sys.exit(0 if all(results) else 1)
