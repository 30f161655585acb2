#!/usr/bin/python3
"""What goes wrong on the way of a package, and goes on by itself: a source that cannot be read, distribution points that
are down, hang or lie, jobs that people stop, a site server that is killed. One that is in trouble slows no other."""
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.parse

import lab
import sitekit
import tap


@tap.case('/site/distribution-trouble/source-DIST-013-DIST-014-DIST-015-DIST-061')
def source(t):
    w = sitekit.World(t, 'distmgr.source_retry_seconds=1', dps=1)
    w.write('a', b'one')
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.installed(package, 1, 'DP01.LAB')
    # The folder is gone: said once, shown, and the version that is there stays.
    aside = t.dir / 'aside'
    w.source.rename(aside)
    w.refresh(package)
    w.lab.wait(lambda: w.rows("SELECT 1 FROM PkgStatus WHERE Type = 1 AND Status = 4 AND ErrorText LIKE '%No such file%'"),
               'the state of the package')
    w.lab.wait(lambda: sum('Failed to take snapshot' in line for line in w.texts('DistMgr.log')) > 2, 'more tries')
    said = [line for line in w.texts('DistMgr.log') if line.startswith('STATMSG: ID=2306')]
    t.equal(len(said), 1, f'messages 2306: {said}')
    t.contains(said[0], str(w.source), 'the message')
    t.equal(w.fetch('DP01', package, 'a'), b'one', 'what is served meanwhile')
    aside.rename(w.source)
    w.write('a', b'two')
    w.installed(package, 2, 'DP01.LAB')
    t.equal(w.fetch('DP01', package, 'a'), b'two', 'what is served then')
    # A thing that no package can hold is named, by the command that waits and by the state; what is served stays.
    os.mkfifo(w.source / 'pipe')
    w.lab.run('package', 'update', package, '--wait', status=1, seconds=30)
    for text in (f'the source of package {package} cannot be read: ', '"pipe" is a FIFO', f'upkeep package status {package} --follow', f'upkeep package update {package}'):
        t.contains(w.lab.said, text)
    t.equal(re.search(r'it is tried again by itself in (29|30) min \(', w.lab.said) is not None, True, w.lab.said)
    shown = w.lab.run('package', 'status', package)
    for text in (f'{package} Dummy1: its source cannot be read: ', '"pipe" is a FIFO', 'next try in ', 'DP01.LAB'):
        t.contains(shown, text)
    row, = w.lab.json('package', 'status', package)
    t.equal((row['Name'], row['SourceState'], row['SourceStateName']), ('DP01.LAB', 2, 'Source cannot be read'))
    t.contains(row['SourceError'], '"pipe" is a FIFO')
    # What failed before is not the outcome of the next one.
    os.unlink(w.source / 'pipe')
    # A name that is no UTF-8 hides no failure: neither rows nor messages could hold its bytes.
    latin = os.path.join(os.fsencode(w.source), b'caf\xe9')
    os.mkdir(latin)
    os.mkfifo(os.path.join(latin, b'pipe'))
    w.lab.run('package', 'update', package, '--wait', status=1, seconds=30)
    for text in ('folder "caf\ufffd"', '/pipe" is a FIFO'):
        t.contains(w.lab.said.splitlines()[-1], text)
    shutil.rmtree(latin)
    # Nor is a link that was put in its place followed to the keys of the site.
    w.source.rename(aside)
    w.source.symlink_to(w.lab.path('var/lib/upkeep/site/keys'))
    w.refresh(package)
    w.lab.wait(lambda: w.rows("SELECT 1 FROM PkgStatus WHERE Type = 1 AND Status = 4 AND ErrorText LIKE '%where Upkeep keeps what%'"),
               'the refusal of its own folder')
    w.source.unlink()
    aside.rename(w.source)
    with socket.socket(socket.AF_UNIX) as there:
        os.chdir(w.source)  # the name of a socket is short
        there.bind('socket')
        os.chdir('/')
    w.lab.run('package', 'update', package, '--wait', status=1, seconds=30)
    t.contains(w.lab.said, 'cannot be read: ')
    t.contains(w.lab.said.splitlines()[-1], '"socket" is a socket')
    # Also where nothing is on a distribution point yet, and for who distributes it then.
    out = w.lab.run('package', 'create', 'Second', '--source', w.source, '--wait', status=1, seconds=30)
    second = out.strip()
    t.contains(w.lab.said, '"socket" is a socket')
    shown = w.lab.run('package', 'status', second)
    for text in (f'{second} Second: its source cannot be read: ', '"socket" is a socket', 'It is on no distribution point'):
        t.contains(shown, text)
    row, = w.lab.json('package', 'status', second)
    t.equal((row['PackageID'], row['SourceState']), (second, 2))
    t.contains(row['SourceError'], '"socket" is a socket')
    w.lab.run('package', 'distribute', second, '--dp', 'DP01.LAB', '--wait', status=1, seconds=30)
    t.contains(w.lab.said, '"socket" is a socket')
    w.lab.run('package', 'update', second)  # one more try of what is still to be added
    w.lab.wait(lambda: sum(f'Start adding package {second}...' in line for line in w.texts('DistMgr.log')) > 1, 'another try')
    begun = [line for line in w.texts('DistMgr.log') if line.startswith('STATMSG: ID=2300') and 'Second' in line]
    t.equal(len(begun), 1, f'messages that it is begun with (OQ-D05): {begun}')
    t.contains('\n'.join(w.texts('DistMgr.log')), f'UpdateAvailableVersion PackageID={second}, Version=1, Status=2300')
    t.equal(w.rows('SELECT s.SourceVersion, p.StoredPkgVersion FROM PkgStatus s JOIN SMSPackages p ON p.PkgID = s.ID WHERE p.PkgID = ? '
                   'AND s.Type = 1', second), [(1, 0)], 'the version that is to be, and the one that is stored')
    os.unlink(w.source / 'socket')
    w.lab.run('package', 'update', package, second, '--wait', seconds=30)
    w.installed(package, 3, 'DP01.LAB')
    w.installed(second, 1, 'DP01.LAB')
    t.equal([row['SourceState'] for row in w.lab.json('package', 'status')], [0, 0])
    # One that changes while it is read is read again at once; one that was read between two changes is asked for again.
    noticed = threading.Event()

    def change():
        while not noticed.is_set():
            w.write('a', os.urandom(1_000_000))

    def seen():
        if w.rows('SELECT 1 FROM SMSPackages WHERE PkgID = ? AND Action = 0', package):
            w.refresh(package)
        return any(line.startswith('The snapshot is taken again: ') for line in w.texts('DistMgr.log'))

    changing = threading.Thread(target=change)
    changing.start()
    try:
        w.lab.wait(seen, 'a snapshot that is taken again')
    finally:
        noticed.set()
        changing.join()
    w.write('a', b'at rest')
    w.refresh(package)
    w.lab.wait(lambda: w.fetch('DP01', package, 'a') == b'at rest', 'what it is in the end')


