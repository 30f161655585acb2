#!/usr/bin/python3
"""Create, distribute, update, redistribute, validate, remove, delete: real programs, and the logs of each action in
the order of the acceptance trace (docs/spec/93-logs.md, sections 8.1, 9.9, 10.1, 12.2, 13.1, 13.2)."""
import os
import random
import re

import sitekit
import tap

# One site alone sends nothing to other sites.
OTHER_SITES = ('ID=2333', 'is new or has changed')


@tap.case('/site/distribution/five-actions-DIST-008-010-011-013-014-015-016-018-019-020-023-024-025-068-069-070-072-073-'
          '075-076-077-078-079-080-081-084-085-089-090-091-135-138-139-140-141-142-145-146-147-148-150-153-155-156-157')
def actions(t):
    w = sitekit.World(t, dps=2)
    rng = random.Random(7)
    w.write('setup.exe', rng.randbytes(2_500_000))
    for i in range(40):
        w.write(f'data/two words {i}', rng.randbytes(i * 100))
    w.write('empty', b'')
    big = sitekit.digest(w.source / 'setup.exe')

    # ---- create: 8.1
    w.mark()
    package = w.create()
    w.stored(package, 1)
    w.lab.wait(lambda: any('Exiting package' in line for line in w.texts('DistMgr.log')), 'the end of the package thread')
    w.trace('SMSDBMON.log', '8.1', 1)
    w.trace('DistMgr.log', '8.1', 2)
    begun = lambda: [line for line in w.texts('DistMgr.log') if line.startswith('STATMSG: ID=2300')]
    t.equal(len(begun()), 1, 'messages that it is begun with')
    size, = w.one('SELECT SourceSize FROM SMSPackages WHERE PkgID = ?', package)
    whole = sum(path.stat().st_size for path in w.source.rglob('*') if path.is_file())
    t.equal(size, -(-whole // 1024), 'the size in KBytes')
    t.equal(sitekit.digest(w.library() / 'FileLib' / big[:4] / big), big, 'the file in the library')
    version, status = w.one('SELECT SourceVersion, Status FROM PkgStatus WHERE ID = ? AND Type = 1', package)
    t.equal((version, status), (1, 3), 'the Type 1 row (OQ-D17)')
    t.equal(w.rows('SELECT 1 FROM DistributionJobs'), [], 'jobs before there is a distribution point')

    # ---- distribute: 10.1, 9.9
    w.mark()
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--dp', 'DP02.LAB')
    w.installed(package, 1, 'DP01.LAB', 'DP02.LAB')
    w.idle()
    for dp in ('DP01.LAB', 'DP02.LAB'):
        bound = sitekit.about(package, 1, dp)
        for thread in ('main', 'pkg', 'dp'):
            w.trace('DistMgr.log', '10.1', 0, thread, bound=bound)
        w.trace('DistMgr.log', '9.8', 0, 'dp', bound=bound)
        w.trace('PkgXferMgr.log', '9.9', 1, bound=sitekit.about(package, 1, dp))
    w.trace('SMSDBMON.log', '9.9', 0)
    w.lab.wait(lambda: sum('ID=2330' in line for line in w.texts('DistMgr.log')) == 2, 'two messages 2330')
    w.trace('DistMgr.log', '9.9', 3)
    t.equal(sum('properties updated' in line for line in w.texts('DistMgr.log')), 0, 'DIST-011: a mere change of DPs')
    t.equal(begun(), [], 'the message of a package that is added (OQ-D05), in a distribution')
    for dp in ('DP01', 'DP02'):
        w.same(dp, package)
        t.equal(w.files(dp), w.files(), f'the files in the library of {dp}')
    row = w.one('SELECT Status, Location, ShareName, HTTPUrl, SourceVersion, Personality, State, SigURL, SigLocation '
                'FROM PkgStatus WHERE ID = ? AND PkgServer = ?', package, sitekit.nal('DP01.LAB'))
    t.equal(row, (3, f'MSWNET:["SMS_SITE=LAB"]\\\\DP01.LAB\\SMSPKGC$\\{package}\\', '',
                  f'http://DP01.LAB/SMS_DP_SMSPKG$/{package}', 1, 0, 0, f'http://DP01.LAB/SMS_DP_SMSSIG$/{package}',
                  f'MSWNET:["SMS_SITE=LAB"]\\\\DP01.LAB\\SMSSIG$\\{package}.1.tar'), 'the Type 2 row of DIST-085')
    t.equal(sorted(w.rows('SELECT ServerName, ContentID, Version FROM ContentDPMap')),
            [('DP01.LAB', package, 1), ('DP02.LAB', package, 1)], 'who holds what (DIST-096)')
    t.equal(w.one('SELECT Action, RefreshTrigger FROM PkgServers WHERE NALPath = ?', sitekit.nal('DP01.LAB')), (0, 0),
            'DIST-072')
    traces = w.one('SELECT COUNT(DISTINCT Trace), MIN(LENGTH(Trace)) FROM PkgStatus WHERE Type = 2')
    t.equal(traces, (1, 32), 'one trace for one command')

    # ---- update: 12.2; one new file, one gone, the large one stays
    old = sitekit.digest(w.source / 'data' / 'two words 7')
    (w.source / 'data' / 'two words 7').unlink()
    w.write('new', b'new' * 1000)
    w.mark()
    w.lab.run('package', 'update', package)
    w.installed(package, 2, 'DP01.LAB', 'DP02.LAB')
    w.idle()
    for dp in ('DP01.LAB', 'DP02.LAB'):
        bound = sitekit.about(package, 2, dp)
        for thread in ('main', 'pkg', 'dp'):
            w.trace('DistMgr.log', '12.2', 0, thread, cut=OTHER_SITES, bound=bound)
    t.equal(begun(), [], 'the message of a package that is added (OQ-D05), in an update')
    sent = [line for line in w.texts('PkgXferMgr.log') if line.startswith('Sending file')]
    t.equal(len(sent), 2, f'one file to each of two: {sent}')
    w.copied(sitekit.digest(w.source / 'new'))
    for dp in ('DP01', 'DP02'):
        w.same(dp, package)
        t.equal(old in w.files(dp), False, 'DIST-148: a file that only the old version had')
        t.equal(big in w.files(dp), True, 'the large file')
    t.equal(sorted(row[2] for row in w.rows('SELECT * FROM ContentDPMap')), [2, 2], 'nobody holds version 1')
    t.equal(old in w.files(), False, 'the old version at the site, which no distribution point has any more')

    # ---- nothing changed: a version more, no file sent (DIST-140)
    w.mark()
    w.lab.run('package', 'update', package)
    w.installed(package, 3, 'DP01.LAB', 'DP02.LAB')
    w.idle()
    t.equal([line for line in w.texts('PkgXferMgr.log') if line.startswith('Sending file')], [], 'files sent')

    # ---- redistribute: 13.1, 13.2; it repairs (DIST-155) and reads no source (DIST-157)
    damaged = w.library('DP01') / 'FileLib' / big[:4] / big
    with open(damaged, 'r+b') as file:
        file.seek(1_000_000)
        file.write(b'damage')
    w.mark()
    w.lab.run('package', 'redistribute', package, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: any('Sending thread complete' in line for line in w.texts('PkgXferMgr.log')), 'the transfer')
    w.idle()
    w.trace('DistMgr.log', '13.1', 0, bound=sitekit.about(package, 3, 'DP01.LAB'))
    w.trace('PkgXferMgr.log', '13.2', 0, change=[('Version: 1', 'Version: <v>'), ('version 1', 'version <v>'),
                                                  ('ISTR1="1"', 'ISTR1="<v>"'), ('AVAL1="1"', 'AVAL1="<v>"')],
            bound=sitekit.about(package, 3, 'DP01.LAB'))
    t.equal(sitekit.digest(damaged), big, 'the damaged file after the redistribution')
    sent = {line.rsplit('\\', 1)[1][:64] for line in w.texts('PkgXferMgr.log') if line.startswith('Sending file')}
    t.equal(sent, w.files(), 'every file is copied again')
    for one in sent:
        w.copied(one)
    t.equal([line for line in w.texts('DistMgr.log') if 'snapshot' in line], [], 'DIST-157')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'DP02' in line], [], 'DIST-151: the others are left alone')

    # ---- the site server's own distribution point (DIST-091)
    own, = w.one('SELECT ServerName FROM DistributionPoints WHERE IsColocated = 1')
    w.mark()
    w.lab.run('package', 'distribute', package, '--dp', own)
    w.installed(package, 3, own)
    t.contains('\n'.join(w.texts('DistMgr.log')), 'There is nothing to be copied over.', 'DistMgr.log')
    t.equal([line for line in w.texts('PkgXferMgr.log') if 'Found send request' in line], [], 'jobs')
    # It is validated where its files are, in the site server's library, and what is damaged there is mended there.
    state = lambda: w.one('SELECT Status, DamagedFiles, ValidatedTime IS NOT NULL FROM PkgStatus WHERE PkgServer = ?', sitekit.nal(own))
    w.lab.run('package', 'validate', package, '--dp', own, '--wait')
    t.equal(state(), (3, 0, 1), 'the row of the validation')
    damaged = w.library() / 'FileLib' / big[:4] / big
    with open(damaged, 'r+b') as file:
        file.seek(1_000_000)
        file.write(b'damage')
    w.mark()
    w.lab.run('package', 'validate', package, '--dp', own, '--wait')
    w.wait_text('DistMgr.log', 'ID=2383 SEV=W')
    w.lab.wait(lambda: state()[:2] == (3, 0), 'the mending')
    t.equal(sitekit.digest(damaged), big, 'the damaged file after the validation')
    t.equal(w.rows('SELECT * FROM DistributionJobs'), [], 'jobs')

    # An update is there at once; and one with a preferred sender does not lack it (DIST-023).
    w.write('new', b'newer')
    w.execute("UPDATE SMSPackages_G SET PreferredAddress = 'STANDARD'")
    w.mark()
    w.lab.run('package', 'update', package)
    w.installed(package, 4, own, 'DP01.LAB', 'DP02.LAB')
    w.wait_text('DistMgr.log', '~Exiting package processing thread')
    t.equal([line for line in w.texts('DistMgr.log') if 'preferred sender' in line], [], 'that it has no preferred sender')
    w.wait_text('DistMgr.log', f'Package {package} is new or has changed, replicating')
    w.idle()
    t.equal([line for line in w.texts('PkgXferMgr.log') if f'Destination: {own},' in line], [], 'jobs for its own')

    # ---- remove, delete
    w.mark()
    w.lab.run('package', 'remove-content', package, '--dp', 'DP02.LAB')
    w.wait_text('DistMgr.log', f'Start removing package {package} from server {sitekit.nal("DP02.LAB")}...')
    w.lab.wait(lambda: not w.files('DP02'), 'the removal of all files from DP02')
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM PkgServers WHERE NALPath = ?', sitekit.nal('DP02.LAB')), 'the row')
    t.equal(w.rows('SELECT 1 FROM ContentDPMap WHERE ServerName = ?', 'DP02.LAB'), [], 'DP02 holds nothing')
    t.equal(w.status(package, 'DP02.LAB')[0], 6, 'the Type 2 row of what was removed (OQ-D18)')
    w.lab.run('package', 'delete', package)
    w.lab.wait(lambda: not w.rows('SELECT 1 FROM SMSPackages'), 'the deletion')
    t.equal((w.files('DP01'), w.files()), (set(), set()), 'files after the deletion')
    for table in ('PkgServers_G', 'PkgServers_L', 'PkgStatus', 'PkgContents', 'ContentDPMap', 'DistributionJobs'):
        t.equal(w.rows(f'SELECT * FROM {table}'), [], f'rows of {table}')


