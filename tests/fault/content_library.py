#!/usr/bin/python3
"""content_library.py - adding, receiving, updating and removing in a content library, disturbed at
every step (DIST-016, DIST-017, DIST-148): what can be seen in between is whole, and after the same
again, without a fault, the library holds exactly what it must and nothing more.

library_tool (tests/unit/content) does it; its path is the first argument. The judge is librarywalk.
"""
import pathlib
import random
import shutil
import subprocess
import sys

import faultloop
import librarywalk

TOOL = sys.argv.pop(1)
SHARED = b'in both packages'


def write(top, files):
    for name, data in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(data)
    (top / 'empty').mkdir(parents=True)
    (top / 'link').symlink_to('a')


def big(number):
    """More than a chunk, so that there are signatures; with a hole."""
    noise = random.Random(number)
    return noise.randbytes(150000) + bytes(200000) + noise.randbytes(150000)


class World:
    """The sources, made once, and a library with the first versions of two packages."""

    def __init__(self, folder):
        self.folder = folder
        old = {'a': b'old', 'd/shared': SHARED, 'd/stays': b'stays', 'x.INI': b'odd', 'big': big(1)}
        write(folder / 'v1', old)
        write(folder / 'v2', {**old, 'a': b'new', 'n\new': b'one more', 'big': big(2)})
        write(folder / 'other', {'a': b'other', 's': SHARED})
        self.trees = {name: librarywalk.source(folder / name) for name in ('v1', 'v2', 'other')}
        self.lib = folder / 'lib'
        tool(self.lib, None, 'snapshot', 'PS100039.1', folder / 'v1', ',', 'set', 'PS100039', '1', 'PS100039.1', ',',
             'snapshot', 'PS100040.1', folder / 'other', ',', 'set', 'PS100040', '1', 'PS100040.1')
        self.newer = folder / 'newer'
        tool(self.newer, None, 'snapshot', 'PS100039.2', folder / 'v2', ',', 'set', 'PS100039', '2', 'PS100039.2')


def tool(lib, env, *args):
    done = subprocess.run([TOOL, lib, *args], env=env or faultloop.clean_env(), capture_output=True)
    if env is None and done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors='replace'))


def whole(lib, trees):
    """What can be seen is whole: contents with their files, packages with their contents."""
    there = {p.stem: librarywalk.mirror(lib, p.stem) for p in (lib / 'DataLib').glob('*.INI')}
    for content, tree in there.items():
        librarywalk.same_tree(tree, trees[content])
        for value in tree.values():
            if value[0] == 'f':
                path = lib / 'FileLib' / value[3][:4] / value[3]
                assert path.exists(), f'{content} is there, and {value[3]} is not'
                assert content in librarywalk.ini(f'{path}.INI')['Users'], f'{path} does not know of {content}'
    for path in (lib / 'FileLib').glob('*/' + '?' * 64):
        assert librarywalk.sha256(path) == path.name, f'{path} has other bytes'
    packages = {p.stem: librarywalk.ini(p) for p in (lib / 'PkgLib').glob('*.INI')}
    for package, parser in packages.items():
        for content in parser['Packages']:
            assert content in there, f'{package} has {content}, which is not there'
    return packages


class Library(faultloop.Scenario):
    unsynced = ('????/*.INI',)  # uses: made again from the trees when they cannot be read
    world = None

    def prepare(self, root):
        if Library.world is None:
            folder = pathlib.Path(root.parent.parent / f'{root.parent.name}-world')
            folder.mkdir()
            Library.world = World(folder)
        self.lib = root / 'lib'
        shutil.copytree(Library.world.lib, self.lib, symlinks=True)
        self.whole_syncs = ('root/lib',)
        self.trees = {'PS100039.1': Library.world.trees['v1'], 'PS100039.2': Library.world.trees['v2'],
                      'PS100040.1': Library.world.trees['other']}

    def run(self, root, env):
        tool(self.lib, env, *self.commands(root))

    def glance(self, root):
        packages = whole(self.lib, self.trees)
        assert 'PS100039' in packages, 'the package that is updated is gone'

    def recover(self, root):
        tool(self.lib, None, *self.commands(root))

    def check(self, root):
        librarywalk.judge(self.lib, self.after())


class Update(Library):
    """The site: a new snapshot, and the package is set to it."""
    name = 'library-update'
    whole_syncs = ('root/lib',)

    def commands(self, root):
        return ['snapshot', 'PS100039.2', Library.world.folder / 'v2', ',', 'set', 'PS100039', '2', 'PS100039.2']

    def after(self):
        return {'PS100039': (2, {'PS100039.2': self.trees['PS100039.2']}),
                'PS100040': (1, {'PS100040.1': self.trees['PS100040.1']})}


class Receive(Library):
    """A distribution point: the definition is written ahead, files come in one by one; then another package goes."""
    name = 'library-receive-and-remove'
    whole_syncs = ('root/lib',)

    def commands(self, root):
        return ['keep', 'PS100039.1', ',', 'ahead', Library.world.newer, 'PS100039.2', ',', 'receive', Library.world.newer,
                'PS100039.2', ',', 'set', 'PS100039', '2', 'PS100039.2', ',', 'remove', 'PS100040', ',', 'release', 'PS100039.1']

    def recover(self, root):
        # What no package holds any more may be on its way out, and cannot be kept.
        held = librarywalk.ini(self.lib / 'PkgLib/PS100039.INI')['Info']['Version'] == '1'
        keep = ['keep', 'PS100039.1', ','] if held else []
        tool(self.lib, None, *keep, *self.commands(root)[3:])

    def after(self):
        return {'PS100039': (2, {'PS100039.2': self.trees['PS100039.2']})}


try:
    for scenario in (Update(), Receive()):
        faultloop.declare(scenario, faultloop.Limits(seconds=8))
    faultloop.tap.main()
finally:
    if Library.world is not None:
        shutil.rmtree(Library.world.folder, ignore_errors=True)
