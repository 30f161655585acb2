"""Archives of all layouts are read, and become what DEB-020 to DEB-026 say."""
import hashlib
import re

import world
from archive import Archive, Package

import tap
import webserver


@tap.case('/sup/upstream/debian-DEB-010-DEB-020-DEB-021-DEB-022-DEB-024-DEB-025')
def debian(t):
    w = world.World(t)
    curl = Package('curl', '7.88.1-10', source='curl')
    lib = Package('libcurl4', '7.88.1-10', source='curl', fields={'Description': 'library\n with more\n .\n lines'})
    rebuilt = Package('libfoo', '1:2.0-1+b3', source='foo', source_version='1:2.0-1')
    data = Package('foo-data', '1:2.0-1', arch='all', source='foo')
    s = w.debian().add(lib, curl, rebuilt, data).write()
    fixed = Package('curl', '7.88.1-10+deb12u1', source='curl', fields={'Urgency': 'high'})
    sec = w.security().add(fixed).write()
    both = Package('tz', '2026a-1')
    upd = w.archive.suite('bookworm-updates', suite='oldstable-updates', version='12-updates').add(both).write()
    s.add(both).write()
    w.use(s, sec, upd)
    run = w.sync()
    t.equal((run.code, run.error, [x.outcome for x in run.suites.values()]), (0, '', ['read'] * 3))
    t.equal(run.counts['added'], 4)
    got = w.point.updates()
    t.equal(sorted(got), [('curl', '7.88.1-10'), ('curl', '7.88.1-10+deb12u1'), ('foo', '1:2.0-1'), ('tz', '2026a-1')])

    u = got['curl', '7.88.1-10']
    t.equal(u.id, world.update_id('Debian', 'bookworm', 'curl', '7.88.1-10'))
    t.equal((u.revision, u.expired, u.classification), ('1', '0', world.ROLLUPS))
    t.equal(u.title, 'curl 7.88.1-10 (Update Rollups)')
    t.equal((u.description, u.url, u.severity), ('package curl', 'https://curl.example.org/', ''))
    t.equal([(f.package, f.arch, f.version, f.owned) for f in u.files],
            [('curl', 'amd64', '7.88.1-10', '-'), ('libcurl4', 'amd64', '7.88.1-10', '+')])
    t.equal(u.files[0].sha256, hashlib.sha256(curl.content()).hexdigest())
    t.equal(int(u.files[0].size), len(curl.content()))
    t.equal(u.files[0].url, f'file://{w.archive.folder}/pool/main/c/curl/curl_7.88.1-10_amd64.deb')
    t.equal((int(u.file_count), int(u.size)), (2, len(curl.content()) + len(lib.content())))
    t.equal(u.superseded_by, '')

    u = got['curl', '7.88.1-10+deb12u1']
    t.equal((u.classification, u.severity), (world.SECURITY, 'Important'))
    t.equal(got['tz', '2026a-1'].classification, world.UPDATES)

    u = got['foo', '1:2.0-1']
    t.equal(u.description, 'package foo-data', 'no binary is called foo: that of the first')
    t.equal([(f.package, f.arch, f.version) for f in u.files],
            [('foo-data', 'all', '1:2.0-1'), ('libfoo', 'amd64', '1:2.0-1+b3')])
    assert u.files[1].url.endswith('/libfoo_2.0-1+b3_amd64.deb'), u.files[1].url
    t.equal(w.point.tool('owner', w.point.rows('products')[0][0], 'amd64', 'curl').stdout.strip(),
            got['curl', '7.88.1-10+deb12u1'].id)


@tap.case('/sup/upstream/categories-DEB-023-DEB-030-DEB-052')
def categories(t):
    w = world.World(t)
    w.machine.write('usr/share/distro-info/debian.csv',
                    'version,codename,series,created,release,eol,eol-lts,eol-elts\n'
                    '12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-07-11,2028-06-30,2033-06-30\n')
    w.use(w.debian().add(Package('aa', '1')).write())
    t.equal(w.sync().code, 0)
    rows = {row[3]: row for row in w.point.rows('categories')}
    t.equal(rows['Debian'][1], 'Company')
    t.equal(rows['Debian GNU/Linux'][1:3], ['ProductFamily', rows['Debian'][0]])
    t.equal(rows['Debian 12 (bookworm)'][1:3], ['Product', rows['Debian GNU/Linux'][0]])
    t.equal(rows['Security Updates'][:2], [world.SECURITY, 'UpdateClassification'])
    product, = w.point.rows('products')
    t.equal(product[0], rows['Debian 12 (bookworm)'][0])
    t.equal(product[4:], ['12', '2028-06-30', 'os|debian|bookworm|12|'])


