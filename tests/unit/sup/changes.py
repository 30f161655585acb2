"""The catalogue over time: revisions, owners, expiry, subscriptions, steps; kills and faults in between."""
import os
import signal
import subprocess
import time

import world
from archive import Package

import tap
import webserver


@tap.case('/sup/catalog/revisions-DEB-021-DEB-050')
def revisions(t):
    w = world.World(t)
    s = w.debian().add(Package('foo', '1.0-1'), Package('bar', '1')).write()
    w.use()
    t.equal(w.sync().counts['added'], 2)
    first = w.point.updates()
    # A rebuild is a new revision of the same update.
    s.packages['main'][0] = Package('foo', '1.0-1+b1', source='foo', source_version='1.0-1')
    s.date += 60
    s.write()
    run = w.sync()
    t.equal({k: run.counts[k] for k in ('added', 'revised', 'moved', 'expired', 'unchanged', 'change')},
            {'added': 0, 'revised': 1, 'moved': 0, 'expired': 0, 'unchanged': 1, 'change': 2})
    got = w.point.updates()['foo', '1.0-1']
    t.equal((got.id, got.revision), (first['foo', '1.0-1'].id, '2'))
    assert int(got.revision_id) > max(int(u.revision_id) for u in first.values())
    t.equal([f.version for f in got.files], ['1.0-1+b1'])
    t.equal(list(w.point.updates(since=1)), [('foo', '1.0-1')], 'changes since the first run')
    t.equal((got.first_change, got.change), ('1', '2'))
    assert '\nfoo 1.0-1 500 r 2\t= =+b1 ' in w.point.set_text()
    # Moving to a stricter suite changes words, hence the revision too.
    sec = w.security().add(s.packages['main'][0]).write()
    w.use()
    t.equal(w.sync().counts['revised'], 1)
    got = w.point.updates()['foo', '1.0-1']
    t.equal((got.revision, got.classification), ('3', world.SECURITY))
    assert sec


@tap.case('/sup/catalog/ownership-and-supersedence-DEB-026-DEB-032')
def ownership(t):
    w = world.World(t)
    # The old version still owns libold; data moves from one source to another.
    s = w.debian().add(Package('tool', '1', source='src'), Package('libold', '1', source='src'),
                       Package('data', '1', source='src'), Package('single', '1'))
    s.write()
    w.use()
    t.equal(w.sync().code, 0)
    sec = w.security().add(Package('tool', '2', source='src'), Package('single', '1.1'))
    sec.add(Package('data', '5', source='other')).write()
    w.use()
    run = w.sync()
    t.equal({k: run.counts[k] for k in ('added', 'revised', 'moved', 'expired')},
            {'added': 3, 'revised': 0, 'moved': 2, 'expired': 0}, 'a change of owner is no new revision')
    got = w.point.updates()
    t.equal({f.package: f.owned for f in got['src', '1'].files}, {'tool': '-', 'libold': '+', 'data': '-'})
    t.equal(got['src', '1'].superseded_by, '')
    t.equal(got['single', '1'].superseded_by, got['single', '1.1'].id)
    t.equal((got['single', '1'].revision, got['src', '1'].revision), ('1', '1'))
    # With its last binary taken over, it is superseded by all the owners.
    sec.add(Package('libold', '3', source='third')).date += 60
    sec.write()
    t.equal(w.sync().code, 0)
    got = w.point.updates()
    t.equal(sorted(got['src', '1'].superseded_by.split()),
            sorted([got['src', '2'].id, got['other', '5'].id, got['third', '3'].id]))


@tap.case('/sup/catalog/all-and-native-are-one-package-DEB-031-DEB-026')
def all_and_native(t):
    w = world.World(t)
    w.debian().add(Package('foo', '1'), Package('bar', '1', arch='all')).write()
    w.security().add(Package('foo', '2', arch='all'), Package('bar', '2')).write()
    w.use()
    t.equal(w.sync().code, 0)
    got = w.point.updates()
    t.equal(got['foo', '1'].superseded_by, got['foo', '2'].id)
    t.equal(got['bar', '1'].superseded_by, got['bar', '2'].id)
    w.machine.status([Package('foo', '1'), Package('bar', '0', arch='all')])
    missing, states, _ = w.point.evaluate()
    t.equal(missing, [('bar', 'all', '0', '2'), ('foo', 'amd64', '1', '2')])
    t.equal({k: v for k, v in states.items() if v != 'none'}, {('bar', '2'): 'missing', ('foo', '2'): 'missing'},
            'owners alone')


