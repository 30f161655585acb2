#!/usr/bin/python3
"""A pull distribution point as a program: from the notification to Succeeded, whatever happens in between."""
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import time

import dpkit
import librarywalk
import logtrace
import pullkit
import tap
import webserver

BIG = 3 * 1024 * 1024


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def package(t, number=1, version=1, items=1, seed=0, **files):
    files = files or {'setup.exe': noise(200_000, seed), 'readme': b'hello\n', 'empty': b''}
    contents = {}
    for item in range(items):
        name = f'PS10000{number}.{version}' if items == 1 else f'Content_{number}_{item}.{version}'
        contents[name] = pullkit.folder(t, f'{name}.source', **{k: v + bytes([item]) if items > 1 else v
                                                               for k, v in files.items()})
    return dpkit.Package(t, f'PS10000{number}', version, contents)


@tap.case('/dp/pull/from-notification-to-success-DIST-101-DIST-103-DIST-108-DIST-109-DIST-111-DIST-115-DIST-116-DIST-117-'
          'DIST-119-DIST-121-DIST-123-DIST-127')
def success(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    world.notify(p, [source])
    world.installed(p)
    lines, bound = world.lines(), {}
    # 93-logs 11.4, 11.6 and 11.7, in this order; the address of the sample's file names is another's.
    at = logtrace.match(lines, logtrace.section('11.4')[1], 'PullDP.log', bound)
    at += logtrace.match(lines[at:], logtrace.section('11.6')[0], 'PullDP.log', bound)
    at += logtrace.match(lines[at:], logtrace.section('11.6')[2], 'PullDP.log', bound)
    logtrace.match(lines[at:], [x for x in logtrace.section('11.7')[0] if 'Report' not in x or 'Report state' in x],
                   'PullDP.log', bound)
    logtrace.match(world.lines('DataTransferService.log'), logtrace.section('11.6')[1], 'DataTransferService.log')
    logtrace.match(world.lines('SMSDPProv.log'), ['Successfully notified PullDP', *logtrace.section('11.6')[3]], 'SMSDPProv.log')
    states = [x.split('state: ')[1].split(')')[0] for x in lines if x.startswith('ContentExecuteJob')]
    t.equal(states, ['1-NotStarted', '9-Downloaded', '13-SIApplied'], 'the states')
    assert not (world.dp.library / 'SMS_DP$' / p.id).exists(), 'the files of the job are still there'
    t.equal(sorted(world.dp.ask('GET', '/SMS_DP$/packages')['Packages'][0]['ContentIDs']), sorted(p.contents), 'what is in the library')


@tap.case('/dp/pull/report-is-of-the-form-and-signed-DIST-124-DIST-125-DIST-126')
def report(t):
    world = pullkit.World(t)
    p = package(t, version=3)
    world.notify(p, [world.source(p)])
    world.wait_report(1)
    states = [r[0] for r in world.reports()]
    t.equal(states, [8, 32, 1], 'the state messages')
    state, serial, name, params = world.reports()[-1]
    t.equal((serial, name), ('3', 'PS100001'), 'serial number and topic')
    t.equal((params[0], params[1], len(params)), ('PS100001', dpkit.NAL, 4), 'the parameters')
    assert len(params[2]) == 38 and params[2][0] == '{', params
    body = world.mp.bodies[-1]
    for part in ('<ClientInstalled>0</ClientInstalled>', '<Unknown>0</Unknown>', 'IDType="0" IDFlag="1"',
                 '<NetBIOSName>dp1.example.com</NetBIOSName>', '<ReportContent>StateMessage</ReportContent>', '<Format>1.1</Format>'):
        t.contains(body, part, 'the report')
    t.contains(body.lower(), world.told['IdentityGUID'].lower(), 'the report')
    # The signature is over the body as it was sent, in hexadecimal and last byte first; judged by openssl.
    envelope, payload = world.mp.raw[-1]
    signature = bytes.fromhex(next(x for x in envelope.replace('>', '<').split('<')
                                   if len(x) == 512 and set(x) <= set('0123456789ABCDEF') and fits(t, world, x, payload)))
    assert signature


def fits(t, world, text, payload):
    (t.dir / 'cert').write_text(world.told['Certificate'])
    (t.dir / 'sig').write_bytes(bytes.fromhex(text)[::-1])
    key = subprocess.run(['openssl', 'x509', '-in', t.dir / 'cert', '-noout', '-pubkey'], check=True, capture_output=True).stdout
    (t.dir / 'pub').write_bytes(key)
    return subprocess.run(['openssl', 'dgst', '-sha256', '-verify', t.dir / 'pub', '-signature', t.dir / 'sig'],
                          input=payload, capture_output=True).returncode == 0


@tap.case('/dp/pull/bad-bundle-fails-and-nothing-is-downloaded-DIST-110')
def bad_bundle(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    world.notify(p, [source], digest='AB' * 32)
    failed = world.wait_report(4)
    t.contains(failed[3][3], 'which the notification names', 'the fourth parameter')
    t.equal(source.requests, [], 'what the source was asked for')
    t.equal(world.standing(p)['State'], 'Failed', 'the state')
    world.notify(p, [source])
    world.installed(p)


@tap.case('/dp/pull/bundle-that-cannot-be-kept-is-told-and-tried-again-DIST-110')
def no_room_for_bundle(t):
    world = pullkit.World(t)
    p = package(t)
    in_the_way = world.dp.library / f'SMS_DP$/{p.id}/1.tz'
    in_the_way.mkdir(parents=True)
    world.notify(p, [world.source(p)])
    t.contains(world.wait_report(2)[3][3], '1.tz', 'why it waits, as the site is told')
    row = world.standing(p)
    t.equal(row['State'], 'Downloading', 'the state')
    assert row['NextTry'], row
    in_the_way.rmdir()
    world.dp.restart()
    world.installed(p)


@tap.case('/dp/pull/items-succeed-one-by-one-DIST-111-DIST-122')
def items(t):
    world = pullkit.World(t)
    p = package(t, items=3)
    source = world.source(p)
    last = sorted(p.contents)[-1]
    gate = webserver.Gate(source, f'/{last}/setup.exe')
    world.notify(p, [source])
    world.wait(lambda: sum('NotifySucceeded' in x for x in world.lines()) == 2, 'two items')
    t.equal(world.standing(p)['State'], 'Downloading', 'the state while one is lacking')
    t.equal([r[0] for r in world.reports() if r[0] in (1, 32)], [], 'ends reported too early')
    # One that went meanwhile is fetched again, and is no reason to fail.
    first = sorted(p.contents)[0]
    world.dp.stop(signal.SIGKILL)
    shutil.rmtree(world.dp.library / f'DataLib/{first}')
    for kind in ('INI', 'TREE'):
        (world.dp.library / f'DataLib/{first}.{kind}').unlink()
    world.dp.start()
    gate.open()
    world.installed(p)
    t.equal([r[0] for r in world.reports() if r[0] != 16], [8, 32, 1], 'the messages')


@tap.case('/dp/pull/only-what-is-missing-is-downloaded-DIST-118')
def missing_only(t):
    world = pullkit.World(t)
    one = package(t, 1, same=noise(5000), old=noise(6000, 2))
    two = package(t, 2, same=noise(5000), new=noise(7000, 3))
    world.notify(one, [world.source(one)])
    world.installed(one)
    source = world.source(two, 'second')
    world.notify(two, [source])
    world.installed(two)
    t.equal(source.paths(), ['/SMS_DP_SMSPKG$/PS100002.1/new'], 'what was asked for')
    t.contains('\n'.join(world.lines()), 'PS100002.1: 1 files already exists, 1 files to download')


@tap.case('/dp/pull/redistribution-downloads-everything-DIST-154-DIST-155')
def redistribution(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    world.notify(p, [source])
    world.installed(p)
    digest = dpkit.sha256(noise(200_000, 0))
    damaged = world.dp.library / 'FileLib' / digest[:4] / digest
    damaged.chmod(0o640)
    damaged.write_bytes(b'x' * 200_000)
    before = len(source.requests)
    world.notify(p, [source], action='redist')
    world.wait(lambda: sum(r[0] == 1 for r in world.reports()) == 2, 'the second success')
    asked = sorted(path.rsplit('/', 1)[1] for path, _ in source.requests[before:])
    t.equal(asked, ['empty', 'readme', 'setup.exe'], 'what was asked for')
    t.contains('\n'.join(world.lines()), 'PS100001.1: redistribute/redownload all files')
    t.equal(dpkit.file_hash(damaged), digest, 'the file that was damaged')


@tap.case('/dp/pull/what-a-redistribution-lost-is-not-taken-for-what-was-there-DIST-155')
def lost_redistribution(t):
    """Bytes that were fetched are gone after a failed sync, and a crash; the damaged file of before is none of them."""
    world = pullkit.World(t)
    p = package(t, a=b'first')
    source = world.source(p)
    world.notify(p, [source])
    world.installed(p)
    digest, report = dpkit.sha256(b'first'), t.dir / 'report'
    damaged = world.dp.library / 'FileLib' / digest[:4] / digest

    # Every sync of the file system that holds the library fails.
    world.dp.stop()
    damaged.chmod(0o640)
    damaged.write_bytes(b'FIRST')
    world.dp.start(UPKEEP_FAULT='fail+:1', UPKEEP_FAULT_ONLY='sync', UPKEEP_FAULT_AT='upkeep/content',
                   UPKEEP_FAULT_REPORT=str(report))
    world.notify(p, [source], action='redist')
    world.wait(lambda: report.exists() and 'upkeep/content fail' in report.read_text(), 'the sync that fails')
    world.wait(lambda: not any(path.name.upper() == digest and path != damaged for path in world.dp.library.rglob('*')),
               'the end of what was fetched')
    world.dp.stop(signal.SIGKILL)
    world.dp.start()
    world.wait(lambda: sum(r[0] == 1 for r in world.reports()) == 2, 'the second success')
    t.equal(damaged.read_bytes(), b'first', 'what is served')


@tap.case('/dp/pull/bundle-goes-with-its-job-and-no-sooner-DIST-101-DIST-127')
def bundle_goes(t):
    world = pullkit.World(t)
    first, second, third = (package(t, number=n, seed=n) for n in (1, 2, 3))
    staging = world.dp.library / 'SMS_DP$'

    def bundles():
        return sorted(path.name for path in staging.iterdir() if path.suffix == '.tz')

    # Done: it goes, and so does that of a pull that is cancelled, or whose package is removed.
    world.notify(first, [world.source(first)])
    world.installed(first)
    world.wait(lambda: bundles() == [], 'the end of the bundle of a job that is done')
    source = world.source(second)
    gate = webserver.Gate(source, '/setup.exe')
    world.notify(second, [source])
    world.notify(third, [source])
    world.wait(lambda: source.requests, 'the download')
    t.equal(bundles(), ['PS100002.tz', 'PS100003.tz'], 'bundles of what is being pulled')
    world.dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': second.id, 'Version': 1})
    world.dp.ask('POST', '/SMS_DP$/remove', {'PackageID': third.id})
    world.wait(lambda: bundles() == [], 'the end of the bundles of those')
    gate.open()
    # One that was sent and never named goes with the next start; to name it then asks for it again.
    world.dp.ask('PUT', f'/SMS_DP$/{second.id}.tz', second.bundle)
    world.dp.stop(signal.SIGKILL)
    world.dp.start()
    world.wait(lambda: bundles() == [], 'the end of a bundle that nobody has named')
    status, _, body = world.dp.site('POST', '/SMS_DP$/notify', world.notification(second, [(source, 1)]))
    t.equal(status, 409, f'naming a bundle that is not there: {body!r}')
    # The start sweeps the folders of such jobs too, one after the other.
    world.wait(lambda: list(staging.iterdir()) == [], 'the end of all that is left')


@tap.case('/dp/pull/told-again-while-its-end-is-cleared-away-fetches-again-DIST-109-DIST-127')
def told_again(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    gate = webserver.Gate(source, '/setup.exe')
    world.notify(p, [source])
    job = world.dp.library / 'SMS_DP$' / p.id
    world.wait(lambda: source.requests and job.exists(), 'the download')
    # So much to clear away that the second notification is there before that is over.
    for number in range(20_000):
        os.mknod(job / f'left{number}')
    gate.open()
    world.wait_report(1)
    source.on['/setup.exe'] = webserver.slow(8192, 0.06)
    world.notify(p, [source], action='redist')
    world.wait(lambda: [r[0] for r in world.reports()].count(1) == 2, 'the second success', 10)
    world.installed(p)
    t.equal(source.paths().count(f'/SMS_DP_SMSPKG$/{p.id}.1/setup.exe'), 2, 'how often the file was fetched')


@tap.case('/dp/pull/sources-by-rank-then-fallback-in-mid-file-DIST-120')
def sources(t):
    world = pullkit.World(t)
    p = package(t, big=noise(BIG))
    dead = socket.socket()
    dead.bind(('127.0.0.1', 0))
    t.cleanup(dead.close)
    lacks, dies, last = (world.source(p, name) for name in ('lacks', 'dies', 'last'))
    shutil.rmtree(t.dir / 'lacks/SMS_DP_SMSPKG$')
    cuts = [webserver.cut(BIG // 2)]
    dies.on['/big'] = lambda handler, data: (cuts.pop() if cuts else webserver.status(500))(handler, data)
    world.configure(Sources=[{'ServerName': 'last', 'Url': last.uri}])
    nobody = f'http://127.0.0.1:{dead.getsockname()[1]}'
    world.notify(p, [(dies, 3), (nobody, 1), (lacks, 2)], fallback='true')
    world.installed(p)
    t.equal(len(lacks.requests), 1, 'how often the one that lacks it was asked')
    t.equal(last.requests[0][1].get('Range'), f'bytes={BIG // 2}-', 'what the last one was asked for')
    left = [x for x in world.lines() if 'is left for another one' in x]
    t.equal([next(n for n, u in (('nobody', nobody), ('lacks', lacks.uri[:-1]), ('dies', dies.uri[:-1])) if u in x) for x in left],
            ['nobody', 'lacks', 'dies'], 'the order')


@tap.case('/dp/pull/sources-of-one-rank-go-first-by-chance-and-reports-are-not-in-the-log-unasked-DIST-120-DIST-124')
def by_chance(t):
    world = pullkit.World(t, verbose=False)
    p = package(t, items=20, a=b'a')  # one in 500,000 that all of them begin with the same one
    both = [world.source(p, name) for name in ('one', 'two')]
    world.notify(p, both)
    world.installed(p)
    asked = [{path.split('/')[2] for path in server.paths()} for server in both]
    t.equal((len(asked[0]) > 0, len(asked[1]) > 0, sorted([*asked[0], *asked[1]])), (True, True, sorted(p.contents)), 'what each was asked for')
    t.equal([x for x in world.lines() if 'Sending Report' in x or '<Report>' in x], [], 'bodies of reports')
    assert any(x.startswith('Report state message 0x00000001 (1) to MP') for x in world.lines()), world.lines()


@tap.case('/dp/pull/source-that-lies-is-found-out-DIST-120')
def liar(t):
    world = pullkit.World(t)
    p = package(t, a=noise(8000, 4), good=noise(9000), bad=noise(BIG, 2))
    lies, honest = world.source(p, 'lies'), world.source(p, 'honest')
    lies.on['/bad'] = webserver.replace(noise(BIG, 3))
    world.notify(p, [(lies, 1), (honest, 2)])
    world.installed(p)
    # What came before the bad one was proved, and is not fetched again.
    t.equal([path.rsplit('/', 1)[1] for path in honest.paths()], ['bad'], 'what the second source was asked for')


@tap.case('/dp/pull/wrong-bytes-of-a-source-that-broke-off-are-not-the-next-ones-fault-DIST-120')
def poisoned(t):
    world = pullkit.World(t)
    p = package(t, bad=noise(BIG, 2), worse=noise(BIG, 4))
    lies, honest = world.source(p, 'lies'), world.source(p, 'honest')
    for name in '/bad', '/worse':
        acts = [lambda handler, data: webserver.cut(BIG // 2)(handler, noise(BIG, 3))]
        lies.on[name] = lambda handler, data, acts=acts: (acts.pop() if acts else webserver.status(500))(handler, data)
    world.notify(p, [(lies, 1), (honest, 2)])
    world.installed(p)
    t.equal([r[0] for r in world.reports() if r[0] == 4], [], 'failures reported')
    assert any(headers.get('Range') for _, headers in honest.requests), 'the honest one was to go on where the other one broke off'


@tap.case('/dp/pull/all-fail-is-reported-and-tried-again-DIST-120')
def all_fail(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    source.on['/setup.exe'] = webserver.status(500)
    other = world.source(p, 'other')
    world.configure(Sources=[{'ServerName': 'other', 'Url': other.uri}])
    world.notify(p, [source], fallback='false')
    failed = world.wait_report(4)
    t.contains(failed[3][3], 'answered 500', 'the fourth parameter')
    t.equal(other.paths(), [], 'what another one was asked for, without fallback')
    row = world.standing(p)
    t.equal(row['State'], 'Failed', 'the state')
    t.contains(row['Error'], 'answered 500', 'the error')
    assert row['NextTry'], row
    source.on.clear()
    world.notify(p, [source])
    world.installed(p)


@tap.case('/dp/pull/nobody-has-it-waits-half-an-hour-DIST-120')
def nobody_has_it(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    shutil.rmtree(t.dir / 'source/SMS_DP_SMSPKG$')
    world.notify(p, [source])
    world.wait_state(p, 'Waiting')
    t.contains('\n'.join(world.lines()), 'the next try is in 30 minutes')
    t.contains(world.wait_report(2)[3][3], '404', 'why it waits, as the site is told')
    t.equal([r[0] for r in world.reports() if r[0] == 4], [], 'failures reported')
    shutil.copytree(next(iter(p.contents.values())), t.dir / 'source/SMS_DP_SMSPKG$/PS100001.1')
    with open(world.dp.conf, 'a') as conf:
        conf.write('[pulldp]\nno_source_minutes=60\n')
    world.dp.restart()
    t.equal(world.standing(p)['State'], 'Waiting', 'the state after a restart')
    # A longer pause holds, too, whatever happens meanwhile.
    another = package(t, 2)
    world.notify(another, [source])
    world.wait_state(another, 'Waiting')
    world.notify(p, [source])
    world.installed(p)
    tries = sum(f'has package {another.id}; the next try is in 60 minutes' in x for x in world.lines())
    t.equal(tries, 1, 'tries of another')


@tap.case('/dp/pull/killed-at-any-state-goes-on-DIST-112')
def killed(t):
    world = pullkit.World(t)
    p = package(t, big=noise(BIG), small=b's' * 100)
    source = world.source(p)
    source.on['/big'] = webserver.slow(65536, 0.01)
    world.notify(p, [source])
    part = world.dp.library / 'SMS_DP$/PS100001/PS100001.1/1' / (dpkit.sha256(noise(BIG)) + '.part')
    world.wait(lambda: part.exists() and part.stat().st_size > BIG // 3, 'a third')
    world.dp.restart(signal.SIGKILL)
    source.on.clear()
    world.installed(p)
    asked = [h.get('Range') for path, h in source.requests if path.endswith('/big')]
    assert len(asked) == 2 and asked[1], asked
    t.equal([r[0] for r in world.reports()].count(1), 1, 'successes reported')


@tap.case('/dp/pull/report-waits-for-the-management-point-DIST-127')
def report_waits(t):
    world = pullkit.World(t)
    world.mp.answer = 503
    p = package(t)
    world.notify(p, [world.source(p)])
    world.installed(p)
    t.equal(world.mp.bodies, [], 'what came to the management point')
    world.mp.answer, world.mp.page = 200, b'<html>welcome to the hotel</html>'
    world.dp.restart(signal.SIGKILL)
    world.wait(lambda: any('200 with 33 bytes' in line and 'look for a proxy or a login page' in line
                           for line in world.lines()), 'the page that is no receipt')
    t.equal(world.mp.bodies, [], 'what came to the management point')
    world.mp.page = b''
    world.dp.restart(signal.SIGKILL)
    world.wait_report(1)
    t.equal([r[0] for r in world.reports()], [8, 32, 1], 'the messages, in order')


@tap.case('/dp/pull/cancelled-DIST-126')
def cancelled(t):
    world = pullkit.World(t)
    p = package(t, big=noise(BIG))
    source = world.source(p)
    source.on['/big'] = webserver.slow(4096, 0.05)
    world.notify(p, [source])
    source.wait_for('/big')
    world.dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': p.id, 'Version': 1})
    world.wait_report(64)
    world.wait_state(p, 'Absent')
    world.wait(lambda: not (world.dp.library / 'SMS_DP$' / p.id).exists(), 'the end of the files of the job')
    # What was answered holds over a kill, however much the lane that ends it has to do before.
    hold, two = dpkit.Hold(t), package(t, 2)
    world.dp.stop()
    world.dp.start(**hold.environment(f'{two.id}/1.tz'))
    asked = len(source.requests)
    world.notify(p, [source])
    world.wait(lambda: any(path.endswith('/big') for path, _ in source.requests[asked:]), 'the download')
    hold.begin()
    world.notify(two, [world.source(two)])
    hold.wait()
    world.dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': p.id, 'Version': 1})
    t.equal(world.standing(p)['State'], 'Absent', 'the state before its lane knows of it')
    world.dp.stop(signal.SIGKILL)
    hold.end()
    world.dp.start()
    world.wait(lambda: [r[0] for r in world.reports()].count(64) == 2, 'the end of the second job')
    t.equal(world.standing(p)['State'], 'Absent', 'the state after that')
    world.installed(two)


@tap.case('/dp/pull/cancelled-leaves-nothing-of-what-had-come-DIST-126')
def cancelled_leaves_nothing(t):
    world = pullkit.World(t)
    two = package(t, items=2)
    source = world.source(two)
    first, second = sorted(two.contents)
    gate = webserver.Gate(source, f'/{second}/setup.exe')
    world.notify(two, [source])
    world.wait(lambda: any('NotifySucceeded' in x for x in world.lines()), 'the end of the first item')
    world.dp.ask('POST', '/SMS_DP$/cancel', {'PackageID': two.id, 'Version': 1})
    gate.open()
    world.wait_report(64)
    world.wait(lambda: not (world.dp.library / 'SMS_DP$' / two.id).exists(), 'the end of the files of the job')
    world.wait(lambda: world.dp.get(f'/SMS_DP_SMSPKG$/{first}/readme')[0] == 404, 'the end of the item that had come')
    # What a worker left behind it goes with the next start.
    (world.dp.library / 'SMS_DP$' / two.id / second).mkdir(parents=True)
    world.dp.restart()
    world.wait(lambda: not (world.dp.library / 'SMS_DP$' / two.id).exists(), 'the end of a folder without a job')


@tap.case('/dp/pull/left-takes-nothing-of-the-order-behind-it-DIST-147')
def left_for_an_order(t):
    world = pullkit.World(t)
    two = package(t, items=2)
    source = world.source(two)
    first, second = sorted(two.contents)
    gate = webserver.Gate(source, f'/{second}/setup.exe')
    world.mp.answers.clear()  # the job is not cleared away till its reports have been tried
    world.notify(two, [source])
    world.wait(lambda: any('NotifySucceeded' in x for x in world.lines()), 'the end of the first item')
    world.dp.configure(ManagementPoint=world.mp.url)
    world.wait(lambda: f'{two.id}.1 has been cancelled.' in world.lines(), 'the end of the pull')
    gate.open()
    order = dpkit.Order(world.dp, two)
    t.equal({two.files[digest][0] for digest in order.missing}, {second}, 'what is missing')
    order.send_missing()
    world.mp.answers.set()
    world.wait(lambda: f'Removing job for package {two.id}.1 from job array and WMI.' in world.lines(), 'the end of the job')
    order.commit()
    world.served(two)


@tap.case('/dp/pull/removed-as-it-ends-stays-away-DIST-148')
def removed_at_the_end(t):
    world = pullkit.World(t)
    p = package(t)
    source = world.source(p)
    gate = webserver.Gate(source, '/setup.exe')
    hold = dpkit.Hold(t)
    world.dp.stop()
    world.dp.start(**hold.environment('.temp'))
    world.notify(p, [source])
    world.wait(lambda: source.requests, 'the download')
    hold.begin()
    gate.open()
    hold.wait()  # as the library takes over what has come
    world.dp.ask('POST', '/SMS_DP$/remove', {'PackageID': p.id})
    hold.end()
    world.wait_report(64)
    world.wait(lambda: any('NotifySucceeded' in x or 'is over' in x for x in world.lines()), 'the end of the content job')
    t.equal(world.standing(p)['State'], 'Absent', 'the state')
    t.equal(world.dp.get(f'/SMS_DP_SMSPKG$/{p.id}.1/readme')[0], 404, 'the content item')


@tap.case('/dp/pull/paused-holds-over-a-kill-and-goes-on-where-it-was-DIST-112')
def paused(t):
    world = pullkit.World(t, RateLimit=400_000)
    p = package(t, big=noise(BIG))
    source = world.source(p)
    world.dp.ask('POST', '/SMS_DP$/pause', {'PackageID': p.id, 'Version': 1, 'Paused': True}, status=404)
    world.notify(p, [source])
    part = world.dp.library / 'SMS_DP$/PS100001/PS100001.1/1' / (dpkit.sha256(noise(BIG)) + '.part')
    world.wait(lambda: part.exists() and part.stat().st_size > 100_000, 'the beginning')
    world.dp.ask('POST', '/SMS_DP$/pause', {'PackageID': p.id, 'Version': 1, 'Paused': True})
    world.wait_state(p, 'Paused')
    world.dp.restart(signal.SIGKILL)
    size, asked = part.stat().st_size, len(source.requests)
    time.sleep(1)  # a second in which nothing may happen
    t.equal((part.stat().st_size, len(source.requests)), (size, asked), 'what came while it was paused')
    world.configure(RateLimit='')
    world.dp.ask('POST', '/SMS_DP$/pause', {'PackageID': p.id, 'Version': 1, 'Paused': False})
    world.installed(p, 5)
    ranges = [headers.get('Range', '') for path, headers in source.requests[asked:] if path.endswith('/big')]
    t.equal(ranges, [f'bytes={size}-'], 'what was asked for then')


@tap.case('/dp/pull/progress-each-tenth-percent-at-most-once-a-minute-DIST-126')
def progress(t):
    world = pullkit.World(t)
    p = package(t, big=noise(BIG))
    source = world.source(p)
    source.on['/big'] = webserver.slow(32768, 0.04)
    world.notify(p, [source])
    world.installed(p)
    tens = [r for r in world.reports() if r[0] == 16]
    t.equal(len(tens), 1, 'messages with a percentage within a minute')
    assert 10 <= int(tens[0][3][3]) < 100, tens
    # The bytes stand behind: of how many, from the first message on.
    done, size = map(int, tens[0][3][4].split())
    t.equal((size, done * 100 // size), (BIG, int(tens[0][3][3])), 'bytes of the percentage')
    t.equal(int(world.reports()[0][3][4].split()[1]), BIG, 'bytes of what is begun')
    t.equal([r[0] for r in world.reports()], [8, 16, 32, 1], 'the messages')


@tap.case('/dp/pull/rate-limit-of-the-site-binds-it-live')
def rate(t):
    world = pullkit.World(t, RateLimit=400_000)
    p = package(t, big=noise(BIG))
    source = world.source(p)
    world.notify(p, [source])
    part = world.dp.library / 'SMS_DP$/PS100001/PS100001.1/1' / (dpkit.sha256(noise(BIG)) + '.part')
    world.wait(part.exists, 'the beginning')
    began = time.monotonic()
    world.wait(lambda: part.exists() and part.stat().st_size > 600_000, 'the first bytes')
    assert time.monotonic() - began > 0.9, 'the limit does not hold'
    world.configure(RateLimit='')
    world.installed(p, 5)


@tap.case('/dp/pull/newer-version-takes-the-place-of-the-older-DIST-148')
def newer(t):
    world = pullkit.World(t)
    one, two = package(t, version=1, big=noise(BIG)), package(t, version=2, big=noise(BIG, 2), more=b'more')
    source = world.source(one)
    world.source(two)
    source.on['/PS100001.1/big'] = webserver.slow(4096, 0.05)
    world.notify(one, [source])
    source.wait_for('/PS100001.1/big')
    world.notify(two, [source])
    world.installed(two)
    t.equal([r[1] for r in world.reports() if r[0] == 1], ['2'], 'versions whose success was reported')
    t.equal(world.dp.get('/SMS_DP_SMSPKG$/PS100001.1/big')[0], 404, 'the old version')
    # Nothing stays of an item that had come and that the newer version has not.
    parts, whole = package(t, 2, items=2), package(t, 2, 2, seed=3)
    source = world.source(parts, 'parts')
    world.source(whole, 'parts')
    gate = webserver.Gate(source, f'/{sorted(parts.contents)[1]}/setup.exe')
    world.notify(parts, [source])
    world.wait(lambda: any('NotifySucceeded' in x and 'Content_2_0' in x for x in world.lines()), 'the end of the first item')
    world.notify(whole, [source])
    gate.open()
    world.installed(whole)
    t.equal({p.name for p in librarywalk.files(world.dp.library) if '.' not in p.name}, {*two.files, *whole.files}, 'the library')


@tap.case('/dp/status-messages-reach-the-management-point-also-late')
def status_messages(t):
    world = pullkit.World(t)
    world.mp.answer = 503
    good = world.dp.conf.read_text()
    world.dp.conf.write_text(good + '[pulldp]\ncontent_jobs=many\n')
    world.dp.process.send_signal(signal.SIGHUP)
    world.wait(lambda: 'wait for the management point' in '\n'.join(world.lines('DPStatus.log')), 'the first try')
    world.dp.conf.write_text(good)
    world.mp.answer = 200
    world.dp.restart(signal.SIGKILL)
    world.wait(lambda: [b for b in world.mp.bodies if b.startswith('{')], 'the status message')
    row = json.loads([b for b in world.mp.bodies if b.startswith('{')][0])
    t.equal((row['MessageID'], row['Severity'], row['SiteCode']), (60004, 'E', 'PS1'), 'the message')
    t.contains(row['InsStrings'][0], 'content_jobs')


@tap.case('/dp/pull/from-another-distribution-point-with-odd-names')
def from_upkeep(t):
    (t.dir / 'a').mkdir()
    other = dpkit.Point(Sub(t, t.dir / 'a')).start()
    other.configure()
    content = {'PS100001.1': dpkit.odd_tree(t.dir / 'odd')}
    p = dpkit.Package(t, 'PS100001', 1, content)
    order = dpkit.Order(other, p)
    order.send_missing()
    order.commit()
    (t.dir / 'b').mkdir()
    world = pullkit.World(Sub(t, t.dir / 'b'))
    world.notify(p, [f'http://127.0.0.1:{other.port}'])
    world.installed(p)


OLD = noise(2_000_000)
NEW = OLD[:700_000] + b'inserted' * 100 + OLD[700_000:]


class Update:
    """A distribution point with version 1, and a source of version 2, whose big file has a place that is other."""

    def __init__(self, t):
        self.t, self.world = t, pullkit.World(t)
        self.one = package(t, version=1, big=OLD, same=b'same' * 100)
        self.two = package(t, version=2, big=NEW, same=b'same' * 100)
        self.world.notify(self.one, [self.world.source(self.one)])
        self.world.installed(self.one)
        self.source = self.world.source(self.two, 'second')
        self.root, self.sent = t.dir / 'second', 0
        old, new = dpkit.sha256(OLD), dpkit.sha256(NEW)
        self.delta = f'{new}.{old}'

    def signatures(self):
        (self.root / 'SMS_DP_SMSSIG$').mkdir()
        subprocess.run([os.environ['DPTOOL'], 'signatures', self.root / 'SMS_DP_SMSSIG$/PS100001.2.tar',
                        *self.two.contents.values()], check=True)

    def make_delta(self):
        (self.root / 'SMS_DP_SMSDLT$').mkdir()
        path = self.root / 'SMS_DP_SMSDLT$' / self.delta
        subprocess.run([os.environ['DPTOOL'], 'delta', path, next(iter(self.one.contents.values())) / 'big',
                        next(iter(self.two.contents.values())) / 'big'], check=True)
        return path

    def run(self):
        """Updates; [(path, range)] of what the source was asked for."""
        before = len(self.source.requests)
        self.world.notify(self.two, [self.source], related={'PS100001.2': 'PS100001.1'})
        self.world.installed(self.two)
        return [(path.split('/', 1)[1], headers.get('Range')) for path, headers in self.source.requests[before:]]


def length(asked):
    first, last = asked[6:].split('-')
    return int(last) + 1 - int(first)


@tap.case('/dp/pull/update-by-chunks-moves-what-is-other-DIST-018-DIST-113')
def by_chunks(t):
    update = Update(t)
    update.signatures()
    asked = update.run()
    t.equal(asked[0][0], 'SMS_DP_SMSSIG$/PS100001.2.tar', 'the first request')
    parts = [length(r) for path, r in asked if path.endswith('/big') and r]
    assert parts and sum(parts) < 600_000, asked
    assert not [path for path, r in asked if path.startswith('SMS_DP_SMSPKG$') and not r], asked
    # 93-logs 11.5: the signature, its log in order
    lines = update.world.lines()
    logtrace.match(lines, logtrace.section('11.5')[0], 'PullDP.log')
    logtrace.match(lines, logtrace.section('11.5')[2], 'PullDP.log')
    logtrace.match(update.world.lines('DataTransferService.log'), logtrace.section('11.5')[1], 'DataTransferService.log')
    t.contains('\n'.join(lines), 'Created DeltaDownload(Manifest) DTS job', 'PullDP.log')


@tap.case('/dp/pull/update-by-delta-DIST-113')
def by_delta(t):
    update = Update(t)
    update.signatures()
    size = update.make_delta().stat().st_size
    asked = update.run()
    assert size < 50_000, size
    t.equal([path for path, _ in asked if not path.startswith('SMS_DP_SMSSIG$')], [f'SMS_DP_SMSDLT$/{update.delta}'],
            'what was asked for')


@tap.case('/dp/pull/bad-delta-and-bad-parts-fall-back-to-the-whole-file-DIST-113')
def bad_ways(t):
    update = Update(t)
    update.signatures()
    path = update.make_delta()
    path.write_bytes(path.read_bytes()[:-50] + bytes(50))

    def lie(handler, data):
        handler.serve(noise(len(data), 9) if handler.headers.get('Range') else data)
    update.source.on['/big'] = lie
    asked = [path for path, r in update.run() if not r]
    assert f'SMS_DP_SMSDLT$/{update.delta}' in asked and 'SMS_DP_SMSPKG$/PS100001.2/big' in asked, asked
    log = '\n'.join(update.world.lines())
    t.equal(log.count('does not do, the next way is taken'), 2, 'ways that did not do')
    # That all is downloaded is told when it is: not of a way that turns out not to do (DIST-126).
    update.world.wait(lambda: [r for r in update.world.reports() if r[:2] == (1, '2')], 'the state message of success')
    t.equal([r[0] for r in update.world.reports() if r[1] == '2' and r[0] != 16], [8, 32, 1], 'the messages')
    lines = update.world.lines()
    last = max(number for number, line in enumerate(lines) if line.startswith('File To Download: '))
    told = [number for number, line in enumerate(lines) if "(32) to MP for package 'PS100001.2'" in line]
    t.equal([number > last for number in told], [True], 'message 32 behind the last plan')


@tap.case('/dp/pull/signatures-that-are-none-do-not-matter-DIST-113')
def bad_signatures(t):
    update = Update(t)
    update.signatures()
    path = update.root / 'SMS_DP_SMSSIG$/PS100001.2.tar'
    path.write_bytes(path.read_bytes()[:700])
    asked = update.run()
    t.equal([x for x in asked if x[0].endswith('/big')], [('SMS_DP_SMSPKG$/PS100001.2/big', None)], 'requests for the file')
    # It has made its own, as the site would have sent them.
    subprocess.run([os.environ['DPTOOL'], 'signatures', t.dir / 'good.tar', *update.two.contents.values()], check=True)
    status, _, body = update.world.dp.get('/SMS_DP_SMSSIG$/PS100001.2.tar')
    t.equal((status, dpkit.sha256(body)), (200, dpkit.file_hash(t.dir / 'good.tar')), 'the signatures')


@tap.case('/dp/pull/update-without-signatures-DIST-113')
def no_signatures(t):
    update = Update(t)
    asked = update.run()
    t.equal(asked[0][0], 'SMS_DP_SMSSIG$/PS100001.2.tar', 'the first request')
    t.equal([x for x in asked if x[0].endswith('/big')], [('SMS_DP_SMSPKG$/PS100001.2/big', None)], 'requests for the file')
    # That there is nothing to sign is no trouble of anybody's.
    lines = update.world.lines()
    logtrace.match(lines, logtrace.section('11.5')[0], 'PullDP.log')
    logtrace.match(lines, logtrace.section('11.5')[2], 'PullDP.log')
    t.contains('\n'.join(lines), 'Content PS100001.2 has no signatures at')
    for log in ('PullDP.log', 'DataTransferService.log'):
        written = (update.world.dp.root / 'var/log/upkeep' / log).read_text()
        t.equal([record for record in written.splitlines() if 'type="1"' not in record], [], f'warnings in {log}')
    update.world.wait(lambda: not list((update.world.dp.library / 'SMS_DP$').rglob('*.none')), 'the end of what was noted')


@tap.case('/dp/pull/large-sparse-file-moves-as-its-different-chunks-DIST-113')
def sparse(t):
    world = pullkit.World(t)
    size = 70 * 1024 * 1024
    root = pullkit.folder(t, 'sparse.source')
    with open(root / 'disk', 'wb') as disk:
        disk.truncate(size)
        disk.seek(30_000_000)
        disk.write(noise(100_000))
    p = dpkit.Package(t, 'PS100001', 1, {'PS100001.1': root})
    source = world.source(p)
    folder = t.dir / 'source/SMS_DP_SMSSIG$'
    folder.mkdir()
    subprocess.run([os.environ['DPTOOL'], 'signatures', folder / 'PS100001.1.tar', root], check=True)
    world.notify(p, [source])
    world.installed(p)
    asked = [length(headers['Range']) for path, headers in source.requests if path.endswith('/disk')]
    assert asked and sum(asked) < 2_000_000, asked
    digest = dpkit.file_hash(root / 'disk')
    assert (world.dp.library / 'FileLib' / digest[:4] / digest).stat().st_blocks * 512 < 2_000_000, 'it is no sparse file'


class Sub:
    """The case with another folder."""

    def __init__(self, t, folder):
        self._t, self.dir = t, folder

    def __getattr__(self, name):
        return getattr(self._t, name)


if __name__ == '__main__':
    tap.main()
