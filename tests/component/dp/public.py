#!/usr/bin/python3
"""The public interface of a distribution point, asked by curl, wget and a socket."""
import os
import pathlib
import socket
import subprocess
import threading
import urllib.parse
import xml.etree.ElementTree as ET

import dpkit
import tap

PKG = '/SMS_DP_SMSPKG$'
D, U = '{DAV:}', '{urn:upkeep}'


def served(t, *settings, folder=None, package_id='PS100001'):
    """A distribution point that holds one package."""
    dp = dpkit.Point(t, *settings).start()
    dp.configure()
    folder = folder or dpkit.odd_tree(t.dir / 'source')
    dp.package = dpkit.Package(t, package_id, 1, {f'{package_id}.1': folder})
    order = dpkit.Order(dp, dp.package)
    order.send_missing()
    order.commit()
    dp.folder = pathlib.Path(folder)
    dp.base = f'http://127.0.0.1:{dp.port}'
    return dp


def quote(path):
    return urllib.parse.quote(path, safe='/')


def manifest(dp, path, depth='infinity', status=207):
    """{path: {property: text}} of PROPFIND, paths below the content item."""
    got, _, body = dp.raw('PROPFIND', path, b'', {'Depth': depth})
    dp.t.equal(got, status, f'PROPFIND {path}')
    found = {}
    for response in ET.fromstring(body):
        href = response.findtext(D + 'href')
        assert href.startswith(f'{PKG}/PS100001'), href
        prop = response.find(f'{D}propstat/{D}prop')
        row = {child.tag: (child.text or '') for child in prop}
        row['folder'] = prop.find(f'{D}resourcetype/{D}collection') is not None
        found[urllib.parse.unquote_to_bytes(href.split('/', 3)[3]).rstrip(b'/')] = row
    return found


@tap.case('/dp/http/a-package-is-there-while-its-version-changes-DIST-085')
def changing(t):
    """Who asks by the package's name gets the old bytes or the new ones, at every moment."""
    def state(number):
        folder = t.dir / f'v{number}'
        folder.mkdir()
        (folder / 'small').write_bytes(b'%d' % number)
        (folder / 'large').write_bytes(b'%06d' % number * 20_000)
        return folder

    dp = served(t, folder=state(1))
    answers, over = [], threading.Event()

    def ask(name):
        while not over.is_set():
            status, _, body = dp.raw('GET', f'{PKG}/PS100001/{name}')
            answers.append((status, len(set(body[i:i + 6] for i in range(0, len(body), 6)))))

    askers = [threading.Thread(target=ask, args=(name,)) for name in ('small', 'large') * 3]
    for asker in askers:
        asker.start()
    try:
        for number in range(2, 32):
            order = dpkit.Order(dp, dpkit.Package(t, 'PS100001', number, {f'PS100001.{number}': state(number)}))
            order.send_missing()
            order.commit()
    finally:
        over.set()
        for asker in askers:
            asker.join()
    t.equal({answer for answer in answers}, {(200, 1)}, 'status, and versions in one body')


@tap.case('/dp/http/what-went-in-comes-out-by-curl-DIST-085')
def by_curl(t):
    dp = served(t)
    source = dpkit.listing(dp.folder)
    told = manifest(dp, f'{PKG}/PS100001.1')
    out = t.dir / 'out'
    out.mkdir()
    t.equal(set(told) - {b''}, set(source), 'the paths of the manifest')
    for path, (kind, mode, link, body) in source.items():
        row, target = told[path], os.path.join(os.fsencode(out), path)
        t.equal((row['folder'], int(row[U + 'mode'], 8) if kind != b'l' else 0o777), (kind == b'd', int(mode, 8)), path)
        if kind == b'd':
            os.makedirs(target, exist_ok=True)
        elif kind == b'l':
            os.symlink(urllib.parse.unquote_to_bytes(row[U + 'target']), target)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            subprocess.run(['curl', '-sSfo', target, f'{dp.base}{PKG}/PS100001.1/{quote(path)}'], check=True)
            os.chmod(target, int(row[U + 'mode'], 8))
            t.equal((row[U + 'hash'], int(row[D + 'getcontentlength'])), (body[1], body[0]), path)
    t.equal(dpkit.listing(out), source, 'the tree that came out')