@tap.case('/site/distribution-trouble/the-site-servers-own-disk-DIST-015')
def own_disk(t):
    # The library's folder for new files is none: reading the source is well, and storing it is not.
    w = sitekit.World(t, 'distmgr.source_retry_seconds=1', dps=1)
    w.write('a', b'one')
    folder = w.library() / 'FileLib'
    aside = t.dir / 'FileLib'
    folder.rename(aside)
    folder.write_bytes(b'')
    command = subprocess.Popen([lab.UPKEEP, 'package', 'create', 'Dummy1', '--source', w.source, '--wait'], env=w.lab.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    w.lab.wait(lambda: w.rows('SELECT 1 FROM PkgStatus WHERE Type = 1 AND Status = 4 AND AtSite = 1'), 'the state')
    package, = w.one('SELECT PkgID FROM SMSPackages')
    shown = []

    def told():
        shown.append(w.lab.run('package', 'status', package))
        return 'the site server cannot store it' in shown[-1]
    w.lab.wait(told, 'what is shown')
    t.contains(shown[-1], 'FileLib')
    t.contains(shown[-1], 'it is tried again by itself ')
    why = w.lab.json('why', 'dp', 'DP01', 'package', package)
    t.equal(why['BrokenLink'], 'source')
    t.contains(why['Links'][1]['Cause'], 'the site server cannot store it: ')
    w.lab.wait(lambda: sum('Failed to take snapshot' in line for line in w.texts('DistMgr.log')) > 2, 'more tries')
    t.equal([line for line in w.texts('DistMgr.log') if line.startswith('STATMSG: ID=2306')], [], 'messages of a source')
    t.equal(command.poll(), None, 'the command that waits')
    folder.unlink()
    aside.rename(folder)
    out, said = command.communicate(timeout=60)
    t.equal((command.returncode, out.strip()), (0, package), said)
    lines = said.splitlines()
    t.equal(['the site server cannot store it' in line for line in lines].count(True), 1, f'told once: {said}')
    t.contains(said, 'is done')
    # When it went well it is gone.
    t.equal([row['SourceState'] for row in w.lab.json('package', 'list') if row['PackageID'] == package], [0])
    t.equal('cannot' in w.lab.run('package', 'status', package), False)
    t.equal(w.one('SELECT Status, ErrorText FROM PkgStatus WHERE Type = 1'), (3, ''))


@tap.case('/site/distribution-trouble/down-and-cut-DIST-080-DIST-082')
def down(t):
    if not tap.full():
        t.skip('takes a minute of time-outs; UPKEEP_TEST_FULL=1 runs it')
    w = sitekit.World(t, 'distmgr.contact_max_seconds=5', dps=3, up=('--link-delay', '1ms'))
    w.write('a', random.Random(1).randbytes(700_000))
    package = w.create()
    w.stored(package, 1)
    w.lab.kill('DP01')
    w.lab.run('lab', 'link', 'DP02', '--down')
    began = time.monotonic()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--dp', 'DP02.LAB', '--dp', 'DP03.LAB')
    w.installed(package, 1, 'DP03.LAB', seconds=20)
    t.equal(time.monotonic() - began < tap.patience(15), True, 'the healthy one is not kept waiting')
    w.lab.wait(lambda: all((w.status(package, f'{dp}.LAB') or (0,))[0] == 4 for dp in ('DP01', 'DP02')), 'status 4', 60)
    states = w.rows('SELECT State, RetryCount, LastError FROM DistributionJobs')
    t.equal([row[0] for row in states], [4, 4], f'jobs that wait: {states}')
    w.lab.wait(lambda: any('Sending failed. Failure count = 1, Restart time = ' in line for line in w.texts('PkgXferMgr.log')),
               'the line of DIST-082')
    quarantined = w.rows('SELECT ServerName FROM DistributionPoints WHERE Failures > 0 AND QuarantineTime IS NOT NULL '
                         'ORDER BY ServerName')
    t.equal(quarantined, [('DP01.LAB',), ('DP02.LAB',)], 'those let alone')
    w.lab.up('--dps', 3, '--link-delay', '1ms')
    w.lab.run('lab', 'link', 'DP02', '--up')
    w.installed(package, 1, 'DP01.LAB', 'DP02.LAB', seconds=60)
    w.idle()
    for dp in ('DP01', 'DP02', 'DP03'):
        w.same(dp, package)


def told_point(w, name):
    """Rate and management point of which a distribution point was told."""
    with contextlib.closing(sqlite3.connect(w.lab.dp_path(name, 'var/lib/upkeep/dp/dp.db'))) as db:
        return db.execute('SELECT RateLimit, ManagementPoint FROM SMS_DistributionPoint').fetchone()


@tap.case('/site/distribution-trouble/let-alone-over-a-restart-DIST-082')
def let_alone(t):
    w = sitekit.World(t, dps=1)
    w.write('a', b'one')
    package = w.create()
    w.stored(package, 1)
    w.lab.kill('DP01')
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: w.rows('SELECT 1 FROM DistributionPoints WHERE Failures > 0'), 'the failure')
    t.contains(w.lab.run('why', 'dp', 'DP01', 'package', package, status=None), f'upkeep lab up --root {w.lab.path("")}')
    # The site server starts anew while it still lets the distribution point alone, and fails with it once more.
    w.lab.kill('site')
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=8)
    w.execute('UPDATE DistributionPoints SET QuarantineTime = ?', until.strftime('%Y-%m-%dT%H:%M:%S.000Z'))
    w.lab.up('--dps', 1)
    w.installed(package, 1, 'DP01.LAB', seconds=40)
    # Without mp.url distribution points have nowhere to report, which the site says, and once.
    conf, new = w.lab.path('etc/upkeep/upkeep.conf'), w.lab.path('etc/upkeep/new')
    for url, rate, count in ('http://127.0.0.1:9', 5000001, 0), ('', 5000002, 1), ('', 5000003, 1):
        read = w.lab.log('upkeep-site.log').count('The settings were read')
        text, found = re.subn(r'(\[mp\][^\[]*\nurl=).*', rf'\g<1>{url}', conf.read_text())
        t.equal(found, 1, 'the setting mp.url')
        new.write_text(text)
        new.rename(conf)
        w.lab.wait(lambda: w.lab.log('upkeep-site.log').count('The settings were read') > read, 'the settings')
        w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', rate)
        w.lab.wait(lambda: told_point(w, 'DP01') == (str(rate), url), 'the distribution point to be told')
        said = [line for line in w.texts('DistMgr.log') if line.startswith('STATMSG: ID=60032 SEV=W')]
        t.equal(len(said), count, f'messages 60032: {said}')


