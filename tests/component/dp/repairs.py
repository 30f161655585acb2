#!/usr/bin/python3
"""Damage in a distribution point's library is found in idle time and mended from another one, by its ranges."""
import os
import re
import subprocess
import time

import dpkit
import tap

FAST = ('verify_bytes_per_second=1000000000', 'verify_pause_minutes=0', 'repair_minutes=1')


class Place:
    """A folder of its own for a second distribution point of one case."""

    def __init__(self, t, name):
        self.dir = t.dir / name
        self.dir.mkdir()
        self.fail, self.equal, self.cleanup, self.contains = t.fail, t.equal, t.cleanup, t.contains


def pair(t, files, *settings):
    """Two distribution points of one site that hold a package; the second may fetch from the first."""
    folder = t.dir / 'source'
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    site = dpkit.Site(t.dir)
    package = dpkit.Package(t, 'PS100001', 1, {'PS100001.1': folder})
    tar = t.dir / 'signatures.tar'
    subprocess.run([os.environ['DPTOOL'], 'signatures', tar, folder], check=True)
    points = []
    for name, lines in (('good', ('verify_bytes_per_second=0',)), ('bad', settings or FAST)):
        dp = dpkit.Point(Place(t, name), *lines, site=site).start()
        dp.configure(Sources=[{'ServerName': 'dp0.example.com', 'Url': f'http://127.0.0.1:{p.port}'} for p in points])
        order = dpkit.Order(dp, package)
        t.equal(order.put('PS100001.1.tar', tar.read_bytes())[0], 200, 'the signatures')
        order.send_missing()
        order.commit()
        points.append(dp)
    return package, *points


def path_of(dp, digest):
    return dp.library / 'FileLib' / digest[:4] / digest


def whole_again(dp, digests, seconds=30):
    deadline = tap.until(seconds)
    while any(dpkit.file_hash(path_of(dp, d)) != d for d in digests):
        assert time.monotonic() < deadline, dp.log('smsdpmon.log')[-3000:]
        time.sleep(0.05)


def fetched(dp, name):
    """Bytes that the repair of a file took."""
    return int(re.findall(rf"'{name}' of content 'PS100001.1' has been repaired, (\d+) of", dp.log('smsdpmon.log'))[-1])


@tap.case('/dp/repair/flipped-cut-off-and-deleted-files-come-back-by-themselves-DIST-155')
def repaired(t):
    files = {'flipped': os.urandom(3_000_000), 'cut': os.urandom(2_000_000), 'deleted': os.urandom(700_000), 'small': b's' * 999,
             'a-stuck-one': b'stuck'}
    package, _, bad = pair(t, files)
    digests = {name: dpkit.sha256(data) for name, data in files.items()}
    # One that cannot be set aside holds up no other.
    in_its_way = bad.library / f'SMS_DP$/{digests["a-stuck-one"]}.damaged'
    in_its_way.mkdir()
    path_of(bad, digests['a-stuck-one']).write_bytes(b'STUCK')
    with open(path_of(bad, digests['flipped']), 'r+b') as file:
        for place in (100, 1_500_000):
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes([byte[0] ^ 64]))
    os.truncate(path_of(bad, digests['cut']), 1_990_000)
    path_of(bad, digests['deleted']).unlink()
    path_of(bad, digests['small']).write_bytes(b't' * 999)
    whole_again(bad, [digest for name, digest in digests.items() if name != 'a-stuck-one'])
    in_its_way.rmdir()
    whole_again(bad, digests.values())
    for name in files:
        bad.wait_log(f"'{name}' of content 'PS100001.1' has been repaired", 'smsdpmon.log')
        t.equal(bad.get(f'/SMS_DP_SMSPKG$/PS100001.1/{name}')[2], files[name], name)
    # 256 KiB for each damaged place, the whole file where it is smaller or missing
    assert 0 < fetched(bad, 'flipped') <= 2 * 262_144, fetched(bad, 'flipped')
    assert 10_000 <= fetched(bad, 'cut') <= 10_000 + 262_144, fetched(bad, 'cut')
    t.equal(fetched(bad, 'deleted'), 700_000, 'a missing file')
    t.equal(list((bad.library / 'SMS_DP$').iterdir()), [], 'what is left over')
    t.equal(bad.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Installed', 'the state')


def signature_of(dp, digest):
    return dp.library / 'FileLib' / digest[:4] / f'{digest}.SIG'


def flip(path, at):
    with open(path, 'r+b') as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 64]))


