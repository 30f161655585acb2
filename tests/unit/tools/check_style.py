"""Tests of tools/check_style: each violation is planted in a small tree and must be found there,
and the same thing done rightly must not be."""
import subprocess

import tap

TOOL = tap.source_root() / 'tools' / 'check_style'
HEAD = '/* x.c - a file of a test. */\n'


def check(t, files, *options):
    for name, text in files.items():
        path = t.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = subprocess.run([TOOL, '--root', t.dir, *(options or ['--no-format'])],
                          capture_output=True, text=True)
    t.equal(done.stderr, '', 'standard error')
    return done.returncode, done.stdout


def found(t, check_name, where, files, *options):
    status, out = check(t, files, *options)
    t.equal(status, 1, 'exit status')
    lines = [line for line in out.splitlines() if not line.startswith('    ')]
    t.equal(len(lines), 1, f'findings in\n{out}')
    t.contains(lines[0], f'[{check_name}]')
    t.equal(lines[0].split(': ')[0], where, 'place')
    t.contains(out, '    why: ')
    t.contains(out, '    instead: ')


def function(name, body, head='static void', args='void'):
    return f'{head}\n{name}({args})\n{{\n{body}}}\n'


def case(name):
    return tap.case('/tools/check_style/' + name)


@case('clean-tree-passes')
def clean(t):
    t.equal(check(t, {
        'src/site/x.h': '/* x.h - shown. */\n#pragma once\n\n#include "base/error.h"\n\n'
                        '/* Does it. */\nbool x_do(int a, GError **error) UK_MUST_USE;\n'
                        'bool x_undo(int a, GError **error) UK_MUST_USE;\n',
        'src/site/x.c': HEAD + '#include "site/x.h"\n\n#include <stdio.h>\n\n#include "base/log.h"\n\n'
        'static const char *const names[] = { "write(", "SELECT" }; /* time() */\n\n'
        + function('x_do', '        if (a > 1)\n                return uk_fail(error, 1, "{");\n'
                   '        return true;\n', 'bool', 'int a, GError **error')}), (0, ''))


@case('long-function')
def long_function(t):
    found(t, 'function-length', 'src/site/x.c:2',
          {'src/site/x.c': HEAD + function('f', '        g();\n' * 98)})


@case('function-of-a-hundred-lines-passes')
def hundred(t):
    t.equal(check(t, {'src/site/x.c': HEAD + function('f', '        g();\n' * 96)}), (0, ''))


@case('long-file')
def long_file(t):
    found(t, 'file-length', 'src/site/x.c:1', {'src/site/x.c': HEAD + '\n' * 1500})


@case('deep-nesting')
def deep(t):
    body = ''.join(' ' * 8 * (i + 1) + 'if (a) {\n' for i in range(6)) + ' ' * 56 + 'g();\n' + \
        ''.join(' ' * 8 * (i + 1) + '}\n' for i in reversed(range(6)))
    found(t, 'nesting', 'src/site/x.c:10', {'src/site/x.c': HEAD + function('f', body)})


@case('deep-nesting-without-braces')
def deep_bare(t):
    body = ''.join(' ' * 8 * (i + 1) + 'if (a)\n' for i in range(6)) + ' ' * 56 + 'return;\n'
    found(t, 'nesting', 'src/site/x.c:11', {'src/site/x.c': HEAD + function('f', body)})


@case('banned-calls')
def banned(t):
    for n, (name, call) in enumerate({
            'banned-call': 'strcpy(a, b)', 'sleep': 'g_usleep(1)', 'time': 'time(NULL)',
            'file-write': 'rename(a, b)', 'glib-threads': 'g_thread_new("a", b, c)'}.items()):
        found(t, name, 'src/site/x.c:5', {'src/site/x.c': HEAD + function('f', f'        {call};\n')})


@case('calls-allowed-at-home')
def at_home(t):
    body = '        write(fd, a, 1);\n        file->write(1);\n        my_time(1);\n'
    t.equal(check(t, {'src/base/io.c': HEAD.replace('x.c', 'io.c') + function('f', body)}), (0, ''))


@case('sleep-in-a-test')
def sleep_in_test(t):
    found(t, 'sleep', 'tests/unit/site/x.c:5',
          {'tests/unit/site/x.c': '/* Tests. */\n' + function('f', '        sleep(1);\n')})


@case('public-name')
def public_name(t):
    found(t, 'public-name', 'src/site/x.c:2', {'src/site/x.c': HEAD + function('go', '', 'void')})


@case('public-name-of-the-ground-floor')
def public_ground(t):
    found(t, 'public-name', 'src/base/x.c:3', {
        'src/base/x.c': HEAD + '\n' + function('base_go', '', 'void') + function('uk_go', '', 'void')
        + function('x_go', '', 'void')})


@case('prototype-without-comment')
def prototype(t):
    found(t, 'prototype-comment', 'src/site/x.h:6', {
        'src/site/x.h': '/* x.h - shown. */\n#pragma once\n/* Said. */\nvoid x_a(void);\n\n'
                        'void x_b(void);\n\nvoid x_free(X *x);\nvoid x_c(void); /* said here */\n'})


