"""Broken and hostile archives: each is refused with a sentence of its own, and the old catalogue stays whole
(DEB-011, DEB-013, DEB-014; B3)."""
import gzip
import os
import pathlib
import re
import resource
import time

import world
from archive import Archive, Package

import tap
import webserver

DAY = 86400


class Broken:
    """A world that was synchronized once, and will be broken."""

    def __init__(self, t, **facts):
        self.t = t
        self.w = world.World(t)
        self.suite = self.w.debian(**facts).add(Package('good', '1'), Package('also', '2')).write()
        self.w.use()
        t.equal(self.w.sync().code, 0)
        self.before = self.w.point.dump()

    def new_content(self):
        self.suite.add(Package(f'new{time.monotonic_ns()}', '1')).date += 60
        return self.suite

    def refused(self, code, *sentence, **options):
        """Synchronizes; it must fail so, and change nothing that readers see."""
        run = self.w.sync(**options)
        suite = run.suites['bookworm']
        self.t.equal((run.code, suite.outcome, suite.code), (1, 'failed', code), suite.failure)
        for part in sentence:
            self.t.contains(suite.failure, part)
        self.t.contains(suite.failure, f'{suite.uri} bookworm: ')
        self.t.equal(self.w.point.dump(), self.before, 'the catalogue')
        row = next(row for row in self.w.point.rows('suites') if row[1] == 'bookworm')
        self.t.equal((row[7], row[8]), ('1', suite.failure), 'what the suite says of itself')
        return run

    def mended(self, updates=3):
        run = self.w.sync()
        self.t.equal((run.code, run.error), (0, ''))
        self.t.equal(len(self.w.point.updates()), updates)
        self.t.equal(next(row for row in self.w.point.rows('suites'))[7:], ['0', ''])


@tap.case('/sup/upstream/foreign-key-DEB-011')
def foreign_key(t):
    b = Broken(t)
    b.new_content().key = world.key('Stranger')
    b.suite.write()
    b.refused('SIGNATURE', 'its InRelease is signed with key ', 'which is none of the source\'s keys; add the archive\'s key')
    b.suite.key = b.w.archive.key
    b.suite.write()
    b.mended()


@tap.case('/sup/upstream/changed-after-signing-DEB-011')
def changed(t):
    b = Broken(t)
    path = b.new_content().write().folder / 'InRelease'
    good = path.read_bytes()
    path.write_bytes(good.replace(b'Codename: bookworm', b'Codename: bookwurm'))
    b.refused('SIGNATURE', 'does not fit its InRelease: the file was changed after it was signed; try another mirror')
    path.write_bytes(good)
    b.mended()


@tap.case('/sup/upstream/not-signed-within-DEB-011')
def not_signed(t):
    b = Broken(t)
    path = b.new_content().write().folder / 'InRelease'
    good = path.read_bytes()
    for text in ((b.suite.folder / 'Release').read_bytes(), b'Origin: Evil\n\n' + good, good + b'Origin: Evil\n',
                 good + good, b'', good.replace(b'-----BEGIN PGP SIGNATURE', b'-----BEGIN PGP SIGNATUR'),
                 good[:200] + b'\0' + good[200:]):
        path.write_bytes(text)
        b.refused('SIGNATURE', 'its InRelease is not one clear-signed text')
    path.write_bytes(good)
    b.mended()


@tap.case('/sup/upstream/key-past-its-end-DEB-011')
def expired_key(t):
    b = Broken(t)
    short = world.archive.Key(t.dir / 'short', 'Short', 'seconds=2')
    t.cleanup(short.forget)
    text = b.new_content().write().folder / 'InRelease'
    signed = short.clearsign((b.suite.folder / 'Release').read_bytes())
    b.w.machine.sources(f'deb [signed-by={short.path}] file://{b.w.archive.folder}/ bookworm main\n')
    time.sleep(3)
    text.write_bytes(signed)
    b.refused('SIGNATURE', 'which is past its end; get the archive\'s present keyring')