@tap.case('/sup/upstream/ubuntu-DEB-022-DEB-015')
def ubuntu(t):
    w = world.World(t, os_id='ubuntu', codename='jammy', version='22.04')
    facts = {'origin': 'Ubuntu', 'label': 'Ubuntu', 'version': '22.04', 'codename': 'jammy'}
    old, new, ported = Package('hello', '1.0'), Package('hello', '1.0ubuntu0.1'), Package('hello', '2.0~22.04')
    w.archive.suite('jammy', suite='jammy', **facts).add(old).write()
    w.archive.suite('jammy-security', suite='jammy-security', **facts).add(new).write()
    w.archive.suite('jammy-updates', suite='jammy-updates', **facts).add(new, Package('other', '3')).write()
    w.archive.suite('jammy-backports', suite='jammy-backports', not_automatic='yes', but_automatic='yes',
                    **facts).add(ported).write()
    w.use()
    t.equal(w.sync().code, 0)
    got = {key[1]: u.classification for key, u in w.point.updates().items()}
    t.equal(got, {'1.0': world.ROLLUPS, '1.0ubuntu0.1': world.SECURITY, '3': world.UPDATES, '2.0~22.04': world.FEATURES})
    t.equal(w.point.rows('products')[0][1], 'Ubuntu 22.04 (jammy)')
    t.equal(w.point.rows('products')[0][6], 'os|ubuntu|jammy|22.04|')
    t.equal([row[4] for row in w.point.rows('suites')], ['500', '500', '500', '100'])
    assert '\nhello 2.0~22.04 100 f\t= = ' in w.point.set_text()


@tap.case('/sup/upstream/third-party-and-flat-DEB-010-DEB-023-DEB-030')
def third_party(t):
    w = world.World(t)
    docker = Archive(t.dir / 'docker', world.key('Docker'))
    suite = docker.suite('bookworm', origin='Docker', label='Docker CE', components=['stable'])
    suite.add(Package('docker-ce', '5:27.0-1'), component='stable').write()
    flat = Archive(t.dir / 'flat', world.key('Docker'))
    own = flat.suite('./', flat=True, origin='Mine', label='My things', codename=None)
    own.add(Package('tool', '1', fields={'Filename': './tool_1_amd64.deb'}),
            Package('tool', '1', arch='arm64', fields={'Filename': './tool_1_arm64.deb'})).write()
    w.machine.sources(docker.line(suite), f'deb [signed-by={flat.key.path}] file://{flat.folder} ./\n')
    run = w.sync()
    t.equal((run.code, run.error), (0, ''))
    by_title = {row[1]: row for row in w.point.rows('products')}
    t.equal(sorted(by_title), ['Docker CE (bookworm)', f'My things ({str(flat.folder).strip("/")})'])
    t.equal(by_title['Docker CE (bookworm)'][6],
            f'source|Docker|bookworm|place|{docker.folder}|bookworm|')
    parents = {row[0]: row for row in w.point.rows('categories')}
    product = parents[by_title['Docker CE (bookworm)'][0]]
    t.equal(parents[product[2]][3], 'Docker CE')
    t.equal(parents[parents[product[2]][2]][3], 'Docker')
    got = w.point.updates()
    t.equal([f.url for f in got['tool', '1'].files], [f'file://{flat.folder}/tool_1_amd64.deb'])
    # Another architecture is read from the very same index; and when none is known, nothing is given up.
    w.machine.write('var/lib/dpkg/arch', 'amd64\narm64\n')
    t.equal(w.sync().code, 0)
    urls = [f.url.rsplit('/', 1)[1] for f in w.point.updates()['tool', '1'].files]
    t.equal(sorted(urls), ['tool_1_amd64.deb', 'tool_1_arm64.deb'])
    (w.machine.root / 'var/lib/dpkg/arch').unlink()
    t.equal(w.sync().code, 0)
    status = w.machine.root / 'var/lib/dpkg/status'
    status.rename(t.dir / 'status')
    run = w.sync()
    t.equal((run.suites['./'].code, run.suites['bookworm'].code), ('CONFIG', 'CONFIG'), run.error)
    t.contains(run.suites['./'].failure, 'it is not known for which architectures it is to be read')
    t.equal([u.expired for u in w.point.updates().values()], ['0', '0'])
    (t.dir / 'status').rename(status)
    w.machine.status([Package('tool', '0'), Package('docker-ce', '5:26')])
    t.equal(w.sync().code, 0)
    t.equal(w.point.evaluate()[0], [('docker-ce', 'amd64', '5:26', '5:27.0-1'), ('tool', 'amd64', '0', '1')])
    stranger = world.archive.Machine(t.dir / 'stranger')
    stranger.status([Package('tool', '0')])
    t.equal(w.point.evaluate(stranger)[0], [], 'a machine that does not name the archive')


