"""testlog.py - what the last test run said, case by case.

Comes in: Meson's testlog.json (a build folder or the file) and plain TAP output (*.tap). Goes out:
cases with their result. Meson's JUnit file is not used, since it has no failure for a program that
dies after its last case, as one does that leaks.
"""
import json
import pathlib
import re

_LINE = re.compile(r'^(not )?ok\b\s*\d*\s*-?\s*([^#]*?)\s*(?:#\s*(SKIP\S*|TO' r'DO)\b\s*(.*))?$', re.I)
_PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*SKIP\S*\s*(.*))?$', re.I)


class Case:
    """A named test: result is pass, fail or skip; detail is why, output what else its program printed."""

    def __init__(self, program, name, result, detail='', output=''):
        self.program, self.name, self.result, self.detail, self.output = program, name, result, detail, output

    @property
    def reason(self):
        """The detail in a short line: of an exception its words, not the way to them."""
        found = re.search(r'^# Traceback.*?^# (\S.*?)$', self.detail, re.M | re.S)
        line = found[1] if found else self.detail.partition('\n')[0]
        return line if len(line) <= 200 else line[:200] + '…'


def read_tap(program, text):
    """The cases in a program's TAP output, and the number its plan promised (None without one)."""
    cases, notes, planned = [], [], None
    for line in text.splitlines():
        m = _LINE.match(line)
        if m:
            bad, name, directive, reason = m.groups()
            result = 'fail' if bad else 'skip' if (directive or '').upper().startswith('SKIP') else 'pass'
            detail = reason or '' if result == 'skip' else '\n'.join(notes) if bad else ''
            cases.append(Case(program, name, result, detail))
            notes = []
        elif _PLAN.match(line):
            planned, reason = int(_PLAN.match(line)[1]), _PLAN.match(line)[2]
            if planned == 0:
                cases.append(Case(program, program, 'skip', reason or 'the program has no case'))
        else:
            notes.append(line)
    return cases, planned, notes


def _program(row):
    """The cases of one program of Meson's log. One that failed without a failed case is a case."""
    name, good = row['name'], row['result'] in ('OK', 'SKIP', 'EXPECTEDFAIL')
    cases, planned, notes = read_tap(name, row.get('stdout') or '')
    words = '\n'.join(filter(None, ['\n'.join(notes[-40:]), (row.get('stderr') or '')[-6000:]]))
    for case in cases:
        if case.result == 'fail':
            case.output = (row.get('stderr') or '')[-6000:]
    ran = [case for case in cases if case.name != name]
    if good and not cases:
        cases.append(Case(name, name, 'fail', 'the program ran no case\n' + words))
    elif not good and not any(case.result == 'fail' for case in cases):
        what = f'{row["result"].lower()}, exit status {row.get("returncode")}'
        if planned is not None and len(ran) < planned:
            what += f', after case {len(ran)} of {planned}'
        cases.append(Case(name, name, 'fail', f'{what}\n{words}'))
    return cases


def read(path):
    """All cases of a build folder, a testlog.json or a .tap file. OSError when it is not there."""
    path = pathlib.Path(path)
    if path.is_dir():
        path = path / 'meson-logs' / 'testlog.json'
    if path.suffix == '.tap':
        cases, planned, notes = read_tap(path.stem, path.read_text(errors='replace'))
        if planned is None or len(cases) < planned:
            cases.append(Case(path.stem, path.stem, 'fail', 'it ended before its last case\n'
                              + '\n'.join(notes[-40:])))
        return cases
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [case for row in rows for case in _program(row)]
