#!/usr/bin/python3
"""The site server sends packages to a distribution point: orders, blocks, batches, commits, removal."""
import os
import subprocess
import threading
import time

import dpkit
import librarywalk
import tap


def package(t, files, version=1, package_id='PS100001'):
    """A package of {name: bytes} in a folder of its own."""
    folder = t.dir / f'source {package_id}.{version}'
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return dpkit.Package(t, package_id, version, {f'{package_id}.{version}': folder})


def arriving(dp):
    """The names of what is on its way into the library."""
    return sorted(path.name for path in (dp.library / 'SMS_DP$').iterdir())


def wait_arrived(dp):
    """Until nothing is; a block is answered before it is written."""
    deadline = tap.until(20)
    while arriving(dp):
        assert time.monotonic() < deadline, f'still here: {arriving(dp)}'
        time.sleep(0.01)


def library_files(dp):
    """{hash: SHA-256 by sha256sum} of what FileLib holds."""
    return {path.name: dpkit.file_hash(path) for path in librarywalk.files(dp.library) if '.' not in path.name}


def started(t, *settings):
    dp = dpkit.Point(t, *settings).start()
    dp.configure()
    return dp


@tap.case('/dp/order/what-is-sent-is-in-the-library-DIST-077-DIST-083')
def whole_road(t):
    dp = started(t)
    one = package(t, {'setup.bin': os.urandom(300_000), 'docs/readme': b'read me\n', 'empty': b''})
    order = dpkit.Order(dp, one)
    t.equal(set(order.missing), set(one.files), 'what is missing')
    t.equal({row['Position'] for row in order.missing.values()}, {0}, 'positions')
    order.commit(status=409)
    order.send_missing(block=100_000)
    told = order.commit()
    t.equal(told['ContentIDs'], ['PS100001.1'], 'the content items')
    t.equal(library_files(dp), {h: h for h in one.files}, 'the library')
    dp.wait_log("Content 'PS100001.1' for package 'PS100001' has been added to content library successfully")
    t.equal(order.commit()['ContentIDs'], ['PS100001.1'], 'the commit whose answer was lost')
    t.equal(dp.log().count('has been added to content library'), 1, 'lines in the log')
    state = dp.ask('GET', '/SMS_DP$/package?id=PS100001')
    t.equal((state['State'], state['Version'], state['Percent']), ('Installed', 1, 100), 'the state')
    t.equal(dp.ask('GET', '/SMS_DP$/packages')['Packages'],
            [{'PackageID': 'PS100001', 'Version': 1, 'ContentIDs': ['PS100001.1']}], 'the packages')
    t.equal(dp.configure()['Packages'], [{'PackageID': 'PS100001', 'Version': 1}], 'the packages of configure')


@tap.case('/dp/order/what-is-there-is-not-sent-again-DIST-078')
def update(t):
    dp = started(t)
    same, old, new = os.urandom(50_000), os.urandom(60_000), os.urandom(70_000)
    one = package(t, {'same': same, 'changes': old})
    order = dpkit.Order(dp, one)
    order.send_missing()
    order.commit()
    two = package(t, {'same': same, 'moved/same': same, 'changes': new}, 2)
    order = dpkit.Order(dp, two)
    t.equal(set(order.missing), {dpkit.sha256(new)}, 'what is missing')
    t.equal(order.missing[dpkit.sha256(new)]['Old'], dpkit.sha256(old), 'what a delta may be of')
    t.equal([(row['NewContentID'], row['OldContentID']) for row in order.answer['Frame']],
            [('PS100001.2', 'PS100001.1')], 'what a frame may be of')
    order.send_missing()
    order.commit()
    # what only the old version used is gone (DIST-148)
    t.equal(set(library_files(dp)), {dpkit.sha256(same), dpkit.sha256(new)}, 'the library')
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['Version'], 2, 'the version')