@tap.case('/site/distribution/deltas-DIST-002-DIST-135-DIST-147')
def deltas(t):
    w = sitekit.World(t, dps=1)
    rng = random.Random(9)
    large = bytearray(rng.randbytes(3_000_000))
    w.write('bin/program', bytes(large))
    for i in range(30):
        w.write(f'share/{i}', (b'line %d of a text that is like the others\n' % i) * 80)
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.installed(package, 1, 'DP01.LAB')
    w.idle()
    # One block of the large file, which is at another path now, and one line of each small one.
    large[1_000_000:1_000_300] = rng.randbytes(300)
    (w.source / 'bin' / 'program').unlink()
    w.write('bin-2/program', bytes(large))
    for i in range(30):
        w.write(f'share/{i}', (b'line %d of a text that is like the others\n' % i) * 80 + b'and one more\n')
    w.mark()
    w.lab.run('package', 'update', package)
    w.installed(package, 2, 'DP01.LAB')
    w.same('DP01', package)
    said = next(line for line in w.texts('PkgXferMgr.log') if 'on the wire' in line)
    t.contains(said, '0 whole and 0 small files, 1 deltas and 1 frames', 'the way taken')
    on_wire = int(re.search(r'([0-9]+) bytes on the wire', said).group(1))
    t.equal(on_wire < 20_000, True, f'bytes on the wire: {said}')
    # With the package its deltas go, which nobody else would drop before another package is updated.
    kept = w.lab.path('var/lib/upkeep/content/SMSDLT$')
    t.equal(len(list(kept.iterdir())), 2, 'a delta and a frame')
    w.idle()
    w.lab.run('package', 'delete', package, '--wait')
    t.equal(list(kept.iterdir()), [], 'deltas of a package that is gone')