@tap.case('/dp/repair/a-damaged-signature-keeps-no-file-from-coming-back-DIST-018-DIST-155')
def wrong_signature(t):
    data = os.urandom(2_000_000)
    digest = dpkit.sha256(data)
    package, _, bad = pair(t, {'f': data})
    bad.stop()
    # The hash of the first chunk, wherever it is told: behind the head of 64 bytes and the chunk's size; in the tar behind a block.
    flip(signature_of(bad, digest), 64 + 4)
    flip(bad.library / 'SMSSIG$/PS100001.1.tar', 512 + 64 + 4)
    flip(path_of(bad, digest), 100)
    bad.start()
    whole_again(bad, [digest])
    t.equal(bad.get('/SMS_DP_SMSPKG$/PS100001.1/f')[2], data, 'what is served')
    # Of those that are lost the ones beside the files are left, and all are made again.
    bad.stop()
    tar = bad.library / 'SMSSIG$/PS100001.1.tar'
    tar.unlink()
    flip(signature_of(bad, digest), 64 + 4)  # right again
    flip(path_of(bad, digest), 100)
    bad.start()
    whole_again(bad, [digest])
    deadline = tap.until(30)
    while not tar.exists():
        assert time.monotonic() < deadline, bad.log('smsdpmon.log')[-3000:]
        time.sleep(0.05)
    t.equal(tar.read_bytes(), (t.dir / 'signatures.tar').read_bytes(), 'the signatures')
    assert 0 < fetched(bad, 'f') <= 262_144, fetched(bad, 'f')
    # As long as the file was damaged they could not be made; to send the package again is no use for that.
    t.contains(bad.log('smsdpmon.log'), "'SMSSIG$/PS100001.1.tar' of content 'PS100001.1' is made again when its files are here")
    assert 'is to be redistributed' not in bad.log('smsdpmon.log'), bad.log('smsdpmon.log')[-3000:]


@tap.case('/dp/repair/without-a-source-the-site-is-told-and-sends-it-again')
def no_source(t):
    data = os.urandom(400_000)
    package, good, bad = pair(t, {'f': data})
    good.stop()
    digest = dpkit.sha256(data)
    path_of(bad, digest).write_bytes(data[:-1] + b'x')
    bad.wait_log('is tried again later', 'smsdpmon.log')
    t.equal(bad.get('/SMS_DP_SMSPKG$/PS100001.1/f')[0], 404, 'it is not served')
    state = bad.ask('GET', '/SMS_DP$/package?id=PS100001')
    t.equal(state['State'], 'Failed', 'the state')
    order = dpkit.Order(bad, package)
    t.equal(set(order.missing), {digest}, 'what the site sends again')
    order.send_missing()
    order.commit()
    t.equal(bad.get('/SMS_DP_SMSPKG$/PS100001.1/f')[2], data, 'it is served again')
    t.equal([path.name for path in (bad.library / 'SMS_DP$').iterdir()], [], 'what was set aside')


@tap.case('/dp/verify/the-site-may-ask-for-it')
def asked(t):
    files = {'one': os.urandom(500_000), 'two': os.urandom(5000), 'three': b'3'}
    package, _, bad = pair(t, files, 'verify_bytes_per_second=0', 'repair_minutes=1000')
    told = bad.ask('POST', '/SMS_DP$/verify', {'PackageID': 'PS100001'})
    t.equal(told, {'Damaged': [], 'Version': 1, 'Verified': 3, 'Bytes': 505_001}, 'a sound package')
    digest = dpkit.sha256(files['two'])
    path_of(bad, digest).write_bytes(files['two'][:-1] + b'!')
    told = bad.ask('POST', '/SMS_DP$/verify', {'PackageID': 'PS100001'})
    t.equal(told['Damaged'], [{'ContentID': 'PS100001.1', 'Path': 'two'}], 'a damaged one')
    whole_again(bad, [digest])
    t.equal(bad.site('POST', '/SMS_DP$/verify', {'PackageID': 'PS100009'})[0], 404, 'one that is not here')