@tap.case('/sup/upstream/revoked-key-DEB-011')
def revoked_key(t):
    b = Broken(t)
    other = world.archive.Key(t.dir / 'other', 'Other')
    t.cleanup(other.forget)
    b.new_content().key = other
    b.suite.write()
    other.revoke()
    b.w.machine.sources(f'deb [signed-by={other.path}] file://{b.w.archive.folder}/ bookworm main\n')
    b.refused('SIGNATURE', f'its InRelease is signed with key {other.fingerprint[-16:]}, which was revoked; get the '
                           'archive\'s present keyring')


@tap.case('/sup/upstream/weak-hash-DEB-011')
def weak_hash(t):
    b = Broken(t)
    text = b.new_content().write().folder / 'InRelease'
    release = (b.suite.folder / 'Release').read_bytes()
    text.write_bytes(b.w.archive.key.clearsign(release, '--digest-algo', 'SHA1'))
    b.refused('SIGNATURE', ' with a weak hash; the archive must be signed anew')
    text.write_bytes(b.w.archive.key.clearsign(release, '--digest-algo', 'SHA256'))
    b.mended()


@tap.case('/sup/upstream/expired-DEB-011')
def expired(t):
    b = Broken(t)
    b.new_content().facts['Valid-Until'] = world.archive.date(time.time() - DAY)
    b.suite.write()
    b.refused('STALE', 'its InRelease was valid until ', ': the mirror is no longer kept up, or this machine\'s clock')
    b.w.machine.write('etc/apt/apt.conf.d/99', 'Acquire::Check-Valid-Until "false";')
    run = b.w.sync()
    t.equal(run.code, 0, 'apt is told not to mind')
    t.contains(' '.join(run.problems), 'is past its Valid-Until; apt\'s settings say not to mind')


@tap.case('/sup/upstream/expires-while-held-DEB-011')
def expires_while_held(t):
    b = Broken(t)
    b.suite.facts['Valid-Until'] = world.archive.date(time.time() + 3)
    b.suite.date += 60
    b.suite.write()
    t.equal(b.w.sync().code, 0)
    time.sleep(4)
    b.before = b.w.point.dump()
    b.refused('STALE', 'its InRelease was valid until ')


@tap.case('/sup/upstream/rolled-back-DEB-011')
def rolled_back(t):
    b = Broken(t)
    b.new_content().date -= 10 * DAY
    b.suite.write()
    b.refused('STALE', 'older than the one of ', 'that is held: the mirror went back, or somebody replays old files')


@tap.case('/sup/upstream/from-the-future-DEB-011')
def future(t):
    b = Broken(t)
    b.new_content().date += 10 * DAY
    b.suite.write()
    b.refused('INVALID', 'which is yet to come: set this machine\'s clock, or try another mirror')


@tap.case('/sup/upstream/another-suite-DEB-011')
def another_suite(t):
    b = Broken(t)
    b.new_content().facts.update({'Codename': 'trixie', 'Suite': 'stable'})
    b.suite.write()
    b.refused('INVALID', 'it calls itself trixie (stable), which is not what was asked for: the mirror mixes suites up')


@tap.case('/sup/upstream/names-that-move-DEB-011')
def names_that_move(t):
    w = world.World(t)
    s = w.archive.suite('stable', codename='bookworm', suite='stable').add(Package('aa', '1')).write()
    by_codename = w.debian(suite='stable').add(Package('bb', '1')).write()
    w.use(s, by_codename)
    t.equal(w.sync().code, 0)
    by_codename.facts['Suite'] = 'oldstable'
    by_codename.date += 60
    by_codename.write()
    s.facts['Codename'] = 'trixie'
    s.date += 60
    s.write()
    run = w.sync()
    t.equal((run.code, run.suites['bookworm'].outcome, run.suites['stable'].outcome), (0, 'read', 'failed'))
    t.contains(' '.join(run.problems), 'bookworm: its suite name was stable and is oldstable now')
    t.contains(run.suites['stable'].failure, 'it was bookworm and calls itself trixie now: a new release took over the '
                                             'name stable; name the release that you want in ')


@tap.case('/sup/upstream/missing-suite-DEB-011')
def missing(t):
    b = Broken(t)
    b.new_content().write()
    os.rename(b.suite.folder, b.suite.folder.with_name('hidden'))
    b.refused('NOT_FOUND', 'InRelease cannot be read: No such file or directory')
    with webserver.Server(b.w.archive.folder) as server:
        b.w.use(uri=server.uri)
        run = b.w.sync()
        t.contains(run.suites['bookworm'].failure, '/dists/bookworm/InRelease is not there (answer 404)')