@tap.case('/site/distribution/validate')
def validate(t):
    w = sitekit.World(t, dps=1)
    body = random.Random(8).randbytes(1_500_000)
    w.write('a', body)
    w.write('b', b'b')
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB')
    w.installed(package, 1, 'DP01.LAB')
    w.mark()
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: any('ID=2384 SEV=I' in line for line in w.texts('DistMgr.log')), 'the message 2384')
    # The line is there a moment before the row that it is written with.
    w.lab.wait(lambda: w.one('SELECT ValidatedTime IS NOT NULL, DamagedFiles FROM PkgStatus WHERE Type = 2') == (1, 0),
               'the row of the validation')
    # A flipped byte is found, and just that file is right again by itself.
    digest = sitekit.digest(w.source / 'a')
    damaged = w.library('DP01') / 'FileLib' / digest[:4] / digest
    with open(damaged, 'r+b') as file:
        file.seek(700_000)
        file.write(bytes([body[700_000] ^ 1]))
    w.mark()
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB')
    w.lab.wait(lambda: any('ID=2383 SEV=W' in line for line in w.texts('DistMgr.log')), 'the message 2383')
    w.lab.wait(lambda: sitekit.digest(damaged) == digest if damaged.exists() else False, 'the right file')
    w.idle()
    w.same('DP01', package)