@tap.case('/dp/order/definitions-that-are-damaged-are-written-anew-DIST-016-DIST-155')
def damaged_definitions(t):
    dp = started(t)
    one = package(t, {'exec': b'exec', 'big': os.urandom(70_000), 'd/in it': b'in', 'last': b'last'})
    order = dpkit.Order(dp, one)
    order.send_missing()
    order.commit()
    want = dpkit.definitions(dp)
    notes = sorted(path for path in want if path.startswith('FileLib'))
    item, names = 'DataLib/PS100001.1', [name for name in want if name.startswith('DataLib/PS100001.1/')]
    assert len(names) == 4 and len(notes) == 4, want.keys()

    def damage(**lines):
        for name, data in lines.items():
            path = dp.library / name
            path.unlink()
            if data is not None:
                path.write_bytes(data)

    everything = {'PkgLib/PS100001.INI': b'[Packages]\nPS1000', f'{item}/exec.INI': None, f'{item}/big.INI': b'garbage',
                  notes[0]: b'garbage', notes[1]: None, notes[2]: b'[Users]\nPS1'}
    for action, restart, what in (('redist', False, everything), ('add', False, everything), ('add', True, everything),
                                  ('add', True, {f'{item}.TREE': b'garbage', f'{item}.INI': b'garbage'}),
                                  ('redist', True, {f'{item}.TREE': None, f'{item}.INI': None, f'{item}/last.INI': b''})):
        if restart:
            dp.stop()
        damage(**what)
        if restart:
            dp.start()
        order = dpkit.Order(dp, one, action)
        order.send_missing()
        order.commit()
        words = f'after {action} of {sorted(what)}'
        t.equal({k: v for k, v in dpkit.definitions(dp).items() if want.get(k) != v}, {}, words)
        t.equal(dpkit.definitions(dp).keys(), want.keys(), words)
        for name in ('exec', 'd/in%20it'):
            t.equal(dp.get(f'/SMS_DP_SMSPKG$/PS100001/{name}')[0], 200, words)
        t.equal(library_files(dp), {h: h for h in one.files}, words)


@tap.case('/dp/order/redistribution-brings-every-file-again-DIST-155')
def redistribute(t):
    dp = started(t)
    one = package(t, {'a': os.urandom(5000), 'b': os.urandom(6000), 'c': b'c'})
    order = dpkit.Order(dp, one)
    order.send_missing()
    order.commit()
    damaged, gone, kept = one.files
    path = dp.library / 'FileLib' / damaged[:4] / damaged
    path.write_bytes(b'x' + path.read_bytes()[1:])
    (dp.library / 'FileLib' / gone[:4] / gone).unlink()
    order = dpkit.Order(dp, one, 'redist')
    t.equal(set(order.missing), set(one.files), 'what is missing')
    order.block(damaged, one.bytes_of(damaged))
    # Killed and started again: what came is proved from the disk, what did not is still asked for.
    dp.restart(9)
    asked = set(order.commit(status=409)['Missing'])
    assert gone in asked and kept not in asked, asked
    for digest in asked:
        status, _, answer = order.block(digest, one.bytes_of(digest))
        t.equal(status, 200, f'the rest ({answer})')
    order.commit()
    t.equal(library_files(dp), {h: h for h in one.files}, 'the library')


@tap.case('/dp/order/what-a-failed-sync-lost-of-a-redistribution-comes-again-DIST-155')
def lost_by_a_sync(t):
    dp = started(t)
    one, other = package(t, {'a': b'first'}), package(t, {'b': b'other'}, 1, 'PS100002')
    order = dpkit.Order(dp, one)
    order.send_missing()
    order.commit()
    digest, report = dpkit.sha256(b'first'), t.dir / 'report'

    # The first sync of the file system that holds the library fails.
    dp.stop()
    dp.start(UPKEEP_FAULT='fail:1', UPKEEP_FAULT_ONLY='sync', UPKEEP_FAULT_AT='upkeep/content',
             UPKEEP_FAULT_REPORT=str(report))
    (dp.library / 'FileLib' / digest[:4] / digest).write_bytes(b'FIRST')
    order = dpkit.Order(dp, one, 'redist')
    order.send_missing()
    assert not report.exists(), report.read_text()
    # What came is published with the next order that is given.
    dpkit.Order(dp, other)
    t.equal(report.read_text(), '1 sync upkeep/content fail\n', 'what failed')
    t.equal(order.commit(status=409)['Missing'], [digest], 'what is to come again')
    t.equal(order.block(digest, b'first')[0], 200, 'the file')
    order.commit()
    t.equal(dp.get('/SMS_DP_SMSPKG$/PS100001.1/a')[2], b'first', 'what is served')


