"""The extension's road: what a machine announces, which sets it is named, and how it fetches them."""
import hashlib
import sqlite3
import time

import suplab
import archive
import world
from archive import Package
from suplab import announce

import tap


def point(t, count=40):
    p = suplab.Point(t)
    w = p.world
    suite = w.debian().add(*[Package(f'pkg{i}', f'1.{i}-1') for i in range(count)]).write()
    w.use()
    assert w.sync().code == 0
    return p, suite


def named(result):
    element = result.find(suplab.EXTENSION)
    return [(s.get('Product'), s.get('Architecture'), int(s.get('Number')), s.get('SHA256'))
            for s in element], element.get('Unchanged')


@tap.case('/sup/soap_client/sets-are-named-for-the-machine-DEB-030')
def for_the_machine(t):
    p, _ = point(t)
    p.start()
    a = p.agent().sign_in()
    got, unchanged = named(a.sync(announce()))
    t.equal((got, unchanged), (p.sets(), None))
    t.equal(named(a.sync(announce(codename='trixie')))[0], [], 'another release')
    t.equal(named(a.sync(announce(os_id='ubuntu')))[0], [], 'another distribution')
    t.equal(named(a.sync(announce(arches='arm64')))[0], [], 'another architecture')
    t.equal(named(a.sync(announce(codename='', version='12')))[0], p.sets(), 'by version where no codename is')
    t.equal(named(a.sync(announce(held=p.sets())))[1], 'true', 'the sets held are the right ones')
    t.equal(named(a.sync(announce(held=[s[:3] + ('0' * 64,) for s in p.sets()])))[1], None, 'another digest')


@tap.case('/sup/soap_client/files-are-what-they-are-named')
def files(t):
    p, _ = point(t)
    p.start()
    a = p.agent().sign_in()
    element = a.sync(announce()).find(suplab.EXTENSION)
    url = element[0].get('Url')
    status, heads, body = a.raw(url, None, method='GET')
    t.equal((status, heads['Content-Type'], heads['Content-Encoding']), (200, 'application/zstd', None))
    t.contains(heads['Cache-Control'], 'immutable')
    plain = suplab.unpack(body)
    t.equal(hashlib.sha256(plain).hexdigest(), element[0].get('SHA256'))
    t.equal(plain.decode(), p.world.point.set_text())
    t.equal(a.raw(url, None, method='GET', headers={'If-None-Match': heads['ETag']})[0], 304)
    t.equal(a.raw('/EvaluationSets/' + '0' * 64, None, method='GET')[0], 404)
    t.equal(a.raw('/EvaluationSets/x.y', None, method='GET')[0], 404)
    t.equal(a.raw('/EvaluationSets/..%2f..%2fcookie.key', None, method='GET')[0] // 100, 4)


@tap.case('/sup/soap_client/a-scan-with-nothing-new-is-one-small-exchange-DEB-042')
def nothing_new(t):
    p, _ = point(t)
    p.start()
    cache = t.dir / 'cache'
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log, 'SyncUpdates: 6 requests; 1 evaluation sets, 0 by steps, 1 whole')
    p.refresh(cache)
    t.contains(p.client_log.splitlines()[-1], 'SyncUpdates: 1 requests; 1 evaluation sets, 0 by steps, 0 whole')
    a = p.agent().sign_in()
    a.sent = a.received = a.calls = 0
    origins = [('Debian', 'bookworm', f'archive.example.org/debian bookworm{s}') for s in ('', '-updates')]
    origins.append(('Debian', 'bookworm', 'security.debian.org/debian-security bookworm-security'))
    t.equal(named(a.sync(announce(held=p.sets(), origins=origins)))[1], 'true')
    assert a.calls == 1 and a.sent + a.received < 4096, (a.sent, a.received)


@tap.case('/sup/soap_client/a-change-moves-a-step-DEB-042')
def step(t):
    p, suite = point(t, 400)
    p.start()
    cache = t.dir / 'cache'
    p.refresh(cache)
    suite.add(Package('fresh', '2'))
    suite.date += 60
    suite.write()
    assert p.world.sync().code == 0
    wait_for_sets(p)
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log.splitlines()[-1], '1 evaluation sets, 1 by steps, 0 whole')
    t.equal(sorted(f.suffix for f in cache.iterdir()), ['', '.set'], 'the old set is gone')


def wait_for_sets(p):
    """Until the program has seen what was committed beside it."""
    a = p.agent().sign_in()
    deadline = tap.until(20)
    while named(a.sync(announce()))[0] != p.sets():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@tap.case('/sup/soap_client/a-damaged-set-is-fetched-anew')
