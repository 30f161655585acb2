"""Content libraries judged from outside: what snapshots put in is read back with configparser, os
and hashlib, after every kind of name and after random sequences of updates and removals.
"""
import hashlib
import os
import pathlib
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import faultloop
import librarywalk
import tap

TOOL = sys.argv.pop(1)
SEED = 20261122
tempfile.tempdir = faultloop.room()  # many small files, and syncs are not what is tested


def tool(root, *args, code=0, env=None):
    done = subprocess.run([TOOL, root, *args], capture_output=True, env=env)
    assert done.returncode == code, f'{args}: {done.returncode} {done.stderr.decode(errors="replace")}'
    return done.stdout if code == 0 else done.stderr.decode(errors='replace')


def odd_tree(top):
    """Every name that is hard to keep."""
    names = [b'plain.txt', b'with space', b' lead and trail ', b'new\nline', b'\xff\xfe raw', 'Ärger'.encode(),
             b'setup.INI', b'setup.ini', b'x' * 251, b'y' * 255, b'sccm?x', b'~', b'~' + b'0' * 64, b'a=b;c#d', b'[Info]', b'%41',
             b'A', b'a', b'quote"\'', b'back\\slash', b'.hidden', b'-dash', b'tab\there', b'CON', b'*?<>|:', b'a-b', b'$']
    os.makedirs(top)
    top = os.fsencode(str(top))
    for i, name in enumerate(names):
        with open(top + b'/' + name, 'wb') as stream:
            stream.write(name * i)
        os.chmod(top + b'/' + name, 0o400 + (i % 8) * 0o11)
    for name in (b'sccm?folder', b'folder.INI', b'empty folder', b'z' * 252, b'a/b', b'a-c', b'D', b'd', b'~' + b'1' * 64):
        os.makedirs(top + b'/dirs/' + name, exist_ok=True)
        if not name.startswith(b'empty'):
            with open(top + b'/dirs/' + name + b'/in\n side', 'wb') as stream:
                stream.write(name)
    os.chmod(top + b'/dirs/sccm?folder', 0o2750)
    os.symlink(b'plain.txt', top + b'/link')
    os.symlink(b'/nowhere\n \xff%', top + b'/dirs/dangling')
    os.symlink(b'dirs', top + b'/to a folder')
    os.link(top + b'/plain.txt', top + b'/twin.txt')
    os.link(top + b'/plain.txt', top + b'/dirs/third')
    open(top + b'/empty', 'wb').close()
    os.utime(top + b'/empty', ns=(0, 1234567891234567000))
    os.utime(top + b'/a', ns=(0, -1000000000))