@tap.case('/dp/order/a-file-goes-on-where-it-was-cut-off')
def resumed(t):
    dp = started(t)
    data = os.urandom(3_000_000)
    digest = dpkit.sha256(data)
    one = package(t, {'big': data})
    order = dpkit.Order(dp, one)
    t.equal(order.block(digest, data[:1_000_000])[2]['Position'], 1_000_000, 'the position')
    # the same block again, since its answer was lost
    status, _, answer = order.block(digest, data[:1_000_000])
    t.equal((status, answer), (409, {'Position': 1_000_000}), 'a block twice')
    t.equal(order.block(digest, data[2_000_000:], 2_000_000)[0], 409, 'a gap')
    dp.restart(9)
    t.equal(order.block(digest, data[1_000_000:2_000_000], 1_000_000)[0], 200, 'after a kill')
    again = dpkit.Order(dp, one)
    t.equal(again.missing[digest]['Position'], 2_000_000, 'the position in a new order')
    t.equal(order.block(digest, data[2_000_000:], 2_000_000)[0], 404, 'the order that was replaced')
    again.send_missing()
    again.commit()
    t.equal(library_files(dp), {digest: digest}, 'the library')


@tap.case('/dp/order/small-files-come-whole-whatever-is-here-of-them')
def whole_in_place_of_half(t):
    dp = started(t)
    one = package(t, {f'f{i}': os.urandom(2000) for i in range(4)})
    empty, half, other, none = one.files
    # what a repair that found no source leaves, what was cut off, and what another file left
    for digest, left in ((empty, b''), (half, one.bytes_of(half)[:1000]), (other, os.urandom(2000))):
        (dp.library / f'SMS_DP$/{digest}-PS100001.1.temp').write_bytes(left)
    order = dpkit.Order(dp, one)
    t.equal({h: row['Position'] for h, row in order.missing.items()}, {empty: 0, half: 1000, other: 0, none: 0}, 'what is missing')
    status, _, answer = order.batch([empty, none])
    t.equal(status, 200, f'the batch ({answer})')
    order.commit(batch=order.batch_body([half, other]))
    t.equal(library_files(dp), {h: h for h in one.files}, 'the library')
    t.equal([path.name for path in (dp.library / 'SMS_DP$').iterdir()], [], 'what is left')


@tap.case('/dp/order/small-files-may-come-with-the-end')
def with_the_end(t):
    dp = started(t)
    one = package(t, {f'f{i}': os.urandom(2000) for i in range(3)})
    digests = list(one.files)
    order = dpkit.Order(dp, one)
    body = order.batch_body(digests)
    order.commit(status=403, token='x', batch=body)
    # one has other bytes than its hash's: that one is not taken, and the order goes on
    order.commit(status=422, batch=body[:-1] + bytes([body[-1] ^ 1]))
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Downloading', 'the state before the end')
    t.equal(set(order.commit(status=409, batch=order.batch_body(digests[:1]))['Missing']), {digests[2]}, 'what is missing')
    told = order.commit(batch=dpkit.zstd(order.batch_body(digests[2:])), coding='zstd')
    t.equal(told['ContentIDs'], ['PS100001.1'], 'the content items')
    t.equal(library_files(dp), {h: h for h in digests}, 'the library')
    t.equal(order.commit(batch=body)['ContentIDs'], ['PS100001.1'], 'the end whose answer was lost')
    order.commit(status=403, token='x')
    t.equal(dp.log().count('has been added to content library'), 1, 'lines in the log')
    # nothing of it was written down: a restart knows the package, not the order
    dp.restart(9)
    t.equal(library_files(dp), {h: h for h in digests}, 'the library after a kill')
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Installed', 'the state after a kill')
    order.commit(status=404)
    again = dpkit.Order(dp, one)
    t.equal(again.missing, {}, 'what the order given again lacks')
    again.commit()