@tap.case('/site/distribution/what-cannot-be-verified-is-not-complete')
def not_verified(t):
    w = sitekit.World(t, 'dp.verify_bytes_per_second=0', 'distmgr.verify_kilobytes_per_second=0', dps=1)
    w.write('exec', b'exec')
    w.write('big', random.Random(9).randbytes(70_000))
    package = w.create()
    w.stored(package, 1)
    w.lab.run('package', 'distribute', package, '--dp', 'DP01.LAB', '--wait')
    library = w.library('DP01')
    ini, item = library / f'PkgLib/{package}.INI', library / f'DataLib/{package}.1'
    want = {path: path.read_bytes() for path in (ini, item / 'exec.INI', item / 'big.INI')}

    def damage():
        ini.write_bytes(b'[Packages]\nLAB0000')
        (item / 'exec.INI').unlink()
        (item / 'big.INI').write_bytes(b'garbage')

    # What is damaged is named and sent again; what is said to be complete is.
    damage()
    said = w.lab.run('library', 'verify', '--root', w.lab.dp_path('DP01'), status=None)
    for path in want:
        t.contains(said, str(path.relative_to(library)))
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB', '--wait')
    t.equal({path: path.read_bytes() for path in want if path.exists()}, want, 'after the validation')
    t.contains(w.lab.run('library', 'verify', '--root', w.lab.dp_path('DP01')), 'all are right')
    # A package that the distribution point does not know (any more) is sent.
    w.idle()
    w.lab.kill('DP01')
    ini.unlink()
    w.lab.up('--dps', 1)
    w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB', '--wait')
    t.equal(ini.read_bytes(), want[ini], 'after the validation of what was not there')
    # One that refuses to look says so, and is not called complete.
    w.idle()
    site = w.lab.dp_path('DP01', 'etc/upkeep/site.crt')
    right = site.read_bytes()
    site.write_bytes(w.lab.dp_path('DP01', 'var/lib/upkeep/dp/dp.crt').read_bytes())
    said = w.lab.run('package', 'validate', package, '--dp', 'DP01.LAB', '--wait', status=None) + w.lab.said
    t.contains(said, 'it could not be verified')
    t.contains(said, f'upkeep why dp DP01.LAB package {package}')
    row = w.lab.json('package', 'status', package)[0]
    t.equal((row['StateName'], row['DamagedFiles']), ('Package installation failed', 1), 'the row')
    t.contains(w.lab.run('why', 'dp', 'DP01', 'package', package, status=None), f'upkeep package redistribute {package}')
    site.write_bytes(right)
    w.lab.run('package', 'redistribute', package, '--dp', 'DP01.LAB', '--wait')
    row = w.lab.json('package', 'status', package)[0]
    t.equal((row['StateName'], row['DamagedFiles']), ('Package Installation complete', 0), 'the row')
    # On the site server's own, a package of which a file is lost for good keeps no other from being whole again.
    own, = w.one('SELECT ServerName FROM DistributionPoints WHERE IsColocated = 1')
    state = lambda id: w.one('SELECT Status, DamagedFiles FROM PkgStatus WHERE ID = ? AND PkgServer = ?', id, sitekit.nal(own))
    big, w.source = w.source / 'big', t.dir / 'lost'
    w.write('lost', b'lost')
    lost = w.create('Lost')
    w.stored(lost, 1)
    w.lab.run('package', 'distribute', package, lost, '--dp', own, '--wait')
    for id, path, end in ((lost, w.source / 'lost', (4, 1)), (package, big, (3, 0))):
        digest = sitekit.digest(path)
        w.write('lost', b'another one')
        w.mark()
        (w.library() / 'FileLib' / digest[:4] / digest).write_bytes(b'damage')
        w.lab.run('package', 'validate', id, '--dp', own)
        w.wait_text('DistMgr.log', 'ID=2383 SEV=W')
        w.lab.wait(lambda: state(id) == end, f'state {end} of {id}')
    t.equal(state(lost), (4, 1), 'the state of what is lost')
    # One whose definition is gone is not whole, since nothing brings that back but a new version.
    ini = w.library() / f'PkgLib/{package}.INI'
    w.lab.kill('site')
    ini.unlink()
    w.lab.up('--dps', 1)
    w.lab.run('package', 'validate', package, '--dp', own)
    w.lab.wait(lambda: state(package) == (5, 1), 'the state of what has no definition')
    t.contains(w.status(package, own)[2], f'PkgLib/{package}.INI is missing or damaged and cannot be made again: update the package')
    w.lab.run('package', 'update', package)
    w.installed(package, 2, own)
    t.equal((ini.exists(), state(package)), (True, (3, 0)), 'the new version')