@tap.case('/sup/catalog/priorities-DEB-015-DEB-026')
def priorities(t):
    w = world.World(t)
    w.debian().add(Package('aa', '1'), Package('bb', '1')).write()
    w.archive.suite('bookworm-backports', origin='Debian Backports', suite='oldstable-backports', not_automatic='yes',
                    but_automatic='yes').add(Package('aa', '2~bpo'), Package('new', '1~bpo')).write()
    w.archive.suite('experimental', codename='rc-buggy', suite='experimental', not_automatic='yes').add(
        Package('aa', '9'), Package('bb', '9')).write()
    w.use()
    t.equal(w.sync().code, 0)
    t.equal({k: u.superseded_by for k, u in w.point.updates().items() if u.superseded_by}, {}, 'each rules in its class')
    for installed, expected in ((['1', '0'], [('bb', 'amd64', '0', '1')]), (['0', '1'], [('aa', 'amd64', '0', '1')]),
                                (['1.5', '1'], [('aa', 'amd64', '1.5', '2~bpo')]), (['2', '8'], []), (['8', '1'], [])):
        w.machine.status([Package('aa', installed[0]), Package('bb', installed[1]), ])
        t.equal(w.point.evaluate()[0], expected, installed)
    w.machine.status([Package('new', '0')])
    t.equal(w.point.evaluate()[0], [('new', 'amd64', '0', '1~bpo')])


@tap.case('/sup/catalog/other-build-DEB-003')
def other_build(t):
    w = world.World(t)
    w.debian().add(Package('aa', '1', fields={'Depends': 'libc6 (>= 2.36), x'}), Package('bb', '0:2'),
                   Package('cc', '3', fields={'Multi-Arch': 'same'}), Package('dd', '1', arch='all')).write()
    w.use()
    t.equal(w.sync().code, 0)
    w.machine.status([Package('aa', '1', fields={'Depends': 'libc6 (>= 2.36), y', 'Installed-Size': '13'}),
                      Package('bb', '2'), Package('cc', '3'), Package('dd', '1')])
    missing, states, builds = w.point.evaluate()
    t.equal(missing, [])
    t.equal(builds, {'aa': 'Installed-Size, Depends', 'cc': 'Multi-Arch', 'dd': 'Architecture'})
    t.equal(set(states.values()), {'installed'})


@tap.case('/sup/catalog/gone-and-back-DEB-051')
def gone(t):
    w = world.World(t)
    s = w.debian().add(Package('foo', '1'), Package('bar', '1')).write()
    w.use()
    t.equal(w.sync().code, 0)
    gone, kept = s.packages['main']
    s.packages['main'] = [kept]
    s.date += 60
    s.write()
    t.equal(w.sync().counts['expired'], 1)
    got = w.point.updates()
    t.equal((got['foo', '1'].expired, got['bar', '1'].expired), ('1', '0'))
    t.equal(list(w.point.updates(since=1)), [('foo', '1')], 'readers are told of what expired')
    assert '\nfoo ' not in w.point.set_text()
    s.packages['main'] = [gone, kept]
    s.date += 60
    s.write()
    t.equal(w.sync().code, 0)
    back = w.point.updates()
    t.equal((back['foo', '1'].expired, back['foo', '1'].revision), ('0', '2'), 'who scanned meanwhile is asked again')
    assert int(back['foo', '1'].revision_id) > max(int(u.revision_id) for u in got.values())
    t.equal((back['bar', '1'].revision, back['bar', '1'].revision_id), ('1', got['bar', '1'].revision_id))


@tap.case('/sup/catalog/nothing-new-SYNC-038')
def nothing_new(t):
    w = world.World(t)
    s = w.debian().add(Package('foo', '1')).write()
    w.use()
    t.equal(w.sync().counts['change'], 1)
    before = w.point.dump()
    for _ in range(3):
        run = w.sync()
        t.equal((run.counts['change'], run.suites['bookworm'].outcome), (1, 'unchanged'))
    s.date += 60
    s.write()
    run = w.sync()
    t.equal((run.counts['change'], run.suites['bookworm'].outcome), (1, 'read'))
    t.equal(w.point.dump(), before)