@tap.case('/dp/order/one-of-which-nothing-has-come-is-given-again-after-a-restart')
def lost(t):
    dp = started(t)
    old = package(t, {'f': b'first version'})
    order = dpkit.Order(dp, old)
    order.send_missing()
    order.commit()
    # what was written down for the version before does not come back in its place
    order = dpkit.Order(dp, package(t, {'f': b'second version'}, 2))
    dp.restart(9)
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['Version'], 2, 'the order that replaces a written one is written')
    order.send_missing()
    order.commit()
    order = dpkit.Order(dp, package(t, {'f': b'another'}, 1, 'PS100002'))
    dp.restart(9)
    t.equal(order.block(dpkit.sha256(b'another'), b'another')[0], 404, 'an order that was lost')
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100002')['State'], 'Absent', 'its package')


@tap.case('/dp/order/a-file-that-cannot-get-its-name-stops-its-own-package-alone-DIST-016')
def stuck(t):
    dp = started(t)
    one, other = package(t, {'f': b'first', 'g': b'g'}), package(t, {'f': b'other'}, 1, 'PS100002')
    digest = dpkit.sha256(b'first')
    place = dp.library / 'FileLib' / digest[:4] / digest
    place.mkdir(parents=True)
    first = dpkit.Order(dp, one)
    first.send_missing()
    t.contains(str(first.commit(status=500)), 'Is a directory', 'the end of its own order')
    # An order and its end publish what waits.
    order = dpkit.Order(dp, other)
    order.send_missing()
    order.commit()
    t.equal(dp.get('/SMS_DP_SMSPKG$/PS100002.1/f')[2], b'other', 'what is served')
    dp.wait_log('not published')
    place.rmdir()
    first.commit()
    t.equal(library_files(dp), {h: h for h in (*one.files, *other.files)}, 'the library')


@tap.case('/dp/order/small-files-come-in-batches')
def batches(t):
    dp = started(t)
    one = package(t, {f'f{i}': b'small %d\n' % i * i for i in range(500)})
    order = dpkit.Order(dp, one)
    digests = list(one.files)
    t.equal(order.batch(digests[:200])[0], 200, 'a plain batch')
    t.equal(order.batch(digests[100:], dpkit.zstd)[0], 200, 'a packed batch, some of it again')
    order.commit()
    t.equal(library_files(dp), {h: h for h in digests}, 'the library')


@tap.case('/dp/order/packed-blocks-and-holes')
def packed(t):
    dp = started(t)
    data = bytes(8_000_000) + b'end'
    digest = dpkit.sha256(data)
    order = dpkit.Order(dp, package(t, {'sparse': data}))
    t.equal(order.block(digest, dpkit.zstd(data), headers={'Content-Encoding': 'zstd'})[0], 200, 'packed by zstd')
    order.commit()
    path = dp.library / 'FileLib' / digest[:4] / digest
    t.equal(dpkit.file_hash(path), digest, 'the bytes')
    assert path.stat().st_blocks * 512 < 100_000, path.stat().st_blocks


