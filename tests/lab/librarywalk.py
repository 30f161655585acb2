"""librarywalk.py - reads a content library as a script of the community would, and judges it.

An independent reader: os, hashlib and configparser, nothing of ours. PkgLib, DataLib and FileLib are
walked; every name, size, hash and user is compared with each other and with source folders.
"""
import configparser
import hashlib
import os
import pathlib
import stat
import urllib.parse

FILETIME = 116444736000000000


def ini(path):
    parser = configparser.ConfigParser(interpolation=None, delimiters=('=',), strict=True)
    parser.optionxform = str
    with open(path, encoding='utf-8', newline='') as stream:
        parser.read_file(stream)
    return parser


def sha256(path):
    digest = hashlib.sha256()
    with open(path, 'rb') as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest().upper()


def lower(text):
    return ''.join(c.lower() if len(c.lower()) == 1 else c for c in text)


def files(library):
    """The paths in FileLib, while a program may be removing some: a folder goes with its last file."""
    found = []
    for folder in (pathlib.Path(library) / 'FileLib').iterdir():
        try:
            found += folder.iterdir()
        except FileNotFoundError:
            pass
    return found


def sizes(folder):
    """{path: size} of all files below a folder, while a program may be removing some."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                found[pathlib.Path(top, name)] = os.stat(f'{top}/{name}').st_size
            except FileNotFoundError:
                pass
    return found


def deep_walk(top):
    """(path below top as bytes, stat, link target) of everything, however long the paths are."""
    todo = [(b'', os.open(top, os.O_RDONLY | os.O_DIRECTORY))]
    while todo:
        below, fd = todo.pop()
        try:
            for name in sorted(os.fsencode(n) for n in os.listdir(fd)):
                path = below + b'/' + name if below else name
                st = os.stat(name, dir_fd=fd, follow_symlinks=False)
                target = os.readlink(name, dir_fd=fd) if stat.S_ISLNK(st.st_mode) else b''
                yield path, st, os.fsencode(target), fd, name
                if stat.S_ISDIR(st.st_mode):
                    todo.append((path, os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)))
        finally:
            os.close(fd)


def hash_at(fd, name):
    digest = hashlib.sha256()
    with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=fd), 'rb') as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest().upper()


def source(top):
    """{path: (kind, mode, size, hash, target, mtime in microseconds, links)} of a source folder."""
    found = {}
    for path, st, target, fd, name in deep_walk(top):
        mtime = st.st_mtime_ns // 1000
        if stat.S_ISREG(st.st_mode):
            found[path] = ('f', stat.S_IMODE(st.st_mode), st.st_size, hash_at(fd, name), b'', mtime, st.st_ino)
        elif stat.S_ISDIR(st.st_mode):
            found[path] = ('d', stat.S_IMODE(st.st_mode), 0, '', b'', mtime, 0)
        else:
            found[path] = ('l', 0o777, 0, '', target, mtime, 0)
    return found


def content_hash(found):
    """DIST-019 over {path: (kind, …, hash, target, …)}."""
    names = {path: path for path in found}
    try:
        lowers = [lower(path.decode()) for path in found]
        exact = len(set(lowers)) != len(lowers)
    except UnicodeDecodeError:
        exact = True
    if not exact:
        names = {path: lower(path.decode()) for path in found}
    children = {}
    for path in found:
        children.setdefault(path.rpartition(b'/')[0], []).append(path)
    digest = hashlib.sha256()

    def feed(name):
        digest.update(name if exact else name.encode('utf-16-le'))

    todo = [b'']
    while todo:
        here = sorted(children.get(todo.pop(), []), key=names.get)
        folders = [p for p in here if found[p][0] == 'd']
        files = [p for p in here if found[p][0] != 'd']
        for path in folders + files:
            feed(names[path])
        for path in files:
            own = found[path][3] if found[path][0] == 'f' else hashlib.sha256(found[path][4]).hexdigest().upper()
            digest.update(own.encode('utf-16-le'))
        todo += reversed(folders)
    return digest.hexdigest().upper()


def mirror(root, content):
    """What DataLib says of a content item, in the form of source() but links: twin numbers."""
    about = ini(f'{root}/DataLib/{content}.INI')
    found, odd = {}, {}
    names = list(deep_walk(f'{root}/DataLib/{content}'))
    parsed = {}
    for path, st, _, fd, name in names:
        assert not stat.S_ISLNK(st.st_mode), f'{path}: a link in the mirror'
    for path, text in read_inis(f'{root}/DataLib/{content}'):
        parser = configparser.ConfigParser(interpolation=None, delimiters=('=',))
        parser.read_string(text)
        parsed[path] = parser
        section = 'File' if parser.has_section('File') else 'Folder'
        if parser.has_option(section, 'Name'):
            real = urllib.parse.unquote_to_bytes(parser[section]['Name'])
            short = path.rpartition(b'/')[2][:-4]
            assert short == b'~' + hashlib.sha256(real).hexdigest().encode(), f'{path}: not the hash of {real}'
            odd[path[:-4]] = real

    def real_path(path):
        parts = path.split(b'/')
        return b'/'.join(odd.get(b'/'.join(parts[:i + 1]), part) for i, part in enumerate(parts))

    for path, st, *_ in names:
        if stat.S_ISDIR(st.st_mode):
            found[real_path(path)] = None
    for path, parser in parsed.items():
        if parser.has_section('File'):
            f = parser['File']
            found[real_path(path[:-4])] = ('f', int(f['Mode'], 8), int(f['Size']), f['Hash'], b'',
                                           (int(f['TimeModified']) - FILETIME) // 10, int(f.get('Twin', '0')))
    for value in (about['Folders'].values() if about.has_section('Folders') else ()):
        mode, time, path = value.split(' ')
        path = urllib.parse.unquote_to_bytes(path)
        assert path in found, f'folder {path} is not in the mirror'
        found[path] = ('d', int(mode, 8), 0, '', b'', int(time), 0)
    for value in (about['Links'].values() if about.has_section('Links') else ()):
        time, path, target = value.split(' ')
        found[urllib.parse.unquote_to_bytes(path)] = ('l', 0o777, 0, '', urllib.parse.unquote_to_bytes(target), int(time), 0)
    lost = [path for path, value in found.items() if value is None]
    assert not lost, f'folders without a mode: {lost}'
    assert about['Info']['Hash'] == content_hash(found), f'{content}: the content hash is another'
    return found


def read_inis(top):
    for path, st, _, fd, name in deep_walk(top):
        if stat.S_ISREG(st.st_mode):
            assert name.endswith(b'.INI'), f'{path}: no INI'
            with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=fd), encoding='utf-8') as stream:
                yield path, stream.read()


def links(found):
    """Paths that are one file, in sets."""
    groups = {}
    for path, value in found.items():
        if value[0] == 'f' and value[6]:
            groups.setdefault(value[6], set()).add(path)
    return sorted(sorted(g) for g in groups.values() if len(g) > 1)


def same_tree(a, b):
    """Raises with the first difference of two trees."""
    for path in sorted(set(a) | set(b)):
        assert a.get(path, (None,))[:6] == b.get(path, (None,))[:6], \
            f'{path}: {a.get(path)} is not {b.get(path)}'
    assert links(a) == links(b), f'hard links: {links(a)} are not {links(b)}'


def judge(root, packages, kept=(), pending=False):
    """The library at root holds exactly the packages {ID: (version, {content ID: source()})}, and the
    content items in kept, {content ID: source()}."""
    listed = {name for name in os.listdir(f'{root}/PkgLib')}
    assert listed == {f'{p}.INI' for p in packages}, f'packages: {listed}'
    contents = dict(kept)
    for package, (version, items) in packages.items():
        parser = ini(f'{root}/PkgLib/{package}.INI')
        assert parser['Info']['Version'] == str(version), f'{package}: version {parser["Info"]["Version"]}'
        assert set(parser['Packages']) == set(items), f'{package}: {set(parser["Packages"])}'
        contents.update(items)
    users = {}
    for content, tree in contents.items():
        same_tree(mirror(root, content), tree)
        for value in tree.values():
            if value[0] == 'f':
                users.setdefault(value[3], set()).add(content)
    endings = ('', '.INI', '.TREE')
    allowed = {c + e for c in contents for e in endings} | {f'{c}.KEEP' for c in kept}
    if not pending:
        extra = set(os.listdir(f'{root}/DataLib')) - allowed
        assert not extra, f'DataLib has more: {extra}'
        assert not os.listdir(f'{root}/SMS_DP$'), f'left: {os.listdir(f"{root}/SMS_DP$")}'
        judge_files(root, users)
    signatures = {name[:-4] for name in os.listdir(f'{root}/SMSSIG$')}
    assert signatures <= set(contents), f'signatures of nothing: {signatures - set(contents)}'


def judge_files(root, users):
    seen = set()
    for folder in os.listdir(f'{root}/FileLib'):
        assert os.listdir(f'{root}/FileLib/{folder}'), f'{root}/FileLib/{folder} is empty'
        for name in os.listdir(f'{root}/FileLib/{folder}'):
            digest, path = name[:64], f'{root}/FileLib/{folder}/{name}'
            assert digest[:4] == folder and name[64:] in ('', '.INI', '.SIG'), f'{path} does not belong there'
            assert digest in users, f'{path} has no user'
            if name[64:] == '':
                seen.add(digest)
                assert sha256(path) == digest, f'{path} has other bytes'
            if name[64:] == '.INI':
                assert set(ini(path)['Users']) == users[digest], f'{path}: {set(ini(path)["Users"])}, not {users[digest]}'
    assert seen == set(users), f'missing: {set(users) - seen}'
