#!/usr/bin/python3
"""A distribution point whose disk is full: a clear answer, other packages go on, and it goes on when there is room."""
import os
import subprocess

import namespace

WHY_NOT = namespace.enter()

import dpkit  # noqa: E402
import faultloop  # noqa: E402
import tap  # noqa: E402


def package(t, number, size):
    folder = t.dir / f'source{number}'
    folder.mkdir()
    (folder / 'file').write_bytes(os.urandom(size))
    return dpkit.Package(t, f'PS10000{number}', 1, {f'PS10000{number}.1': folder})


def with_holes(t, number, size, data):
    """A file that is nearly all holes; its data at the end. And what the order says of it (X-Upkeep-Sparse)."""
    one = package(t, number, 0)
    path = t.dir / f'source{number}/file'
    with open(path, 'wb') as file:
        file.truncate(size)
        file.seek(size - data)
        file.write(os.urandom(data))
    one = dpkit.Package(t, f'PS10000{number}', 1, {f'PS10000{number}.1': path.parent})
    digest, = one.files
    return one, {'X-Upkeep-Sparse': f'{digest.lower()}={path.stat().st_blocks * 512}'}


def send(dp, one):
    order = dpkit.Order(dp, one)
    order.send_missing()
    order.commit()


@tap.case('/dp/full/a-small-disk-takes-what-fits-and-the-rest-when-there-is-room')
def small_disk(t):
    if WHY_NOT:
        t.skip(WHY_NOT)
    dp = dpkit.Point(t)
    state = dp.root / 'var/lib/upkeep'
    state.mkdir(parents=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', state], check=True)
    t.cleanup(subprocess.run, ['umount', '-l', state])
    dp.start()
    dp.configure()
    filler = state / 'filler'
    filler.write_bytes(bytes(20_000_000))
    large = package(t, 1, 35_000_000)
    order = dpkit.Order(dp, large, status=507)
    said = order.answer['error']['message']
    t.contains(said, 'PS100001 needs 36 MB more')
    t.contains(said, str(dp.library))
    t.contains(said, 'MB free of 50 MB')
    t.contains(dp.log(), 'is answered 507')
    send(dp, package(t, 2, 5_000_000))
    # Of a file with holes only what it takes of the disk counts, where the order says so.
    sparse, said = with_holes(t, 3, 60_000_000, 1_000_000)
    dpkit.Order(dp, sparse, status=507)
    for bad in ('x', f'{list(sparse.files)[0]}', f'{list(sparse.files)[0]}=-1', f'{list(sparse.files)[0]}=1,,'):
        order = dpkit.Order(dp, sparse, status=400, **{'X-Upkeep-Sparse': bad})
        t.contains(order.answer['error']['message'], 'X-Upkeep-Sparse has')
    order = dpkit.Order(dp, sparse, **said)
    order.send_missing()
    order.commit()
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100003')['State'], 'Installed', 'the one with holes')
    filler.unlink()
    send(dp, large)
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Installed', 'the large one')
    # Without a byte of room it can be asked, and told to make some.
    with open(filler, 'wb', buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    for _ in range(100):  # of which 76 lines are a page
        dp.ask('GET', '/SMS_DP$/packages')
    t.contains(dp.log(), 'Which requests were taken is in memory only')
    dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Absent', 'the large one')
    seen = dp.state / 'requests.seen'
    t.equal(seen.stat().st_size % 54, 0, 'a part of a line')
    t.equal(set(map(len, seen.read_bytes().splitlines())), {53}, 'the lines')
    assert len(seen.read_bytes()) > 100 * 54, 'what was in memory only is written down'


@tap.case('/dp/full/a-write-that-finds-no-room-is-507-and-comes-again')
def injected(t):
    one = package(t, 1, 2_000_000)
    digest = next(iter(one.files))
    report = t.dir / 'report'
    dp = dpkit.Point(t).start()
    dp.configure()
    order = dpkit.Order(dp, one)
    t.equal(order.block(digest, one.bytes_of(digest)[:1000])[0], 200, 'the first part, with which the order is written down')
    dp.stop()
    dp.start(UPKEEP_FAULT='count', UPKEEP_FAULT_ONLY='write', UPKEEP_FAULT_REPORT=str(report))
    writes = len(faultloop.read_report(report))
    dp.stop()
    # from the first write of a block on there is no room
    dp.start(UPKEEP_FAULT=f'fail+:{writes + 1}', UPKEEP_FAULT_ONLY='write')
    # a block with others behind it is answered before it is written: the next one is told (DIST-153)
    t.equal(order.block(digest, one.bytes_of(digest)[1000:1_000_000], 1000)[0], 200, 'taken')
    for position in 1_000_000, 1000:
        status, _, answer = order.block(digest, one.bytes_of(digest)[position:], position)
        t.equal(status, 507, f'no room, told to the block at {position}')
        t.contains(answer['error']['message'], str(dp.library))
    dp.wait_log('is answered 507')
    dp.stop()
    dp.start()
    send(dp, one)
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Installed', 'when there is room')


tap.main()