@tap.case('/sup/upstream/architectures-and-all-DEB-012')
def architectures(t):
    w = world.World(t, arches=('amd64', 'i386'))
    s = w.debian(arches=['amd64', 'i386', 'arm64'], separate_all=True)
    s.add(Package('doc', '1', arch='all', source='src'), Package('bin', '1', source='src'),
          Package('bin', '1', arch='i386', source='src'), Package('bin', '1', arch='arm64', source='src')).write()
    w.use()
    t.equal(w.sync().code, 0)
    t.equal([row[1:4] for row in w.point.rows('indexes')],
            [['main', 'all', 'amd64 i386'], ['main', 'amd64', 'amd64'], ['main', 'i386', 'i386']])
    u, = w.point.updates().values()
    t.equal([(f.package, f.arch) for f in u.files], [('bin', 'amd64'), ('bin', 'i386'), ('doc', 'all')])
    for arch in ('amd64', 'i386'):
        last = re.sub(' i[0-9a-f]{2}', ' marks', w.point.set_text(arch).splitlines()[-1])
        t.equal(last.split('\t'), ['src 1 500 r', 'bin = marks', 'doc = marks a'])
    s.facts['No-Support-for-Architecture-all'] = 'Packages'
    s.separate_all, s.date = False, s.date + 1
    s.write()
    t.equal(w.sync().code, 0)
    t.equal([row[2] for row in w.point.rows('indexes')], ['amd64', 'i386'])


@tap.case('/sup/upstream/compressions-DEB-012')
def compressions(t):
    expected = None
    for number, forms in enumerate((['', '.xz', '.gz'], ['.gz'], ['.zst'], [''], ['', '.zst', '.gz'])):
        w = world.World(t)
        w.archive.folder = t.dir / f'mirror{number}'
        w.point = world.Point(t.dir / f'point{number}', w.machine)
        w.use(w.debian(forms=forms).add(*[Package(f'package{i}', '1') for i in range(500)]).write())
        run = w.sync()
        t.equal((run.code, run.error, run.counts['stanzas']), (0, '', 500), forms)
        expected = expected or w.point.set_text()
        t.equal(w.point.set_text(), expected, forms)


@tap.case('/sup/upstream/http-DEB-010-DEB-012')
def over_http(t):
    w = world.World(t)
    s = w.debian(forms=['.xz']).add(Package('aa', '1')).write()
    with webserver.Server(w.archive.folder) as server:
        w.use(uri=server.uri)
        t.equal(w.sync().code, 0)
        digest = hashlib.sha256((s.folder / 'main/binary-amd64/Packages.xz').read_bytes()).hexdigest()
        t.equal([path for path, _ in server.requests],
                ['/dists/bookworm/InRelease', f'/dists/bookworm/main/binary-amd64/by-hash/SHA256/{digest}'])
        server.requests.clear()
        run = w.sync()
        t.equal((run.code, run.suites['bookworm'].outcome, run.counts['change']), (0, 'unchanged', 1))
        t.equal(len(server.requests), 1)
        assert 'If-None-Match' in server.requests[0][1]
        # Another InRelease with the same indices: none is fetched.
        s.date += 60
        s.write()
        server.requests.clear()
        run = w.sync()
        t.equal((run.suites['bookworm'].outcome, run.counts['products'], len(server.requests)), ('read', 0, 1))
        # By hash is not there: the plain name is taken.
        s.add(Package('bb', '1')).date += 60
        s.write()
        server.on[hashlib.sha256((s.folder / 'main/binary-amd64/Packages.xz').read_bytes()).hexdigest()] = \
            webserver.status(404)
        t.equal((w.sync().code, len(w.point.updates())), (0, 2))
        assert server.requests[-1][0].endswith('/main/binary-amd64/Packages.xz')