@tap.case('/sup/upstream/unreachable-DEB-014')
def unreachable(t):
    w = world.World(t)
    w.debian().add(Package('aa', '1')).write()
    server = webserver.Server(w.archive.folder)
    w.use(uri=server.uri)
    t.equal(w.sync().code, 0)
    before = w.point.dump()
    server.__exit__()
    run = w.sync()
    t.equal((run.code, run.suites['bookworm'].code), (1, 'NETWORK'))
    t.contains(run.suites['bookworm'].failure, 'cannot be fetched (look at the network, the name and apt\'s proxy): ')
    t.equal(w.point.dump(), before)
    with webserver.Server(w.archive.folder) as other:
        other.on['InRelease'] = webserver.status(500)
        w.use(uri=other.uri)
        run = w.sync()
        t.equal(run.suites['bookworm'].code, 'REMOTE')
        t.contains(run.suites['bookworm'].failure, 'the server answers 500 for ')


@tap.case('/sup/upstream/not-modified-though-nobody-asked-whether-DEB-011-DEB-014')
def unasked_304(t):
    """A server's 304 says that the file is the one held: of a suite of which none is, it says nothing."""
    w = world.World(t)
    w.debian().add(Package('aa', '1')).write()
    with webserver.Server(w.archive.folder) as server:
        server.on['InRelease'] = webserver.status(304)
        w.use(uri=server.uri)
        run = w.sync()
        t.equal((run.code, run.suites['bookworm'].outcome, run.suites['bookworm'].code), (1, 'failed', 'REMOTE'), run.error)
        t.contains(run.suites['bookworm'].failure, 'the server answers 304 for ')
        server.on.clear()
        t.equal((w.sync().code, len(w.point.updates())), (0, 1))
        # Another architecture is asked for: what is held is not all that is wanted, whatever the server says.
        server.on['InRelease'] = webserver.status(304)
        w.machine.sources(f'deb [arch=amd64,arm64 signed-by={w.archive.key.path}] {server.uri} bookworm main\n')
        t.equal(w.sync().suites['bookworm'].code, 'REMOTE')


class OverHttp(Broken):
    """The same by way of a server that misbehaves for the new index."""

    def __init__(self, t, act):
        super().__init__(t, forms=['.xz'])
        self.server = webserver.Server(self.w.archive.folder)
        t.cleanup(self.server.__exit__)
        self.w.use(uri=self.server.uri)
        t.equal(self.w.sync().code, 0)
        self.before = self.w.point.dump()
        self.suite.add(*[Package(f'more{i}', f'1.{os.urandom(20).hex()}') for i in range(2000)]).date += 60
        self.suite.write()
        self.server.on['binary-amd64/Packages.xz'] = act
        self.suite.facts['Acquire-By-Hash'] = None
        self.suite.date += 60
        self.suite.write()


@tap.case('/sup/upstream/stalling-mirror-DEB-014')
def stalling(t):
    b = OverHttp(t, webserver.stall(20000))
    start = time.monotonic()
    b.refused('NETWORK', 'binary-amd64/Packages.xz cannot be fetched', stall=1)
    assert time.monotonic() - start < tap.patience(15)
    b.server.on.clear()
    b.mended(2002)


@tap.case('/sup/upstream/dripping-mirror-DEB-014')
def dripping(t):
    """A byte now and then is no transfer: it would hold the run, and with it every other archive, for weeks."""
    b = OverHttp(t, webserver.slow(20, 0.05))
    b.refused('NETWORK', 'binary-amd64/Packages.xz cannot be fetched', 'less than 1024 bytes a second came for 1 seconds',
              env={'SUP_TOOL_PATIENCE': '1'})
    b.server.on.clear()
    b.mended(2002)