@tap.case('/dp/order/wrong-bytes-are-thrown-away')
def wrong(t):
    dp = started(t)
    data = os.urandom(10_000)
    digest = dpkit.sha256(data)
    one = package(t, {'f': data, 'g': b'g'})
    order = dpkit.Order(dp, one)
    t.equal(order.block(digest, data[:5000] + bytes(5000))[0], 422, 'other bytes')
    t.equal(order.block(digest, data + b'more')[0], 413, 'more bytes than the file has')
    t.equal(order.block(digest, b'not zstd', headers={'Content-Encoding': 'zstd'})[0], 400, 'bad packing')
    t.equal(order.block(digest, data, headers={'Content-Encoding': 'br'})[0], 501, 'another packing')
    status, _, answer = order.put(f'{digest}-PS100001.1.temp', data, position='x')
    t.equal(status, 400, 'a bad position')
    t.equal(order.put('zz-PS100001.1.temp', b'')[0], 400, 'a bad name')
    other = dpkit.sha256(b'other')
    t.equal(order.put(f'{other}-PS100001.1.temp', b'other')[0], 404, 'a file that the order has not')
    head = bytes.fromhex(other) + (5).to_bytes(8, 'little')
    t.equal(order.put(f'{order.id}.batch', head + b'other')[0], 400, 'such a file in a batch')
    t.equal(order.put(f'{order.id}.batch', bytes.fromhex(dpkit.sha256(b'g')) + (1).to_bytes(8, 'little') + b'x')[0], 422,
            'other bytes in a batch')
    t.equal(order.put(f'{order.id}.batch', b'short')[0], 400, 'a batch that is cut off')
    t.equal(set(order.commit(status=409)['Missing']), set(one.files), 'what is missing')
    t.equal(order.send_missing(), 10_001, 'bytes of a good try')
    order.commit()


@tap.case('/dp/order/only-who-has-the-token-may-send-DIST-077')
def token(t):
    dp = started(t)
    one = package(t, {'f': b'f'})
    order = dpkit.Order(dp, one)
    digest = dpkit.sha256(b'f')
    name = f'/SMS_DP$/{digest}-PS100001.1.temp?order={order.id}&position=0'
    t.equal(order.block(digest, b'f', token='0' * 32)[0], 403, 'another token')
    t.equal(dp.raw('PUT', name, b'f')[0], 403, 'no token')
    t.equal(dp.site('PUT', name, b'f')[0], 403, 'a signature in place of the token')
    t.equal(dp.raw('PUT', f'/SMS_DP$/{digest}-PS100001.1.temp', b'f', {'Authorization': f'Upkeep {order.token}'})[0], 403,
            'no order')
    order.commit(status=403, token='x')
    # the token opens nothing else
    for method, path in (('POST', '/SMS_DP$/remove'), ('POST', '/SMS_DP$/order?action=add&token=' + 'a' * 64),
                         ('GET', '/SMS_DP$/packages'), ('PUT', '/SMS_DP$/PS100001.tz')):
        t.equal(dp.raw(method, path, b'', {'Authorization': f'Upkeep {order.token}'})[0], 403, path)
    t.equal(library_files(dp), {}, 'the library')


@tap.case('/dp/order/bad-orders-name-what-is-wrong')
def bad_orders(t):
    dp = started(t)
    one = package(t, {'f': b'f'})
    good = 'a' * 64
    for path, body, said in (('?action=take&token=' + good, one.bundle, 'take'), ('?action=add&token=x', one.bundle, 'token'),
                             ('?action=add', one.bundle, 'token'), (f'?action=add&token={good}', b'no bundle', '')):
        status, _, data = dp.site('POST', '/SMS_DP$/order' + path, body)
        t.equal(status, 400, path)
        t.contains(data.decode(), said)
    t.equal(dp.raw('POST', '/SMS_DP$/order/none/commit', b'', {'Authorization': 'Upkeep x'})[0], 404, 'no such order')


@tap.case('/dp/remove/holds-against-an-order-that-ends-at-that-moment-DIST-148')
def ends_at_that_moment(t):
    hold = dpkit.Hold(t)
    dp = dpkit.Point(t).start(**hold.environment('.temp'))
    dp.configure()
    order = dpkit.Order(dp, package(t, {'f': b'f'}))
    said, batch = [], order.batch_body(order.missing)
    ends = threading.Thread(target=lambda: said.append(order.commit(status=404, batch=batch)), daemon=True)
    hold.begin()
    ends.start()
    hold.wait()
    dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    hold.end()
    ends.join(20)
    t.contains(str(said), 'was taken back', 'the end of the order')
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Absent', 'the state')
    t.equal(dp.get('/SMS_DP_SMSPKG$/PS100001.1/f')[0], 404, 'the content item')
    t.equal((library_files(dp), arriving(dp)), ({}, []), 'what came with the end')


