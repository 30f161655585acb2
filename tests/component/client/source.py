"""The way to the update point: cookies, evaluation sets whole and by steps, and what happens when
the other side is broken or hostile. The client is the real one, its peers share no code with it."""
import clientkit
import tap
import uppeer

OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
NEWER = clientkit.SET.replace('sudo 1.9.13p3-1', 'sudo 1.9.13p3-1+deb12u1')
SYNC = 'SyncUpdates'
INTRODUCTION = ['GetConfig', 'GetAuthorizationCookie', 'GetCookie', 'RegisterComputer']


def pair(t, **settings):
    """A client whose update point is the peer; not started."""
    c = clientkit.Client(t, program=tap.build_root() / 'src/client/upkeep-client', **settings)
    up = uppeer.UpdatePoint(clientkit.SET)
    t.cleanup(up.close)
    (c._folder(c.machine / 'etc') / 'os-release').write_text(OS_RELEASE)
    c.mp.locations = [(up.url, 'localhost', '38')]
    return c, up


def scan_again(c, count):
    c.command(f'SCAN-{count}.CMD')
    c.wait_scans(count)


def whole(text):
    return f'/EvaluationSets/{uppeer.sha256(text)}'


def kept(c):
    return sorted(path.name for path in (c.root / 'var/lib/upkeep/client/wuagent').glob('*.set'))


@tap.case('/client/source/first-scan-DEB-040-DEB-042-COMP-048')
def first_scan(t):
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    t.equal(up.failures, [], 'what was wrong with the calls')
    t.equal(up.calls, INTRODUCTION + [SYNC, whole(clientkit.SET)], 'the calls')
    t.equal(c.rows('SELECT NumMissing, NumInstalled FROM CCM_ScanJobInstance'), [(1, 2)], 'the figures')
    t.equal(kept(c), [f'{uppeer.PRODUCT}_amd64_1_{uppeer.sha256(clientkit.SET)}.set'], 'what is kept')


@tap.case('/client/source/nothing-new-DEB-042')
def nothing_new(t):
    """One short exchange, after a restart too."""
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    up.calls.clear()
    up.bytes = 0
    scan_again(c, 2)
    t.equal(up.calls, [SYNC], 'the calls')
    if up.bytes >= 4096:
        t.fail(f'{up.bytes} bytes were moved')
    c.kill()
    c.start()
    scan_again(c, 3)
    t.equal(up.calls, [SYNC, SYNC], 'the calls after a restart')


@tap.case('/client/source/step-DEB-042')
def a_step(t):
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    up.calls.clear()
    up.change(NEWER)
    scan_again(c, 2)
    t.equal(up.calls, [SYNC, f'{whole(clientkit.SET)}.{uppeer.sha256(NEWER)}'], 'the calls')
    t.equal(kept(c), [f'{uppeer.PRODUCT}_amd64_2_{uppeer.sha256(NEWER)}.set'], 'what is kept')
    t.equal(c.rows("SELECT Status FROM CCM_UpdateStatus WHERE Article = 'sudo'"), [('Missing',)], 'sudo')


@tap.case('/client/source/bad-step')
def bad_step(t):
    """A step that is garbage, does not fit, or gives another text: the whole set is fetched."""
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    texts, digest = clientkit.SET, uppeer.sha256
    for count, spoil in enumerate((lambda s: b'garbage', lambda s: s.replace(b'-sudo', b'-nodo'),
                                   lambda s: s.replace(b'+deb12u', b'+deb12x')), 2):
        old, new = up.text, texts.replace('sudo 1.9.13p3-1', f'sudo 1.9.13p3-1+deb12u{count}')
        up.change(new)
        up.steps[(digest(old), digest(new))] = spoil(up.steps[(digest(old), digest(new))])
        up.calls.clear()
        scan_again(c, count)
        t.equal(up.calls, [SYNC, f'{whole(old)}.{digest(new)}', whole(new)], f'the calls of scan {count}')
        t.equal(kept(c), [f'{uppeer.PRODUCT}_amd64_{count}_{digest(new)}.set'], 'what is kept')


@tap.case('/client/source/stale-cookies')
def stale_cookies(t):
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    for count, code in enumerate(('CookieExpired', 'InvalidCookie', 'ConfigChanged', 'ServerChanged'), 2):
        up.calls.clear()
        up.what_fault = [code]
        scan_again(c, count)
        t.equal(up.calls, [SYNC] + INTRODUCTION + [SYNC], f'the calls after {code}')