@tap.case('/sup/upstream/truncated-DEB-012')
def truncated(t):
    b = OverHttp(t, webserver.cut(20000))
    b.refused('NETWORK', 'binary-amd64/Packages.xz cannot be fetched')
    b.server.on.clear()
    b.mended(2002)
    whole = (b.suite.folder / 'main/binary-amd64/Packages.xz').read_bytes()
    b = Broken(t := Sub(t, 'second'), forms=['.gz'])
    b.suite.add(Package('x', '1')).date += 60
    b.suite.write()
    path = b.suite.folder / 'main/binary-amd64/Packages.gz'
    for old in path.parent.glob('by-hash/SHA256/*'):
        old.unlink()
    path.write_bytes(path.read_bytes()[:100])
    b.refused('NETWORK', 'ends after 100 of ', ' bytes: the transfer or the mirror\'s file is cut short; try again')
    assert whole


class Sub:
    """A case within a case, with a folder of its own."""

    def __init__(self, t, name):
        self.t, self.dir = t, t.dir / name

    def __getattr__(self, name):
        return getattr(self.t, name)


def serve_index(b, data, form=''):
    """Puts other bytes where the index is."""
    path = b.suite.folder / f'main/binary-amd64/Packages{form}'
    for old in path.parent.glob('by-hash/SHA256/*'):
        old.unlink()
    path.write_bytes(data)


@tap.case('/sup/upstream/wrong-hash-DEB-012')
def wrong_hash(t):
    b = Broken(t, forms=[''])
    text = b.new_content().index_text('main', 'amd64')
    b.suite.write()
    serve_index(b, text.replace(b'Version: 2', b'Version: 3'))
    b.refused('SIGNATURE', 'the index bookworm main/binary-amd64/Packages has the SHA-256 ', 'but its Release promises ',
              'the mirror is being changed or damaged: try later, or another')
    serve_index(b, text + b'\nPackage: evil\n')
    b.refused('SIGNATURE', 'is longer than its Release promises')
    serve_index(b, text)
    b.mended()


@tap.case('/sup/upstream/wrong-hash-unpacked-DEB-012')
def wrong_plain_hash(t):
    b = Broken(t, forms=['', '.gz'])
    good = b.suite.packed
    b.suite.packed = lambda form, text: gzip.compress(text.replace(b'12', b'13')) if form == '.gz' else good(form, text)
    b.new_content().write()
    b.refused('SIGNATURE', 'main/binary-amd64/Packages.gz has the SHA-256 ', ' unpacked, but its Release promises ')


