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


@tap.case('/tools/docgen/every-table-has-its-page')
def tables(t):
    tree(t)
    for name, text in {
            'host/settings.def': 'SETTING_DEF("host.rescan_seconds", INT, "60", 1, 86400, "seconds", '
            '"at once",\n            "How often (at most)")\n',
            'sup/settings.def': 'SETTING_DEF("sup.url", TEXT, "", 0, 0, "", "at start", "Where")\n',
            'host/statusmsg.def': 'STATUS_DEF(6703, \'E\', "Failed in %1: %2", "")\n',
            'sitedb/schema/notices.def': 'NOTICE("N", "T", "UPDATE", "A, B", "NEW.A IS NOT NULL"\n'
            '       " AND NEW.B > 1",\n       "NEW.A", "UPDATE", "x.box", ".SYN", false)\n'}.items():
        (t.dir / 'src' / name).parent.mkdir(parents=True, exist_ok=True)
        (t.dir / 'src' / name).write_text(text)
    t.equal(run(t), (0, ''))
    pages = {path.name: path.read_text() for path in (t.dir / 'docs/generated').iterdir()}
    t.contains(pages['settings.md'], '| `host.rescan_seconds` | int | `60` | 1 to 86400 | seconds | at once | '
               'How often (at most) |')
    t.contains(pages['settings.md'], '## upkeep-sup\n')
    t.contains(pages['messages.md'], '| 6703 | error | Failed in %1: %2 |')
    t.contains(pages['notices.md'], '| N | T | UPDATE | A, B | `NEW.A IS NOT NULL AND NEW.B > 1` | `NEW.A` | x.box | ')


@tap.case('/tools/docgen/components-as-the-programs-say')
def components(t):
    tree(t)
    for name, text in {'src/site/main.c': '', 'src/cli/main.c': '', 'build/src/site/upkeep-site':
                       '#!/bin/sh\n[ "$1" = --components ] || exit 1\n'
                       'printf \'Component\\tLog\\tWoken by\\tTask\\n\'\n'
                       'printf \'A\\tA.log\\tWSyncMgr.box .SYN, GET /x/*, change log, @scan *\\tDoes it\\n\'\n'}.items():
        (t.dir / name).parent.mkdir(parents=True, exist_ok=True)
        (t.dir / name).write_text(text)
        (t.dir / name).chmod(0o755)
    build = ('--build', t.dir / 'build')
    t.equal(run(t, *build), (0, ''))
    pages = {path.name: path.read_text() for path in (t.dir / 'docs/generated').iterdir()}
    t.contains(pages['components.md'], '| A | A.log | WSyncMgr.box .SYN, GET /x/*, change log, @scan * | Does it |')
    t.contains(pages['inboxes.md'], '| @scan | * | A | upkeep-site |\n| WSyncMgr.box | .SYN | A | upkeep-site |\n')
    t.contains(pages['routes.md'], '| GET | /x/* | A | upkeep-site |')
    t.equal(pages['routes.md'].count('upkeep-site'), 1, 'routes')
    t.equal(run(t, '--check'), (0, ''))
    (t.dir / 'docs/generated/routes.md').write_text('')
    t.contains(run(t, '--check', *build)[1], 'routes.md is stale')


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