@tap.case('/site/distribution-trouble/status-file-that-a-crash-took-is-made-again-DIST-080-DIST-084')
def status_file_lost(t):
    w = sitekit.World(t, 'host.empty_file_seconds=1', dps=1)
    w.write('a', b'one')
    packages = {name: w.create(f'Dummy{number}') for number, name in enumerate(('LOST', 'TORN', 'LIES'), 1)}
    for package in packages.values():
        w.stored(package, 1)
    w.lab.run('package', 'distribute', *packages.values(), '--dp', 'DP01.LAB', '--wait')
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM PkgStatusFiles'), 'the rows of status files that are stored')
    w.lab.kill('site')
    # As it was before Distribution Manager read them: a crash took one's name, of another one it left a piece,
    # and a third says what nobody can store.
    w.execute('UPDATE PkgStatus SET Status = 2 WHERE Type = 2')
    for name, package in packages.items():
        text = status_text(package, 1, 'DP01.LAB', 3) if name != 'LIES' else 'Version: 1\n'
        w.execute('INSERT INTO PkgStatusFiles (FileName, Body) VALUES (?, ?)', f'{name}.STA', text)
    (w.lab.path(INCOMING) / 'TORN.STA').write_bytes(b'PkgID: L')
    # The name of one that was stored and removed comes back.
    (w.lab.path(INCOMING) / 'STORED.STA').write_bytes(b'')
    w.lab.up('--dps', 1)
    w.installed(packages['LOST'], 1, 'DP01.LAB')
    w.installed(packages['TORN'], 1, 'DP01.LAB')
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM PkgStatusFiles'), 'the rows of status files')
    t.equal(w.status(packages['LIES'], 'DP01.LAB')[0], 2, 'what was said in vain')
    w.lab.wait(lambda: [path.name for path in w.lab.path(INCOMING).iterdir() if path.is_file()] == [], 'an empty inbox')
    set_aside = sorted(path.name for path in (w.lab.path(INCOMING).parent / 'corrupt').iterdir())
    t.equal(set_aside, ['LIES.STA', 'LIES.STA.why'], 'what was set aside')


@tap.case('/site/distribution-trouble/status-files-of-one-piece-of-work-are-stored-at-once-DIST-084')
def status_files_together(t):
    """Of two packages that are sent at once: what is said of one together, and what is newer behind what is older."""
    w = sitekit.World(t, dps=1)
    w.write('a', b'one')
    packages = [w.create(f'Dummy{number}') for number in (1, 2)]
    for package in packages:
        w.stored(package, 1)
    w.lab.run('package', 'distribute', *packages, '--dp', 'DP01.LAB', '--wait')
    w.idle()
    w.lab.kill('site')
    w.execute('UPDATE PkgStatus SET Status = 2 WHERE Type = 2')
    before = len(w.texts('DistMgr.log'))
    # In turn, as they come from two threads; the first package is sent a second time, by another action.
    told = [(packages[0], 4, 'a'), (packages[1], 4, 'b'), (packages[0], 5, 'c'), (packages[1], 3, 'b'), (packages[0], 3, 'c')]
    for number, (package, status, trace) in enumerate(told):
        text = status_text(package, 1, 'DP01.LAB', status).replace('Trace: ', f'Trace: {trace * 32}')
        path = w.lab.path(INCOMING) / f'{number:08}.STA'
        path.write_text(text)
        os.utime(path, (1_700_000_000 + number,) * 2)
    w.lab.up('--dps', 1)
    for package in packages:
        w.installed(package, 1, 'DP01.LAB')
    w.lab.wait(lambda: [path.name for path in w.lab.path(INCOMING).iterdir() if path.is_file()] == [], 'an empty inbox')
    lines = [line for line in w.texts('DistMgr.log')[before:] if line.startswith('~Processing incoming file')]
    t.equal([line.rsplit('/', 1)[1][:8] for line in lines], [f'{number:08}' for number in (0, 2, 4, 1, 3)], 'the order of the log')


@tap.case('/site/distribution-trouble/a-last-failure-that-cannot-be-told-is-not-the-last-DIST-080-DIST-082')
def last_failure(t):
    w = sitekit.World(t, 'pkgxfermgr.retries=0', dps=1)
    w.write('a', b'one')
    package = w.create()
    w.stored(package, 1)
    w.lab.run('dp', 'add', 'gone.lab', '--url', 'http://127.0.0.1:1')
    incoming = w.lab.path(INCOMING)
    away = incoming.with_name('away')
    incoming.rename(away)
    w.lab.run('package', 'distribute', package, '--dp', 'gone.lab')
    w.wait_text('PkgXferMgr.log', '~ Sending failed. Failure count = 1, no more retries')
    w.lab.wait(lambda: any('is made again in a minute' in line for line in w.texts('PkgXferMgr.log')),
               'the status file that could not be written')
    t.equal(w.rows('SELECT State FROM DistributionJobs'), [(6,)], 'the job that is given up')
    t.equal(len(w.rows('SELECT 1 FROM PkgStatusFiles')), 1, 'what is to be told')
    away.rename(incoming)
    w.lab.run('lab', 'clock', '--step', '2m')
    w.lab.wait(lambda: w.status(package, 'gone.lab')[0] == 5, 'status 5')


@tap.case('/site/distribution-trouble/by-hand-and-kill-DIST-071-DIST-082-DIST-153')
def by_hand(t):
    w = sitekit.World(t, dps=1)
    w.write('big', random.Random(2).randbytes(4_000_000))
    w.write('same', random.Random(1).randbytes(300_000))
    package = w.create()
    w.stored(package, 1)
    w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', '500k')
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    def sent():
        found = w.rows('SELECT BytesSent FROM DistributionJobs')
        return found[0][0] if found else -1
    w.lab.wait(lambda: sent() > 400_000, 'half a megabyte')
    job, = w.one('SELECT JobID FROM DistributionJobs')
    w.lab.run('job', 'pause', job)
    w.lab.wait(lambda: any(f'Stopped sending job {job}' in line for line in w.texts('PkgXferMgr.log')), 'the pause', 5)
    t.equal(w.one('SELECT State FROM DistributionJobs'), (8,), 'the state of a paused job')
    temp = next(w.library('DP01').glob('SMS_DP$/*.temp')).stat().st_size
    # A site server that is killed meanwhile forgets nothing.
    w.lab.kill('site')
    w.lab.up('--dps', 1)
    t.equal(w.one('SELECT State FROM DistributionJobs'), (8,), 'the state after a kill')
    w.mark()
    w.lab.run('job', 'resume', job)
    w.lab.wait(lambda: any('Attempt to write' in line for line in w.texts('PkgXferMgr.log')), 'a block')
    first = next(line for line in w.texts('PkgXferMgr.log') if 'Attempt to write' in line)
    t.equal(int(first.rsplit(' ', 1)[1]) >= temp, True, f'it goes on where it was ({temp}): {first}')
    # What must travel in all is what it was, and what is there already has travelled.
    shown = set()

    def progress():
        shown.update(w.rows('SELECT TotalSize, RemainingSize FROM DistributionJobs'))
        return min(left for _, left in shown) <= 4_300_000 - temp
    w.lab.wait(progress, 'progress')
    t.equal(({total for total, _ in shown}, min(left for _, left in shown) > 0), ({4_300_000}, True), f'total and rest: {shown}')
    # Killed in mid-file, and a limit that is lifted in mid-file.
    w.lab.kill('site')
    w.lab.up('--dps', 1)
    w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', '0')
    w.installed(package, 1, 'DP01.LAB', seconds=30)
    w.same('DP01', package)
    # Cancelled: at once, shown, and nothing of it stays.
    w.write('big', random.Random(3).randbytes(4_000_000))
    w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', '200k')
    w.lab.run('package', 'update', package)
    w.lab.wait(lambda: sent() > 0, 'the second transfer')
    # A file that is there already is none of what must travel.
    t.equal(w.one('SELECT TotalSize FROM DistributionJobs'), (4_000_000,), 'what must travel')
    job, = w.one('SELECT JobID FROM DistributionJobs')
    w.lab.run('job', 'cancel', job)
    w.idle(10)
    w.lab.wait(lambda: w.status(package, 'DP01.LAB')[0] == 5, 'the state of what was cancelled')
    t.contains(w.status(package, 'DP01.LAB')[2], 'cancelled', 'the reason')
    t.equal(w.status(package, 'DP01.LAB')[1], 1, 'the version that is there')