@tap.case('/dp/http/what-went-in-comes-out-by-wget')
def by_wget(t):
    folder = t.dir / 'source'
    for i in range(40):
        path = folder / f'folder {i % 5}' / f'sub{i % 3}' / f'file &{i}'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(i * 1000))
    dp = served(t, folder=folder)
    subprocess.run(['wget', '-q', '-r', '-np', '-nH', '--cut-dirs=2', '-R', 'index.html*', '-e', 'robots=off', '-P',
                    t.dir / 'out', f'{dp.base}{PKG}/PS100001.1/'], check=True)
    got = {path: row[3] for path, row in dpkit.listing(t.dir / 'out').items() if row[0] == b'f'}
    t.equal(got, {path: row[3] for path, row in dpkit.listing(folder).items() if row[0] == b'f'}, 'files that came out')


@tap.case('/dp/http/every-form-of-the-address-serves-the-same-DIST-085-DIST-116')
def forms(t):
    dp = served(t)
    for form in (f'{PKG}/PS100001.1/two%20words', f'{PKG}/PS100001/two%20words', f'{PKG}/PS100001.1/sccm?/two%20words',
                 '/NOCERT_SMS_DP_SMSPKG$/PS100001.1/two%20words', '/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001.1/two%20words',
                 '/sms_dp_smspkg$/PS100001.1/TWO%20WORDS', '/SMS_DP_SMSPKG%24/PS100001.1/two%20words'):
        status, _, body = dp.get(form)
        t.equal((status, body), (200, b'two words'), form)
    # behind "sccm?" everything is one literal path
    for name in (b'question?mark', b'hash#tag', b'percent%41', b'amp&<>"', b'plus+plus', b'sccm'):
        status, _, body = dp.get(f'{PKG}/PS100001.1/sccm?/{quote(name)}')
        t.equal((status, dpkit.sha256(body)), (200, dpkit.file_hash(os.path.join(os.fsencode(dp.folder), name))), name)
    t.equal(dp.get(f'{PKG}/PS100001.1/sccm?/question?mark')[2], dp.get(f'{PKG}/PS100001.1/question%3Fmark')[2],
            'a literal question mark')


@tap.case('/dp/http/case-counts-first')
def case(t):
    dp = served(t)
    t.equal(dp.get(f'{PKG}/PS100001.1/Case')[2], b'upper', 'exact')
    t.equal(dp.get(f'{PKG}/PS100001.1/case')[2], b'lower', 'exact')
    t.equal(dp.get(f'{PKG}/PS100001.1/CASE')[0], 404, 'ambiguous')
    t.equal(dp.get(f'{PKG}/PS100001.1/PLAIN')[0], 200, 'unambiguous')


@tap.case('/dp/http/ranges-conditions-and-methods')
def ranges(t):
    folder = t.dir / 'source'
    folder.mkdir()
    data = os.urandom(300_000)
    (folder / 'big').write_bytes(data)
    (folder / 'small').write_bytes(data[:1000])
    dp = served(t, folder=folder)
    for name, whole in (('big', data), ('small', data[:1000])):
        path = f'{PKG}/PS100001.1/{name}'
        status, head, body = dp.get(path)
        etag = f'"{dpkit.sha256(whole)}"'
        t.equal((status, head['ETag'], head['Content-Length'], head['Accept-Ranges'], body),
                (200, etag, str(len(whole)), 'bytes', whole), name)
        assert head['Last-Modified'], name
        t.equal(dp.get(path, Range='bytes=10-19')[2], whole[10:20], 'a range')
        t.equal(dp.get(path, Range='bytes=-5')[2], whole[-5:], 'the end')
        t.equal(dp.get(path, Range='bytes=900-')[2], whole[900:], 'from there')
        status, head, body = dp.get(path, Range='bytes=0-1,10-11')
        assert status == 206 and head['Content-Type'].startswith('multipart/byteranges'), head
        assert whole[0:2] in body and whole[10:12] in body
        t.equal(dp.get(path, Range=f'bytes={len(whole)}-')[0], 416, 'behind the end')
        t.equal(dp.get(path, Range='bytes=1-2', If_Range=etag)[0], 206, 'If-Range')
        t.equal(dp.get(path, Range='bytes=1-2', If_Range='"other"')[2], whole, 'another If-Range')
        t.equal(dp.get(path, If_None_Match=etag)[0], 304, 'If-None-Match')
        status, head, body = dp.get(path, method='HEAD')
        t.equal((status, head['Content-Length'], body), (200, str(len(whole)), b''), 'HEAD')
    status, head, _ = dp.get(path, method='OPTIONS')
    t.equal((status, head['Allow'], head['DAV']), (200, 'OPTIONS, GET, HEAD, PROPFIND', '1'), 'OPTIONS')
    for method in ('POST', 'PUT', 'DELETE', 'PROPPATCH'):
        t.equal(dp.get(path, method=method)[0], 405, method)


