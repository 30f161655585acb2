"""The tools applied to this tree: what they find here is a failed case."""
import subprocess

import tap


def clean(t, *command):
    done = subprocess.run([tap.source_root() / 'tools' / command[0], *command[1:]],
                          capture_output=True, text=True)
    if done.returncode != 0:
        t.fail(f'{" ".join(command)} found:\n{done.stdout}{done.stderr}')


@tap.case('/tree/includes-follow-the-law')
def deps(t):
    clean(t, 'check_deps')


@tap.case('/tree/rules-of-the-house')
def style(t):
    clean(t, 'check_style')


@tap.case('/tree/generated-pages-are-fresh')
def docs(t):
    clean(t, 'docgen', '--check', '--build', str(tap.build_root()))


@tap.case('/tree/every-reader-is-fuzzed')
def fuzz(t):
    clean(t, 'fuzz_missing')


tap.main()