@tap.case('/sup/upstream/one-archive-by-two-addresses-DEB-010-DEB-011')
def two_addresses(t):
    """Both have the very same InRelease, and are checked side by side."""
    w = world.World(t)
    s = w.debian().add(Package('aa', '1')).write()
    with webserver.Server(w.archive.folder) as server:
        w.machine.sources(w.archive.line(s), w.archive.line(s, server.uri))
        run = w.sync()
    t.equal((run.code, run.counts['failed'], run.suites['bookworm'].failure), (0, 0, ''))
    t.equal([row[7:] for row in w.point.rows('suites')], [['0', '']] * 2)
    t.equal(list(w.point.spool.glob('*')), [], 'nothing is left')


@tap.case('/sup/upstream/passwords-and-proxies-DEB-010')
def passwords(t):
    w = world.World(t)
    w.debian().add(Package('aa', '1')).write()
    with webserver.Server(w.archive.folder) as server:
        server.password = 'Basic dXNlcjpzZWNyZXQ='  # user:secret
        w.use(uri=server.uri)
        run = w.sync()
        t.equal((run.code, run.suites['bookworm'].code), (1, 'DENIED'))
        t.contains(run.error, 'may not be read (answer 401); put name and password into /etc/apt/auth.conf.d')
        w.machine.write('etc/apt/auth.conf.d/x.conf',
                        f'machine http://127.0.0.1:{server.port} login user password secret\n')
        t.equal(w.sync().code, 0)
        server.password = None
        w.machine.write('etc/apt/apt.conf.d/99proxy', f'Acquire::http::Proxy "{server.uri}";\n')
        w.point = world.Point(t.dir / 'other', w.machine)
        w.use(uri='http://archive.example.org/')
        server.requests.clear()
        t.equal(w.sync().code, 0)
        t.equal(server.requests[0][0], 'http://archive.example.org/dists/bookworm/InRelease')


@tap.case('/sup/upstream/every-option-of-sources-DEB-010-DEB-015')
def options(t):
    w = world.World(t)
    s = w.debian(components=['main', 'contrib']).add(Package('aa', '1')).add(Package('bb', '1'), component='contrib')
    s.write()
    back = w.archive.suite('bookworm-backports', origin='Debian Backports', suite='oldstable-backports',
                           not_automatic='yes', but_automatic='yes').add(Package('aa', '2~bpo12+1')).write()
    off = w.archive.suite('trixie', suite='stable').add(Package('cc', '1')).write()
    w.machine.write('etc/apt/sources.list.d/debian.sources',
                    f'# comment\nTypes: deb deb-src\nURIs: file://{w.archive.folder}\n# between\nSuites: bookworm\n'
                    f'Components: main contrib nothing\nArchitectures: amd64 riscv64\n'
                    'Signed-By:\n ' + w.archive.key.armoured.strip().replace('\n\n', '\n.\n').replace('\n', '\n ') +
                    f'\n\nTypes: deb\nURIs: file://{w.archive.folder}\nSuites: trixie\nComponents: main\nEnabled: no\n')
    w.machine.write('etc/apt/sources.list', w.archive.line(back))
    run = w.sync()
    t.equal((run.code, sorted(run.suites)), (0, ['bookworm', 'bookworm-backports']))
    t.equal(len([p for p in run.problems if 'it has no such component, so nothing for' in p]), 2, run.problems)
    t.equal(len([p for p in run.problems if 'it has no such architecture, so main for riscv64' in p]), 1, run.problems)
    t.equal({k: u.classification for k, u in w.point.updates().items()},
            {('aa', '1'): world.ROLLUPS, ('bb', '1'): world.ROLLUPS, ('aa', '2~bpo12+1'): world.FEATURES})
    t.equal(len(w.point.rows('products')), 1, 'backports belong to the release')
    assert off