@tap.case('/site/distribution-trouble/a-rate-limit-binds-both-requests-DIST-153')
def rate_of_both(t):
    # Both are under way without a limit when one is set: from then on it is kept by the two together.
    w = sitekit.World(t, dps=1, up=('--link-rate', '6M'))
    for number in range(6):
        w.write(f'f{number}', random.Random(number).randbytes(3_000_000))
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    files = lambda: [p.stat().st_size for p in w.library('DP01').glob('SMS_DP$/*.temp')]
    w.lab.wait(lambda: len([size for size in files() if size < 3_000_000]) == 2, 'two files on their way')
    w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', '400k')
    # Half of it each, in blocks of half a second.
    limited = lambda: {text.split('SMS_DP$\\')[1][:64] for text in w.texts('PkgXferMgr.log') if 'write 100000 bytes' in text}
    w.lab.wait(lambda: len(limited()) == 2, 'short blocks of two files', 30)
    before, began = sum(files()), time.monotonic()
    time.sleep(2)  # the time over which the rate is measured
    came, took = sum(files()) - before, time.monotonic() - began
    t.equal(came < 400_000 * took * 1.25 + 200_000, True, f'{came} bytes in {took:.1f} s')
    w.lab.run('dp', 'set', 'DP01.LAB', '--rate-limit', '0')
    w.installed(package, 1, 'DP01.LAB', seconds=30)
    w.same('DP01', package)


def in_order(t, w):
    """With one sender for all, jobs go by the package's priority, then the distribution point's, then age (OQ-D21)."""
    packages = {name: w.create(name, priority=priority) for name, priority in
                (('Late', 'low'), ('Third', 'medium'), ('Second', 'medium'), ('First', 'high'))}
    for server, priority in (('DP01.LAB', 100), ('DP02.LAB', 300)):
        w.lab.run('dp', 'set', server, '--maintenance', 'on', '--priority', priority)
    for number, name in enumerate(('Late', 'Second', 'Third', 'First'), 1):
        w.stored(packages[name], 1)
        w.lab.run('package', 'distribute', packages[name], '--dp', 'DP01.LAB', '--dp', 'DP02.LAB')
        w.lab.wait(lambda: w.rows('SELECT COUNT(*) FROM DistributionJobs WHERE State = 0') == [(2 * number,)], 'two jobs more')
    w.mark()
    w.execute('UPDATE DistributionPoints SET Maintenance = 0')  # both at once
    w.lab.run('dp', 'set', 'DP01.LAB', '--maintenance', 'off')
    w.idle()
    found = [re.search('Package: (.*?), .*, Priority: (.*?), Destination: (.*?), DPPriority: (.*)', line).groups()
             for line in w.texts('PkgXferMgr.log') if line.startswith('Found send request')]
    t.equal(found, [(packages[name], priority, server, of_server)
                    for names, priority in ((('First',), '1'), (('Second', 'Third'), '2'), (('Late',), '3'))
                    for server, of_server in (('DP02.LAB', '300'), ('DP01.LAB', '100')) for name in names], 'what was sent, in order')
    w.lab.run('package', 'delete', *packages.values())
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM SMSPackages'), 'the deletion of them')


@tap.case('/site/distribution-trouble/in-order-and-gone-for-good-is-forgotten-by-force-DIST-068-DIST-075')
def gone_for_good(t):
    # With one thread for both, which the first must not keep waiting for the second.
    w = sitekit.World(t, 'distmgr.contact_max_seconds=5', 'distmgr.max_dp_threads=1', 'distmgr.max_packages=1',
                      'distmgr.threads_per_package=1', dps=2)
    w.write('a', b'one')
    in_order(t, w)
    package, other = w.create('First'), w.create('Second')
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--dp', 'DP02.LAB', '--wait')
    w.lab.kill('DP01')
    w.lab.run('package', 'distribute', other, '--dp', 'DP01.LAB')
    w.lab.run('package', 'delete', package)
    w.lab.wait(lambda: not w.files('DP02'), 'the deletion on the one that answers')
    # The other does not: the package waits for it, and it cannot be removed as long as it has packages.
    w.lab.run('dp', 'remove', 'DP01.LAB', status=1)
    t.contains(w.lab.said, 'dp remove --force')
    t.equal(w.rows('SELECT COUNT(*) FROM SMSPackages'), [(2,)], 'packages')
    w.lab.run('dp', 'remove', 'DP01.LAB', '--force')
    w.lab.wait(lambda: w.rows('SELECT PkgID FROM SMSPackages') == [(other,)], 'the end of the deletion')
    assert 'DP01.LAB' not in [row['ServerName'] for row in w.lab.json('dp', 'list')]
    for table in ('PkgServers_L', 'DistributionJobs', 'ContentDPMap'):
        t.equal(w.rows(f'SELECT * FROM {table}'), [], f'rows of {table}')
    t.contains(w.lab.run('package', 'status', other), 'It is on no distribution point')


@tap.case('/site/distribution-trouble/definition-that-is-gone-after-a-restart-comes-back-DIST-016-DIST-155')
def lost_definition(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=1, pull_dps=1)
    w.write('a', random.Random(11).randbytes(500_000))
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    w.lab.run('package', 'distribute', package, '--dp', 'PDP01.LAB', '--wait')

    def lose():
        for name in ('DP01', 'PDP01'):
            w.lab.kill(name)
            (w.library(name) / f'PkgLib/{package}.INI').unlink()
        w.lab.up('--dps', 1, '--pull-dps', 1)
        w.mark()

    def back():
        return all((w.library(name) / f'PkgLib/{package}.INI').exists() for name in ('DP01', 'PDP01'))

    # It says what it holds when it is configured, and is sent what it should hold; of the files none is lacking.
    lose()
    for name in ('DP01', 'PDP01'):
        w.lab.run('dp', 'set', f'{name}.LAB', '--description', 'looked at')
    w.lab.wait(back, 'the definitions')
    w.idle()
    w.wait_text('DistMgr.log', f'does not hold package {package}, version 1, any more', 2)
    t.equal([line for line in w.texts('PkgXferMgr.log') if line.startswith('Sending file')], [], 'files that were sent')
    w.same('DP01', package)
    # Asked for it, it comes back as well.
    lose()
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB', '--dp', 'PDP01.LAB', '--wait')
    w.lab.wait(back, 'the definitions that were asked for')
    w.same('PDP01', package)
    # Where the site server has lost its own library, of which its rows know nothing, that is said, and what helps.
    w.idle()
    w.lab.kill('site')
    shutil.rmtree(w.library())
    w.lab.up('--dps', 1, '--pull-dps', 1)
    w.lab.run('package', 'redistribute', package, '--dp', 'DP01.LAB', '--dp', 'PDP01.LAB')
    for name in ('DP01', 'PDP01'):
        answer = lambda: w.lab.json('why', 'dp', name, 'package', package)
        w.lab.wait(lambda: answer()['BrokenLink'] == 'stored', 'the link that is named')
        t.equal(answer()['NextCommand'], f'upkeep package update {package}', 'what helps')
        t.contains(w.status(package, f'{name}.LAB')[2], f'{package}.1 of package {package} is not in the content library of the site server')
    w.lab.run('package', 'update', package, '--wait')
    w.installed(package, 2, 'DP01.LAB', 'PDP01.LAB')
    for name in ('DP01', 'PDP01'):
        w.lab.wait(lambda: w.lab.json('why', 'dp', name, 'package', package)['BrokenLink'] is None, 'the whole chain')