@tap.case('/dp/http/signatures-and-deltas-go-on-where-they-were-cut-off-DIST-113-DIST-114')
def resumed(t):
    dp = served(t)
    data = os.urandom(50_000)
    delta = f'{dpkit.sha256(b"new")}.{dpkit.sha256(b"old")}'
    for path, file in ((f'/SMS_DP_SMSDLT$/{delta}', dp.library / 'SMSDLT$' / delta),
                       ('/SMS_DP_SMSSIG$/PS100009.1.tar', dp.library / 'SMSSIG$/PS100009.1.tar')):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        etag = dp.get(path)[1]['ETag']
        assert etag and etag.startswith('"'), etag
        status, head, body = dp.get(path, Range='bytes=20000-', If_Range=etag)
        t.equal((status, head['ETag'], head['Content-Range'], body), (206, etag, 'bytes 20000-49999/50000', data[20000:]), path)
        other = file.with_name('other')
        other.write_bytes(data[::-1])
        other.rename(file)
        t.equal(dp.get(path, Range='bytes=20000-', If_Range=etag)[2], data[::-1], 'another thing of that name')


@tap.case('/dp/http/manifest-by-depth')
def depths(t):
    dp = served(t)
    base = f'{PKG}/PS100001.1'
    top = {path for path in dpkit.listing(dp.folder) if b'/' not in path}
    t.equal(set(manifest(dp, base, '0')), {b''}, 'depth 0')
    t.equal(set(manifest(dp, base, '1')) - {b''}, top, 'depth 1')
    folder = 'd\u00e4r/level0'.encode().replace(b'\xc3\xa4', b'\xc3\xaf')
    t.equal(set(manifest(dp, f'{base}/{quote(folder)}', '1')), {folder, folder + b'/level1'}, 'of a folder')
    t.equal(set(manifest(dp, f'{base}/plain')), {b'plain'}, 'of a file')
    manifest_missing = dp.raw('PROPFIND', f'{base}/none')[0]
    t.equal(manifest_missing, 404, 'of nothing')


@tap.case('/dp/http/nothing-but-the-tree-is-reached-by-any-path')
def attacks(t):
    dp = served(t)
    secret = dp.root / 'etc/upkeep/dp.conf'
    assert secret.exists()
    depth = 8
    paths = [f'{PKG}/PS100001.1/' + '../' * depth + 'etc/upkeep/dp.conf', f'{PKG}/PS100001.1/' + '%2e%2e/' * depth + 'etc/passwd',
             f'{PKG}/PS100001.1/' + '..%2f' * depth + 'etc/passwd', f'{PKG}/PS100001.1//etc/passwd',
             f'{PKG}/PS100001.1/%2fetc/passwd', f'{PKG}/PS100001.1/plain%00', f'{PKG}/PS100001.1/link',
             f'{PKG}/PS100001.1/link/passwd', f'{PKG}/../etc/passwd', f'{PKG}/..', f'{PKG}/.', f'{PKG}/%2e%2e/%2e%2e',
             f'{PKG}/PS100001.1/./plain', f'{PKG}/PS100001.1/plain/', f'{PKG}/PS100001.1/plain/x',
             f'{PKG}/PS100001.1/sccm?/../../../../etc/passwd', f'{PKG}/PS100001.1/sccm?//etc/passwd',
             f'{PKG}/PS100001.1/sccm?/%2e%2e/%2e%2e/PkgLib/PS100001.INI', f'{PKG}/PkgLib/PS100001.INI', f'{PKG}/FileLib',
             f'{PKG}/PS100001.1.INI', f'{PKG}/.lock', '/SMS_DP_SMSSIG$/../PkgLib/PS100001.INI', '/SMS_DP_SMSSIG$/..%2fx.tar',
             '/SMS_DP_SMSSIG$/%2e%2e%2f.lock.tar', '/SMS_DP_SMSSIG$/.tar', '/SMS_DP_SMSSIG$/', '/SMS_DP_SMSSIG$',
             f'{PKG}', f'{PKG}/', '/', '/etc/passwd', '/SMS_DP$/', f'{PKG}/PS100001.1/\\..\\..\\etc', f'{PKG}x/PS100001.1/plain']
    for path in paths:
        with socket.create_connection(('127.0.0.1', dp.port)) as link:
            link.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode('latin-1'))
            answer = b''
            while piece := link.recv(65536):
                answer += piece
        status = int(answer.split()[1])
        if path.endswith('plain/'):
            t.equal(status, 200, path)
        else:
            assert status in (400, 404, 405), (path, answer[:300])
        assert b'root:' not in answer and b'[Packages]' not in answer, path


