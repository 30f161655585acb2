#!/usr/bin/python3
"""pairs.py - two versions each of real programs, unpacked, for the benches of content.

    bench/pairs.py DIR [--only postgresql,openjdk]

Fetches from the machine's own apt sources the oldest and the newest version that they have of each
package, and unpacks them into DIR/<name>/old and DIR/<name>/new; a package with one version only is
left out, by name. Prints names and versions; DIR/pairs.json holds them. What is there already is kept.
"""
import argparse
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'lab'))
import debpair  # noqa: E402

PACKAGES = {'postgresql': 'postgresql-15', 'openjdk': 'openjdk-17-jre-headless', 'libreoffice': 'libreoffice-core',
            'kernel': 'linux-image-amd64', 'chromium': 'chromium'}


def real(package, version):
    """The package that a meta-package of the kernel stands for."""
    if not package.startswith('linux-image-'):
        return package, version
    text = debpair.output('apt-cache', 'show', f'{package}={version}')
    name = re.search(r'^Depends: .*?(linux-image-[0-9][^ ,]*)', text, re.M).group(1)
    return name, debpair.versions(name)[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('dir', type=pathlib.Path)
    parser.add_argument('--only', default=','.join(PACKAGES))
    args = parser.parse_args()
    pairs = {}
    for name in args.only.split(','):
        found = debpair.versions(PACKAGES[name])
        if len(found) < 2:
            print(f'{name}: {PACKAGES[name]} has no second version in the sources: left out')
            continue
        pairs[name] = []
        for which, version in (('old', found[0]), ('new', found[-1])):
            package, exact = real(PACKAGES[name], version)
            debpair.unpack(package, exact, args.dir.resolve() / name / which)
            pairs[name].append(f'{package}={exact}')
        print(f'{name}: {pairs[name][0]} -> {pairs[name][1]}')
    (args.dir / 'pairs.json').write_text(json.dumps(pairs, indent=1) + '\n')
    return 0 if pairs else 1


if __name__ == '__main__':
    sys.exit(main())