@tap.case('/site/distribution-trouble/a-validation-makes-the-status-row-again-that-was-lost-DIST-085')
def lost_row(t):
    w = sitekit.World(t, dps=1)
    w.write('a', b'one')
    package = w.create()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    with contextlib.closing(sqlite3.connect(w.lab.path('var/lib/upkeep/site/site.db'), timeout=20)) as db, db:
        t.equal(db.execute('DELETE FROM PkgStatus WHERE Type = 2').rowcount, 1)
    w.mark()
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB')
    w.wait_text('DistMgr.log', 'ID=2384')
    t.equal(len(w.rows('SELECT 1 FROM PkgStatus WHERE Type = 2 AND ValidatedTime IS NOT NULL')), 1, 'rows')


@tap.case('/site/distribution-trouble/a-restored-site-sends-again-what-distribution-points-have-later')
def restored(t):
    w = sitekit.World(t, 'statesys.pause_seconds=0', dps=2, pull_dps=1)
    w.write('a', b'one')
    package = w.create()
    points = ('DP01.LAB', 'PDP01.LAB')
    for point in ('DP02.LAB', *points):
        w.lab.run('package', 'distribute', package, '--dp', point, '--wait')
    w.lab.run('dp', 'set', 'DP02.LAB', '--maintenance', 'on')  # for which the site keeps the version
    w.lab.run('site', 'backup', t.dir / 'backup')

    # What was given to all after the backup, of which the restored site knows nothing.
    w.write('a', b'two')
    w.lab.run('package', 'update', package)
    served = lambda: [w.fetch(name, package, 'a') for name in ('DP01', 'PDP01')]
    w.lab.wait(lambda: served() == [b'two', b'two'], 'the later version')
    later = w.create('Later')
    w.mark()
    w.lab.run('site', 'restore', t.dir / 'backup')
    # They say what they have when the site that begins anew configures them.
    w.wait_text('DistMgr.log', f'does not hold package {package}, version 1, any more', 2)
    w.lab.wait(lambda: served() == [b'one', b'one'], 'what the site has')
    w.installed(package, 1, *points)
    # No ID and no version of then comes again, with other content.
    other = w.create('Other')
    t.equal((package, later, other > later), ('LAB00001', 'LAB00002', True), f'the next ID: {other}')
    w.write('a', b'three')
    w.lab.run('package', 'update', package)
    w.lab.wait(lambda: served() == [b'three', b'three'], 'the next version')
    version, = w.one('SELECT StoredPkgVersion FROM SMSPackages WHERE PkgID = ?', package)
    t.equal(version > 2, True, f'the next version: {version}')
    w.installed(package, version, *points)


@tap.case('/site/distribution-trouble/what-was-not-given-to-it-is-told-and-removed')
def stray(t):
    w = sitekit.World(t, dps=1)

    def create(name, text):
        w.write('a', text)
        package = w.create(name)
        w.stored(package, 1)
        return package

    gone, kept, again = create('Gone', b'one'), create('Kept', b'two'), create('Again', b'three')
    w.lab.run('package', 'distribute', gone, kept, again, '--dp', 'DP01.LAB', '--wait')
    url = w.lab.json('dp', 'show', 'DP01.LAB')['Url']
    w.lab.run('dp', 'remove', 'DP01.LAB', '--force')
    w.lab.run('package', 'delete', gone)  # of which the site knows nothing then
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM SMSPackages WHERE PkgID = ?', gone), 'the deletion')
    w.lab.run('dp', 'add', 'DP01.LAB', '--url', url)

    def listed():
        return [(row['PackageID'], row['Name'], row['Version']) for row in w.lab.json('library', 'clean', '--dp', 'DP01')]

    w.lab.wait(lambda: listed() == [(gone, '', 1), (kept, 'Kept', 1), (again, 'Again', 1)], f'the list: {listed()}')
    w.wait_text('DistMgr.log', 'holds 3 packages that this site has not given to it')
    w.lab.run('dp', 'status', 'DP01.LAB')
    t.contains(w.lab.said, 'It holds 3 packages more, not given to it: upkeep library clean --dp DP01.LAB')
    t.equal(w.fetch('DP01', kept, 'a'), b'two', 'what it serves until then')
    # What is given to it again is there, and not removed with the others.
    w.lab.run('package', 'distribute', again, '--dp', 'DP01.LAB', '--wait')
    t.contains(w.lab.run('library', 'clean', '--dp', 'DP01', '--delete'), kept)
    w.lab.wait(lambda: len(w.files('DP01')) == 1, 'the end of what was not given to it')
    t.equal(w.fetch('DP01', again, 'a'), b'three', 'what was')
    w.lab.wait(lambda: listed() == [], 'the empty list')
    w.wait_text('DistMgr.log', f'~Successfully removed package {gone} from server')
    t.contains(w.lab.run('library', 'clean', '--dp', 'DP01'), 'It holds nothing that was not given to it.')


@tap.case('/site/distribution-trouble/fair-DIST-012-DIST-075')
def fair(t):
    if not tap.full():
        t.skip('measures times, for which the machine must be idle; UPKEEP_TEST_FULL=1 runs it')
    # Five threads for seven distribution points, of which four hang: those lend their places.
    w = sitekit.World(t, 'distmgr.max_packages=1', 'distmgr.threads_per_package=5', dps=7, up=('--link-rate', '2M'))
    w.write('a', random.Random(6).randbytes(2_000_000))
    package = w.create()
    w.stored(package, 1)
    hanging, healthy = [f'DP0{i}' for i in range(1, 5)], [f'DP0{i}' for i in range(5, 8)]
    for dp in hanging:
        w.lab.run('lab', 'link', dp, '--down')
    w.mark()
    began = time.time()
    w.lab.run('package', 'distribute', package, *[word for dp in hanging + healthy for word in ('--dp', f'{dp}.LAB')])
    w.installed(package, 1, *[f'{dp}.LAB' for dp in healthy], seconds=20)
    for dp in healthy:
        created, started = w.begun(f'{dp}.LAB')
        t.equal(started - created < 1.5, True, f'{dp} waits for a thread for {started - created} s')
    t.equal(time.time() - began < 15, True, 'the healthy ones are done')
    # Restart times are honest, and what hangs is let alone.
    w.lab.wait(lambda: len(w.rows('SELECT 1 FROM DistributionPoints WHERE Failures > 0')) == 4, 'four let alone', 60)