@tap.case('/sup/catalog/subscriptions-SYNC-006')
def subscriptions(t):
    w = world.World(t)
    w.debian().add(Package('foo', '1')).write()
    w.security().add(Package('foo', '1.1')).write()
    third = w.archive.suite('thing', origin='Thing', codename='thing').add(Package('ttt', '1')).write()
    w.use()
    t.equal(w.sync().code, 0)
    product = next(row[0] for row in w.point.rows('products') if row[2] == 'Thing')
    w.point.tool('subscribe', product, '0')
    w.point.tool('subscribe', world.ROLLUPS, '0')
    run = w.sync()
    t.equal({k: v.outcome for k, v in run.suites.items()},
            {'bookworm': 'unwanted', 'bookworm-security': 'unchanged', 'thing': 'unwanted'})
    t.equal({k: u.expired for k, u in w.point.updates().items()},
            {('foo', '1'): '1', ('foo', '1.1'): '0', ('ttt', '1'): '1'})
    t.equal([row[5] for row in w.point.rows('categories') if row[0] in (product, world.ROLLUPS)], ['0', '0'])
    t.equal(len(w.point.sets()), 1)
    run = w.sync()
    t.equal(run.suites['thing'].outcome, 'unwanted')
    w.point.tool('subscribe', product, '1')
    w.point.tool('subscribe', world.ROLLUPS, '1')
    t.equal(w.sync().code, 0)
    t.equal({k: (u.expired, u.revision) for k, u in w.point.updates().items()},
            {('foo', '1'): ('0', '2'), ('foo', '1.1'): ('0', '1'), ('ttt', '1'): ('0', '2')}, 'what was away is new')
    bad = w.point.tool('subscribe', 'nonsense', '1', check=False)
    t.contains(bad.stderr, '"nonsense" is no GUID of a product or classification')
    assert third


@tap.case('/sup/catalog/components-come-and-go-DEB-010')
def components(t):
    w = world.World(t)
    s = w.debian(components=['main', 'contrib'])
    s.add(Package('foo', '1')).add(Package('bar', '1'), component='contrib').write()
    line = w.archive.line(s)
    w.machine.sources(line.replace(' main contrib', ' main'))
    t.equal((w.sync().code, len(w.point.updates())), (0, 1))
    w.machine.sources(line)
    run = w.sync()
    t.equal((run.suites['bookworm'].outcome, len(w.point.updates())), ('read', 2))
    w.machine.sources(line.replace(' main contrib', ' contrib'))
    t.equal(w.sync().code, 0)
    t.equal({k: u.expired for k, u in w.point.updates().items()}, {('foo', '1'): '1', ('bar', '1'): '0'})


@tap.case('/sup/catalog/steps-DEB-042')
def steps(t):
    w = world.World(t)
    s = w.debian().add(*[Package(f'package{i}', f'{i}') for i in range(300)]).write()
    w.use()
    t.equal(w.sync().code, 0)
    history = []
    for n in range(10):
        (product, arch), (number, sha) = next(iter(w.point.sets().items()))
        history.append((number, sha, w.point.set_text()))
        s.packages['main'][n] = Package(f'package{n}', f'{n}.1')
        s.date += 60
        s.write()
        t.equal(w.sync().code, 0)
    (product, arch), (number, sha) = next(iter(w.point.sets().items()))
    t.equal(number, 11)
    now = w.point.set_text()
    for old_number, old_sha, text in history:
        step = w.point.tool('step', product, arch, old_sha).stdout
        if old_number <= 2:
            t.equal(step, 'none\n', 'the oldest are not kept')
            continue
        lines = step.splitlines()
        t.equal(lines[:3], ['upkeep-evaluation-step 1', f'from {old_sha}', f'to {sha}'])
        body = set(text.splitlines())
        for line in lines[3:]:
            if line[0] == '-':
                body = {x for x in body if not x.startswith(line[1:] + ' ')}
            else:
                body.add(line[1:])
        t.equal(body, set(now.splitlines()), f'from {old_number}')
    t.equal(w.point.tool('step', product, arch, '0' * 64).stdout, 'none\n')