@tap.case('/client/source/asked-for-ever')
def asked_for_ever(t):
    """An update point that is never content does not keep the client busy."""
    c, up = pair(t)
    up.what_fault = ['CookieExpired'] * 1000
    c.start()
    c.wait_scans(1, 'RetryPending')
    t.equal(up.calls.count(SYNC) < 4, True, 'few tries')


@tap.case('/client/source/fault-is-told-COMP-083')
def fault_is_told(t):
    c, up = pair(t)
    up.what_fault = ['InternalServerError'] * 1000
    c.start()
    c.wait_scans(1, 'RetryPending')
    t.contains(c.rows('SELECT ErrorText FROM CCM_ScanJobInstance')[0][0], 'InternalServerError', 'the error')


@tap.case('/client/source/another-update-point')
def another_update_point(t):
    """The same content at another update point moves nothing."""
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    other = uppeer.UpdatePoint(clientkit.SET)
    other.registered = {'it'}
    t.cleanup(other.close)
    c.mp.locations = [(other.url, 'localhost', '38')]
    scan_again(c, 2)
    t.equal(other.calls, INTRODUCTION + [SYNC], 'the calls')


@tap.case('/client/source/damaged-file')
def damaged_file(t):
    c, up = pair(t)
    c.start()
    c.wait_scans(1)
    path = c.root / 'var/lib/upkeep/client/wuagent' / kept(c)[0]
    path.write_text(path.read_text().replace('openssl', 'openSSL'))
    up.calls.clear()
    scan_again(c, 2)
    t.equal(up.calls, [SYNC, whole(clientkit.SET)], 'the calls')
    t.equal(path.read_text(), clientkit.SET, 'the file')


@tap.case('/client/source/wrong-digest')
def wrong_digest(t):
    """A set that is not the one named is never used; the next try mends it."""
    c, up = pair(t)
    up.what_garbage = uppeer.pack(NEWER.encode())
    c.start()
    c.wait_scans(1, 'RetryPending')
    t.contains(c.rows('SELECT ErrorText FROM CCM_ScanJobInstance')[0][0], 'has digest', 'the error')
    t.equal(kept(c), [], 'what is kept')
    up.what_garbage = None
    c.step(30 * 60)
    c.wait_scans(1)


@tap.case('/client/source/garbage-files')
def garbage_files(t):
    frame = uppeer.pack(clientkit.SET.encode())
    for name, data in (('a page', b'<html>not found</html>'), ('half a frame', frame[:-5]), ('nothing', b'')):
        c, up = pair(t)
        up.what_garbage = data
        c.start()
        c.wait_scans(1, 'RetryPending')
        t.equal(kept(c), [], f'what is kept of {name}')
        c.stop()


@tap.case('/client/source/garbage-answers')
def garbage_answers(t):
    bomb = ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>').encode()
    sets = ('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><SyncUpdatesResponse xmlns="%s">'
            '<SyncUpdatesResult><EvaluationSets xmlns="urn:upkeep"><Set Product="%s" Architecture="%s" Number="1" '
            'SHA256="%s" Url="%s"/></EvaluationSets></SyncUpdatesResult></SyncUpdatesResponse></s:Body></s:Envelope>')
    digest = uppeer.sha256(clientkit.SET)
    for name, reply in (('a page', b'<html><body>hello'), ('a bomb', bomb), ('nothing', b''),
                        ('another machine', (sets % (uppeer.NS, uppeer.PRODUCT, 'amd64', digest,
                                                     'http://evil.example/x')).encode()),
                        ('a path', (sets % (uppeer.NS, uppeer.PRODUCT, '../../etc', digest, whole('x'))).encode()),
                        ('no GUID', (sets % (uppeer.NS, 'x', 'amd64', digest, whole('x'))).encode())):
        c, up = pair(t)
        up.what_reply = reply
        c.start()
        c.wait(lambda: c.rows("SELECT State FROM CCM_ScanJobInstance WHERE State IN ('RetryPending', 'Failed')"),
               f'the end of the scan with {name}')
        t.equal([call for call in up.calls if call.startswith('/')], [], f'files fetched after {name}')
        c.stop()


@tap.case('/client/source/without-extension')
def without_extension(t):
    c, up = pair(t)
    up.what_plain = True
    c.start()
    c.wait(lambda: c.rows("SELECT ErrorText FROM CCM_ScanJobInstance WHERE State = 'Failed'"), 'the failure')
    t.contains(c.rows('SELECT ErrorText FROM CCM_ScanJobInstance')[0][0], 'names no evaluation sets')


tap.main()