@tap.case('/dp/remove/takes-what-comes-in-that-moment-DIST-148')
def comes_in_that_moment(t):
    hold = dpkit.Hold(t)
    dp = dpkit.Point(t).start(**hold.environment('.temp'))
    dp.configure()
    big, said = b'x' * 5000, []
    order = dpkit.Order(dp, package(t, {'f': big}))
    comes = threading.Thread(target=lambda: said.append(order.block(dpkit.sha256(big), big[:3000])), daemon=True)
    hold.begin()
    comes.start()
    hold.wait()
    dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    hold.end()
    comes.join(20)
    t.equal(len(said), 1, 'the answer')
    t.equal(order.block(dpkit.sha256(big), big[3000:], 3000)[0], 404, 'the order')
    wait_arrived(dp)
    # The same where another order takes its place.
    order = dpkit.Order(dp, package(t, {'f': big}))
    comes = threading.Thread(target=lambda: said.append(order.block(dpkit.sha256(big), big[:3000])), daemon=True)
    hold.begin()
    comes.start()
    hold.wait()
    following = dpkit.Order(dp, package(t, {'g': b'g' * 5000}, 2))
    hold.end()
    comes.join(20)
    wait_arrived(dp)
    following.send_missing()
    following.commit()
    t.equal((set(library_files(dp)), arriving(dp)), ({dpkit.sha256(b'g' * 5000)}, []), 'the library')