@case('prototypes-that-follow-their-type-share-its-comment')
def after_type(t):
    text = '/* x.h - shown. */\n#pragma once\n\n%stypedef struct {\n        int a;%s\n} X;\n\n' \
        'X *x_new(void);\nvoid x_go(X *x);\n%s'
    t.equal(check(t, {'src/site/x.h': text % ('/* A thing. */\n', '', '')}), (0, ''))
    t.equal(check(t, {'src/site/x.h': text % ('', ' /* metres */', '')}), (0, ''))
    found(t, 'prototype-comment', 'src/site/x.h:9', {'src/site/x.h': text % ('', '', '')})
    found(t, 'prototype-comment', 'src/site/x.h:12', {
        'src/site/x.h': text % ('/* A thing. */\n', '', '\nvoid x_other(void);\n')})


@case('file-without-head-comment')
def head(t):
    found(t, 'head-comment', 'src/site/x.c:1', {'src/site/x.c': '\n' + HEAD})
    found(t, 'head-comment', 'src/site/x.sql:1', {
        'src/site/x.c': HEAD, 'src/site/x.sql': 'SELECT 1;\n'})


@case('header-without-pragma-once')
def pragma(t):
    found(t, 'pragma-once', 'src/site/x.h:1', {'src/site/x.h': '/* x.h - shown. */\n'})


@case('mutable-file-variable')
def mutable(t):
    for line in ('static int count;', 'char *name = NULL;', 'static const char *names[] = { "a" };'):
        found(t, 'mutable-global', 'src/site/x.c:2', {'src/site/x.c': HEAD + line + '\n'})
    found(t, 'mutable-global', 'src/site/x.c:5', {
        'src/site/x.c': HEAD + function('f', '        static int count;\n')})


@case('constant-file-variables-pass')
def constant(t):
    t.equal(check(t, {'src/site/x.c': HEAD + 'static const X rows[] = { { "a", f } };\n'
                      'const ComponentDef x = {\n        .name = "a",\n};\n'
                      'static const char *const names[] = { "a" };\n'}), (0, ''))


@case('library-initialisation-may-have-a-variable')
def initialisation(t):
    text = 'static bool done;\n' + function('wire_global_init', '', 'bool')
    t.equal(check(t, {'src/wire/x.c': HEAD + text}), (0, ''))


@case('leftover-notes')
def leftover(t):
    found(t, 'leftover', 'README.md:2', {'README.md': '# A\nTO' 'DO: more\n'})


@case('sql-in-c')
def sql(t):
    text = 'static const char *const q = "SELECT a FROM b";\n'
    found(t, 'sql-in-c', 'src/site/x.c:2', {'src/site/x.c': HEAD + text})
    t.equal(check(t, {'src/site/x.c': HEAD, 'src/db/x.c': HEAD + text}), (0, ''))


@case('false-without-error')
def silent(t):
    head = 'static bool', 'int a, GError **error'
    found(t, 'silent-false', 'src/site/x.c:7', {'src/site/x.c': HEAD + function(
        'f', '        UK_DOING(error, "doing");\n        if (a > 1)\n                return false;\n'
        '        return true;\n', *head)})


@case('false-with-error-passes')
def told(t):
    head = 'static bool', 'int a, GError **error'
    bodies = (
        '        if (!g(a, error))\n                return false;\n',
        '        X *x = load(a, error);\n\n        if (x == NULL)\n                return false;\n',
        '        if (a) {\n                uk_fail(error, 1, "b");\n                return false;\n        }\n',
        '        if (!g(a, &found, error) || !found)\n                return NULL;\n',
        '        if (x == NULL) {\n                h();\n                return false;\n        }\n')
    for body in bodies[:4]:
        t.equal(check(t, {'src/site/x.c': HEAD + function('f', body, *head)}), (0, ''))
    found(t, 'silent-false', 'src/site/x.c:7',
          {'src/site/x.c': HEAD + function('f', bodies[4], *head)})


@case('own-header-not-first')
def own_header(t):
    found(t, 'own-header', 'src/site/x.c:2', {
        'src/site/x.h': '/* x.h - shown. */\n#pragma once\n',
        'src/site/x.c': HEAD + '#include <stdio.h>\n#include "site/x.h"\n'})


@case('include-order')
def include_order(t):
    found(t, 'include-order', 'src/site/x.c:3',
          {'src/site/x.c': HEAD + '#include "base/log.h"\n#include <stdio.h>\n'})
    found(t, 'include-order', 'src/site/x.c:3',
          {'src/site/x.c': HEAD + '#include "db/db.h"\n#include "base/log.h"\n'})


@case('machine-path')
def machine_path(t):
    found(t, 'machine-path', 'docs/a.md:1', {'docs/a.md': 'see /ho' 'me/someone/notes\n'})


@case('formatter-disagrees')
def formatted(t):
    (t.dir / '.clang-format').write_text((tap.source_root() / '.clang-format').read_text())
    found(t, 'format', 'src/site/x.c:3', {
        'src/site/x.c': HEAD + '\nstatic const int  a = 1;\n'}, '--root', t.dir)


@case('exceptions-need-a-reason-and-a-use')
def exceptions(t):
    bad = {'src/site/x.c': HEAD + 'static int count;\n'}
    t.equal(check(t, {**bad, 'tools/style-exceptions':
                      'mutable-global src/site/x.c:count  a test needs it\n'}), (0, ''))
    found(t, 'exception', 'tools/style-exceptions:1', {'src/site/x.c': HEAD})
    (t.dir / 'tools/style-exceptions').write_text('mutable-global src/site/x.c\n')
    done = subprocess.run([TOOL, '--root', t.dir], capture_output=True, text=True)
    t.equal(done.returncode, 1)
    t.contains(done.stderr, 'needs a check, a file and a reason')


tap.main()