def break_definitions(dp):
    """Damages a definition of every kind but those that the others are proved by; the paths."""
    note = sorted(path for path in dpkit.definitions(dp) if path.startswith('FileLib'))[0]
    broken = {'PkgLib/PS100001.INI': b'[Packages]\nPS1000', 'DataLib/PS100001.1/one.INI': b'garbage',
              'DataLib/PS100001.1/two.INI': None, note: b'garbage'}
    for name, data in broken.items():
        (dp.library / name).unlink()
        if data is not None:
            (dp.library / name).write_bytes(data)
    return broken.keys()


@tap.case('/dp/repair/damaged-definitions-are-made-again-by-themselves-DIST-016-DIST-155')
def definitions(t):
    files = {'one': os.urandom(5000), 'two': b'2', 'three': b'3'}
    _, _, bad = pair(t, files)
    want = dpkit.definitions(bad)
    for restart in (False, True):  # the package is known; its INI is damaged when the library is opened
        if restart:
            bad.stop()
        broken = break_definitions(bad)
        if restart:
            bad.start()
        deadline = tap.until(30)
        while dpkit.definitions(bad) != want:
            assert time.monotonic() < deadline, bad.log('smsdpmon.log')[-3000:]
            time.sleep(0.05)
        t.equal(bad.get('/SMS_DP_SMSPKG$/PS100001/one')[2], files['one'], 'what is served')
        for name in broken:
            item = 'PS100001' if name.startswith('PkgLib') else 'PS100001.1'
            bad.wait_log(f"'{name}' of content '{item}' has been repaired", 'smsdpmon.log')
    # What nothing here proves is told to the site, and it comes with the next order.
    (bad.library / 'DataLib/PS100001.1.TREE').unlink()
    (bad.library / 'DataLib/PS100001.1/one.INI').write_bytes(b'garbage')
    bad.wait_log('nothing here proves its definition', 'smsdpmon.log')
    t.equal(bad.ask('GET', '/SMS_DP$/package?id=PS100001')['PackageID'], 'PS100001', 'the package meanwhile')


@tap.case('/dp/verify/damaged-definitions-are-told-to-the-site')
def asked_for_definitions(t):
    files = {'one': os.urandom(5000), 'two': os.urandom(50), 'three': b'3'}
    package, _, bad = pair(t, files, 'verify_bytes_per_second=0', 'repair_minutes=1000')
    broken = break_definitions(bad)
    bad.restart()
    told = bad.ask('POST', '/SMS_DP$/verify', {'PackageID': 'PS100001'})
    t.equal({row['Path'] for row in told['Damaged']}, set(broken), 'what is damaged')
    t.equal(told['Verified'], 3, 'the files are read all the same')
    (bad.library / 'PkgLib/PS100001.INI').write_bytes(b'garbage')
    state = bad.ask('GET', '/SMS_DP$/package?id=PS100001')
    t.equal(state['State'], 'Failed', 'the state')
    t.contains(state['Error'], 'definition is damaged')


@tap.case('/dp/verify/keeps-to-its-budget')
def budget(t):
    data = os.urandom(3_000_000)
    _, _, bad = pair(t, {'f': data}, 'verify_bytes_per_second=1000000', 'verify_pause_minutes=0', 'repair_minutes=1000')
    began = time.monotonic()
    bad.wait_log('have been verified: 1 files, 3000000 bytes, 0 damaged', 'smsdpmon.log')
    assert time.monotonic() - began > 1, 'three seconds of budget were read at once'


tap.main()
