#!/usr/bin/python3
"""A distribution point makes new files from old ones by deltas and frames, proves them, and hands them on."""
import os
import subprocess

import dpkit
import tap


def tool(*words):
    subprocess.run([os.environ['DPTOOL'], *map(str, words)], check=True, capture_output=True)


def two_versions(t, halves=()):
    """A distribution point with version 1, an order of version 2, and both source folders. So many bytes of the files
    in halves are there of version 2 already."""
    noise = os.urandom(3_000_000)
    first = {'large': noise, **{f'small{i}': b'line %d of the old one\n' % i * 50 for i in range(30)}}
    second = {'large': noise[:1_000_000] + b'something new' + noise[1_000_000:],
              **{f'small{i}': b'line %d of the new one\n' % i * 50 for i in range(30)}}
    dp = dpkit.Point(t).start()
    dp.configure()
    folders = []
    for version, files in ((1, first), (2, second)):
        folder = t.dir / f'source{version}'
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        package = dpkit.Package(t, 'PS100001', version, {f'PS100001.{version}': folder})
        for name, size in dict(halves if version == 2 else ()).items():
            half = dp.library / f'SMS_DP$/{dpkit.file_hash(folder / name)}-PS100001.2.temp'
            half.write_bytes(files[name][:size])
        order = dpkit.Order(dp, package)
        if version == 1:
            order.send_missing()
            order.commit()
        folders.append(folder)
    return dp, order, folders


@tap.case('/dp/delta/a-new-file-from-an-old-one-DIST-002')
def delta(t):
    dp, order, (old, new) = two_versions(t)
    new_hash, old_hash = dpkit.file_hash(new / 'large'), dpkit.file_hash(old / 'large')
    t.equal(order.missing[new_hash]['Old'], old_hash, 'the old file')
    tool('delta', t.dir / 'delta', old / 'large', new / 'large')
    body = (t.dir / 'delta').read_bytes()
    assert len(body) < 5000, len(body)
    # in two pieces, the first of them twice
    name = f'{new_hash}.{old_hash}.delta'
    t.equal(order.put(name, body[:10], position=0, size=len(body))[2], {'Position': 10}, 'a piece')
    t.equal(order.put(name, body[10:20], position=5, size=len(body))[:3:2], (409, {'Position': 10}), 'elsewhere')
    t.equal(order.put(name, body[10:], position=10, size=len(body))[0], 200, 'the rest')
    del order.missing[new_hash]
    # what the other files need is sent as it is
    order.send_missing()
    order.commit()
    t.equal(dp.get('/SMS_DP_SMSPKG$/PS100001.2/large')[2], (new / 'large').read_bytes(), 'the file')
    t.equal(dp.get(f'/SMS_DP_SMSDLT$/{new_hash}.{old_hash}')[2], body, 'the delta, for pull distribution points')
    for path in ('x', '..%2f..%2fPkgLib', f'{new_hash}.{old_hash}/..', '', new_hash):
        assert dp.get(f'/SMS_DP_SMSDLT$/{path}')[0] in (400, 404), path
    t.equal(list((dp.state / 'staging').iterdir()), [], 'what is left of the way in')


@tap.case('/dp/delta/small-files-in-a-frame')
def frame(t):
    dp, order, (old, new) = two_versions(t)
    tool('frame', t.dir / 'frame', t.dir / 'library', 'PS100001.1', old, 'PS100001.2', new)
    body = (t.dir / 'frame').read_bytes()
    pair = order.answer['Frame'][0]
    t.equal(order.put(f'{pair["New"]}.{pair["Old"]}.frame', body)[0], 200, 'the frame')
    large = dpkit.file_hash(new / 'large')
    t.equal(set(order.commit(status=409)['Missing']), {large}, 'what is still missing')
    assert len(body) < 30 * 50 * 22 / 4, len(body)
    data = (new / 'large').read_bytes()
    t.equal(order.block(large, data)[0], 200, 'the large file')
    order.commit()
    for i in range(30):
        t.equal(dp.get(f'/SMS_DP_SMSPKG$/PS100001.2/small{i}')[2], (new / f'small{i}').read_bytes(), f'small{i}')


@tap.case('/dp/delta/a-frame-brings-files-of-which-a-half-is-here')
def frame_over_halves(t):
    dp, order, (old, new) = two_versions(t, {'small1': 0, 'small2': 100, 'small3': 10_000})  # a full disk, or a kill, left them
    t.equal(order.missing[dpkit.file_hash(new / 'small2')]['Position'], 100, 'what is here of it')
    tool('frame', t.dir / 'frame', t.dir / 'library', 'PS100001.1', old, 'PS100001.2', new)
    pair = order.answer['Frame'][0]
    t.equal(order.put(f'{pair["New"]}.{pair["Old"]}.frame', (t.dir / 'frame').read_bytes())[0], 200, 'the frame')
    t.equal(order.block(dpkit.file_hash(new / 'large'), (new / 'large').read_bytes())[0], 200, 'the large file')
    order.commit()
    for i in range(30):
        t.equal(dp.get(f'/SMS_DP_SMSPKG$/PS100001.2/small{i}')[2], (new / f'small{i}').read_bytes(), f'small{i}')
    t.equal(list((dp.library / 'SMS_DP$').iterdir()), [], 'what is left')


@tap.case('/dp/delta/a-bad-one-is-422-and-the-file-comes-whole')
def bad(t):
    dp, order, (old, new) = two_versions(t)
    new_hash, old_hash = dpkit.file_hash(new / 'large'), dpkit.file_hash(old / 'large')
    tool('delta', t.dir / 'delta', old / 'large', new / 'large')
    body = bytearray((t.dir / 'delta').read_bytes())
    body[-3] ^= 1
    name = f'{new_hash}.{old_hash}.delta'
    for what, data in (('flipped', bytes(body)), ('cut off', bytes(body[:50])), ('no delta', b'x' * 100), ('empty', b'')):
        t.equal(order.put(name, data)[0], 422, what)
    tool('delta', t.dir / 'other', old / 'large', new / 'small1')
    t.equal(order.put(name, (t.dir / 'other').read_bytes())[0], 422, 'of another file')
    t.equal(order.put(f'{new_hash}.{"A" * 64}.delta', bytes(body))[0], 422, 'from a file that is not here')
    t.equal(order.put(f'{"A" * 64}.{old_hash}.delta', bytes(body))[0], 422, 'of a file that the order has not')
    t.equal(order.put(f'{"A" * 64}.{"B" * 64}.frame', bytes(body))[0], 422, 'a frame of others')
    t.equal(order.put('x.delta', b'')[0], 400, 'a bad name')
    t.equal(order.put(name, b'x', size='y')[0], 400, 'a bad size')
    t.equal(order.put(name, b'x', token='z')[0], 403, 'without the token')
    order.send_missing()
    order.commit()
    t.equal(dp.get('/SMS_DP_SMSPKG$/PS100001.2/large')[2], (new / 'large').read_bytes(), 'the file')


tap.main()