def deep_tree(top, bottom='bottom'):
    """A path of just below 4095 bytes, with a short name at the bottom; deeper than one call takes once the library is before it."""
    os.makedirs(top)
    here = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    length = 0
    while length + 101 + 20 < 4095:
        os.mkdir('d' * 100, dir_fd=here)
        deeper = os.open('d' * 100, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here, length = deeper, length + 101
    with os.fdopen(os.open(bottom, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=here), 'wb') as stream:
        stream.write(b'deep')
    os.close(here)


def remove_deep(top):
    subprocess.run(['rm', '-rf', top], check=True)


@tap.case('/content/walk/every-odd-name-DIST-015-DIST-016-DIST-019')
def odd_names(t):
    folder = t.dir
    odd_tree(folder / 'source')
    want = librarywalk.source(folder / 'source')
    said = tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 'source', ',', 'set', 'PS100039', '1', 'PS100039.1')
    assert said.decode().strip() == librarywalk.content_hash(want)
    librarywalk.judge(folder / 'lib', {'PS100039': (1, {'PS100039.1': want})})
    # A receiver has the same, and a reader in a world without the compact form, too.
    tool(folder / 'dp', 'receive', folder / 'lib', 'PS100039.1', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(folder / 'dp', {'PS100039': (1, {'PS100039.1': want})})
    before = tool(folder / 'dp', 'list', 'PS100039.1')
    (folder / 'dp/DataLib/PS100039.1.TREE').unlink()
    assert tool(folder / 'dp', 'list', 'PS100039.1') == before
    tool(folder / 'dp', 'remove', 'PS100039')
    librarywalk.judge(folder / 'dp', {})


@tap.case('/content/walk/very-deep-and-long')
def very_deep(t):
    folder = t.dir
    deep_tree(folder / 'source')
    want = librarywalk.source(folder / 'source')
    tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 'source', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(folder / 'lib', {'PS100039': (1, {'PS100039.1': want})})
    (folder / 'lib/DataLib/PS100039.1.TREE').unlink()
    tool(folder / 'lib', 'list', 'PS100039.1')
    tool(folder / 'lib', 'remove', 'PS100039')
    librarywalk.judge(folder / 'lib', {})
    remove_deep(folder / 'source')
    # One that no call takes is named by its ends.
    deep_tree(folder / 'source', bottom='x' * 120 + ' the bottom')
    said = tool(folder / 'new', 'snapshot', 'PS100039.1', folder / 'source', code=1)
    assert said.startswith('UNSUPPORTED') and 'xxx the bottom" has 4' in said and 'at most 4095; shorten it' in said, said
    remove_deep(folder / 'source')


@tap.case('/content/walk/special-files-are-refused-by-name')
def specials(t):
    for kind, make in (('FIFO', os.mkfifo), ('socket', lambda p: socket.socket(socket.AF_UNIX).bind(p))):
        folder = t.dir / kind
        (folder / 's').mkdir(parents=True)
        (folder / 's/file').write_text('x')
        here = os.getcwd()
        os.chdir(folder / 's')
        make('the thing')
        os.chdir(here)
        said = tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 's', code=1)
        assert said.startswith('UNSUPPORTED') and '"the thing"' in said and kind in said, said
        assert tool(folder / 'lib', 'abandon', 'PS100039.1') == b''
        librarywalk.judge(folder / 'lib', {})
    said = tool(t.dir / 'lib', 'snapshot', 'PS100039.1', t.dir / 'none', code=1)
    assert said.startswith('NOT_FOUND') and 'make it' in said, said


