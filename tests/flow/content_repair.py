#!/usr/bin/python3
"""Damage in a distribution point's library, in a lab: found and mended without anybody, from another one, by the places
that are bad and within the budget; and what the administrator is shown of it (issue 3, item 5)."""
import os
import random
import re
import subprocess
import time

import sitekit
import tap

PLACE = 262_144       # at most so many bytes for a damaged place
BUDGET = 4_096_000    # bytes a second that verification may read
SETTINGS = (f'distmgr.verify_kilobytes_per_second={BUDGET // 1024}', 'dp.verify_pause_minutes=0', 'dp.repair_minutes=1')


def flip(path, *places):
    with open(path, 'r+b') as file:
        for place in places:
            file.seek(place)
            byte = file.read(1)
            file.seek(place)
            file.write(bytes([byte[0] ^ 1]))


def content(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b''


def asked(w, name, since):
    """Bytes that a distribution point served of a file, by its access log from record `since` on."""
    found = [line.split() for line in access(w)[since:] if f'/{name} ' in line and ' GET ' in line]
    return sum(int(fields[-2]) for fields in found)


def access(w):
    return w.lab.dp_path('DP01', 'var/log/upkeep/dp-access.log').read_text().splitlines()


def read_bytes(w, name):
    """What a program has read of files, by the system's account; the page cache counts too."""
    pid = w.lab.roles()[name]['pid']
    return int(re.search(r'^rchar: (\d+)', open(f'/proc/{pid}/io').read(), re.M)[1])


@tap.case('/flow/content-repair/flipped-cut-off-and-deleted-files-come-back-DIST-155')
def repaired(t):
    w = sitekit.World(t, *SETTINGS, 'statesys.pause_seconds=0', dps=2)
    rng = random.Random(3)
    sizes = {'flipped': 6_000_000, 'cut': 2_000_000, 'deleted': 700_000, 'small': 999}
    for name, size in sizes.items():
        w.write(name, rng.randbytes(size))
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01', '--dp', 'DP02')
    w.installed(package, 1, 'DP01.LAB', 'DP02.LAB')
    w.idle()
    hashes = {name: sitekit.digest(w.source / name) for name in sizes}
    paths = {name: w.library('DP02') / 'FileLib' / digest[:4] / digest for name, digest in hashes.items()}
    since = len(access(w))
    w.mark()
    flip(paths['flipped'], 100, 3_000_000)
    os.truncate(paths['cut'], 1_900_000)
    paths['deleted'].unlink()
    flip(paths['small'], 7)
    began, before = time.monotonic(), read_bytes(w, 'DP02')
    w.lab.wait(lambda: all(sitekit.digest(path) == hashes[name] for name, path in paths.items()),
               'the repair', 60)
    # 256 KiB for a place; the whole file where it is smaller or missing
    got = {name: asked(w, name, since) for name in sizes}
    assert 0 < got['flipped'] <= 2 * (PLACE + 600), got
    assert 100_000 <= got['cut'] <= 100_000 + PLACE + 600, got
    assert 700_000 <= got['deleted'] <= 700_000 + 600, got
    assert 999 <= got['small'] <= 999 + 600, got
    seconds, read = time.monotonic() - began, read_bytes(w, 'DP02') - before
    # What was read: verification and what was left of damaged files, each within the budget, and what came.
    allowed = 2 * BUDGET * (seconds + 2) + sum(got.values())
    assert read < allowed, f'{read} bytes in {seconds} s'
    w.same('DP02', package)
    t.contains(w.lab.run('library', 'verify', '--root', w.lab.dp_path('DP02')), 'all are right')
    t.equal(w.lab.json('package', 'status', package)[1]['StateName'], 'Package Installation complete', 'the state')


@tap.case('/flow/content-repair/what-cannot-be-sent-is-mended-and-sent-DIST-155')
def sending(t):
    # Nothing is verified by itself: the sending finds it.
    w = sitekit.World(t, 'contentlibrary.verify_bytes_per_second=0', dps=2)
    rng = random.Random(9)
    for name, size in {'flipped': 3_000_000, 'deleted': 300_000, 'small': 999, 'cut': 200_000, 'good': 5000}.items():
        w.write(name, rng.randbytes(size))
    package = w.create()
    w.stored(package, 1)
    path = {name: w.library() / 'FileLib' / digest[:4] / digest
            for name in ('flipped', 'deleted', 'small', 'cut') for digest in [sitekit.digest(w.source / name)]}
    flip(path['flipped'], 1_000_000)
    path['deleted'].unlink()
    flip(path['small'], 7)
    os.truncate(path['cut'], 1000)
    # The hash of a chunk in the signatures: behind a block of the tar, 64 bytes of its own head and the chunk's size.
    flip(w.library() / f'SMSSIG$/{package}.1.tar', 512 + 64 + 4)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01,DP02')
    w.installed(package, 1, 'DP01.LAB', 'DP02.LAB', seconds=60)
    t.contains(w.lab.run('library', 'verify', '--root', w.lab.root, status=1) + w.lab.said, f'SMSSIG$/{package}.1.tar')
    flip(w.library() / f'SMSSIG$/{package}.1.tar', 512 + 64 + 4)
    for point in ('DP01', 'DP02'):
        w.same(point, package)
    t.contains(w.lab.run('library', 'verify', '--root', w.lab.root), 'all are right')
    assert f'The signatures of content {package}.1 are damaged; it is sent without them' in w.texts('PkgXferMgr.log')
    t.equal(list((w.library('DP01') / 'SMSSIG$').iterdir()), [], 'the signatures that are not there')


@tap.case('/flow/content-repair/the-site-server-mends-its-own-DIST-155')
def own(t):
    w = sitekit.World(t, 'contentlibrary.verify_pause_minutes=0', 'contentlibrary.repair_minutes=1', dps=1)
    rng = random.Random(6)
    sizes = {'flipped': 3_000_000, 'deleted': 300_000, 'small': 999}
    for name, size in sizes.items():
        w.write(name, rng.randbytes(size))
    package = w.create()
    w.stored(package, 1)
    hashes = {name: sitekit.digest(w.source / name) for name in sizes}
    library = w.library()
    paths = {name: library / 'FileLib' / digest[:4] / digest for name, digest in hashes.items()}
    # Signatures that are damaged are made again of the files.
    signatures = library / f'SMSSIG$/{package}.1.tar'
    right = signatures.read_bytes()
    flip(signatures, 512 + 64 + 4)
    w.lab.wait(lambda: signatures.read_bytes() == right, 'the signatures')

    def damage():
        flip(paths['flipped'], 1_000_000)
        paths['deleted'].unlink()
        flip(paths['small'], 7)

    def mended():
        try:
            return all(sitekit.digest(path) == hashes[name] for name, path in paths.items())
        except subprocess.CalledProcessError:  # it was taken away just now, to be mended
            return False

    # No distribution point has it: from the source folder.
    damage()
    w.lab.wait(mended, 'the repair from the source')
    # The source has gone on without a refresh: what is still the same from there, the rest from a distribution point.
    w.lab.run('package', 'distribute', package, '--dp', 'DP01', '--wait')
    w.write('small', b'x' * sizes['small'])
    (w.source / 'deleted').unlink()
    since = len(access(w))
    damage()
    w.lab.wait(mended, 'the repair from the distribution point')
    got = {name: asked(w, name, since) for name in sizes}
    t.equal(got['flipped'], 0, 'bytes of what the source still has')
    assert 300_000 <= got['deleted'] <= 300_600 and 999 <= got['small'] <= 1_600, got
    w.lab.wait(lambda: w.rows("SELECT 1 FROM StatusMessages WHERE MessageID = 60030 AND Component = 'SMS_CONTENT_LIBRARY'"),
               'the message')
    t.contains(w.lab.run('library', 'verify'), 'all are right')


@tap.case('/flow/content-repair/what-a-distribution-point-cannot-mend-is-sent-again-by-itself-DIST-155')
def sent_again(t):
    w = sitekit.World(t, *SETTINGS, dps=1)
    for name in ('exec', 'big'):
        w.write(name, random.Random(name).randbytes(70_000))
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01', '--wait')
    w.idle()
    w.lab.kill('dp')  # the site server's own: now there is nobody to fetch from
    library, digest = w.library('DP01'), sitekit.digest(w.source / 'big')
    paths = [library / f'DataLib/{package}.1.TREE', library / f'DataLib/{package}.1/exec.INI', library / f'FileLib/{digest[:4]}/{digest}']
    want = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
        path.write_bytes(b'garbage')
    w.lab.wait(lambda: [content(path) for path in paths] == want, 'definition and file', 60)
    # By a validation that it asked for; or it was configured just then, and said what it holds still.
    w.lab.wait(lambda: w.rows("SELECT 1 FROM StatusMessages WHERE MessageID = 2383") or
               any('does not hold package' in line for line in w.texts('DistMgr.log')), 'who found it')
    w.idle()
    w.same('DP01', package)


@tap.case('/flow/content-repair/verification-keeps-to-its-budget')
def budget(t):
    w = sitekit.World(t, *SETTINGS, dps=1)
    w.write('big', random.Random(4).randbytes(20_000_000))
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01', '--wait')
    w.idle()
    began, before = time.monotonic(), read_bytes(w, 'DP01')
    time.sleep(2.5)  # a rate is measured over time
    seconds, read = time.monotonic() - began, read_bytes(w, 'DP01') - before
    assert BUDGET < read < BUDGET * (seconds + 1.5), f'{read} bytes in {seconds} s'


@tap.case('/flow/content-repair/what-the-administrator-is-told-DIST-155')
def told(t):
    w = sitekit.World(t, 'dp.verify_bytes_per_second=0', 'distmgr.verify_kilobytes_per_second=0', 'statesys.pause_seconds=0', dps=1)
    w.write('large', random.Random(5).randbytes(1_000_000))
    w.write('other', b'other')
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01', '--wait')
    digest = sitekit.digest(w.source / 'large')
    path = w.library('DP01') / 'FileLib' / digest[:4] / digest
    flip(path, 500_000)
    # On the machine itself
    said = w.lab.run('library', 'verify', '--root', w.lab.dp_path('DP01'), status=None)
    t.contains(said + w.lab.said, 'large', 'library verify')
    # It is found by validation, and sent again, since there is no other source; so slowly that one can look.
    w.lab.kill('dp')
    w.lab.run('dp', 'set', 'DP01', '--rate-limit', '20k')
    w.lab.run('package', 'validate', package, '--dp', 'DP01')
    w.lab.wait(lambda: 'under way' in w.lab.run('job', 'list'), 'the job that mends it')
    row = w.lab.json('package', 'status', package)[0]
    t.equal((row['DamagedFiles'], row['MessageState'] == 1), (1, False), 'the row meanwhile')
    said = w.lab.run('why', 'dp', 'DP01', 'package', package, status=None)
    t.contains(said, '1 damaged at the last validation')
    w.lab.run('dp', 'set', 'DP01', '--rate-limit', '0')
    w.idle()
    w.installed(package, 1, 'DP01.LAB')
    t.equal(sitekit.digest(path), digest, 'the file')
    row = w.lab.json('package', 'status', package)[0]
    t.equal((row['DamagedFiles'], row['MessageState']), (0, 1), 'the row afterwards')
    t.contains(w.lab.run('why', 'dp', 'DP01', 'package', package, status=None), ' on DP01.LAB: there.')
    later = w.lab.json('trace', 'package', package)['Later']
    t.contains(w.lab.run('trace', 'package', package, '--trace', later[-1]['Trace']), 'SMS_DISTRIBUTION_POINT_MONITORING on DP01')
    w.lab.run('package', 'validate', package, '--dp', 'DP01', '--wait')
    t.contains(w.lab.run('why', 'dp', 'DP01', 'package', package, status=None), 'all were read and right')


tap.main()
