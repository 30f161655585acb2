"""contentlab.py - a lab with distribution points, and judges of content that know nothing of our code.

    site = contentlab.ContentLab(t)
    site.up('--dps', '2', '--pull-dps', '1')
    pkg = site.create('tools', folder)
    site.distribute(pkg, 'DP01', 'PDP01')
    site.equal(pkg, folder, 'DP01', 'PDP01')      # downloaded by HTTP, compared with the source
    contentlab.check_library(root, {pkg: folder}) # holds exactly the files it must
"""
import http.client
import os
import pathlib
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree

import lab
import librarywalk
import tap
import trees

DAV, OURS = '{DAV:}', '{urn:upkeep}'
CONTENT = 'var/lib/upkeep/content'
QUIET = ('host.empty_file_seconds=0', 'statesys.pause_seconds=0')


def pull(name):
    return name.startswith('PDP')


class ContentLab(lab.Lab):
    """A lab for packages; DP01 … are standard distribution points, PDP01 … pull distribution points."""

    def __init__(self, t, *settings):
        super().__init__(t, *QUIET, *settings)

    def create(self, name, source, seconds=120):
        """A package of a folder, once its first snapshot is in the library; its ID."""
        return self.json('package', 'create', name, '--source', source, '--wait', seconds=seconds)['PackageID']

    def distribute(self, package, *names, seconds=120):
        self.run('package', 'distribute', package, '--dp', ','.join(names), '--wait', seconds=seconds)

    def update(self, package, seconds=120):
        self.run('package', 'update', package, '--wait', seconds=seconds)

    def query(self, sql, *values):
        db = sqlite3.connect(f'file:{self.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True, timeout=20)
        try:
            return db.execute(sql, values).fetchall()
        finally:
            db.close()

    def library(self, name=''):
        """The content library of a distribution point; '' is the site server's."""
        return (self.dp_path(name, CONTENT) if name else self.path(CONTENT))

    def points(self):
        folder = self.path('dp')
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []

    def equal(self, package, source, *names):
        """What each distribution point serves is the source, thing by thing; each is asked by a program of its own."""
        clients = [subprocess.Popen([sys.executable, __file__, str(self.port(name, 'dp')), package,
                                     self.t.dir / f'fetched-{name}'], stdout=subprocess.PIPE) for name in names]
        wanted = trees.listing(source)
        listings = [client.communicate()[0] for client in clients]
        for name, client, got in zip(names, clients, listings):
            if client.returncode != 0:
                self.t.fail(f'{package} from {name} was not downloaded')
            if got != wanted:
                self.t.fail(f'{package} from {name} differs: {trees.differences(wanted, got)}')

    def settled(self, package):
        """Whether nothing is under way or amiss with the package anywhere."""
        wrong = self.query('SELECT COUNT(*) FROM vUPK_PackageOnDP WHERE PkgID = ? AND State <> 0', package)[0][0]
        busy = self.query('SELECT COUNT(*) FROM SMSPackages_L WHERE PkgID = ? AND Action <> 0', package)[0][0]
        return wrong == busy == 0

    def wait_settled(self, package, seconds=120):
        self.wait(lambda: self.settled(package), f'{package} to be everywhere as it should', seconds)

    def clock(self, step):
        self.run('lab', 'clock', '--step', step, status=None)


def served(port, package, target):
    """The listing of what a distribution point serves, after it was downloaded to the folder, which then goes."""
    fetch(port, package, target)
    try:
        return trees.listing(target)
    finally:
        make_writable(target)
        shutil.rmtree(target)


def make_writable(folder):
    for base, _, _ in os.walk(folder):
        os.chmod(base, 0o700)


def fetch(port, content, target):
    """Downloads a content item, or what a package holds now, by its manifest."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=tap.patience(60))
    top = f'/SMS_DP_SMSPKG$/{content}'
    connection.request('PROPFIND', top, headers={'Depth': 'infinity'})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 207:
        raise AssertionError(f'PROPFIND {top}: {answer.status} {text[:300]!r}')
    base, folders, twins = None, [], {}
    for response in xml.etree.ElementTree.fromstring(text).iter(DAV + 'response'):
        href = urllib.parse.unquote_to_bytes(response.find(DAV + 'href').text).rstrip(b'/')
        if base is None:
            base = href
            target.mkdir(parents=True)
            continue
        take(connection, response, href[len(base) + 1:], target, folders, twins)
    for path, mode in reversed(folders):
        os.chmod(path, mode)
    connection.close()


def take(connection, response, name, target, folders, twins):
    """One thing of the manifest."""
    path = os.path.join(os.fsencode(target), name)
    prop = response.find(f'{DAV}propstat/{DAV}prop')
    mode, link, twin = (prop.findtext(OURS + key) for key in ('mode', 'target', 'twin'))
    if prop.find(f'{DAV}resourcetype/{DAV}collection') is not None:
        os.mkdir(path)
        folders.append((path, int(mode, 8)))
    elif link is not None:
        os.symlink(urllib.parse.unquote_to_bytes(link), path)
    elif twin in twins:
        os.link(twins[twin], path)
    else:
        twins.update({twin: path} if twin else {})
        connection.request('GET', urllib.parse.quote(response.find(DAV + 'href').text, safe="%/$-._~"))
        answer = connection.getresponse()
        if answer.status != 200:
            raise AssertionError(f'GET {name!r}: {answer.status} {answer.read()[:300]!r}')
        with open(path, 'wb') as out:
            shutil.copyfileobj(answer, out, 1 << 20)
        os.chmod(path, int(mode, 8))


def digests(folder):
    """The SHA-256 of each file of a tree, upper case, as a set."""
    return Digests().of(folder)


class Digests:
    """The same for a tree that is looked at again and again: a file that has not changed since, by all that its
    inode says, is not read again."""

    def __init__(self):
        self.known = {}

    def of(self, folder):
        found = set()
        for base, _, names in os.walk(os.fsencode(folder)):
            for name in names:
                path = os.path.join(base, name)
                s = os.lstat(path)
                if not stat.S_ISREG(s.st_mode):
                    continue
                key = (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns)
                if key not in self.known:
                    self.known[key] = librarywalk.sha256(path)
                found.add(self.known[key])
        return found


def check_library(root, packages, kept=()):
    """Raises unless the library at root holds these packages ({ID: source folder, or the set of its digests}) and
    nothing else; kept are content items that stay although no package holds them, {content ID: likewise}."""
    kept = dict(kept)
    have = {path.stem for path in (root / 'PkgLib').glob('*.INI')}
    if have != set(packages):
        raise AssertionError(f'{root}: packages {sorted(have)}, expected {sorted(packages)}')
    wanted = dict(kept)
    for package, held in packages.items():
        contents = list(librarywalk.ini(root / 'PkgLib' / f'{package}.INI')['Packages'])
        if len(contents) != 1:
            raise AssertionError(f'{root}: {package} has the content items {contents}')
        wanted[contents[0]] = held
    contents = {path.name[:-4] for path in (root / 'DataLib').glob('*.INI')}
    if contents != set(wanted):
        raise AssertionError(f'{root}: content items {sorted(contents)}, expected {sorted(wanted)}')
    users = {}
    for content, held in wanted.items():
        for digest in held if isinstance(held, set) else digests(held):
            users.setdefault(digest, set()).add(content)
    check_files(root, users)


def users_in(path, known):
    """The users that a note names. There are few different texts; each is parsed once (known)."""
    text = path.read_bytes()
    if text not in known:
        known[text] = set(librarywalk.ini(path)['Users'])
    return known[text]


def empty_folders(root):
    inhabited = {path.parent.name for path in librarywalk.files(root)}
    return sorted(path.name for path in (root / 'FileLib').iterdir() if path.name not in inhabited)


def check_files(root, users):
    """Raises unless FileLib has just these files, with these users and the bytes that their names say."""
    names = {path.name for path in librarywalk.files(root) if '.' not in path.name}
    if names != set(users):
        raise AssertionError(f'{root}: {len(names - set(users))} files too many, {len(set(users) - names)} missing')
    # A folder goes a moment after its last file.
    if not until(lambda: not empty_folders(root), 10):
        raise AssertionError(f'{root}: folders of FileLib without a file: {empty_folders(root)[:9]}')
    known = {}
    for digest, contents in users.items():
        path = root / 'FileLib' / digest[:4] / digest
        noted = users_in(path.with_name(f'{digest}.INI'), known)
        if noted != contents:
            raise AssertionError(f'{path}: users {sorted(noted)}, expected {sorted(contents)}')
    for digest in users:
        path = root / 'FileLib' / digest[:4] / digest
        if librarywalk.sha256(path) != digest:
            raise AssertionError(f'{path} has other bytes than its name says')


def until(done, seconds, step=0.1):
    """Whether done() became true in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True


def folder_of(t, name):
    path = pathlib.Path(t.dir, name)
    path.mkdir(parents=True, exist_ok=True)
    return path


if __name__ == '__main__':  # PORT CONTENT FOLDER: the listing of what is served, for equal()
    sys.stdout.buffer.write(served(int(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])))
