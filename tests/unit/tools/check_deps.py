"""Tests of tools/check_deps: each violation is planted in a small tree and must be found."""
import subprocess

import tap

TOOL = tap.source_root() / 'tools' / 'check_deps'


def check(t, files, law='base:\nwire: base\nnet: base\nsite: base wire\n'):
    for name, text in {'DEPS': law, **files}.items():
        path = t.dir / 'src' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([TOOL, '--root', t.dir], capture_output=True, text=True)
    t.equal(done.stderr, '', 'standard error')
    return done.returncode, done.stdout


@tap.case('/tools/check_deps/clean-tree-passes')
def clean(t):
    t.equal(check(t, {'base/log.h': '', 'site/x.c': '#include "base/log.h"\n#include "wire/a.h"\n'
                      '#include <stdio.h>\n', 'site/part/y.c': '#include "site/x_part.h"\n'}),
            (0, ''))


@tap.case('/tools/check_deps/upward-include-is-refused')
def upward(t):
    status, out = check(t, {'wire/a.c': '\n#include "site/x.h"\n'})
    t.equal(status, 1)
    t.contains(out, 'src/wire/a.c:2: wire may not include from site')


@tap.case('/tools/check_deps/circle-is-refused')
def in_circle(t):
    status, out = check(t, {}, law='base: net\nwire: base\nnet: wire\n')
    t.equal(status, 1)
    t.contains(out, 'folders in a circle: base -> net -> wire -> base')


@tap.case('/tools/check_deps/private-header-of-another-folder')
def private(t):
    status, out = check(t, {'wire/a_private.h': '', 'wire/a.c': '#include "wire/a_private.h"\n',
                            'site/x.c': '#include "wire/a_private.h"\n'})
    t.equal(status, 1)
    t.contains(out, 'src/site/x.c:1: "wire/a_private.h" is for its own folder only')
    t.equal(out.count('\n'), 1, 'findings')


@tap.case('/tools/check_deps/library-outside-its-folder')
def library(t):
    status, out = check(t, {'site/x.c': '#include <libxml/tree.h>\n', 'wire/a.c':
                            '#include <libxml/tree.h>\n', 'base/z.c': '#include <zlib.h>\n'})
    t.equal(status, 1)
    t.contains(out, 'src/site/x.c:1: <libxml/tree.h> is named only in wire')
    t.equal(out.count('\n'), 1, 'findings')


@tap.case('/tools/check_deps/include-not-from-src')
def relative(t):
    status, out = check(t, {'wire/a.c': '#include "a.h"\n'})
    t.equal(status, 1)
    t.contains(out, 'write "wire/a.h"')


@tap.case('/tools/check_deps/folder-without-a-line')
def lawless(t):
    status, out = check(t, {'mp/a.c': ''})
    t.equal(status, 1)
    t.contains(out, 'src/mp/a.c: its folder has no line in src/DEPS')


tap.main()
