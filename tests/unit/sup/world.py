"""world.py - an update point, a machine and archives, for the tests of sup/upstream and sup/catalog."""
import collections
import os
import subprocess
import sys
import uuid

import archive

TOOL = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith('/sup') else None
NAMESPACE = uuid.UUID('5b0d5b38-6f0e-5f53-9e0f-0a5c7d3c1e11')

Update = collections.namedtuple('Update', 'id revision_id revision expired classification severity source version '
                                          'title superseded_by description url file_count size posted change first_change files')
File = collections.namedtuple('File', 'package arch version size sha256 owned url')
Suite = collections.namedtuple('Suite', 'outcome uri name refused code failure')

SECURITY = '0fa1201d-4330-4fa8-8ae9-b877473b6441'
UPDATES = 'cd5ffd1e-e932-4e3a-bf74-18bf0b1bbd83'
ROLLUPS = '28bc880e-0592-4cbf-8f95-c79b17911d5f'
FEATURES = 'b54e7d24-7add-428f-8b75-90a396fa584f'


def update_id(origin, codename, source, version):
    """What DEB-021 makes of them."""
    return str(uuid.uuid5(NAMESPACE, f'{origin}\n{codename}\n{source}\n{version}'))


class Run:
    """What a synchronization said."""

    def __init__(self, done):
        self.code = done.returncode
        self.error = '\n'.join(line for line in done.stderr.splitlines() if 'schema step' not in line)
        self.suites, self.problems, self.refusals, self.counts = {}, [], [], {}
        for line in done.stdout.splitlines():
            kind, *rest = line.split('\t')
            if kind == 'suite':
                suite = Suite(*rest)
                self.suites[suite.name] = suite
            elif kind == 'problem':
                self.problems.append(rest[0])
            elif kind == 'refusal':
                self.refusals.append(rest[0])
            elif kind == 'counts':
                self.counts = {k: int(v) for k, v in (pair.split('=') for pair in rest[0].split())}


class Point:
    """An update point: a catalogue with its spool, for a machine."""

    def __init__(self, folder, machine):
        self.folder, self.machine = folder, machine
        folder.mkdir(parents=True, exist_ok=True)
        self.db, self.spool = folder / 'catalog.db', folder / 'spool'

    def tool(self, verb, *args, check=True, env=None):
        done = subprocess.run([TOOL, verb, self.db, *map(str, args)], capture_output=True, text=True,
                              env={**os.environ, **(env or {})})
        assert not check or done.returncode == 0, f'{verb}: {done.stderr}'
        return done

    def sync(self, stall=None, env=None):
        more = [stall] if stall else []
        return Run(self.tool('sync', self.machine.root, self.spool, *more, check=False, env=env))

    def start_sync(self):
        return subprocess.Popen([TOOL, 'sync', self.db, self.machine.root, self.spool], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def updates(self, since=0):
        """{(source, version): Update}"""
        found = {}
        for line in self.tool('updates', since).stdout.splitlines():
            kind, *rest = line.split('\t')
            if kind == 'update':
                last = Update(*rest, [])
                found[last.source, last.version] = last
            else:
                last.files.append(File(*rest))
        return found

    def rows(self, verb):
        return [line.split('\t') for line in self.tool(verb).stdout.splitlines()]

    def dump(self):
        """All that readers see, as text."""
        return self.tool('updates', 0).stdout + self.tool('sets').stdout + self.tool('categories').stdout

    def sets(self):
        """{(product, arch): (number, sha256)}"""
        return {(row[0], row[1]): (int(row[2]), row[3]) for row in self.rows('sets')}

    def set_text(self, arch='amd64', product=None):
        for name, set_arch in self.sets():
            if set_arch == arch and product in (None, name):
                return self.tool('set', name, arch).stdout
        raise KeyError(arch)

    def evaluate(self, machine=None):
        """(missing rows, {(source, version): state}, {package: fields})"""
        missing, states, builds = [], {}, {}
        for line in self.tool('evaluate', (machine or self.machine).root).stdout.splitlines():
            kind, *rest = line.split('\t')
            if kind == 'missing':
                missing.append(tuple(rest[:4]))
            elif kind == 'update':
                states[rest[2], rest[3]] = {1: 'none', 2: 'missing', 3: 'installed'}[int(rest[0])]
            else:
                builds[rest[0]] = rest[1]
        return sorted(missing), states, builds


_keys = {}


def key(name='Archive'):
    """A key for the whole program; making one takes a while."""
    if name not in _keys:
        import atexit
        import pathlib
        import tempfile
        folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-keys-'))
        _keys[name] = archive.Key(folder, name)
        atexit.register(_keys[name].forget)
        atexit.register(subprocess.run, ['rm', '-rf', folder])
    return _keys[name]


class World:
    """One archive in Debian's layout, a machine that uses it, an update point."""

    def __init__(self, t, **machine):
        self.t = t
        self.archive = archive.Archive(t.dir / 'mirror', key())
        self.machine = archive.Machine(t.dir / 'machine', **machine)
        self.point = Point(t.dir / 'point', self.machine)

    def debian(self, **facts):
        """The release suite of bookworm."""
        facts = {'suite': 'oldstable', 'version': '12.15'} | facts
        return self.archive.suite('bookworm', **facts)

    def security(self, **facts):
        facts = {'suite': 'oldstable-security', 'version': '12', 'label': 'Debian-Security',
                 'component_prefix': 'updates/'} | facts
        return self.archive.suite('bookworm-security', **facts)

    def use(self, *suites, uri=None):
        """The machine's sources name these suites."""
        self.machine.sources(*[self.archive.line(s, uri) for s in suites or self.archive.suites])

    def sync(self, **options):
        return self.point.sync(**options)