class Liar(http.server.BaseHTTPRequestHandler):
    """A distribution point that takes everything and says of every file that its hash is another, until it is honest and
    lacks nothing; or it is slow, and takes a file until it is told to remove the package."""
    protocol_version = 'HTTP/1.1'

    def log_message(self, *words):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.path.startswith('/SMS_DP$/configure'):
            self.answer(200, {'IdentityGUID': '{0}', 'Certificate': '', 'Version': '1', 'BytesFree': 1 << 40,
                              'BytesTotal': 1 << 40})
        elif self.path.startswith('/SMS_DP$/order?'):
            self.server.orders += 1
            missing = [{'Hash': self.server.wanted, 'Size': self.server.size, 'Position': 0}]
            self.answer(200, {'Order': 'x1', 'Missing': [] if self.server.mode == 'honest' else missing, 'Frame': []})
        elif self.path.endswith('/commit') and self.server.mode == 'honest':
            self.server.ended.wait(self.server.seconds)
            self.answer(200, {'BytesFree': 1 << 40})
        elif self.path.startswith('/SMS_DP$/remove'):
            self.server.removed.set()
            self.answer(200, {})
        else:
            self.answer(404, {})

    def do_PUT(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.server.refused += 1
        if self.server.mode == 'slow':
            self.server.removed.wait(60)
            self.answer(404, {})
        elif '.tar?' in self.path:  # as a small one does with the signatures of large content
            self.answer(413, {})
        else:
            self.answer(422, {'error': {'code': 'SIGNATURE', 'message': 'another hash'}})


INCOMING = 'var/lib/upkeep/site/inboxes/distmgr.box/incoming'


def status_text(package, version, server, status):
    """What a status file of Package Transfer Manager says."""
    return (f'PkgID: {package}\nVersion: {version}\nNALPath: {sitekit.nal(server)}\nSiteCode: LAB\nStatus: {status}\n'
            'Time: 2026-01-01T00:00:00.000Z\nErrorCode: 0\nErrorText: \nLocation: \nHTTPUrl: \nSigURL: \nSigLocation: \nTrace: \n')


def said(w, package, version, server, status):
    """A status file of Package Transfer Manager."""
    text = status_text(package, version, server, status)
    name = w.lab.path(INCOMING) / f'0000000{status}.STA'
    name.with_suffix('.tmp').write_text(text)
    name.with_suffix('.tmp').rename(name)


@tap.case('/site/distribution-trouble/liar-DIST-068-DIST-082-DIST-085')
def liar(t):
    w = sitekit.World(t, 'pkgxfermgr.retries=1', dps=1)
    body = random.Random(4).randbytes(300_000)
    w.write('a', body)
    package = w.create()
    w.stored(package, 1)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Liar)
    server.wanted, server.size, server.refused = hashlib.sha256(body).hexdigest().upper(), len(body), 0
    server.mode, server.orders, server.removed = 'lying', 0, threading.Event()
    server.ended, server.seconds = threading.Event(), 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanup(server.shutdown)
    w.lab.run('dp', 'add', 'liar.lab', '--url', f'http://127.0.0.1:{server.server_port}')
    w.lab.run('package', 'distribute', package, '--dp', 'liar.lab', '--dp', 'DP01.LAB')
    w.installed(package, 1, 'DP01.LAB', seconds=20)
    w.lab.wait(lambda: (w.status(package, 'liar.lab') or (0,))[0] == 4, 'status 4')
    t.contains(w.status(package, 'liar.lab')[2], 'refuses the right bytes of a', 'the reason')
    t.equal(server.refused >= 3, True, f'tries: {server.refused}')
    restart, = w.one("SELECT ReStartTime FROM DistributionJobs WHERE State = 4")
    line = f'~ Sending failed. Failure count = 1, Restart time = {sitekit.in_words(restart)}'
    w.wait_text('PkgXferMgr.log', line)
    at = sitekit.when(restart).astimezone()
    pause = at.hour * 3600 + at.minute * 60 + at.second - w.times('PkgXferMgr.log', line)[0]
    t.equal(round(pause % 86400 / 60), 30, 'minutes until it is tried again (OQ-D24)')
    # What was said of a transfer, and comes behind its end, does not bring it back.
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM DistributionJobs j JOIN DistributionPoints d ON d.DPID = j.DPID '
                                  "WHERE d.ServerName = 'DP01.LAB'"), 'the end of the job')
    for status in (0, 1, 4, 5):
        said(w, package, 1, 'DP01.LAB', status)
        w.wait_text('DistMgr.log', f'Status {status} of package {package}, version 1 on {sitekit.nal("DP01.LAB")} is passed over')
        t.equal(w.status(package, 'DP01.LAB'), (3, 1, ''), f'the state after an old status {status}')
    # It answers when it is asked, and so is tried before its time, each time after a longer pause; that is none of the
    # retries, of which a second one would be the last.
    w.lab.run('lab', 'clock', '--rate', 30)
    tried = lambda: w.times('PkgXferMgr.log', 'Sending thread starting for Job', 'liar.lab')
    w.lab.wait(lambda: len(tried()) >= 4, 'three more tries')
    w.lab.wait(lambda: w.rows('SELECT State, RetryCount FROM DistributionJobs') == [(4, 1)], 'the job that waits')
    pauses = [(later - sooner) % 86400 for sooner, later in zip(tried(), tried()[1:])]
    t.equal([pause >= least for pause, least in zip(pauses, (5, 5, 10))], [True] * 3, f'pauses: {pauses}')
    t.equal(sum('ID=8203' in line for line in w.texts('PkgXferMgr.log')), 1, 'messages of one failure')
    # That one is the last: no time is told that nobody keeps.
    w.lab.run('lab', 'clock', '--step', '31m')
    w.lab.wait(lambda: w.rows('SELECT State, RetryCount FROM DistributionJobs') == [(6, 2)], 'the job that is given up')
    w.lab.wait(lambda: w.status(package, 'liar.lab')[0] == 5, 'status 5')
    w.wait_text('PkgXferMgr.log', '~ Sending failed. Failure count = 2, no more retries')
    t.equal(sum('ID=8203' in line for line in w.texts('PkgXferMgr.log')), 2, 'messages of the first failure and the last')
    server.mode = 'honest'
    w.lab.run('job', 'resume', w.one('SELECT JobID FROM DistributionJobs')[0])
    w.installed(package, 1, 'liar.lab')
    w.wait_text('PkgXferMgr.log', f'liar.lab does not take the signatures of content {package}.1')
    w.idle()
    # The package is removed while it is being sent: what the sending finds then does not bring it back.
    server.mode, server.orders, server.refused = 'slow', 0, 0
    w.lab.run('package', 'redistribute', package, '--dp', 'liar.lab')
    w.lab.wait(lambda: server.refused == 1, 'a file on its way')
    w.lab.run('package', 'remove-content', package, '--dp', 'liar.lab')
    w.wait_text('DistMgr.log', f'~Successfully removed package {package} from server {sitekit.nal("liar.lab")}')
    w.idle()
    t.equal(server.orders, 1, 'orders for a package that is removed')


@tap.case('/site/distribution-trouble/many-files-may-take-their-time-at-the-end-DIST-080')
def thorough(t):
    # On a slow disk it says nothing for longer than a distribution point may else: a redistribution that was given again
    # for that would send everything again, each time.
    w = sitekit.World(t, 'distmgr.silent_seconds=1', dps=1)
    for number in range(1500):
        w.write(f'a{number}', b'%d' % number)
    package = w.create()
    w.stored(package, 1)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Liar)
    server.wanted, server.size, server.refused, server.removed = '', 0, 0, threading.Event()
    server.mode, server.orders, server.ended, server.seconds = 'honest', 0, threading.Event(), 7
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanup(server.shutdown)
    w.lab.run('dp', 'add', 'liar.lab', '--url', f'http://127.0.0.1:{server.server_port}')
    w.lab.run('package', 'distribute', package, '--dp', 'liar.lab')
    w.installed(package, 1, 'liar.lab')
    t.equal(server.orders, 1, 'orders')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'Failure count' in line], [], 'failures')


