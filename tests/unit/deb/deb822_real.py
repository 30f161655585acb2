"""Our reader of stanzas against libapt's, on the lists and the status of this machine."""
import pathlib
import subprocess
import sys

import apt_pkg
import tap

TOOL = sys.argv.pop(1)


def ours(path, chunk):
    done = subprocess.run([TOOL, 'stanzas', str(chunk), path], capture_output=True, text=True, check=True)
    for stanza in done.stdout.split('\n\n')[:-1]:
        yield [tuple(line.split('\t', 1)) for line in stanza.split('\n')]


def tidy(value):
    """A value without what neither reader promises: blanks at the ends of its lines."""
    return '\n'.join(line.rstrip() for line in value.replace('\f', '\n').strip().split('\n'))


def compare(t, path, chunk, at_most):
    count = 0
    with apt_pkg.TagFile(str(path)) as tags:
        for got, judge in zip(ours(path, chunk), tags):
            t.equal([name for name, _ in got], list(judge.keys()), f'fields of stanza {count}')
            for name, value in got:
                t.equal(tidy(value), tidy(judge[name]), f'{name} of stanza {count}')
            count += 1
            if count == at_most:
                break
    return count


@tap.case('/deb/deb822/status-as-libapt')
def status(t):
    count = compare(t, '/var/lib/dpkg/status', 1000, None)
    assert count > 50, count


@tap.case('/deb/deb822/lists-as-libapt-DEB-012')
def lists(t):
    found = sorted(pathlib.Path('/var/lib/apt/lists').glob('*_Packages*'))
    if not found:
        t.skip('this machine has no apt lists')
    for path in found:
        plain = t.dir / 'Packages'
        with plain.open('wb') as out:
            subprocess.run(['/usr/lib/apt/apt-helper', 'cat-file', path], stdout=out, check=True)
        print(path.name, compare(t, plain, 65_537, None if tap.full() else 8000))


tap.main()