@tap.case('/sup/upstream/configured-sources-DEB-010')
def configured(t):
    w = world.World(t)
    s = w.debian().add(Package('aa', '1')).write()
    text = (f'Types: deb\nURIs: file://{w.archive.folder}\nSuites: {s.path}\nComponents: main\n'
            f'Signed-By: {w.archive.key.path}\n')
    (t.dir / 'good').write_text(text)
    (t.dir / 'bad').write_text('Types: deb\nURIs: ftp://x\nSuites: s\nComponents: main\n')
    run = w.sync()
    t.equal(run.code, 1)
    t.contains(run.error, 'CONFIG: there is no source to synchronize with')
    t.contains(run.error, f'put one into {w.machine.root}/etc/apt/sources.list.d')
    bad = w.point.tool('sources', t.dir / 'bad', check=False)
    t.contains(bad.stderr, 'ftp://x is not fetched: only http, https and file are')
    w.point.tool('sources', t.dir / 'good')
    t.equal((w.sync().code, len(w.point.updates())), (0, 1))


@tap.case('/sup/upstream/keyrings-DEB-011')
def keyrings(t):
    w = world.World(t)
    s = w.debian().add(Package('aa', '1')).write()
    fingerprint = w.archive.key.fingerprint
    plain = f'file://{w.archive.folder}/ bookworm main\n'
    (t.dir / 'machine/etc/apt/trusted.gpg.d').mkdir(parents=True)

    def attempt(line):
        w.machine.sources(line)
        return w.sync()

    run = attempt(f'deb {plain}')
    t.contains(run.error, 'the keys it must be signed with cannot be read (there are none); name a keyring with Signed-By')
    run = attempt(f'deb [signed-by={t.dir}/none.gpg] {plain}')
    t.contains(run.error, 'none.gpg')
    w.machine.write('etc/apt/trusted.gpg.d/a.asc', world.key('Other').armoured + w.archive.key.armoured)
    t.equal(attempt(f'deb {plain}').code, 0, 'armoured keys of the machine')
    t.equal(attempt(f'deb [signed-by={fingerprint}] {plain}').code, 0, 'a fingerprint')
    run = attempt(f'deb [signed-by={world.key("Other").fingerprint}] {plain}')
    t.contains(run.error, 'which the source does not name in Signed-By')
    assert s


@tap.case('/sup/upstream/progress-SYNC-029')
def progress(t):
    w = world.World(t)
    w.use(w.debian().add(*[Package(f'package{i}', '1') for i in range(300)]).write())
    out = w.point.tool('sync', w.machine.root, w.point.spool, env={'SUP_TOOL_PROGRESS': '1'}).stdout
    rows = [line.split('\t')[1:4] for line in out.splitlines() if line.startswith('progress')]
    t.equal([row for row in rows if row[0] == '0'][-1], ['0', '1', '1'], 'categories come first')
    t.equal([row for row in rows if row[0] == '1'][-1], ['1', '300', '300'])
    t.equal(sorted(rows, key=lambda r: int(r[0])), rows, 'phases in their order')


@tap.case('/sup/upstream/same-everywhere-DEB-021-DEB-042')
def same_everywhere(t):
    w = world.World(t)
    a = w.debian().add(*[Package(f'package{i}', '1', source=f's{i % 7}') for i in range(40)]).write()
    b = w.security().add(*[Package(f'package{i}', '1.1', source=f's{i % 5}') for i in range(20)]).write()
    w.use(a, b)
    t.equal(w.sync().code, 0)
    other = world.Point(t.dir / 'other', w.machine)
    with webserver.Server(w.archive.folder) as server:
        w.use(b, a, uri=server.uri)
        t.equal(other.sync().code, 0)
    t.equal(other.sets(), w.point.sets())
    t.equal(other.set_text(), w.point.set_text())


tap.main()