@tap.case('/sup/upstream/damaged-packing-DEB-012')
def damaged_packing(t):
    b = Broken(t, forms=['.xz'])
    good = b.suite.packed
    for damage, sentence in ((lambda d: d[:40] + b'XXXX' + d[44:], 'Packages.xz cannot be unpacked: its xz data are damaged'),
                             (lambda d: b'<html>not found</html>', 'its xz data are damaged'),
                             (lambda d: d[:len(d) // 2], 'is packed wrongly: it ends within its data')):
        b.suite.packed = lambda form, text: damage(good(form, text))
        b.new_content().write()
        b.refused('PARSE', sentence)


def broken_index(name, code, change, *sentence):
    """A case in which the index itself, rightly signed, is bad."""
    @tap.case(name)
    def case(t):
        b = Broken(t, forms=['.xz'])
        good = b.suite.index_text
        b.new_content()
        b.suite.index_text = lambda component, arch: change(good(component, arch))
        b.suite.write()
        b.refused(code, *sentence)
        b.suite.index_text = good
        b.suite.date += 60
        b.suite.write()
        b.mended()


broken_index('/sup/upstream/nul-bytes-DEB-013', 'PARSE', lambda text: text.replace(b'Maintainer: N', b'Maintainer: \0', 1),
             'bookworm main/binary-amd64/Packages.xz: line 4 contains a NUL byte')
broken_index('/sup/upstream/no-stanza-DEB-013', 'PARSE', lambda text: text + b'\n<html>\n',
             'is not "Name: value"')
broken_index('/sup/upstream/path-out-of-the-archive-DEB-013', 'INVALID',
             lambda text: text.replace(b'Filename: pool/', b'Filename: ../pool/', 1),
             '1 of the 3 packages', 'good 1 is refused: its Filename leaves the archive or is no path', 'more than the 1 %')
broken_index('/sup/upstream/duplicate-stanzas-DEB-013', 'INVALID',
             lambda text: text + b'\n' + Package('good', '1', build='other').stanza().encode(),
             'good 1 is refused: the index has it twice, with different files')
broken_index('/sup/upstream/forbidden-version-DEB-013', 'INVALID', lambda text: text.replace(b'Version: 2', b'Version: 2-'),
             'also 2- is refused: its revision is empty')
broken_index('/sup/upstream/size-beyond-sense-DEB-013', 'INVALID',
             lambda text: text.replace(b'Size: ', b'Size: 99999999999999999', 1).replace(
                 b'Installed-Size: 99999999999999999', b'Installed-Size: ').replace(b'\nSize: ', b'\nSize: 9999999999999', 1),
             'its Size is no number or beyond sense')
broken_index('/sup/upstream/field-missing-DEB-013', 'INVALID', lambda text: text.replace(b'SHA256: ', b'SHA1: ', 1),
             'a field that is needed is missing')
broken_index('/sup/upstream/field-twice-DEB-013', 'INVALID',
             lambda text: text.replace(b'Version: 1\n', b'Version: 1\nVersion: 2\n', 1), 'it has a field twice')


@tap.case('/sup/upstream/bytes-that-are-no-text-DEB-013-DEB-014')
def no_text(t):
    """A byte that is not UTF-8 spoils the stanza, the header or the field it stands in, and no other archive."""
    b = Broken(t, forms=['.xz'], label='Deb')
    good = b.suite.index_text
    third = Archive(t.dir / 'third', world.key('Docker'))
    other = third.suite('trixie', origin='Third').add(Package('tt', '1')).write()
    bad = b'Filename: pool/\xff/'
    b.suite.add(*[Package(f'p{i}', '1') for i in range(300)]).date += 60
    b.suite.index_text = lambda c, a: good(c, a).replace(b'Filename: pool/', bad, 1).replace(
        b'Package: also\n', b'Package: also\nMulti-Arch: \xff\xfe\n', 1).replace(
        b'Package: p1\n', b'Package: p\xff1\n', 1)
    release = b.suite.release_text
    b.suite.release_text = lambda files: release(files).replace(b'Label: Deb', b'Label: D\xe4b')
    b.suite.write()
    with webserver.Server(b.w.archive.folder) as server:
        def odd(handler, data):
            handler.head(200, len(data), ETag='"\xff"', Last_Modified='\xfe')
            handler.wfile.write(data)
        server.on['InRelease'] = odd
        b.w.machine.sources(b.w.archive.line(b.suite, server.uri), third.line(other))
        b.suite.date += 60
        b.suite.write()
        run = b.w.sync()
        t.equal((run.code, run.error) + ((run.suites['bookworm'].refused,) if run.suites else ()), (0, '', '2'))
        words = ' '.join(run.problems)
        t.contains(words, 'its Filename leaves the archive or is no path')
        t.contains(words, ': p\ufffd1 1 is refused: its name is not allowed')
        t.equal(len([u for u in b.w.point.updates().values() if u.expired == '0']), 301)
        t.contains(b.w.point.set_text(), 'also')
        # A refusal that quotes such bytes is stored as text, and the other archive commits all the same.
        b.suite.release_text = lambda files: release(files).replace(b' main/', b' ..\xff/../main/', 1)
        b.suite.date += 60
        b.suite.write()
        other.add(Package('uu', '1')).date += 60
        other.write()
        run = b.w.sync()
        t.equal((run.code, run.suites['bookworm'].code, run.suites['trixie'].outcome), (0, 'INVALID', 'read'), run.error)
        t.contains(b.w.point.rows('suites')[0][8], 'which is no digest, size and path below the suite')


@tap.case('/sup/upstream/two-gigabyte-line-DEB-013')
def long_line(t):
    b = Broken(t, forms=['.zst'])
    b.new_content()
    size = 2 * 1024**3
    # Two gigabytes of one line, packed into a few kilobytes, made by zstd itself from a sparse file.
    import subprocess
    good = b.suite.packed

    def packed(form, text):
        with open(t.dir / 'line', 'wb') as out:
            out.write(text + b'\nPackage: huge\nDescription: ')
        done = subprocess.run(f'(cat {t.dir}/line; head -c {size} /dev/zero | tr "\\0" x) | zstd -1 -c', shell=True,
                              capture_output=True, check=True)
        return done.stdout
    b.suite.packed = packed
    b.suite.write()
    start = time.monotonic()
    b.refused('LIMIT', 'is longer than 1048576 bytes')
    assert time.monotonic() - start < tap.patience(10)
    # No line is gathered whole; a sanitizer's own memory is most of what is used here.
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most < 512 << 10, f'{most} KiB'
    b.suite.packed = good
    b.suite.date += 60
    b.suite.write()
    b.mended()


@tap.case('/sup/upstream/an-index-that-swells-DEB-013')
def swells(t):
    b = Broken(t, forms=['.zst'])
    good = b.suite.index_text
    stanza = Package('same', '1', fields={'Description': 'x' * 4000}).stanza().encode()
    b.new_content()
    b.suite.index_text = lambda c, a: good(c, a) + (b'\n' + stanza) * (20 * 1024**2 // len(stanza))
    b.suite.write()
    b.refused('LIMIT', 'Packages.zst unpacks to more than 1', ' bytes, which no list of packages of its size does')
    b.suite.index_text = good
    b.suite.date += 60
    b.suite.write()
    b.mended()


@tap.case('/sup/upstream/an-index-that-is-promised-to-be-huge-DEB-013')
def huge(t):
    b = Broken(t, forms=[''])
    b.new_content()
    good = b.suite.release_text
    b.suite.release_text = lambda listed: re.sub(rb' \d+ (main/binary-amd64/Packages)', rb' 536870913 \1', good(listed))
    b.suite.write()
    b.refused('LIMIT', 'Packages has 536870913 bytes, as its Release promises; at most 536870912 are read')
    b.suite.release_text = good
    b.suite.date += 60
    b.suite.write()
    b.mended()


@tap.case('/sup/upstream/an-inrelease-without-end-DEB-011')
def long_release(t):
    b = Broken(t)
    with webserver.Server(b.w.archive.folder) as server:
        b.w.use(uri=server.uri)
        server.on['InRelease'] = webserver.replace(b'x' * 10_000_001)
        run = b.w.sync()
        t.equal((run.code, run.suites['bookworm'].code), (1, 'LIMIT'))
        t.contains(run.suites['bookworm'].failure, 'the answer has more than the 10000000 bytes allowed')


@tap.case('/sup/upstream/few-bad-stanzas-DEB-013')
def few_bad(t):
    b = Broken(t, forms=['.xz'])
    good = b.suite.index_text
    b.suite.add(*[Package(f'p{i}', '1') for i in range(300)]).date += 60
    b.suite.index_text = lambda c, a: good(c, a).replace(b'Version: 2', b'Version: 2-')
    b.suite.write()
    run = b.w.sync()
    t.equal((run.code, run.suites['bookworm'].refused), (0, '1'))
    t.contains(' '.join(run.problems), 'main/binary-amd64/Packages.xz: line ')
    t.contains(' '.join(run.problems), ': also 2- is refused: its revision is empty')
    t.equal(len([u for u in b.w.point.updates().values() if u.expired == '0']), 301)


@tap.case('/sup/upstream/contradicting-suites-DEB-013')
def contradicting(t):
    w = world.World(t)
    s = w.debian().add(Package('aa', '1', build='x')).write()
    sec = w.security().add(Package('aa', '1', build='y')).write()
    w.use(s, sec)
    run = w.sync()
    t.equal(run.code, 0)
    t.contains(' '.join(run.refusals), 'bookworm: aa 1 is refused: bookworm-security has it with another file')
    t.equal(len(w.point.updates()['aa', '1'].files), 1)


@tap.case('/sup/upstream/bad-release-DEB-011')
def bad_release(t):
    b = Broken(t)
    for change, sentence in (
            (lambda x: x.replace(b'Date: ', b'Date: no'), 'its Date is "no'),
            (lambda x: x.replace(b' main/', b' ../main/', 1), 'which is no digest, size and path below the suite'),
            (lambda x: x.replace(b'SHA256:', b'MD5Sum:'), 'it lists no SHA-256 digests, and weaker ones are not trusted'),
            (lambda x: x + b'\nOrigin: Other\n', 'it has more than one stanza'),
            (lambda x: b'\n', 'it is empty'),
            (lambda x: x.replace(b' main/', b' other/'), 'it has none of the components and architectures that are asked for')):
        good = b.suite.release_text(b.suite.files())
        b.suite.date += 60
        (b.suite.folder / 'InRelease').write_bytes(b.w.archive.key.clearsign(change(b.suite.release_text(b.suite.files()))))
        run = b.w.sync()
        t.contains(run.suites['bookworm'].failure, sentence)
        if 'none of the components' not in sentence:
            t.contains(run.suites['bookworm'].failure, 'bookworm: its Release file cannot be used: ')
        t.equal(b.w.point.dump(), b.before)
        assert good


@tap.case('/sup/upstream/one-of-three-fails-DEB-014')
def one_fails(t):
    b = Broken(t)
    sec = b.w.security().add(Package('good', '1+deb12u1')).write()
    b.w.use()
    b.new_content().write()
    (sec.folder / 'InRelease').write_bytes(b'')
    run = b.w.sync()
    t.equal((run.code, run.suites['bookworm'].outcome, run.suites['bookworm-security'].outcome), (0, 'read', 'failed'))
    t.equal(len(b.w.point.updates()), 3, 'the others are committed')
    sec.write()
    t.equal(b.w.sync().code, 0)
    t.equal(len(b.w.point.updates()), 4)
    (sec.folder / 'InRelease').write_bytes(b'')
    b.new_content().write()
    run = b.w.sync()
    t.equal(run.counts['failed'], 1)
    got = b.w.point.updates()
    t.equal((len(got), got['good', '1+deb12u1'].expired), (5, '0'), 'the failing one keeps its content')
    state = b.w.point.rows('state')[0]
    t.contains(state[3], '1 of 2 suites failed; the first: ')


@tap.case('/sup/upstream/sources-that-cannot-be-read-DEB-014')
def bad_sources(t):
    b = Broken(t)
    third = Archive(t.dir / 'third', world.key('Docker'))
    other = third.suite('trixie', origin='Third').add(Package('tt', '1')).write()
    b.w.machine.sources(b.w.archive.line(b.suite), third.line(other))
    t.equal(b.w.sync().code, 0)
    b.w.machine.sources(b.w.archive.line(b.suite), 'deb [signed-by= http://\n')
    with open(b.w.machine.root / 'etc/apt/sources.list', 'ab') as file:
        file.write(b'deb http://127.0.0.1:1/ b\xff main\n')
    run = b.w.sync()
    t.contains(' '.join(run.problems), 'a source has bytes that are not UTF-8')
    t.equal(run.code, 0)
    t.contains(' '.join(run.problems), 'trixie is named by no source, but is kept while some sources cannot be read')
    t.equal(b.w.point.updates()['tt', '1'].expired, '0')
    b.w.machine.sources(b.w.archive.line(b.suite))
    t.equal(b.w.sync().code, 0)
    t.equal(b.w.point.updates()['tt', '1'].expired, '1')


@tap.case('/sup/upstream/each-row-of-the-page-of-refusals-has-its-sentence-and-a-test')
def page(t):
    root = pathlib.Path(os.environ['UPKEEP_SOURCE_ROOT'])
    sources = [path.read_text() for folder in ('src/sup', 'src/deb', 'src/net') for path in (root / folder).rglob('*.c')]
    text = re.sub(r'"\s*\n\s*"', '', '\n'.join(sources)).replace('\\"', '"')
    tests = ''.join((root / 'tests/unit/sup' / name).read_text() for name in ('reading.py', 'broken.py'))
    tests = re.sub(r"'\s*\n\s*f?'", '', tests.split("@tap.case('/sup/upstream/each-row")[0]).replace("\\'", "'")
    rows = [row for row in (root / 'docs/archive-refusals.md').read_text().splitlines() if row.startswith('| ')][1:]
    t.equal(len(rows) > 20, True, 'the table was found')
    for row in rows:
        parts = [part.strip(' ),') for sentence in re.findall(r'\*([^*]+)\*', row.split('|')[2])
                 for part in re.split(r'…|[:(]|\b[NM]\b|\d+', sentence) if len(part.strip(' ),')) > 7]
        t.equal(parts != [], True, f'a sentence in {row}')
        for part in parts:
            t.equal(part in text, True, f'"{part}" is what the program says')
        t.equal(any(part in tests for part in parts), True, f'one of {parts} is expected by a test')


tap.main()