@tap.case('/content/walk/a-changing-source-is-noticed-DIST-015')
def changing(t):
    folder = t.dir
    (folder / 's').mkdir()
    for i in range(300):
        (folder / f's/{i:03}').write_bytes(os.urandom(200000))
    growing = open(folder / 's/299', 'ab')
    with subprocess.Popen([TOOL, folder / 'lib', 'snapshot', 'PS100039.1', folder / 's'],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            growing.write(b'more')
            growing.flush()
            time.sleep(0.0005)
        said = process.stderr.read().decode()
    assert process.returncode == 1 and said.startswith('CHANGED') and '"299"' in said, said
    growing.close()
    want = librarywalk.source(folder / 's')
    tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(folder / 'lib', {'PS100039': (1, {'PS100039.1': want})})


@tap.case('/content/walk/a-sparse-file-stays-sparse')
def sparse(t):
    folder = t.dir
    (folder / 's').mkdir()
    size = 120 << 20
    with open(folder / 's/image', 'wb') as stream:
        stream.truncate(size)
        for at in (5, 50 << 20, size - 4097):
            stream.seek(at)
            stream.write(b'block' * 100)
    want = librarywalk.source(folder / 's')
    tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')
    tool(folder / 'dp', 'receive', folder / 'lib', 'PS100039.1', ',', 'set', 'PS100039', '1', 'PS100039.1')
    for root in ('lib', 'dp'):
        librarywalk.judge(folder / root, {'PS100039': (1, {'PS100039.1': want})})
        blob = next((folder / root / 'FileLib').glob('*/' + '?' * 64))
        assert blob.stat().st_size == size and blob.stat().st_blocks * 512 < 1 << 20, blob.stat().st_blocks


class World:
    """Sources that change at random, and what the library must hold because of them."""

    def __init__(self, folder, seed):
        self.folder, self.random = pathlib.Path(folder), random.Random(seed)
        self.packages, self.versions = {}, {}

    def some_bytes(self):
        return self.random.choice((b'', b'common', self.random.randbytes(self.random.randrange(5000)),
                                   self.random.randbytes(3) * 30000))

    def mutate(self, top):
        top.mkdir(exist_ok=True)
        for _ in range(self.random.randrange(1, 6)):
            path = top / self.random.choice('abcdefgh') / self.random.choice(('1', '2', '3', 'x.INI', 'x', '6'))
            what = self.random.random()
            path.parent.mkdir(exist_ok=True)
            if what < 0.6:
                path.unlink(missing_ok=True)
                path.write_bytes(self.some_bytes())
            elif what < 0.8:
                path.unlink(missing_ok=True)
            elif what < 0.9:
                shutil.rmtree(path.parent)
            elif not path.exists() and not path.is_symlink():
                path.symlink_to('../a/1')

    def update(self):
        package = f'PS1000{self.random.randrange(6):02}'
        top, version = self.folder / package, self.versions.get(package, 0) + 1
        self.mutate(top)
        self.versions[package] = version
        content = f'{package}.{version}'
        self.packages[package] = (version, {content: librarywalk.source(top)})
        return ['snapshot', content, str(top), ',', 'set', package, str(version), content]

    def remove(self):
        package = self.random.choice(sorted(self.packages))
        del self.packages[package]
        return ['remove', package]

    def step(self):
        return self.remove() if self.packages and self.random.random() < 0.25 else self.update()


@tap.case('/content/walk/random-updates-and-removals-DIST-017-DIST-140-DIST-148')
def random_steps(t):
    folder = t.dir
    world = World(folder, SEED)
    for _ in range(200 if tap.full() else 25):
        tool(folder / 'lib', *world.step())
        librarywalk.judge(folder / 'lib', world.packages)


@tap.case('/content/walk/ten-thousand-files')
def many(t):
    folder = t.dir
    for i in range(10000):
        if i % 100 == 0:
            (folder / f's/{i // 100}').mkdir(parents=True)
        (folder / f's/{i // 100}/{i}').write_bytes(b'%d' % (i % 9000))
    want = librarywalk.source(folder / 's')
    tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(folder / 'lib', {'PS100039': (1, {'PS100039.1': want})})
    assert len(list((folder / 'lib/FileLib').glob('*/' + '?' * 64))) == 9000
    tool(folder / 'lib', 'remove', 'PS100039')
    librarywalk.judge(folder / 'lib', {})


@tap.case('/content/walk/signatures-are-kept-with-their-files-DIST-018')
def signatures(t):
    folder = t.dir
    (folder / 's').mkdir()
    (folder / 's/big').write_bytes(random.Random(1).randbytes(700000))
    (folder / 's/small').write_bytes(b'x' * 5000)
    tool(folder / 'lib', 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')
    big = hashlib.sha256((folder / 's/big').read_bytes()).hexdigest().upper()
    assert {p.name for p in (folder / 'lib/FileLib').glob('*/*.SIG')} == {f'{big}.SIG'}
    names = subprocess.run(['tar', '-tf', folder / 'lib/SMSSIG$/PS100039.1.tar'], capture_output=True, check=True, text=True)
    assert names.stdout.split() == [f'{big}.SIG'], names.stdout
    first = (folder / 'lib/SMSSIG$/PS100039.1.tar').read_bytes()
    # Damage of either kind is found, and mended from the file, as long as that is what it should be.
    lib, tar, kept = folder / 'lib', 'SMSSIG$/PS100039.1.tar', f'FileLib/{big[:4]}/{big}.SIG'
    second = (lib / kept).read_bytes()
    assert tool(lib, 'check', 'PS100039') == b''
    flipped = 512 + 64 + 4  # of the first chunk's hash: behind the tar's block, 64 bytes of head and the chunk's size
    for path, data, told in ((tar, first[:flipped] + b'xx' + first[flipped + 2:], tar), (tar, first[:700], tar),
                             (tar, bytes(len(first)), tar), (tar, b'', tar), (tar, None, tar),
                             (kept, second[:68] + b'xx' + second[70:], tar), (kept, second[:70], kept)):
        (lib / path).unlink()
        if data is not None:
            (lib / path).write_bytes(data)
        words = 'missing' if data is None else 'damaged'
        assert tool(lib, 'check', 'PS100039').decode() == f'{told} {words}\0', (path, data)
        assert tool(lib, 'mend', 'PS100039').decode() == f'{told} {words} mended\0', (path, data)
        assert (lib / tar).read_bytes() == first and (lib / kept).read_bytes() == second, (path, data)
    # A content item that comes again brings its signatures again, whatever there is.
    (lib / kept).write_bytes(second[:70])
    tool(lib, 'snapshot', 'PS100039.1', folder / 's')
    assert (lib / kept).read_bytes() == second and tool(lib, 'check', 'PS100039') == b''
    (lib / kept).unlink()
    (lib / tar).unlink()
    tool(lib, 'mend', 'PS100039')
    assert (lib / tar).read_bytes() == first and (lib / kept).read_bytes() == second
    bytes_of = lib / 'FileLib' / big[:4] / big
    bytes_of.write_bytes(b'x' + bytes_of.read_bytes()[1:])
    (lib / tar).write_bytes(first[:700])
    assert tool(lib, 'mend', 'PS100039').decode() == f'{tar} damaged\0'
    assert (lib / tar).read_bytes() == first[:700], 'signatures of a damaged file are made by nobody'
    bytes_of.write_bytes((folder / 's/big').read_bytes())
    tool(lib, 'mend', 'PS100039')
    tool(folder / 'lib', 'snapshot', 'PS100039.2', folder / 's', ',', 'set', 'PS100039', '2', 'PS100039.2')
    assert (folder / 'lib/SMSSIG$/PS100039.2.tar').read_bytes() == first
    assert not (folder / 'lib/SMSSIG$/PS100039.1.tar').exists()
    # Small files have no signatures that could be lost.
    (folder / 's/big').unlink()
    tool(lib, 'snapshot', 'PS100040.1', folder / 's', ',', 'set', 'PS100040', '1', 'PS100040.1')
    (lib / 'SMSSIG$/PS100040.1.tar').unlink()
    assert tool(lib, 'check', 'PS100040') == b''


def read_signature(path):
    """[(size, hash)] of the chunks, after the text at the top of src/content/signature.c."""
    data = path.read_bytes()
    count, size, whole = struct.unpack_from('<IQ32s', data, 20)
    assert data.startswith(b'UKSIG1\r\n') and len(data) == 64 + 36 * count and whole.hex().upper() == path.stem
    rows = [struct.unpack_from('<I32s', data, 64 + 36 * i) for i in range(count)]
    assert sum(n for n, _ in rows) == size
    return rows


@tap.case('/content/walk/large-files-are-hashed-and-cut-as-small-ones-DIST-018')
def large_and_small(t):
    """A small file and two large ones that begin with it, by two threads, which share the work in
    another way on processors without instructions for SHA-256."""
    folder = t.dir
    (folder / 's').mkdir()
    noise = random.Random(SEED).randbytes(8 << 20)
    files = {'small': noise, 'more': noise + b'x' * 700001, 'zeros': noise + bytes(1 << 20)}
    for name, data in files.items():
        (folder / 's' / name).write_bytes(data)
    os.truncate(folder / 's/zeros', len(files['zeros']) + (1 << 20))  # ends with a hole
    files['zeros'] += bytes(1 << 20)
    want = librarywalk.source(folder / 's')
    for how in ({}, {'GNUTLS_CPUID_OVERRIDE': '1'}):
        lib = folder / f'lib{len(how)}'
        # First the disk is full in the middle of a large file, while the other thread hashes.
        full = os.environ | how | {'UPKEEP_FAULT': 'fail:30', 'UPKEEP_FAULT_ONLY': 'write'}
        said = tool(lib, 'snapshot', 'PS100039.1', folder / 's', code=1, env=full)
        assert 'No space left' in said and 'The library fails.' in said, said
        tool(lib, 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1', env=os.environ | how)
        librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': want})})
        rows = {}
        for name, data in files.items():
            key, at = hashlib.sha256(data).hexdigest().upper(), 0
            rows[name] = read_signature(lib / 'FileLib' / key[:4] / f'{key}.SIG')
            for size, digest in rows[name]:
                assert hashlib.sha256(data[at:at + size]).digest() == digest, (how, name, at)
                at += size
            assert rows[name][:len(rows['small']) - 1] == rows['small'][:-1], (how, name)
        assert 100 < len(rows['small']) < 250
    # The next version: one has changed in the middle, the others are known by their hashes.
    with open(folder / 's/more', 'r+b') as stream:
        stream.seek(5 << 20)
        stream.write(b'changed')
    want = librarywalk.source(folder / 's')
    for lib in (folder / 'lib0', folder / 'lib1'):
        tool(lib, 'snapshot', 'PS100039.2', folder / 's', ',', 'set', 'PS100039', '2', 'PS100039.2')
        librarywalk.judge(lib, {'PS100039': (2, {'PS100039.2': want})})
        assert len(list((lib / 'FileLib').glob('*/*.SIG'))) == 3


@tap.case('/content/walk/a-snapshot-says-whether-the-source-or-the-library-fails-DIST-015')
def whose_failure(t):
    folder = t.dir / 's'
    folder.mkdir()
    (folder / 'small').write_bytes(b'a' * 1000)
    (folder / 'large').write_bytes(random.Random(SEED).randbytes((8 << 20) + 1))
    for kind, words in (('write', 'No space left'), ('rename', 'Input/output error')):
        for point in range(1, 20):  # the first of them are those of opening the library
            said = tool(t.dir / kind, 'snapshot', 'PS100039.1', folder, code=1,
                        env={**os.environ, 'UPKEEP_FAULT': f'fail+:{point}', 'UPKEEP_FAULT_ONLY': kind})
            if 'opening the content library' not in said:
                break
        assert words in said and 'The library fails.' in said, (kind, said)
    os.mkfifo(folder / 'pipe')
    said = tool(t.dir / 'lib', 'snapshot', 'PS100039.1', folder, code=1)
    assert 'FIFO' in said and 'The library fails.' not in said, said


@tap.case('/content/walk/a-definition-written-ahead-shows-nothing-DIST-016-DIST-148')
def ahead(t):
    lib, other, third = t.dir / 'lib', t.dir / 'other', t.dir / 'third'
    trees = {}
    for name, number in ('one', 1), ('two', 2):
        folder = t.dir / name
        (folder / 'd').mkdir(parents=True)
        for i in range(300):  # more than is written at once
            (folder / f'd/{name if i % 3 else "both"}{i}').write_bytes(b'%d' % (i * number if i % 2 else i))
        os.symlink('d', folder / 'link')
        trees[name] = librarywalk.source(folder)
    tool(other, 'snapshot', 'PS100039.1', t.dir / 'one')
    tool(third, 'snapshot', 'PS100039.1', t.dir / 'two')
    # what is not here does not show, and goes when the library is opened again; who takes the other way finds the same
    tool(lib, 'ahead', other, 'PS100039.1')
    t.equal(sum(1 for _ in (lib / 'DataLib/PS100039.1').rglob('*.INI')), 300, 'files of the mirror')
    t.equal(list((lib / 'DataLib').glob('*.INI')), [], 'content items that show')
    t.contains(tool(lib, 'list', 'PS100039.1', code=1), 'NOT_FOUND', 'a reader')
    tool(lib, 'orphans', '0')
    t.equal((lib / 'DataLib/PS100039.1').exists(), True, 'a reader opens nothing')
    tool(lib, 'clean', '100000')
    t.equal((lib / 'DataLib/PS100039.1').exists(), False, 'a mirror without its content item')
    # another tree of the same ID takes its place, and nothing is left of the first
    tool(lib, 'ahead', other, 'PS100039.1', ',', 'ahead', other, 'PS100039.1', ',', 'ahead', third, 'PS100039.1', ',',
         'receive', third, 'PS100039.1', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': trees['two']})})
    # what is there is left alone until the new one is whole
    tool(lib, 'ahead', other, 'PS100039.1')
    librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': trees['two']})})
    tool(lib, 'ahead', other, 'PS100039.1', ',', 'receive', other, 'PS100039.1', ',', 'set', 'PS100039', '1', 'PS100039.1')
    librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': trees['one']})})
    # one that is given up leaves nothing
    tool(lib, 'ahead', third, 'PS100040.1', code=1)
    tool(t.dir / 'fourth', 'snapshot', 'PS100040.1', t.dir / 'two')
    tool(lib, 'ahead', t.dir / 'fourth', 'PS100040.1', ',', 'abandon', 'PS100040.1')
    librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': trees['one']})})


@tap.case('/content/walk/damaged-definitions-are-told-and-made-again-DIST-016-DIST-017')
def definitions(t):
    lib = t.dir / 'lib'
    odd_tree(t.dir / 's')
    tool(lib, 'snapshot', 'PS100039.1', t.dir / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')

    def say(verb):
        return set(os.fsdecode(tool(lib, verb, 'PS100039')).split('\0')[:-1])

    def state():
        return {str(path.relative_to(lib)): path.read_bytes() for path in (*lib.glob('PkgLib/*'), *lib.glob('DataLib/**/*'),
                *lib.glob('FileLib/*/*.INI')) if path.is_file()}

    want = state()
    assert say('check') == set() == say('mend')
    notes = sorted(path for path in want if path.startswith('FileLib'))
    mirror = sorted(path for path in want if path.startswith('DataLib/PS100039.1/'))
    item = 'DataLib/PS100039.1'
    for damage in ({'PkgLib/PS100039.INI': b'[Packages]\nPS1000'}, {f'{item}.INI': b'garbage'}, {f'{item}.INI': None},
                   {f'{item}.TREE': b'garbage'}, {f'{item}.TREE': None},
                   {f'{item}.INI': want[f'{item}.INI'].replace(b'Hash=', b'Hash=0')},
                   {name: None for name in mirror}, {mirror[0]: b'garbage', mirror[-1]: None, notes[0]: b'garbage'},
                   {name: b'[Users]\nPS1' for name in notes}, {name: None for name in notes}):
        for name, data in damage.items():
            (lib / name).unlink()
            if data is not None:
                (lib / name).write_bytes(data)
        told = say('check')
        assert told == {f'{name} {"damaged" if data is not None else "missing"}' for name, data in damage.items()}, told
        assert say('mend') == {f'{line} mended' for line in told}
        assert {name for name in state().keys() | want.keys() if state().get(name) != want.get(name)} == set(), damage.keys()
        assert say('check') == set()
    # A repair that was cut off has left its notes of files to come.
    bytes_of = sorted(path.name for path in lib.glob('FileLib/*/*') if len(path.name) == 64)
    (lib / f'{item}.PEND').write_text('\n' + ''.join(f'{name}\n' for name in bytes_of))
    (lib / mirror[0]).write_bytes(b'garbage')
    assert say('mend') == {f'{mirror[0]} damaged mended'}
    assert state() == want and not (lib / f'{item}.PEND').exists()
    # Of what is proved by nothing it is told, and nothing is made up.
    (lib / f'{item}.TREE').write_bytes(b'garbage')
    (lib / mirror[0]).write_bytes(b'garbage')
    assert say('mend') == {f'{item}.INI damaged'}
    assert tool(lib, 'orphans', '0') == b'', 'what a damaged definition may still need is no orphan'


@tap.case('/content/walk/orphans-are-told-and-removed')
def orphans(t):
    folder = t.dir
    (folder / 's').mkdir()
    (folder / 's/a').write_text('a')
    (folder / 's/b').write_text('b')
    want = librarywalk.source(folder / 's')
    lib = folder / 'lib'
    tool(lib, 'snapshot', 'PS100039.1', folder / 's', ',', 'set', 'PS100039', '1', 'PS100039.1')
    (folder / 's/a').write_text('nobody')
    tool(lib, 'snapshot', 'PS100040.1', folder / 's')  # which no package ever holds
    stray = hashlib.sha256(b'stray').hexdigest().upper()
    (lib / 'FileLib' / stray[:4]).mkdir()
    (lib / 'FileLib' / stray[:4] / stray).write_text('stray')
    (lib / 'FileLib' / stray[:4] / 'notes.txt').write_text('mine')
    (lib / 'FileLib/0000').mkdir()  # of a library that an older program wrote
    (lib / f'SMS_DP$/{stray}-PS100041.1.temp').write_text('str')
    (lib / 'SMSSIG$/PS100041.1.tar').write_text('')
    told = tool(lib, 'orphans', '0').decode().splitlines()
    assert sorted(line.partition(': ')[0] for line in told) == sorted(
        ['DataLib/PS100040.1.INI', 'FileLib/0000', f'FileLib/{stray[:4]}/{stray}', f'FileLib/{stray[:4]}/notes.txt',
         f'SMS_DP$/{stray}-PS100041.1.temp', 'SMSSIG$/PS100041.1.tar']), told
    assert tool(lib, 'orphans', '3600') == b'', 'what is young is left alone'
    assert tool(lib, 'clean', '3600') == b''
    tool(lib, 'clean', '0')
    librarywalk.judge(lib, {'PS100039': (1, {'PS100039.1': want})})
    assert tool(lib, 'orphans', '0') == b''


@tap.case('/content/walk/a-second-writer-is-refused-DIST-091')
def one_writer(t):
    folder = t.dir
    with subprocess.Popen([TOOL, folder / 'lib', 'hold'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        assert tool(folder / 'lib', 'hold', code=1).startswith('BUSY')
        first.stdin.close()


tap.main()