@tap.case('/sup/upstream/killed-and-resumed-DEB-014')
def killed(t):
    w = world.World(t)
    s = w.debian(forms=['.xz'])
    s.add(*[Package(f'package{i}', f'1.{os.urandom(20).hex()}') for i in range(4000)]).write()
    size = (s.folder / 'main/binary-amd64/Packages.xz').stat().st_size
    with webserver.Server(w.archive.folder) as server:
        w.use(uri=server.uri)
        by_hash = next((s.folder / 'main/binary-amd64/by-hash/SHA256').iterdir()).name
        server.on[by_hash] = webserver.slow(size // 40, 0.05)
        process = w.point.start_sync()
        server.wait_for(by_hash)
        part = w.point.spool / f'{by_hash}.part'
        while not part.exists() or part.stat().st_size < size // 4:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        t.equal(w.point.dump(), '', 'nothing half')
        kept = part.stat().st_size
        server.requests.clear()
        server.on.clear()
        run = w.sync()
        t.equal((run.code, run.counts['added']), (0, 4000))
        t.equal([h.get('Range') for p, h in server.requests if p.endswith(by_hash)], [f'bytes={kept}-'])
        t.equal(os.listdir(w.point.spool), [], 'the spool is clean')


@tap.case('/sup/upstream/transfer-breaks-and-goes-on-DEB-014')
def goes_on(t):
    w = world.World(t)
    s = w.debian(forms=['.xz'], by_hash=None)
    s.add(*[Package(f'package{i}', f'1.{os.urandom(20).hex()}') for i in range(2000)]).write()
    with webserver.Server(w.archive.folder) as server:
        w.use(uri=server.uri)
        server.on['Packages.xz'] = webserver.cut_once(30000)
        run = w.sync()
        t.equal((run.code, run.counts['added']), (0, 2000))
        t.equal([h.get('Range') for p, h in server.requests if p.endswith('.xz')], [None, 'bytes=30000-'])
    with webserver.Server(w.archive.folder, ranges=False) as server:
        w.point = world.Point(t.dir / 'other', w.machine)
        w.use(uri=server.uri)
        server.on['Packages.xz'] = webserver.cut_once(30000)
        run = w.sync()
        t.equal((run.code, run.counts['added']), (0, 2000), 'a server without ranges begins anew')


@tap.case('/sup/upstream/damaged-spool-DEB-014')
def damaged_spool(t):
    w = world.World(t)
    s = w.debian(forms=['.xz']).add(*[Package(f'p{i}', '1') for i in range(300)]).write()
    with webserver.Server(w.archive.folder) as server:
        w.use(uri=server.uri)
        by_hash = next((s.folder / 'main/binary-amd64/by-hash/SHA256').iterdir()).name
        w.point.spool.mkdir()
        (w.point.spool / f'{by_hash}.part').write_bytes(b'damaged by a crash')
        import hashlib
        plain = hashlib.sha256(s.index_text('main', 'amd64')).hexdigest()
        (w.point.spool / f'{plain}.stanzas').write_bytes(b'300 0\ndamaged too')
        run = w.sync()
        t.equal((run.code, run.counts['added']), (0, 300))


def content(point):
    """All that readers see, without the numbers that count runs."""
    rows = [(key, u._replace(revision_id='', change='', first_change='')) for key, u in sorted(point.updates().items())]
    return rows, sorted(key for key in point.sets()), [point.set_text()]


@tap.case('/sup/upstream/every-fault-once-DEB-014')
def faults(t):
    """Each write, sync, rename, unlink and commit of a synchronization fails once, or kills: each suite is then as
    it was or as it is now, and the next run makes all of it new."""
    w = world.World(t)
    s = w.debian().add(*[Package(f'p{i}', '1', source=f's{i % 9}') for i in range(60)]).write()
    sec = w.security().add(Package('p1', '1.1')).write()
    w.use()
    t.equal(w.sync().code, 0)
    db = w.point.db.read_bytes()

    def restore():
        for path in w.point.folder.glob('catalog.db*'):
            path.unlink()
        w.point.db.write_bytes(db)
        subprocess.run(['rm', '-rf', w.point.spool], check=True)

    right = [content(w.point)]
    releases = {suite: (suite.folder / 'InRelease').read_bytes() for suite in (s, sec)}
    s.packages['main'][3] = Package('p3', '2')
    s.date += 60
    s.write()
    sec.add(Package('p2', '1.1')).date += 60
    sec.write()
    fresh = {suite: (suite.folder / 'InRelease').read_bytes() for suite in (s, sec)}
    for old in (s, sec, None):  # what may be seen: one suite old, the other one old, neither
        restore()
        for suite in (s, sec):
            (suite.folder / 'InRelease').write_bytes(b'' if suite is old else fresh[suite])
        t.equal(w.sync().code, 0)
        right.append(content(w.point))
    new = right[-1]
    t.equal(len({str(r) for r in right}), 4)
    assert releases
    for mode in ('fail', 'kill', 'killafter'):
        n = 1
        while True:
            restore()
            done = w.point.tool('sync', w.machine.root, w.point.spool, check=False,
                                env={'UPKEEP_FAULT': f'{mode}:{n}', 'UPKEEP_FAULT_REPORT': str(t.dir / 'report')})
            points = len((t.dir / 'report').read_text().splitlines())
            (t.dir / 'report').unlink()
            if points < n:
                break
            got = content(w.point)
            assert got in right, f'{mode}:{n}: no catalogue that may be seen\n{done.stderr}'
            if mode == 'fail' and got != new:
                assert done.returncode != 0 or '\tfailed\t' in done.stdout or 'suite\tfailed' in done.stdout, \
                    f'{mode}:{n} was not noticed'
            if mode != 'fail':
                assert got in (right[0], new), f'{mode}:{n}: half'
            t.equal(w.sync().code, 0, f'the run after {mode}:{n}')
            t.equal(content(w.point), new, f'the catalogue after {mode}:{n} and another run')
            n += 1 if tap.full() else 1 + n // 4
        print(f'{mode}: {points} points')
        assert points >= 10, (mode, points)


@tap.case('/sup/upstream/real-lists-DEB-010-DEB-020-DEB-025')
def real(t):
    """This machine's own lists, as an archive signed anew: counts and files against libapt's reading."""
    import pathlib

    import apt_pkg
    lists = pathlib.Path('/var/lib/apt/lists')
    w = world.World(t)
    binaries, sources, versions, files = set(), set(), set(), {}
    for path in sorted(lists.glob('*_dists_*_main_binary-amd64_Packages*')):
        suite = path.name.split('_dists_')[1].split('_')[0]
        plain = t.dir / suite
        with plain.open('wb') as out:
            subprocess.run(['/usr/lib/apt/apt-helper', 'cat-file', path], stdout=out, check=True)
        if any(s.path == suite for s in w.archive.suites):
            t.skip('this machine has two archives with a suite of one name')
        s = w.archive.suite(suite, forms=['.gz'], by_hash=None)
        s.index_text = lambda component, arch, text=plain.read_bytes(): text
        s.packed = lambda form, text: __import__('gzip').compress(text, 1)
        s.write()
        with apt_pkg.TagFile(str(plain)) as tags:
            for section in tags:
                name, version = section['Package'], section['Version']
                source, _, rest = section.get('Source', name).partition(' (')
                binaries.add(name)
                sources.add(source)
                versions.add((source, rest.rstrip(')') or version))
                files[name, version, section['Architecture']] = (section['Size'], section['SHA256'])
    if not files:
        t.skip('this machine has no apt lists')
    w.use()
    run = w.sync()
    t.equal((run.code, run.error), (0, ''))
    got = w.point.updates()
    t.equal(sorted(got), sorted(versions))
    t.equal(len({k[0] for k in got}), len(sources))
    ours = {(f.package, f.version, f.arch): (f.size, f.sha256) for u in got.values() for f in u.files}
    t.equal(ours, files)
    t.equal(len({k[0] for k in ours}), len(binaries))
    print(len(binaries), 'binaries', len(sources), 'sources', len(versions), 'versions')


tap.main()
