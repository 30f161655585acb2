"""Tests of tools/docgen: the pages say what the tables say, and a stale page is found."""
import subprocess

import tap

TOOL = tap.source_root() / 'tools' / 'docgen'
DEF = '/* error.def - of a test. UK_ERROR_DEF(NO, 1, LATER, "x") */\n' \
    'UK_ERROR_DEF(IO, 1, LATER, "A \\"file\\", (that) is | bad")\n' \
    'UK_ERROR_DEF(PARSE, 20, CORRUPT,\n             "The document "\n             "cannot be read")\n'


def run(t, *options):
    done = subprocess.run([TOOL, '--root', t.dir, *options], capture_output=True, text=True)
    t.equal(done.stderr, '', 'standard error')
    return done.returncode, done.stdout


def tree(t):
    (t.dir / 'src/base').mkdir(parents=True)
    (t.dir / 'src/base/error.def').write_text(DEF)
    return t.dir / 'docs/generated/errors.md'


@tap.case('/tools/docgen/errors-as-in-the-table')
def errors(t):
    page = tree(t)
    t.equal(run(t), (0, ''))
    t.contains(page.read_text(), '| 1 | IO | A "file", (that) is \\| bad |')
    t.contains(page.read_text(), '| 20 | PARSE | The document cannot be read |')
    t.equal(page.read_text().count('| IO |'), 1, 'rows of IO')


@tap.case('/tools/docgen/stale-missing-and-orphaned-pages')
def stale(t):
    page = tree(t)
    status, out = run(t, '--check')
    t.equal(status, 1)
    t.contains(out, 'errors.md is missing')
    run(t)
    t.equal(run(t, '--check'), (0, ''))
    page.write_text(page.read_text().replace('PARSE', 'PARSED'))
    (page.parent / 'old.md').write_text('')
    status, out = run(t, '--check')
    t.equal(status, 1)
    t.contains(out, 'errors.md is stale')
    t.contains(out, 'old.md is made by nothing')


tap.main()