@tap.case('/site/distribution/of-another-site-DIST-021-DIST-022-DIST-066-DIST-067')
def other_site(t):
    # The row as it is left when what another site sent has been stored.
    w = sitekit.World(t, dps=1)
    w.write('a', b'a')
    package = w.create()
    w.stored(package, 1)
    w.lab.wait(lambda: any('Exiting package' in line for line in w.texts('DistMgr.log')), 'the end of the thread')
    w.mark()
    w.execute("UPDATE PkgStatus SET Status = 2, Location = 'stored', SourceVersion = 0 WHERE Type = 1")  # as DIST-065 leaves it
    w.execute('UPDATE SMSPackages_G SET SourceSite = ?', 'CS1')
    w.execute('UPDATE SMSPackages_L SET UpdateMask = 160, UpdateMaskEx = 0, Action = 1')
    w.execute("INSERT INTO PkgServers (PkgID, NALPath, SiteCode, SiteName, SourceSite, RefreshTrigger, UpdateMask, Action) "
              "VALUES (?, ?, 'LAB', '', 'CS1', 0, 0, 2)", package, sitekit.nal('DP01.LAB'))
    w.execute("INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey) VALUES (?, 2, 1, '2026-01-01T00:00:00.000Z')",
              package)
    w.installed(package, 1, 'DP01.LAB')
    w.lab.wait(lambda: any('Exiting package' in line for line in w.texts('DistMgr.log')), 'the end of the thread')
    for thread in ('main', 'pkg', 'dp'):
        w.trace('DistMgr.log', '9.8', 0, thread)
    t.equal([line for line in w.texts('DistMgr.log') if 'snapshot' in line], [], 'snapshots of a source that is not ours')
    w.lab.wait(lambda: w.one('SELECT Status, Location, SourceVersion FROM PkgStatus WHERE Type = 1') == (3, 'stored', 1),
               'the site counts as having it, where it was stored (OQ-D17)')
    # One whose content has not come is not read from here.
    w.source = t.dir / 'elsewhere'
    other = w.insert('CS100001', 'Other', 0, site='CS1')
    w.lab.wait(lambda: any("hasn't arrived from site CS1 yet" in line for line in w.texts('DistMgr.log')), 'the line')
    t.equal(w.one('SELECT StoredPkgVersion FROM SMSPackages WHERE PkgID = ?', other), (0,), 'its stored version (DIST-024)')


