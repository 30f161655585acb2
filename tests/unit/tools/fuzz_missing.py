"""Tests of tools/fuzz_missing: a reader without a target, and a target without a corpus."""
import subprocess

import tap

TOOL = tap.source_root() / 'tools' / 'fuzz_missing'


def check(t, files):
    for name, text in files.items():
        (t.dir / name).parent.mkdir(parents=True, exist_ok=True)
        (t.dir / name).write_text(text)
    done = subprocess.run([TOOL, '--root', t.dir], capture_output=True, text=True)
    t.equal(done.stderr, '', 'standard error')
    return done.returncode, done.stdout


@tap.case('/tools/fuzz_missing/reader-without-a-target')
def reader(t):
    files = {'src/wire/a.h': 'ADoc *a_read(const char *data, gsize size,\n             GError **error);\n'
             'void a_ready(int n);\nbool a_parse_line(const char *s);\n', 'src/wire/a.c': ''}
    status, out = check(t, files)
    t.equal(status, 1)
    t.equal(out.count('\n'), 2, 'findings')
    t.contains(out, 'src/wire/a.h: a_read() reads')
    t.contains(out, 'src/wire/a.h: a_parse_line() reads')
    t.equal(check(t, {'tests/fuzz/fuzz_other.c': 'a_read(d, n); a_parse_line(s);',
                      'tests/fuzz/corpus/other/1': 'x'}), (0, ''))
    t.equal(check(t, {'tests/fuzz/fuzz_other.c': '', 'tests/fuzz/fuzz_a.c': 'a_read_quick(d, n);',
                      'tests/fuzz/corpus/a/1': 'x'}), (0, ''))


@tap.case('/tools/fuzz_missing/target-without-a-corpus')
def corpus(t):
    status, out = check(t, {'tests/fuzz/fuzz_a.c': ''})
    t.equal(status, 1)
    t.contains(out, 'put real inputs into tests/fuzz/corpus/a/')


tap.main()
