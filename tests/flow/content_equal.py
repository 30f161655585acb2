#!/usr/bin/python3
"""Whatever went in comes out: trees of every odd name through create, distribute, update, redistribute and
delete, downloaded from each distribution point and compared with the source by other means than ours."""
import os
import random
import shutil
import subprocess
import tempfile
import time

import contentlab
import faultloop
import librarywalk
import tap
import trees

FULL = tap.full()
FILES = 10_000 if FULL else 150
UPDATES = 20 if FULL else 2
EACH = 10 if FULL else 2      # so many updates are downloaded once
SHARED = 100 if FULL else 4
GOING = 30                    # seconds in which old versions are gone
POINTS = ('DP01', 'PDP01')
tempfile.tempdir = faultloop.room()  # many small files, and syncs are not what is tested


class Versions:
    """A source folder, and what its old states held, since the site keeps old versions to make deltas from."""

    def __init__(self, t, name):
        self.folder, self.digests, self.held, self.version = t.dir / name, contentlab.Digests(), {}, 0

    def note(self, package):
        """The folder as it is became the next version."""
        self.version += 1
        self.held[f'{package}.{self.version}'] = self.now()

    def now(self):
        """The SHA-256 of each file of the folder as it is."""
        return self.digests.of(self.folder)


def kept(library, sources):
    """The content items that the library keeps for deltas, with the files they held."""
    held = {cid: digests for source in sources for cid, digests in source.held.items()}
    return {path.name[:-5]: held[path.name[:-5]] for path in (library / 'DataLib').glob('*.KEEP')}


def check_one(library, packages):
    holds = {package: source.now() for package, source in packages.items()}
    old = kept(library, packages.values())
    current = {f'{package}.{source.version}' for package, source in packages.items()}
    contentlab.check_library(library, holds, {cid: digests for cid, digests in old.items() if cid not in current})


def check(site, packages):
    """packages: {ID: Versions}. The library of each machine holds what it must; what an old version alone held
    goes while nobody waits for it."""
    for name in ('', *POINTS):
        deadline = time.monotonic() + GOING
        while True:
            try:
                check_one(site.library(name), packages)
                break
            except (AssertionError, FileNotFoundError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@tap.case('/flow/content/what-went-in-comes-out-after-updates-and-redistribution-DIST-001-DIST-002-DIST-003-DIST-148')
def comes_out(t):
    seed = int(os.environ.get('UPKEEP_TEST_SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'# UPKEEP_TEST_SEED={seed} repeats it')
    site = contentlab.ContentLab(t)
    site.up('--dps', '1', '--pull-dps', '1')
    source, maker = Versions(t, 'source'), trees.Maker(seed, large=0.02)
    maker.make(source.folder, FILES)
    package = site.create('odd', source.folder)
    source.note(package)
    site.distribute(package, *POINTS)
    site.equal(package, source.folder, *POINTS)
    check(site, {package: source})
    for number in range(1, UPDATES + 1):
        maker.change(source.folder)
        site.update(package)
        source.note(package)
        if number % EACH == 0:
            site.equal(package, source.folder, *POINTS)
    check(site, {package: source})
    # An update without a change is a new version that shares every file (DIST-140).
    site.update(package)
    source.note(package)
    check(site, {package: source})
    for name in POINTS:
        damage(site.library(name), random.Random(seed))
        site.run('package', 'redistribute', package, '--dp', name, '--wait')
    site.equal(package, source.folder, *POINTS)
    check(site, {package: source})


def damage(library, chosen):
    """Bits, ends and files are lost; DIST-155."""
    files = sorted(p for p in librarywalk.files(library) if '.' not in p.name and p.stat().st_size > 0)
    for number, path in enumerate(chosen.sample(files, min(9, len(files)))):
        os.chmod(path, 0o600)
        if number % 3 == 0:
            path.unlink()
        elif number % 3 == 1:
            os.truncate(path, path.stat().st_size // 2)
        else:
            with open(path, 'r+b') as file:
                byte = file.read(1)
                file.seek(0)
                file.write(bytes([byte[0] ^ 1]))


@tap.case('/flow/content/packages-that-share-files-and-the-deletion-of-half-of-them-DIST-017-DIST-068')
def shared(t):
    site = contentlab.ContentLab(t)
    site.up('--dps', '1', '--pull-dps', '1')
    common, packages = t.dir / 'common', {}
    trees.plain(common, 40)
    for number in range(SHARED):
        source = Versions(t, f's{number}')
        shutil.copytree(common, source.folder)
        trees.plain(source.folder / 'own', 2, random.Random(number))
        package = site.json('package', 'create', f's{number}', '--source', source.folder)['PackageID']
        packages[package] = source
    for package in packages:
        site.wait_settled(package)
        packages[package].note(package)
    site.run('package', 'distribute', *packages, '--dp', ','.join(POINTS), '--wait', seconds=600)
    check(site, packages)
    gone = sorted(packages)[::2]
    site.run('package', 'delete', *gone, '--wait', seconds=300)
    for package in gone:
        del packages[package]
    for package, source in packages.items():
        site.equal(package, source.folder, *POINTS)
    check(site, packages)


@tap.case('/flow/content/trees-of-plain-files-come-by-wget-and-curl')
def foreign(t):
    site = contentlab.ContentLab(t)
    site.up('--dps', '1')
    source = t.dir / 'plain'
    trees.plain(source, 30)
    package = site.create('plain', source)
    site.distribute(package, 'DP01')
    base = f'http://127.0.0.1:{site.port("DP01", "dp")}/SMS_DP_SMSPKG$/{package}'
    target = t.dir / 'by-wget'
    subprocess.run(['wget', '-q', '-r', '-np', '-nH', '--cut-dirs=2', '-R', 'index.html', '-P', target, f'{base}/'], check=True)
    bytes_of(t, source, target, 'wget')
    for path in sorted(p for p in source.rglob('*') if p.is_file()):
        got = subprocess.run(['curl', '-sf', '--globoff', f'{base}/{path.relative_to(source)}'], check=True,
                             capture_output=True).stdout
        t.equal(got == path.read_bytes(), True, f'{path.name} by curl')


def bytes_of(t, source, target, what):
    """The same files with the same bytes; such tools bring no modes."""
    def files(root):
        return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob('*')
                if p.is_file() and not p.name.startswith('index.html')}
    a, b = files(source), files(target)
    t.equal(sorted(b), sorted(a), f'names by {what}')
    t.equal([name for name in a if a[name] != b[name]], [], f'other bytes by {what}')


tap.main()
