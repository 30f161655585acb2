"""generated.py - archives, machines and apt for them, made by rule from a seed; shares nothing with src/deb.

Left out on purpose: two spellings of one version in the archives (apt takes the one it read first).
"""
import os
import random
import re
import subprocess

import apt_pkg
import world
from archive import Archive, Machine, Package

SEED = int(os.environ.get('UPKEEP_SEED', 20261121))


def version(r):
    """A version by policy, with epochs and tildes."""
    epoch = r.choice(['', '', '', '', '1:', '2:'])
    upstream = '.'.join(str(r.randrange(12)) for _ in range(r.randrange(1, 4)))
    upstream += r.choice(['', '', '', '~rc1', '~beta2', '+dfsg', 'a', '+git20260101'])
    revision = r.choice(['', '-1', '-2', '-10', '-1+deb12u1', '-1+deb12u2', '-0ubuntu1', '-1~bpo12+1', '-1.1'])
    return epoch + upstream + revision


def versions(r, count):
    """Versions in rising order, no two of them equal in order."""
    found = []
    while len(found) < count:
        new = version(r)
        if all(apt_pkg.version_compare(new, old) != 0 for old in found):
            found.append(new)
    return sorted(found, key=__import__('functools').cmp_to_key(apt_pkg.version_compare))


class Source:
    """A source package: its versions, which binaries each has, and of which kind they are."""

    def __init__(self, r, name, arches):
        self.r, self.name = r, name
        self.versions = versions(r, r.randrange(1, 7))
        count = r.choice([1, 1, 2, 3, 5])
        self.names = [name] + [f'{name}-{part}' for part in r.sample(['data', 'dev', 'bin', 'doc', 'libs'], count - 1)]
        self.arches = arches
        self.kinds = {n: r.choice(['any', 'any', 'any', 'all']) for n in self.names}

    def binaries(self, number):
        """Packages of the version of that number; later ones may have lost or changed some."""
        r = random.Random(f'{self.name} {number} {self.versions[number]}')
        for name in self.names:
            if r.random() < .15 and len(self.names) > 1:
                continue  # dropped in this version: an older one still owns it
            kind = self.kinds[name]
            if r.random() < .08:
                kind = {'any': 'all', 'all': 'any'}[kind]
            for arch in ['all'] if kind == 'all' else self.arches:
                text, source_version = self.versions[number], ''
                if kind == 'any' and r.random() < .12:
                    text, source_version = text + f'+b{r.randrange(1, 4)}', text
                yield Package(name, text, arch, self.name, source_version, {'Multi-Arch': r.choice([None, 'same', 'foreign'])
                                                                           if kind == 'any' else None})