@tap.case('/dp/http/a-link-planted-in-the-library-is-not-followed')
def planted(t):
    dp = served(t)
    digest = dpkit.file_hash(dp.folder / 'two words')
    path = dp.library / 'FileLib' / digest[:4] / digest
    path.unlink()
    path.symlink_to('/etc/passwd')
    t.equal(dp.get(f'{PKG}/PS100001.1/two%20words')[0], 404, 'a planted link')


@tap.case('/dp/http/bytes-that-are-damaged-are-not-served')
def damaged(t):
    dp = served(t)
    digest = dpkit.file_hash(dp.folder / 'two words')
    path = dp.library / 'FileLib' / digest[:4] / digest
    path.write_bytes(b'two wards')
    assert dp.get(f'{PKG}/PS100001.1/two%20words')[0] in (404, 503), 'flipped'
    path.write_bytes(b'two')
    assert dp.get(f'{PKG}/PS100001.1/two%20words')[0] in (404, 503), 'cut off'
    path.write_bytes(b'two words')
    t.equal(dp.get(f'{PKG}/PS100001.1/two%20words')[2], b'two words', 'mended')


@tap.case('/dp/http/the-longest-path-and-its-page')
def longest(t):
    folder = t.dir / 'source'
    os.makedirs(folder)
    # deeper than a path that the system takes at once
    name, here = '\u00e9' * 120, os.open(folder, os.O_RDONLY)
    path = []
    for _ in range(15):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
        path.append(name)
    with open(os.open('leaf', os.O_WRONLY | os.O_CREAT, dir_fd=here), 'wb') as file:
        file.write(b'leaf')
    os.close(here)
    dp = served(t, folder=folder)
    whole = '/'.join([*path, 'leaf']).encode()
    assert 3500 < len(whole) < 4096, len(whole)
    t.equal(dp.get(f'{PKG}/PS100001.1/{quote(whole)}')[2], b'leaf', 'the leaf')
    t.contains(dp.get(f'{PKG}/PS100001.1')[2].decode(), quote(whole) + '">', 'the page')


@tap.case('/dp/http/two-thousand-connections-stay-open')
def connections(t):
    dp = served(t)
    request = f'GET {PKG}/PS100001.1/two%20words HTTP/1.1\r\nHost: x\r\n\r\n'.encode()
    links = []
    t.cleanup(lambda: [link.close() for link in links])
    for _ in range(2000):
        links.append(socket.create_connection(('127.0.0.1', dp.port)))
    for _ in range(2):
        for link in links:
            link.sendall(request)
        for link in links:
            answer = link.recv(4096)
            assert answer.startswith(b'HTTP/1.1 200') and answer.endswith(b'two words'), answer


@tap.case('/dp/http/a-co-located-one-reads-what-the-site-server-writes')
def colocated(t):
    dp = served(t)
    dp.stop()
    dp.conf.write_text(dp.conf.read_text() + 'colocated=true\n')
    hidden = dp.library.rename(dp.library.with_name('hidden'))
    dp.start()
    t.equal(dp.get(f'{PKG}/PS100001.1/two%20words')[0], 503, 'before there is a library')
    hidden.rename(dp.library)
    t.equal(dp.get(f'{PKG}/PS100001.1/two%20words')[2], b'two words', 'the file')
    t.equal(dp.site('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})[0], 403, 'a change')


tap.main()