def most_at_once(lines, begin, end):
    """How many were under way at once, at most, by the lines in which they begin and end, and how many of one name."""
    running, most, same = [], 0, 0
    for line in lines:
        if found := re.search(begin, line):
            running.append(found[1])
            most, same = max(most, len(running)), max(same, running.count(found[1]))
        elif found := re.search(end, line):
            running.remove(found[1])
    return most, same


@tap.case('/site/distribution/several-packages-DIST-005-DIST-012-DIST-017-DIST-069-DIST-122')
def several(t):
    w = sitekit.World(t, 'distmgr.threads_per_package=2', dps=1)
    shared = os.urandom(300_000)
    w.write('shared', shared)
    first = w.create('One')
    w.stored(first, 1)
    # Folders of a package of updates are content items of their own.
    w.source = t.dir / 'updates'
    w.write('0a1b2c3d-0000-4000-8000-000000000001/shared', shared)
    w.write('0a1b2c3d-0000-4000-8000-000000000002/other', b'other')
    second = w.insert('LAB0F001', 'Two', 5)
    w.stored(second, 1)
    t.equal(first, 'LAB00001', 'the first package ID (DIST-005)')
    t.equal(len(w.files()), 2, 'the shared file is there once')
    w.lab.run('package', 'distribute', first, second, '--dp', 'DP01.LAB')
    w.installed(first, 1, 'DP01.LAB')
    w.installed(second, 1, 'DP01.LAB')
    t.equal(len(w.rows('SELECT * FROM PkgContents WHERE PkgID = ?', second)), 2, 'content items')
    t.equal(len(w.files('DP01')), 2, 'files on the distribution point')
    # Three are processed at once, and of one package there is one thread, however often it is told of.
    w.mark()
    started = lambda: [line for line in w.texts('DistMgr.log') if line.startswith('~Started package processing thread')]
    w.source = t.dir / 'large'
    w.write('a', os.urandom(10_000_000))
    ids = [f'LAB0E00{number}' for number in range(6)]
    for package in ids:
        w.insert(package, package, 0)
    w.lab.wait(lambda: len(started()) >= 3, 'three threads')
    for package in ids:
        w.execute("INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey) VALUES (?, 2, 1, '2026-01-01T00:00:00.000Z')", package)
    for package in ids:
        w.stored(package, 1)
    w.lab.wait(lambda: len(started()) == sum('~Exiting package' in line for line in w.texts('DistMgr.log')), 'their end')
    t.equal(most_at_once(w.texts('DistMgr.log'), "^~Started package processing thread for package '(.*?)'",
                         'Exiting package processing thread for package (.*)[.]'), (3, 1), 'packages, and threads of one')
    # A thread for a distribution point makes a job and copies nothing; two at once are for one package.
    servers = ['DP01.LAB'] + [f'far{number}.lab' for number in range(5)]
    for server in servers[1:]:
        w.lab.run('dp', 'add', server, '--url', 'http://127.0.0.1:9')
    w.execute('UPDATE DistributionPoints SET Maintenance = 1')
    w.lab.run('dp', 'set', 'DP01.LAB', '--maintenance', 'on')
    before = w.files('DP01')
    w.mark()
    w.lab.run('package', 'distribute', ids[0], *[word for server in servers for word in ('--dp', server)])
    w.wait_text('DistMgr.log', f'~All DP threads have completed for package {ids[0]}')
    most, _ = most_at_once(w.texts('DistMgr.log'), '~Created DP processing thread (.*?) ', '~DP thread for package .* thread ID (.*?) ended')
    t.equal(most, 2, 'threads of the package')
    t.equal(w.rows('SELECT COUNT(*), MAX(State), MAX(BytesSent) FROM DistributionJobs'), [(6, 0, 0)], 'the jobs')
    t.equal((w.files('DP01'), list((w.library('DP01') / 'SMS_DP$').glob('*.temp'))), (before, []), 'what is there')


tap.main()
