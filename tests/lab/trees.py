"""trees.py - folder trees for tests of content: made from a seed, changed, and listed by the system's own means.

    maker = trees.Maker(7)
    maker.make(folder, 200)            # files of every odd name, links, modes, empty ones
    maker.change(folder)               # adds, removes, edits, renames, as an administrator would
    trees.listing(folder)              # NUL-separated: type, mode, target, size, SHA-256, twins
    trees.plain(folder, 50)            # regular files with names any tool can fetch
"""
import hashlib
import os
import pathlib
import random
import stat

# Names are bytes: what people, archives and other systems leave in a folder.
ODD = (b'a b', b' leading', b'trailing ', b'new\nline', b'tab\tstop', 'grün'.encode(), '日本'.encode(), b'\xff\xfe',
       b'-rf', b'.hidden', b'..dots', b'a\\b', b'q"uote', b"it's", b'semi;colon', b'per%2fcent', b'%00', b'a+b', b'a&b=c',
       b'quest?ion', b'ha#sh', b'[x]', b'Upper', b'upper', b'x.INI', b'INI', b'sccm?', b'~tilde', b'con', b'nul.txt',
       b'n' * 255, b'm' * 250, b'o' * 251 + b'.INI', b'$dollar', b'*star', b'<less>', b'|pipe', b'colon:stream')
MODES = (0o644, 0o600, 0o755, 0o444, 0o640, 0o4755, 0o2711)


class Maker:
    """Trees and changes of trees; the same seed gives the same. large: how many of the files have chunks."""

    def __init__(self, seed, large=0.1):
        self.chosen, self.large = random.Random(seed), large

    def data(self):
        """A file's bytes: empty, small, repeated, or large enough to have chunks."""
        kind = self.chosen.random()
        if kind < 0.05:
            return b''
        if kind < 0.95 - self.large:
            return self.chosen.randbytes(self.chosen.randrange(1, 4000))
        if kind < 1 - self.large:
            return self.chosen.randbytes(64) * self.chosen.randrange(1, 4000)
        return self.chosen.randbytes(self.chosen.randrange(100_000, 600_000))

    def name(self, number):
        return self.chosen.choice(ODD) if self.chosen.random() < 0.2 else b'file%d' % number

    def folder(self, folders, root):
        """One of the folders that are there, or a new one below it, which is then one of them."""
        base = self.chosen.choice(folders)
        if self.chosen.random() > 0.15 or len(base) - len(os.fsencode(root)) > 1500:
            return base
        path = os.path.join(base, self.name(self.chosen.randrange(1000)))
        if os.path.lexists(path):
            return base
        os.mkdir(path)
        os.chmod(path, self.chosen.choice((0o755, 0o700, 0o1777)))
        folders.append(path)
        return path

    def add(self, root, number, folders, files):
        """Puts one more thing into one of the folders; a regular file is then one of the files."""
        path = os.path.join(self.folder(folders, root), self.name(number))
        if os.path.lexists(path):
            return
        kind = self.chosen.random()
        if kind < 0.05:
            os.symlink(self.chosen.choice((b'../elsewhere', b'/etc/passwd', b'file1', b'x' * 300)), path)
        elif kind < 0.1 and files:
            os.link(self.chosen.choice(files), path)
        else:
            pathlib.Path(os.fsdecode(path)).write_bytes(self.data())
            os.chmod(path, self.chosen.choice(MODES))
            files.append(path)

    @staticmethod
    def folders(root):
        return [base for base, _, _ in os.walk(os.fsencode(root))]

    def make(self, root, files):
        """About so many files, each odd name at least once where there are enough."""
        root.mkdir(parents=True, exist_ok=True)
        folders, made = self.folders(root), []
        for number in range(files):
            self.add(root, number, folders, made)
        if files >= 2 * len(ODD):
            for name in ODD:
                path = os.path.join(os.fsencode(root), name)
                if not os.path.lexists(path):
                    pathlib.Path(os.fsdecode(path)).write_bytes(self.data())
            (root / 'empty folder').mkdir(exist_ok=True)

    @staticmethod
    def files(root):
        return sorted(os.path.join(base, name) for base, _, names in os.walk(os.fsencode(root)) for name in names
                      if stat.S_ISREG(os.lstat(os.path.join(base, name)).st_mode))

    def edit(self, path):
        """New bytes in place of the old, most of them the same; hard links go along."""
        data = bytearray(pathlib.Path(os.fsdecode(path)).read_bytes())
        for _ in range(self.chosen.randrange(1, 4)):
            at = self.chosen.randrange(len(data) + 1)
            data[at:at + self.chosen.choice((0, 0, 7, 900))] = self.chosen.randbytes(self.chosen.randrange(1, 900))
        mode = stat.S_IMODE(os.lstat(path).st_mode)
        os.chmod(path, 0o600)
        pathlib.Path(os.fsdecode(path)).write_bytes(data)
        os.chmod(path, mode)

    def change(self, root, count=12):
        """An update of the source: some files come, go, move and change."""
        files, folders = self.files(root), self.folders(root)
        for _ in range(count):
            kind = self.chosen.random()
            if kind < 0.3 or not files:
                self.add(root, 10_000 + self.chosen.randrange(100_000), folders, files)
                continue
            path = self.chosen.choice(files)
            if kind < 0.5:
                os.unlink(path)
                files.remove(path)
            elif kind < 0.8:
                self.edit(path)
            elif kind < 0.9:
                moved = os.path.join(os.path.dirname(path), b'moved%d' % self.chosen.randrange(100_000))
                if moved not in files:
                    os.rename(path, moved)
                    files[files.index(path)] = moved
            else:
                os.chmod(path, self.chosen.choice(MODES))


def plain(root, files, chosen=None):
    """Regular files with plain names in a few folders, for tools that fetch nothing else."""
    chosen = chosen or random.Random(1)
    for number in range(files):
        path = root / f'd{number % 5}' / f'f{number}.bin'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chosen.randbytes(chosen.randrange(0, 9000)))


def listing(root):
    """What is below root, one NUL-ended record a thing, in byte order of the paths."""
    top, twins, records = os.fsencode(root), {}, []
    for base, folders, names in os.walk(top):
        folders.sort()
        for name in folders + names:
            path = os.path.join(base, name)
            s = os.lstat(path)
            short = path[len(top) + 1:]
            mode = b'%o' % stat.S_IMODE(s.st_mode)
            if stat.S_ISDIR(s.st_mode):
                records.append((short, b'folder ' + mode))
            elif stat.S_ISLNK(s.st_mode):
                records.append((short, b'link ' + os.readlink(path)))
            else:
                if s.st_nlink > 1:
                    twins.setdefault(s.st_ino, []).append(short)
                digest = hashlib.sha256(pathlib.Path(os.fsdecode(path)).read_bytes()).hexdigest().encode()
                records.append((short, b'file %s %d %s' % (mode, s.st_size, digest)))
    records += [(b'twins', b'\1'.join(sorted(group))) for group in twins.values() if len(group) > 1]
    return b''.join(b'%s\1%s\0' % record for record in sorted(records))


def differences(left, right, most=6):
    """The records of two listings that only one has, for a message."""
    a, b = set(left.split(b'\0')), set(right.split(b'\0'))
    return f'only in the source: {sorted(a - b)[:most]}; only there: {sorted(b - a)[:most]}'