@tap.case('/dp/remove/holds-against-an-order-that-begins-at-that-moment-DIST-148')
def begins_at_that_moment(t):
    hold = dpkit.Hold(t)
    dp = dpkit.Point(t).start(**hold.environment('.bundle'))
    dp.configure()
    data, orders = b'x' * 5000, []
    dpkit.Order(dp, package(t, {'f': data})).block(dpkit.sha256(data), data[:100])  # written down, as the next one is then
    begins = threading.Thread(target=lambda: orders.append(dpkit.Order(dp, package(t, {'g': b'g'}))), daemon=True)
    hold.begin()
    begins.start()
    hold.wait()
    removes = threading.Thread(target=lambda: dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'}), daemon=True)
    removes.start()
    removes.join(0.5)  # it waits for the order
    hold.end()
    begins.join(20)
    removes.join(20)
    t.contains(str(orders[0].commit(status=404, batch=orders[0].batch_body(orders[0].missing))), 'NOT_FOUND', 'its end')
    wait_arrived(dp)
    t.equal(library_files(dp), {}, 'what came by it')


@tap.case('/dp/remove/takes-the-package-and-what-only-it-had-DIST-148')
def removed(t):
    dp = started(t)
    shared = os.urandom(1000)
    for number in (1, 2):
        order = dpkit.Order(dp, package(t, {'shared': shared, 'own': b'own %d' % number}, 1, f'PS10000{number}'))
        order.send_missing()
        order.commit()
    half = dpkit.Order(dp, package(t, {'shared': shared, 'own': b'x' * 5000, 'whole': b'whole'}, 2, 'PS100001'))
    half.block(dpkit.sha256(b'whole'), b'whole')  # proved; it waits for others, to be published with them
    half.block(dpkit.sha256(b'x' * 5000), b'x' * 100)
    for _ in range(2):
        dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    t.equal(set(library_files(dp)), {dpkit.sha256(shared), dpkit.sha256(b'own 2')}, 'the library')
    t.equal(list((dp.library / 'SMS_DP$').iterdir()), [], 'what was half here')
    t.equal(half.block(dpkit.sha256(b'x' * 5000), b'')[0], 404, 'the order of the package')
    t.equal(dp.ask('GET', '/SMS_DP$/package?id=PS100001')['State'], 'Absent', 'the state')
    t.equal(dp.site('POST', '/SMS_DP$/remove', {'PackageID': '../x'})[0], 400, 'a bad name')
    # Others go on, and so does the package itself when it comes again.
    for package_id in ('PS100003', 'PS100001'):
        order = dpkit.Order(dp, package(t, {'whole': b'whole', 'more': package_id.encode()}, 3, package_id))
        order.send_missing()
        order.commit()
    t.equal(set(library_files(dp)), {dpkit.sha256(data) for data in (shared, b'own 2', b'whole', b'PS100001', b'PS100003')},
            'the library after that')


def items(t, package_id, version, **contents):
    """A package of updates: {content ID: {name: bytes}}, each in a folder of its own."""
    folders = {}
    for name, files in contents.items():
        content = f'Content_{name[0] * 8}-0000-4000-8000-000000000000.{name[1:]}'
        folders[content] = t.dir / f'source {package_id}.{version} {name}'
        folders[content].mkdir()
        for path, data in files.items():
            (folders[content] / path).write_bytes(data)
    return dpkit.Package(t, package_id, version, folders)


def half_sent(dp, one, half):
    """All of it has come, whole and published, but one file."""
    order = dpkit.Order(dp, one)
    for digest in order.missing:
        order.block(digest, one.bytes_of(digest)[:100 if digest == half else None])
    order.commit(409)


@tap.case('/dp/remove/takes-what-had-come-for-content-items-with-names-of-their-own-DIST-148')
def removed_items(t):
    dp = started(t)
    big, shared, one, two = b'x' * 5000, os.urandom(3000), os.urandom(1000), os.urandom(2000)
    other = items(t, 'PS100002', 1, c1={'shared': shared, 'big': big * 2})
    half_sent(dp, items(t, 'PS100001', 1, a1={'big': big}, b1={'one': one}, c1={'shared': shared}), dpkit.sha256(big))
    half_sent(dp, other, dpkit.sha256(big * 2))
    dp.restart()
    dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    left = lambda: tuple({path.name for path in (dp.library / folder).glob(kind)} for folder, kind in (('SMS_DP$', '*.temp'), ('DataLib', '*')))
    content, = other.contents
    rest = {f'{dpkit.sha256(big * 2)}-{content}.temp'}
    t.equal(set(library_files(dp)), {dpkit.sha256(shared)}, 'the library, with what another order brings')
    t.equal(left(), (rest, {f'{content}.PEND'}), 'what is half here')
    # One that is replaced leaves what the newer has another version of, till that is there, and of others nothing.
    half_sent(dp, items(t, 'PS100001', 2, a1={'big': big, 'one': one}, b1={'two': two}), dpkit.sha256(big))
    newer = dpkit.Order(dp, items(t, 'PS100001', 3, a2={'one': one, 'new': b'new'}))
    t.equal(set(newer.missing), {dpkit.sha256(b'new')}, 'what is missing')
    t.equal((set(library_files(dp)), left()[0]), ({dpkit.sha256(shared), dpkit.sha256(one)}, rest), 'the library, of the newer order')
    newer.send_missing()
    newer.commit()
    again = dpkit.Order(dp, other)
    t.equal({row['Position'] for row in again.missing.values()}, {100}, 'where the other one goes on')
    again.send_missing()
    again.commit()
    t.equal(set(library_files(dp)), {dpkit.sha256(data) for data in (shared, big * 2, one, b'new')}, 'the library')
    t.equal((left()[0], [name for name in left()[1] if name.endswith('.PEND')]), (set(), []), 'what is half here at the end')
    # One that pulls from now on keeps what came whole, and nothing half.
    half_sent(dp, items(t, 'PS100001', 4, d1={'big': big, 'two': two}), dpkit.sha256(big))
    dp.configure(IsPullDP=True)
    t.equal((left()[0], dpkit.sha256(two) in library_files(dp)), (set(), True), 'what is here for the pull')


@tap.case('/dp/package/tells-how-far-it-is')
def progress(t):
    dp = started(t)
    data = os.urandom(100_000)
    order = dpkit.Order(dp, package(t, {'f': data}))
    order.block(dpkit.sha256(data), data[:25_000])
    state = dp.ask('GET', '/SMS_DP$/package?id=PS100001')
    t.equal((state['State'], state['Version'], state['Percent'], state['BytesDone'], state['BytesAll']),
            ('Downloading', 1, 25, 25_000, 100_000), 'half way')
    order.block(dpkit.sha256(data), data[25_000:], 25_000)
    order.commit()
    path = librarywalk.files(dp.library)[0]
    (dp.library / 'FileLib' / dpkit.sha256(data)[:4] / dpkit.sha256(data)).unlink()
    state = dp.ask('GET', '/SMS_DP$/package?id=PS100001')
    t.equal(state['State'], 'Failed', 'a package that lacks a file')
    t.contains(state['Error'], '1 files')
    assert path


@tap.case('/dp/order/a-cancelled-one-ends')
def cancelled(t):
    dp = started(t)
    order = dpkit.Order(dp, package(t, {'f': b'f'}))
    dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': 'PS100001', 'Version': 7})
    t.equal(order.block(dpkit.sha256(b'f'), b'f')[0], 200, 'another version is cancelled')
    dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': 'PS100001', 'Version': 1})
    order.commit(status=404)


@tap.case('/dp/tz/is-kept-where-the-pull-component-looks')
def bundle(t):
    dp = started(t)
    one = package(t, {'f': b'f'})
    dp.ask('PUT', '/SMS_DP$/PS100001.tz', one.bundle)
    path = dp.library / 'SMS_DP$/PS100001.tz'
    t.equal(subprocess.run(['cmp', path, one.bundle_path]).returncode, 0, 'the bundle')
    t.equal(dp.site('PUT', '/SMS_DP$/PS100002.tz', one.bundle)[0], 400, "another package's name")
    t.equal(dp.site('PUT', '/SMS_DP$/..%2f..%2fx.tz', one.bundle)[0], 400, 'a path')
    # As large as a bundle may be it is looked at.
    t.equal(dp.site('PUT', '/SMS_DP$/PS100001.tz', bytes(65 << 20))[0], 400, 'many bytes that are no bundle')


@tap.case('/dp/signatures/come-with-the-order-and-are-served')
def signatures(t):
    dp = started(t)
    one = package(t, {'big': os.urandom(1_000_000)})
    made = t.dir / 'signatures.tar'
    subprocess.run([os.environ['DPTOOL'], 'signatures', made, one.contents['PS100001.1']], check=True)
    # Of an order that is replaced, or whose package is removed, nothing is left, and what it has kept for it stays.
    for end in (lambda: dpkit.Order(dp, one), lambda: dp.ask('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})):
        order = dpkit.Order(dp, one)
        t.equal(order.put('PS100001.1.tar', made.read_bytes())[0], 200, 'the signatures')
        dp.restart(9)
        t.equal([path.name for path in (dp.state / 'staging').iterdir()], [order.id], 'on the way in')
        end()
        t.equal(list((dp.state / 'staging').iterdir()), [], 'what is left of the way in')
    order = dpkit.Order(dp, one)
    t.equal(order.put('PS100001.1.tar', made.read_bytes()[:700])[0], 422, 'a part of them')
    t.equal(order.put('PS100001.1.tar', made.read_bytes())[0], 200, 'the signatures')
    t.equal(order.put('PS100009.1.tar', made.read_bytes())[0], 404, 'of another content item')
    t.equal(order.put('PS100001.1.tar', made.read_bytes()[:512] + bytes(65 << 20))[0], 422, 'as many bytes as 140 GB have, of no form')
    order.send_missing()
    order.commit()
    status, _, body = dp.get('/SMS_DP_SMSSIG$/PS100001.1.tar')
    t.equal((status, body), (200, made.read_bytes()), 'what is served')
    t.equal(list((dp.state / 'staging').iterdir()), [], 'what is left of the way in')


tap.main()