@tap.case('/site/distribution-trouble/due-stays-due-DIST-082')
def due(t):
    # Five packages wait for a distribution point that was down, and one after the other they go when it is back. That
    # their jobs are looked at meanwhile, as they are for other distribution points, must not put them off.
    w = sitekit.World(t, 'distmgr.contact_max_seconds=5', 'pkgxfermgr.threads_per_dp=1', dps=2, up=('--link-rate', '1M'))
    w.write('a', random.Random(7).randbytes(1_000_000))
    packages = []
    for number in range(5):
        w.write('own', b'%d' % number)
        w.write('a', random.Random(number).randbytes(1_000_000))
        packages.append(w.create(f'p{number}'))
        w.stored(packages[-1], 1)
    w.lab.run('lab', 'clock', '--rate', 10)
    w.lab.kill('DP01')
    w.lab.run('package', 'distribute', *packages, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: w.rows('SELECT COUNT(*) FROM DistributionJobs WHERE State = 4') == [(1,)], 'the one that was tried')
    # The others are tried one by one as the pauses end; with all of them waiting it comes back.
    w.lab.wait(lambda: w.rows('SELECT COUNT(*) FROM DistributionJobs WHERE State = 4') == [(5,)], 'all of them', 90)
    w.lab.up('--dps', 2)
    w.lab.wait(lambda: (w.status(packages[0], 'DP01.LAB') or (0,))[0] == 3, 'the first', 30)
    w.lab.run('package', 'distribute', *packages, '--dp', 'DP02.LAB')
    for package in packages:
        w.installed(package, 1, 'DP01.LAB', 'DP02.LAB', seconds=30)


class Busy(Liar):
    """A distribution point that is not done yet with what came before; then it lacks nothing."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.path.startswith('/SMS_DP$/configure'):
            self.answer(200, {'IdentityGUID': '{0}', 'Certificate': '', 'Version': '1', 'BytesFree': 1 << 40,
                              'BytesTotal': 1 << 40})
        elif self.path.endswith('/commit'):
            self.server.ended.wait(30)
            self.answer(200, {'BytesFree': 1 << 40})
        elif self.path.endswith('/verify') and self.server.unread and self.server.unread in body:
            self.answer(500, {'error': {'code': 'IO', 'message': 'it cannot be read now'}})
        elif self.path.endswith('/verify'):
            self.server.verified.wait(30)
            self.answer(200, {'Damaged': self.server.damaged, 'Version': self.server.version})
        elif self.path.endswith('/remove'):
            self.server.asked.set()
            self.server.removed.wait(30)
            self.answer(200, {})
        elif self.server.busy > 0:
            self.server.busy -= 1
            self.answer(503, {'error': {'code': 'BUSY', 'message': 'it is being received already'}})
        else:
            self.server.orders += 1
            self.answer(200, {'Order': 'x1', 'Missing': [], 'Frame': []})

    def do_PUT(self):
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.answer(201, {})


@tap.case('/site/distribution-trouble/busy-is-no-failure-and-given-again-while-removed-DIST-012-DIST-080-DIST-082')
def busy(t):
    # A thread made room, and the request that it broke off has not ended there when the next one begins.
    w = sitekit.World(t, 'distmgr.max_remote_calls=1', dps=1)
    w.write('a', b'one')
    package = w.create()
    w.stored(package, 1)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Busy)
    server.verified, server.ended = threading.Event(), threading.Event()
    server.ended.set()
    server.unread = b''
    server.busy, server.orders, server.asked, server.removed, server.damaged = 3, 0, threading.Event(), threading.Event(), []
    server.version = 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanup(server.shutdown)
    w.lab.run('dp', 'add', 'busy.lab', '--url', f'http://127.0.0.1:{server.server_port}')
    w.lab.run('package', 'distribute', package, '--dp', 'busy.lab')
    w.installed(package, 1, 'busy.lab', seconds=4)
    t.equal(server.busy, 0, 'answers that it is busy still to come')
    t.equal(w.rows('SELECT Failures FROM DistributionPoints WHERE ServerName = ? COLLATE NOCASE', 'busy.lab'), [(0,)],
            'it is not let alone')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'Failure count' in line], [], 'failures')
    # It takes its time to remove the package, which is given to it again meanwhile: what came before the removal's end
    # counts for nothing.
    w.idle()
    w.lab.run('package', 'remove-content', package, '--dp', 'busy.lab')
    t.equal(server.asked.wait(tap.patience(20)), True, 'the removal')
    w.lab.run('package', 'distribute', package, '--dp', 'busy.lab')
    w.lab.wait(lambda: server.orders == 2, 'the order while it is removed')
    w.idle()
    server.ended.clear()
    server.removed.set()
    w.lab.wait(lambda: server.orders == 3, 'the order when it was removed')
    # What the file that tells of its success says (OQ-D22), by its row, which goes with it.
    w.execute('CREATE TABLE Seen (Body TEXT)')
    w.execute('CREATE TRIGGER See AFTER INSERT ON PkgStatusFiles BEGIN INSERT INTO Seen VALUES (new.Body); END')
    server.ended.set()
    w.lab.wait(lambda: w.rows('SELECT 1 FROM Seen'), 'the status file')
    body, = w.one('SELECT Body FROM Seen')
    w.execute('DROP TRIGGER See')
    for line in (f'PkgID: {package}', 'Version: 1', f'NALPath: {sitekit.nal("busy.lab")}', 'SiteCode: LAB', 'Status: 3',
                 f'Location: MSWNET:["SMS_SITE=LAB"]\\\\busy.lab\\SMSPKGC$\\{package}\\',
                 f'HTTPUrl: http://busy.lab/SMS_DP_SMSPKG$/{package}', f'SigURL: http://busy.lab/SMS_DP_SMSSIG$/{package}',
                 f'SigLocation: MSWNET:["SMS_SITE=LAB"]\\\\busy.lab\\SMSSIG$\\{package}.1.tar'):
        t.contains(body.splitlines(), line)
    w.idle()
    w.installed(package, 1, 'busy.lab', seconds=4)
    t.equal(w.rows('SELECT Action FROM PkgServers'), [(0,)], 'it is given to it')
    # While it reads a package, and takes its time, others remove theirs.
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    w.lab.run('package', 'validate', package, '--dp', 'busy.lab')
    w.wait_text('DistMgr.log', f'Start validating package {package} on server')
    w.lab.run('package', 'remove-content', package, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: not w.files('DP01'), 'the removal elsewhere', 20)
    t.equal(w.rows('SELECT Action FROM PkgServers WHERE NALPath = ?', sitekit.nal('busy.lab')), [(4,)], 'what is still read')
    server.verified.set()
    w.wait_text('DistMgr.log', 'ID=2384 SEV=I')
    # What it finds damaged of a package that was taken from it meanwhile is not sent there, and does not show.
    server.verified.clear()
    server.damaged = [{'ContentID': f'{package}.1', 'Path': 'a'}]
    w.mark()
    command = subprocess.Popen([lab.UPKEEP, 'package', 'validate', package, '--dp', 'busy.lab', '--wait'], env=w.lab.env,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    w.wait_text('DistMgr.log', f'Start validating package {package} on server')
    w.lab.run('package', 'remove-content', package, '--dp', 'busy.lab')
    w.wait_text('DistMgr.log', f'~Successfully removed package {package} from server {sitekit.nal("busy.lab")}')
    said, told = command.communicate(timeout=tap.patience(30))
    t.equal((command.returncode, said), (0, ''), f'the command that waits for the validation: {told}')
    orders = server.orders
    server.verified.set()
    w.lab.wait(lambda: [line for line in w.texts('DistMgr.log') if line.startswith(f'The validation of package {package} ')
                        and 'is passed over' in line] or server.orders > orders, 'what becomes of the validation')
    w.idle()
    t.equal((server.orders, w.status(package, 'busy.lab')[0]), (orders, 6), 'orders, and the state of what was removed')
    t.equal([line for line in w.texts('DistMgr.log') if 'ID=2383' in line], [], 'messages of damage')
    server.damaged = []
    # One that it cannot read, for now, keeps none behind it from being read, and is tried again.
    other = w.create('Dummy2')
    w.stored(other, 1)
    w.lab.run('package', 'distribute', package, other, '--dp', 'busy.lab', '--wait')
    read = lambda: {id for id, in w.rows('SELECT ID FROM PkgStatus WHERE PkgServer = ? AND ValidatedTime > ?',
                                         sitekit.nal('busy.lab'), began)}
    began, = w.one('SELECT MAX(UpdateTime) FROM PkgStatus')
    server.unread = package.encode()
    w.lab.run('package', 'validate', package, other, '--dp', 'busy.lab')
    w.lab.wait(lambda: read() == {other}, 'the one that can be read', 20)
    w.lab.wait(lambda: w.rows('SELECT 1 FROM DistributionPoints WHERE Failures > 0'), 'the failure')
    server.unread = b''
    w.lab.run('lab', 'clock', '--step', '6s')
    w.lab.wait(lambda: read() == {package, other}, 'the other one')
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM DistributionPoints WHERE Failures > 0'), 'the end of the failure')
    # One that has a version which the site has not given to it is sent what it is to have, be its files right.
    server.version, orders = 7, server.orders
    w.lab.run('package', 'validate', package, '--dp', 'busy.lab', '--wait')
    w.lab.wait(lambda: server.orders > orders, 'the order')
    w.wait_text('DistMgr.log', f'has version 7 of package {package}, which this site has not given to it')
    # One that is never done is in trouble in the end, and said to be.
    w.write('a', b'two')
    server.busy = 1 << 30
    w.lab.run('package', 'update', package)
    w.lab.wait(lambda: w.rows('SELECT 1 FROM DistributionPoints WHERE Failures > 0'), 'the failure', 30)
    w.lab.wait(lambda: (w.status(package, 'busy.lab') or (0,))[0] == 4, 'status 4')
    t.contains(w.status(package, 'busy.lab')[2], 'it is being received already', 'the reason')


class Both(Liar):
    """A distribution point that takes what comes, once two requests are under way at the same time; in the first run it
    is not done with what the first of them is for, in the second run with what the second is for."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        s = self.server
        if self.path.startswith('/SMS_DP$/configure'):
            self.answer(200, {'IdentityGUID': '{0}', 'Certificate': '', 'Version': '1', 'BytesFree': 1 << 40,
                              'BytesTotal': 1 << 40})
        elif self.path.endswith('/commit'):
            with s.lock:
                s.take_batch(body if 'batch' in self.headers['Content-Type'] else b'')
            self.answer(200, {'BytesFree': 1 << 40})
        else:
            with s.lock:
                s.run, s.puts, s.came = s.run + 1, 0, {}
            missing = [{'Hash': name, 'Size': size, 'Position': 0} for name, size in s.wanted.items()]
            self.answer(200, {'Order': f'x{s.run}', 'Missing': missing, 'Frame': []})

    def do_PUT(self):
        s = self.server
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        path, _, query = self.path.partition('?')
        with s.lock:
            s.puts += 1
            mine, run = s.puts, s.run
            s.lock.notify_all()
            together = s.lock.wait_for(lambda: s.puts >= 2 or s.run > run, 10)
            s.alone += not together
            if mine == run and run <= 2:
                self.answer(503, {'error': {'code': 'BUSY', 'message': 'it is being received already'}})
                return
            position = int(urllib.parse.parse_qs(query).get('position', ['0'])[0])
            if path.endswith('.temp'):
                s.came.setdefault(os.path.basename(path)[:64], {})[position] = body
            elif path.endswith('.batch'):
                s.take_batch(body)
        self.answer(200, {'Position': position + len(body)})