def damaged(t):
    p, _ = point(t)
    p.start()
    cache = t.dir / 'cache'
    p.refresh(cache)
    kept = next(cache.glob('*.set'))
    kept.write_bytes(kept.read_bytes()[:-1] + b'!')
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log, 'a kept evaluation set is fetched anew')
    t.contains(p.client_log.splitlines()[-1], '1 whole')


@tap.case('/sup/soap_client/a-bad-step-falls-back-to-the-whole-set')
def bad_step(t):
    p, suite = point(t, 400)
    p.start()
    cache = t.dir / 'cache'
    p.refresh(cache)
    suite.add(Package('fresh', '2'))
    suite.date += 60
    suite.write()
    assert p.world.sync().code == 0
    # The stored step becomes the one of nothing: a valid frame of other content.
    frame = suplab.pack(b'no step')
    base = sqlite3.connect(p.state / 'catalog.db', timeout=10)
    base.execute('UPDATE CatalogSteps SET Content = ?', (frame,))
    base.commit()
    base.close()
    wait_for_sets(p)
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log, 'the whole evaluation set is fetched')
    t.contains(p.client_log.splitlines()[-1], '0 by steps, 1 whole')


@tap.case('/sup/soap_client/another-update-point-of-the-same-content-moves-nothing')
def other_point(t):
    p, _ = point(t)
    p.start()
    cache = t.dir / 'cache'
    p.refresh(cache)
    # Another program at another port, with a key and a catalogue of its own from the same archive.
    p.stop()
    for path in p.state.iterdir():
        if path.is_file():
            path.unlink()
    conf = p.root / 'etc/upkeep/sup.conf'
    conf.write_text(conf.read_text().replace(f'port={p.port}', 'port=0'))
    assert p.world.sync().code == 0
    p.start()
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log.splitlines()[-1], '5 requests; 1 evaluation sets, 0 by steps, 0 whole')


@tap.case('/sup/soap_client/a-refused-cookie-is-renewed-once')
def renewed(t):
    p, _ = point(t)
    p.start()
    cache = t.dir / 'cache'
    p.refresh(cache)
    p.stop()
    (p.state / 'cookie.key').unlink()
    p.start()
    t.equal(p.refresh(cache), p.sets())
    t.contains(p.client_log, 'failed with the fault InvalidCookie: cookie renewed')


@tap.case('/sup/soap_client/no-update-point-is-an-error-of-the-network')
def nobody(t):
    p, _ = point(t)
    p.start()
    port = p.port
    p.stop()
    t.equal(p.refresh(t.dir / 'cache', status=1, port=port), [])
    t.contains(p.error, 'NETWORK: ')


@tap.case('/sup/soap_client/two-architectures-and-a-strangers-archive-DEB-030')
def more(t):
    p = suplab.Point(t, arches=('amd64', 'i386'))
    w = p.world
    w.debian(arches=['amd64', 'i386']).add(Package('one', '1'), Package('two', '1', arch='i386')).write()
    other = archive.Archive(t.dir / 'docker', world.key())
    theirs = other.suite('bookworm', origin='Docker', label='Docker CE', arches=['amd64'])
    theirs.add(Package('docker', '24')).write()
    w.machine.sources(*[w.archive.line(s) for s in w.archive.suites], other.line(theirs))
    assert w.sync().code == 0
    p.start()
    t.equal(p.refresh(t.dir / 'cache'), p.sets())
    t.equal(len(p.sets()), 3, 'sets of Debian for two architectures, and of the other archive for one')
    a = p.agent().sign_in()
    t.equal(len(named(a.sync(announce(arches='amd64 i386')))[0]), 2, 'who does not use the archive has none of it')
    docker = ('Docker', 'bookworm', 'elsewhere bookworm')
    t.equal(len(named(a.sync(announce(arches='amd64 i386', origins=[docker])))[0]), 3, 'by the origin named')


@tap.case('/sup/soap_client/announcements-out-of-bounds-are-refused')
def bounds(t):
    p, _ = point(t)
    p.start()
    a = p.agent().sign_in()
    cookie = a.cookie
    for bad in (announce(arches=''), announce(arches='../x'), announce(held=[('x', 'amd64', 1, '0' * 64)]),
                announce(held=[(world.UPDATES, 'amd64', 'x', '0' * 64)]), announce(codename='c' * 2000),
                announce(origins=[('a', 'b', 'c')] * 1001), '<EvaluationSets xmlns="urn:upkeep"/>'):
        a.cookie = cookie
        try:
            a.sync(bad)
            t.fail(f'{bad[:200]} was taken')
        except suplab.Fault as fault:
            t.equal(fault.code, 'InvalidParameters')


tap.main()