class World:
    """Archives in several suites, and the machines that use them."""

    def __init__(self, t, number, third=True):
        self.r = r = random.Random(f'{SEED} {number}')
        self.dir = t.dir / f'world{number}'
        self.arches = r.choice([['amd64'], ['amd64'], ['amd64', 'i386'], ['amd64', 'arm64', 'i386']])
        archive_arches = self.arches if r.random() < .8 else self.arches[:1]
        self.sources = [Source(r, f's{i}{r.choice(["", "x", "lib"])}', archive_arches) for i in range(r.randrange(8, 40))]
        self.archive = Archive(self.dir / 'mirror', world.key())
        self.third = Archive(self.dir / 'third', world.key('Third'))
        self.suites = []
        separate = r.random() < .3
        facts = {'arches': archive_arches, 'separate_all': separate}
        self.suite(self.archive, 'bookworm', .8, 0, suite='oldstable', **facts)
        self.suite(self.archive, 'bookworm-updates', .15, 1, suite='oldstable-updates', **facts)
        self.suite(self.archive, 'bookworm-security', .4, 1, suite='oldstable-security', label='Debian-Security', **facts)
        if r.random() < .6:
            self.suite(self.archive, 'bookworm-backports', .4, 2, suite='oldstable-backports', origin='Debian Backports',
                       not_automatic='yes', but_automatic='yes', **facts)
        if r.random() < .3:
            self.suite(self.archive, 'bookworm-proposed-updates', .4, 2, not_automatic='yes', **facts)
        if r.random() < .6 and third:
            self.suite(self.third, 'bookworm', .3, 1, origin='Third', label='Third party', build='third', **facts)

    def suite(self, where, path, share, later, build='', **facts):
        """A suite with some of the sources, in some of their versions (later: rather the higher ones)."""
        s = where.suite(path, **facts)
        for source in self.sources:
            if self.r.random() > share:
                continue
            for number in {min(len(source.versions) - 1, max(0, self.r.randrange(len(source.versions)) + later - 1))
                           for _ in range(self.r.choice([1, 1, 1, 2]))}:
                for package in source.binaries(number):
                    package.build = build
                    s.add(package)
        s.write()
        self.suites.append((where, s))

    def machine(self, number):
        """A machine with installed packages in all conditions."""
        r = random.Random(f'{SEED} {self.dir.name} machine {number}')
        machine = Machine(self.dir / f'machine{number}', arches=self.arches)
        installed = {}
        for source in self.sources:
            for name in source.names:
                for arch in self.arches + ['all', 'mips64el']:
                    if r.random() < {'amd64': .6, 'all': .25, 'mips64el': .01}.get(arch, .2):
                        installed[name, arch] = self.installed(r, source, name, arch)
        for name, arch in list(installed):  # dpkg has a package once for native and all
            if arch == 'all':
                installed.pop((name, 'amd64'), None)
        for n in range(r.randrange(6)):
            installed[f'local{n}', 'amd64'] = (Package(f'local{n}', version(r)), 'install ok installed')
        machine.status([installed[key] for key in sorted(installed)])
        machine.sources(*[where.line(s) for where, s in self.suites])
        return machine

    def installed(self, r, source, name, arch):
        text = r.choice(source.versions + [version(r)])
        if r.random() < .1:
            text += f'+b{r.randrange(1, 4)}'
        if r.random() < .05 and ':' not in text:
            text = f'0:{text}'
        if r.random() < .05:
            text += '~~'
        state = 'install ok installed'
        if r.random() < .25:
            state = ' '.join([r.choice(['install', 'hold', 'deinstall', 'purge', 'unknown']),
                              r.choice(['ok', 'ok', 'reinstreq']),
                              r.choice(['installed', 'half-configured', 'unpacked', 'config-files', 'not-installed',
                                        'half-installed', 'triggers-awaited', 'triggers-pending'])])
        package = Package(name, text, arch, source.name, fields={'Provides': 'virtual-thing', 'Multi-Arch': 'same'
                                                                 if arch != 'all' else None})
        if 'half-installed' in state and r.random() < .5:
            package.fields['Version'] = None
        return package, state


class Apt:
    """apt for a machine whose root is a folder."""

    def __init__(self, machine):
        self.root = machine.root
        for folder in ('var/lib/apt/lists/partial', 'var/cache/apt/archives/partial', 'etc/apt/preferences.d',
                       'etc/apt/sources.list.d', 'etc/apt/apt.conf.d', 'etc/apt/trusted.gpg.d'):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        options = {'Dir': self.root, 'Dir::Etc::parts': '/nonexistent', 'Dir::State::status':
                   self.root / 'var/lib/dpkg/status', 'APT::Architecture': machine.arches[0], 'APT::Sandbox::User': 'root',
                   'Acquire::Languages': 'none', 'Dir::Log': self.root, 'Dir::Cache::pkgcache': '',
                   'Dir::Cache::srcpkgcache': ''}
        self.options = [f'-o{k}={v}' for k, v in options.items()]
        self.options += [f'-oAPT::Architectures::={arch}' for arch in machine.arches]

    def run(self, *args):
        done = subprocess.run([*args, *self.options], capture_output=True, text=True,
                              env={**os.environ, 'LC_ALL': 'C', 'APT_CONFIG': '/dev/null'})
        assert done.returncode == 0, f'{args}: {done.stdout}{done.stderr}'
        return done.stdout

    def update(self):
        return self.run('apt-get', 'update')

    def upgradable(self):
        """(rows that apt prints, rows whose versions are equal in order)."""
        rows, equal = [], []
        for line in self.run('apt', 'list', '--upgradable').splitlines():
            found = re.fullmatch(r'(\S+?)/\S* (\S+) (\S+) \[upgradable from: (\S+)\]', line)
            if found:
                name, new, arch, old = found.groups()
                (rows if apt_pkg.version_compare(old, new) else equal).append((name, arch, old, new))
        return sorted(rows), sorted(equal)