@tap.case('/site/distribution-trouble/two-requests-in-flight-and-one-fails-DIST-077-DIST-153')
def both(t):
    w = sitekit.World(t, dps=0)
    noise = random.Random(8)
    bodies = [noise.randbytes(size) for size in [2_500_000] * 4 + [200_000] * 20 + [3000] * 200]
    for number, body in enumerate(bodies):
        w.write(f'f{number:03}', body)
    package = w.create()
    w.stored(package, 1)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Both)
    server.wanted = {hashlib.sha256(body).hexdigest().upper(): len(body) for body in bodies}
    server.lock, server.run, server.puts, server.alone, server.came = threading.Condition(), 0, 0, 0, {}

    def take_batch(body):
        while body:
            size = int.from_bytes(body[32:40], 'little')
            server.came[body[:32].hex().upper()] = {0: body[40:40 + size]}
            body = body[40 + size:]
    server.take_batch = take_batch
    threading.Thread(target=server.serve_forever, daemon=True).start()
    t.cleanup(server.shutdown)
    w.lab.run('dp', 'add', 'both.lab', '--url', f'http://127.0.0.1:{server.server_port}')
    w.lab.run('package', 'distribute', package, '--dp', 'both.lab')
    w.installed(package, 1, 'both.lab', seconds=20)
    t.equal((server.run, server.alone), (3, 0), 'runs, and requests that nobody was beside')
    came = {name: hashlib.sha256(b''.join(parts[at] for at in sorted(parts))).hexdigest().upper()
            for name, parts in server.came.items()}
    t.equal(set(came), set(server.wanted), 'what came in the last run')
    t.equal([name for name, digest in came.items() if name != digest], [], 'what has other bytes')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'Failure count' in line], [], 'failures')
    # told in the order's order, by whomever it is sent
    told = [line.split('SMS_DP$\\')[1][:64] for line in w.texts('PkgXferMgr.log') if line.startswith("Sending file '")]
    t.equal(told[-len(bodies):], list(server.wanted), 'files in the log')
    sent = re.search('Sent 4 whole and 220 small files, 0 deltas and 0 frames of 0 bytes to both.lab, (\\d+) bytes on the wire',
                     '\n'.join(w.texts('PkgXferMgr.log')))
    size = sum(map(len, bodies))
    t.equal(sent is not None and size - 4_500_000 < int(sent[1]) < size + 500_000, True, 'what both sent together is counted')



tap.main()
