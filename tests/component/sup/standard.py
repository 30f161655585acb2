"""The standard exchange: strangers, who list all they hold, are given what our clients are given."""
import base64
import concurrent.futures
import functools
import hashlib
import re
import shutil
import signal
import sqlite3
import time

import apt_pkg
import archive
import suplab
import generated
import world
from archive import Package
from stranger import Machine, Stranger, Windows, fragment, ints
from suplab import CLIENT, CLIENT_PATH, announce, envelope, local, text

import tap

CLASSES = {'s': 'Security Updates', 'u': 'Updates', 'r': 'Update Rollups', 'f': 'Feature Packs'}


def refused(t, code, function, *args, **options):
    try:
        function(*args, **options)
    except suplab.Fault as fault:
        t.equal(fault.code, code, f'the fault ({fault})')
        return fault
    return t.fail(f'no fault {code}')


class Scene:
    """An archive of a release with security, updates and backports, and an update point that has read it."""

    def __init__(self, t, **machine):
        self.t = t
        self.point = suplab.Point(t, **machine)
        self.world = self.point.world
        arches = list(machine.get('arches', ['amd64']))
        self.stable = self.world.debian(arches=arches)
        self.security = self.world.security(arches=arches)
        self.backports = self.world.archive.suite(
            'bookworm-backports', suite='oldstable-backports', version='12', label='Debian Backports', arches=arches,
            not_automatic='yes', but_automatic='yes', origin='Debian Backports')

    def write(self):
        for suite in self.world.archive.suites:
            suite.date += 60
            suite.write()
        self.world.use()
        done = self.world.sync()
        assert done.code == 0, done.error
        return done

    def start(self, page=None):
        if page:
            conf = self.point.root / 'etc/upkeep/sup.conf'
            conf.write_text(conf.read_text().replace('[sup]\n', f'[sup]\nmax_new_updates={page}\n'))
        self.point.start()
        return self

    def stranger(self, machine=None):
        return Stranger(self.point.agent().sign_in(), machine)

    def synchronized(self, agent):
        """Writes the archive, synchronizes, and waits until the program beside us answers by it."""
        self.write()
        deadline = tap.until(20)
        while [s[:4] for s in self.named(agent)] != self.point.sets():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def named(self, agent):
        element = agent.sync(announce(arches=' '.join(self.world.machine.arches))).find(suplab.EXTENSION)
        return [(s.get('Product'), s.get('Architecture'), int(s.get('Number')), s.get('SHA256'), s.get('Url'))
                for s in element]

    def by_extension(self):
        """{UpdateID: (revision, title)} as a client with the extension is told, its text read by hand."""
        agent, found = self.point.agent().sign_in(), {}
        for *_, url in self.named(agent):
            head, _, body = suplab.unpack(agent.raw(url, None, method='GET')[2]).decode().partition('\n\n')
            facts = dict(line.split(' ', 1) for line in head.splitlines())
            for line in body.splitlines():
                words = line.split('\t')[0].split(' ')
                guid = world.update_id(facts['origin'], facts['codename'], words[0], words[1])
                found[guid] = (int(words[4]) if len(words) > 4 else 1, f'{words[0]} {words[1]} ({CLASSES[words[3]]})')
        return found

    def by_archive(self, owned):
        """{UpdateID: files} of the source versions of owned, as the archive's packages say."""
        found = {}
        for suite in self.world.archive.suites:
            for package in sum(suite.packages.values(), []):
                source = (package.source or package.name, package.source_version or package.version)
                if source in owned:
                    data = package.content()
                    found.setdefault(world.update_id('Debian', 'bookworm', *source), set()).add((
                        package.filename().rpartition('/')[2], len(data),
                        base64.b64encode(hashlib.sha256(data).digest()).decode(),
                        f'file://{self.world.archive.folder}/{package.filename()}'))
        return found


def common(t):
    """An archive with everything that makes a difference."""
    s = Scene(t)
    s.stable.add(Package('curl', '7.88-10', source='curl'), Package('libcurl4', '7.88-10', source='curl'),
                 Package('libfoo', '1:2.0-1+b3', source='foo', source_version='1:2.0-1'),
                 Package('foo-data', '1:2.0-1', arch='all', source='foo'), Package('tz', '2026a-1', arch='all'),
                 Package('tool', '1.0-1'), Package('old', '1.0-1'), Package('a<b>&"c', '1'))
    s.stable.packages['main'].pop()  # such a name is none, and would be refused
    s.security.add(Package('curl', '7.88-10+deb12u1', source='curl', fields={'Urgency': 'high'}),
                   Package('old', '1.0-1+deb12u1'))
    s.backports.add(Package('tool', '2.0-1~bpo12+1'), Package('fresh', '3-1~bpo12+1'))
    s.write()
    return s


OWNED = {('curl', '7.88-10'), ('curl', '7.88-10+deb12u1'), ('foo', '1:2.0-1'), ('tz', '2026a-1'), ('tool', '1.0-1'),
         ('old', '1.0-1+deb12u1'), ('tool', '2.0-1~bpo12+1'), ('fresh', '3-1~bpo12+1')}


@tap.case('/sup/standard/prerequisites-come-first-level-by-level-DEB-030')
def levels(t):
    s = common(t).start()
    a = s.stranger().scan()
    types = [sorted({(i.type, i.leaf, i.deployment['Action']) for i in r.new}) for r in a.rounds]
    roots = [('Category', False, 'Evaluate'), ('Detectoid', False, 'Evaluate')]
    t.equal(types, [roots, roots[:1], roots[:1], [('Software', True, 'PreDeploymentCheck')]],
            'roots, family, product, updates')
    t.equal(a.rounds[0].names, ['NewUpdates', 'Truncated', 'NewCookie', 'DriverSyncNotNeeded'], 'the order of the WSDL')
    t.equal({r.drivers_not_needed for r in a.rounds}, {'true'})
    assert all(i.clauses == [] for i in a.rounds[0].new), 'a root has no prerequisites'
    for item in a.updates().values():
        assert len(item.clauses) == 4 and item.root.find('Properties').get('ExplicitlyDeployable') == 'true'
        t.equal([(n.tag, n.get('IsCategory')) for n in item.root.find('Relationships/Prerequisites')],
                [('UpdateIdentity', None)] * 2 + [('AtLeastOne', 'true')] * 2, 'machine, architecture, categories')
    # All that is named by somebody is held, and is no leaf.
    named = {g for i in a.cache.values() for c in i.clauses for g in c}
    t.equal({i.guid for i in a.cache.values() if not i.leaf}, named)
    again = a.scan()
    t.equal([r.names for r in again.rounds], [['Truncated', 'NewCookie', 'DriverSyncNotNeeded']], 'nothing new')


@tap.case('/sup/standard/one-answer-with-the-extension-and-the-archive-DEB-021-DEB-024-DEB-025')
def one_answer(t):
    s = common(t).start()
    a = s.stranger().scan()
    got = a.details()
    t.equal({guid: entry[:2] for guid, entry in got.items()}, s.by_extension(), 'revisions and titles')
    t.equal({guid: entry[2] for guid, entry in got.items()}, s.by_archive(OWNED), 'files')


@tap.case('/sup/standard/rules-say-what-our-engine-says-DEB-031-DEB-032')
def rules(t):
    s = common(t).start()
    a = s.stranger()
    ids = {key: world.update_id('Debian', 'bookworm', *key) for key in OWNED}
    cases = [
        [], [('curl', 'amd64', '7.0'), ('libcurl4', 'amd64', '7.88-10')],
        [('curl', 'amd64', '7.88-10+deb12u1'), ('libcurl4', 'amd64', '7.0')],
        [('libfoo', 'amd64', '1:2.0-1'), ('foo-data', 'all', '1:2.0-1')],
        [('foo-data', 'amd64', '1:1.0-1'), ('tz', 'amd64', '1')],
        [('tool', 'amd64', '0.9')], [('tool', 'amd64', '1.0-1')], [('tool', 'amd64', '1.5-1')],
        [('tool', 'amd64', '2.0-1~bpo12+1')], [('tool', 'amd64', '9')], [('fresh', 'amd64', '1')],
        [('old', 'amd64', '1.0-1')], [('curl', 'i386', '1')]]
    for packages in cases:
        s.world.machine.status([Package(n, v, arch=r) for n, r, v in packages])
        _, states, _ = s.world.point.evaluate()
        a.machine = Machine(packages)
        a.scan()
        for state, found in (('missing', a.missing()), ('installed', a.installed())):
            t.equal(found, {ids[key] for key, value in states.items() if value == state}, f'{state} of {packages}')


@tap.case('/sup/standard/architectures-all-and-foreign-DEB-026-DEB-031')
def architectures(t):
    s = Scene(t, arches=('amd64', 'i386'))
    s.stable.add(Package('lib', '1', arch='amd64'), Package('lib', '1', arch='i386'), Package('doc', '1', arch='all'),
                 Package('turned', '1', arch='amd64'), Package('turned', '1', arch='i386'))
    s.security.add(Package('turned', '2', arch='all'), Package('lib', '1+u1', arch='i386', source='lib'))
    s.write()
    s.start()
    a = s.stranger()
    keys = [('lib', '1'), ('lib', '1+u1'), ('doc', '1'), ('turned', '1'), ('turned', '2')]
    ids = {key: world.update_id('Debian', 'bookworm', *key) for key in keys}
    for packages in ([('lib', 'amd64', '0'), ('lib', 'i386', '0')], [('lib', 'i386', '1'), ('doc', 'amd64', '0')],
                     [('turned', 'amd64', '1')], [('turned', 'amd64', '0'), ('turned', 'i386', '0')],
                     [('turned', 'all', '1'), ('turned', 'i386', '1')], [('turned', 'all', '2')], [('doc', 'all', '0')]):
        s.world.machine.status([Package(n, v, arch=r) for n, r, v in packages])
        _, states, _ = s.world.point.evaluate()
        a.machine = Machine(packages, arches=['amd64', 'i386'])
        a.scan()
        for state, found in (('missing', a.missing()), ('installed', a.installed())):
            t.equal(found, {ids[key] for key, value in states.items() if value == state}, f'{state} of {packages}')


@tap.case('/sup/standard/pages-are-no-longer-than-set')
def pages(t):
    s = Scene(t)
    s.stable.add(*[Package(f'pkg{i}', f'1.{i}-1') for i in range(100)])
    s.write()
    s.start(page=7)
    a = s.stranger().scan()
    sizes = [len(r.new) for r in a.rounds]
    t.equal(max(sizes), 7)
    t.equal(sizes[-15:], [7] * 14 + [2])
    t.equal([r.truncated for r in a.rounds[-15:]], [True] * 14 + [False])
    t.equal(len(a.updates()), 100)
    t.equal({r.gone == [] and r.changed == [] for r in a.rounds}, {True}, 'what a page cuts is not out of scope')
    t.equal({g: e[:2] for g, e in a.details().items()}, s.by_extension())


@tap.case('/sup/standard/after-a-change-only-the-changed-come-DEB-050-DEB-051-DEB-032')
def change(t):
    s = Scene(t)
    s.stable.add(*[Package(f'pkg{i}', '1') for i in range(20)], Package('two-a', '1', source='two'),
                 Package('two-b', '1', source='two'), Package('gone', '1'), Package('re', '1'))
    s.security.add(Package('other', '1'))
    s.write()
    s.start()
    a = s.stranger(Machine([('two-a', 'amd64', '0'), ('pkg0', 'amd64', '0')])).scan()
    before = {guid: (item.id, item.deployment) for guid, item in a.updates().items()}
    key = lambda name, version='1': world.update_id('Debian', 'bookworm', name, version)
    t.equal(a.missing(), {key('two'), key('pkg0')})
    main = s.stable.packages['main']
    main[:] = [p for p in main if p.name not in ('gone', 're')] + [Package('re', '1', build='rebuilt')]
    s.security.add(Package('two-a', '1+u1', source='two'), Package('pkg3', '1+u1'))
    s.synchronized(a.agent)
    a.scan()
    t.equal(len(a.rounds), 1)
    reply, = a.rounds
    t.equal({(i.guid, i.revision) for i in reply.new},
            {(key('re'), 2), (key('two', '1+u1'), 1), (key('pkg3', '1+u1'), 1)}, 'new')
    t.equal(set(reply.gone), {before[key('gone')][0], before[key('re')][0], before[key('pkg3')][0]}, 'out of scope')
    t.equal([number for number, _, _ in reply.changed], [before[key('two')][0]], 'changed: another owns a binary of it')
    for guid, (number, deployment) in before.items():
        if guid in a.updates() and guid not in (key('re'), key('two')):
            t.equal((a.updates()[guid].id, a.updates()[guid].deployment), (number, deployment), 'what did not change')
    t.equal(a.missing(), {key('two', '1+u1'), key('pkg0')}, 'by the rules of the new deployment')
    t.equal({g: e[:2] for g, e in a.details().items()}, s.by_extension())
    t.equal([r.names for r in a.scan().rounds], [['Truncated', 'NewCookie', 'DriverSyncNotNeeded']], 'nothing twice')
    # And back: what owns something again is given again, under its number.
    s.security.packages['main'][:] = [Package('other', '1')]
    s.synchronized(a.agent)
    a.scan()
    t.equal({i.guid for i in a.rounds[0].new}, {key('pkg3')})
    t.equal(a.updates()[key('pkg3')].id, before[key('pkg3')][0])
    t.equal(a.missing(), {key('two'), key('pkg0')})


@tap.case('/sup/standard/a-prerequisite-revised-loses-nobody-the-rest-DEB-030')
def revised(t):
    p = suplab.Point(t)
    docker = archive.Archive(t.dir / 'docker', world.key())
    theirs = docker.suite('bookworm', origin='Docker', label='Docker CE', arches=['amd64'])
    theirs.add(Package('docker', '24')).write()
    p.world.machine.sources(docker.line(theirs))
    assert p.world.sync().code == 0
    p.start()
    a = Stranger(p.agent().sign_in(), Machine(sources=[('Docker', 'bookworm')])).scan()
    t.equal(len(a.updates()), 1)
    detectoid = next(i for i in a.cache.values() if i.type == 'Detectoid' and 'apt-source' in i.xml)
    # The same archive at another place: the product's rule names both.
    (t.dir / 'mirror2').symlink_to(docker.folder)
    p.world.machine.sources(docker.line(theirs), docker.line(theirs, f'file://{t.dir}/mirror2/'))
    assert p.world.sync().code == 0
    while True:
        reply = a.ask()
        if reply.names != ['Truncated', 'NewCookie', 'DriverSyncNotNeeded']:
            break
    t.equal(([i.guid for i in reply.new], [i.revision for i in reply.new], reply.gone),
            ([detectoid.guid], [2], [detectoid.id]))
    t.equal(len(a.scan().updates()), 1)


def installed_of(machine):
    """(name, architecture, version) of what dpkg's status says is there (DEB-033)."""
    for stanza in (machine.root / 'var/lib/dpkg/status').read_text().split('\n\n'):
        fields = dict(line.split(': ', 1) for line in stanza.splitlines() if ': ' in line and line[0] != ' ')
        if 'Version' in fields and fields['Status'].split()[2] not in ('not-installed', 'config-files'):
            yield fields['Package'], fields['Architecture'], fields['Version']


def update_of(generated, name, arch, new):
    """The update that brings a package to a version, by the archive's packages."""
    found = {(p.source, p.source_version or p.version) for _, suite in generated.suites
             for p in sum(suite.packages.values(), [])
             if p.name == name and p.arch in (arch, 'all', *generated.arches[:1]) and p.version == new}
    assert len(found) == 1, (name, arch, new, found)
    return world.update_id('Debian', 'bookworm', *found.pop())


def as_apt_says(t, number):
    apt_pkg.init_system()
    g = generated.World(t, number, third=False)
    p = suplab.Point(t)
    machines = [g.machine(n) for n in range(4)]
    generated.Apt(machines[0]).update()
    for machine in machines[1:]:
        shutil.copytree(machines[0].root / 'var/lib/apt/lists', machine.root / 'var/lib/apt/lists')
    p.world.point.machine = machines[0]
    assert p.world.sync().code == 0
    p.start()
    a = Stranger(p.agent().sign_in())
    rows = 0
    for machine in machines:
        # What depends on no package of the machine is asked for once.
        a.machine = Rules(list(installed_of(machine)), arches=g.arches)
        a.scan()
        expected, _ = generated.Apt(machine).upgradable()
        wanted = {update_of(g, name, arch, new) for name, arch, _, new in expected}
        t.equal(a.missing(), wanted, f'seed {generated.SEED}, archive {number}, {machine.root}')
        rows += len(expected)
    assert rows > 0
    return rows


class Rules(Machine):
    """Compares by apt's own library, which is faster than a program for each."""

    def version(self, name, arch, comparison, version):
        wanted = self.arches[0] if arch == 'all' else arch
        return any(n == name and (self.arches[0] if a == 'all' else a) == wanted and
                   {'LessThan': order < 0, 'GreaterThan': order > 0, 'GreaterThanOrEqualTo': order >= 0}[comparison]
                   for n, a, v in self.packages for order in [apt_pkg.version_compare(v, version)])


for _number in range(40 if tap.full() else 5):
    tap.case(f'/sup/standard/generated-machines-{_number}-as-apt-says-DEB-001-DEB-026-DEB-031-DEB-032')(
        functools.partial(as_apt_says, number=1000 + _number))


@tap.case('/sup/standard/third-party-and-other-machines-DEB-030')
def machines(t):
    s = common(t).start()
    for machine, count in ((Windows(), 0), (Machine(os_release={'ID': 'ubuntu'}), 0), (Machine(arches=['arm64']), 0),
                           (Machine(os_release={'ID': 'debian', 'VERSION_ID': '12'}), len(OWNED)),
                           (Machine(os_release={'ID': 'debian', 'VERSION_CODENAME': 'trixie', 'VERSION_ID': '12'}), 0)):
        a = s.stranger(machine).scan()
        t.equal(len(a.updates()), count, f'{machine.os_release} {machine.arches}')
        assert a.cache, 'prerequisites are for everybody'
    # Who becomes another machine is told to forget what was for the first.
    a = s.stranger().scan()
    a.machine = Windows()
    a.scan()
    t.equal((len(a.updates()), len(a.rounds[0].gone)), (0, len(OWNED)))


@tap.case('/sup/standard/the-bounds-of-lists')
def bounds(t):
    s = common(t).start()
    a = s.stranger().scan()
    known = a.lists()[0][0]
    agent, cookie = a.agent, a.agent.cookie

    def lists(installed=(), other=(), more=''):
        agent.cookie = cookie
        return agent.sync('<InstalledNonLeafUpdateIDs>' + ''.join(f'<int>{i}</int>' for i in installed) +
                          '</InstalledNonLeafUpdateIDs><OtherCachedUpdateIDs>' +
                          ''.join(f'<int>{i}</int>' for i in other) + f'</OtherCachedUpdateIDs>{more}')
    fault = refused(t, 'InvalidParameters', lists, [known] * 10001)
    t.equal(fault.message, 'parameters.InstalledNonLeafUpdateIDs')
    lists([known] * 10000)
    t.equal(refused(t, 'InvalidParameters', lists, [], [known] * 100001).message, 'parameters.OtherCachedUpdateIDs')
    t.equal(refused(t, 'InvalidParameters', lists, [], ['x']).message, 'parameters.OtherCachedUpdateIDs')
    t.equal(refused(t, 'InvalidParameters', lists, [], [f'{known}</int><int>'] * 5000).message,
            'parameters.OtherCachedUpdateIDs', 'an empty number')
    t.equal(refused(t, 'InvalidParameters', lists, more='<SystemSpec><Device/></SystemSpec>').message,
            'parameters.SystemSpec')
    for never in (0, -1, 2**31 - 1, 10**15):
        refused(t, 'ServerChanged', lists, [], [never])
        refused(t, 'ServerChanged', lists, [never])
    # A number that was given out and is nobody's any more.
    base = sqlite3.connect(f'file:{s.point.state}/catalog.db?mode=ro', uri=True)
    last, = base.execute('SELECT RevisionID FROM CatalogState').fetchone()
    refused(t, 'ServerChanged', lists, [], [last + 1])
    unheld = next(i for i in range(1, last + 1) if i not in a.cache)
    t.equal(ints(local(lists([], [unheld]), 'OutOfScopeRevisionIDs')), [unheld])


@tap.case('/sup/standard/thirty-four-thousand-numbers-in-every-form')
def long_lists(t):
    s = common(t).start()
    a = s.stranger().scan()
    installed, other = a.lists()
    agent, cookie = a.agent, a.agent.cookie
    numbers = (other * 34000)[:34000]
    head = '<InstalledNonLeafUpdateIDs>' + ''.join(f'<int>{i}</int>' for i in installed) + '</InstalledNonLeafUpdateIDs>'
    plain = ''.join(f'<int>{i}</int>' for i in numbers)
    forms = {
        'as agents send it': f'<OtherCachedUpdateIDs>{plain}</OtherCachedUpdateIDs>',
        'with line ends': '<OtherCachedUpdateIDs>\n ' + plain.replace('</int>', '</int>\r\n\t') + '</OtherCachedUpdateIDs>',
        'with a comment': f'<OtherCachedUpdateIDs><!-- <OtherCachedUpdateIDs> -->{plain}</OtherCachedUpdateIDs>',
        'with blanks': '<OtherCachedUpdateIDs>' + plain.replace('<int>', '<int> ') + '</OtherCachedUpdateIDs>',
        'with references': '<OtherCachedUpdateIDs>' + plain.replace('1', '&#49;') + '</OtherCachedUpdateIDs>',
        'elsewhere first': f'<Odd><OtherCachedUpdateIDs>{plain}</OtherCachedUpdateIDs></Odd>'
                           f'<OtherCachedUpdateIDs>{plain}</OtherCachedUpdateIDs>',
    }
    for form, xml in forms.items():
        agent.cookie = cookie
        result = agent.sync(f'{head}{xml}<SkipSoftwareSync>false</SkipSoftwareSync>')
        t.equal([n.tag.rsplit('}', 1)[1] for n in result], ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'], form)
    agent.cookie = cookie
    result = agent.sync(head + f'<Odd><OtherCachedUpdateIDs>{plain}</OtherCachedUpdateIDs></Odd>')
    t.equal(len(local(result, 'NewUpdates')), len(OWNED), 'a list that is not where it belongs is none')


@tap.case('/sup/standard/drivers-and-printers-there-are-none')
def drivers(t):
    s = common(t).start()
    a = s.stranger().scan()
    agent = a.agent
    installed = ''.join(f'<int>{i}</int>' for i in a.lists()[0])
    result = agent.sync(f'<InstalledNonLeafUpdateIDs>{installed}</InstalledNonLeafUpdateIDs><SystemSpec><Device/>'
                        '</SystemSpec><SkipSoftwareSync>true</SkipSoftwareSync>')
    t.equal([n.tag.rsplit('}', 1)[1] for n in result], ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'])
    result = agent.sync('<CachedDriverIDs><int>1</int></CachedDriverIDs><SkipSoftwareSync>true</SkipSoftwareSync>')
    t.equal(ints(local(result, 'OutOfScopeRevisionIDs')), [1])
    found = agent.client('SyncPrinterCatalog', agent.cookie_xml() + '<installedNonLeafUpdateIDs/><printerUpdateIDs/>')
    t.equal([n.tag.rsplit('}', 1)[1] for n in local(found, 'SyncPrinterCatalogResult')], ['Truncated', 'NewCookie'])
    t.equal(a.scan().rounds[0].names, ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'])


@tap.case('/sup/standard/a-scan-of-categories')
def category_scan(t):
    s = common(t).start()
    a = s.stranger().scan()
    product = next(i.guid for i in a.cache.values() if i.type == 'Category' and
                   any(i.guid in c for u in a.updates().values() for c in u.clauses) and i.clauses)

    def wish(*groups):
        found = a.agent.client('StartCategoryScan', '<requestedCategories>' + ''.join(
            f'<CategoryRelationship><IndexOfAndGroup>{n}</IndexOfAndGroup><CategoryId>{g}</CategoryId></CategoryRelationship>'
            for n, g in groups) + '</requestedCategories>')
        return [[n.text for n in part] for part in found]
    unknown = 'e5000000-0000-4000-8000-00000000f001'
    t.equal(wish((0, product), (0, world.SECURITY)), [[product], []])
    t.equal(wish((0, product)), [[product], []])
    t.equal(wish((0, unknown), (0, world.SECURITY), (1, product)), [[product], [unknown]])
    t.equal(wish((0, product), (1, world.SECURITY)), [[], []], 'a classification alone is no product')
    refused(t, 'InvalidParameters', wish, *[(0, product)] * 200)

    def only(guid):
        return f'<FilterCategoryIds><CategoryIdentifier><Id>{guid}</Id></CategoryIdentifier></FilterCategoryIds>'
    b = s.stranger().scan(only(world.SECURITY))
    t.equal({i.guid for i in b.updates().values()}, {world.update_id('Debian', 'bookworm', *key) for key in
                                                     (('curl', '7.88-10+deb12u1'), ('old', '1.0-1+deb12u1'))})
    t.equal(len(s.stranger().scan(only(product)).updates()), len(OWNED))
    # What is deployed but filtered is told apart, if the client knows of two groups.
    b = s.stranger().scan()
    b.ask(only(world.SECURITY))
    t.equal((len(b.rounds[-1].gone), len(b.rounds[-1].filtered)), (0, len(OWNED) - 2))
    b = s.stranger().scan()
    b.ask(only(world.SECURITY), two_groups=False)
    t.equal((len(b.rounds[-1].gone), len(b.rounds[-1].filtered)), (len(OWNED) - 2, 0))
    t.equal(len(b.scan().updates()), len(OWNED), 'without a filter all of them come back')


@tap.case('/sup/standard/old-agents-are-sent-what-they-know')
def old_agents(t):
    s = common(t).start()
    for version, action in (('1.6', ()), ('1.7', ('DriverSyncNotNeeded',)), ('1.8', ('DriverSyncNotNeeded',)),
                            ('10.0', ('DriverSyncNotNeeded',))):
        agent = s.point.agent()
        agent.get_config()
        agent.authorize()
        agent.get_cookie(version=version)
        agent.register()
        a = Stranger(agent).scan()
        t.equal(a.rounds[0].names, ['NewUpdates', 'Truncated', 'NewCookie', *action], version)
        known = {'ID', 'Action', 'IsAssigned', 'LastChangeTime'}
        more = {'AutoSelect', 'AutoDownload', 'SupersedenceBehavior'} if version in ('1.8', '10.0') else set()
        t.equal({frozenset(i.deployment) for i in a.cache.values()}, {frozenset(known | more)}, version)


@tap.case('/sup/standard/get-auth-config')
def auth_config(t):
    s = common(t).start()
    agent = s.point.agent()
    agent.get_config()
    result = local(agent.client('GetAuthConfig', ''), 'GetAuthConfigResult')
    t.equal([n.tag.rsplit('}', 1)[1] for n in result], ['LastChange', 'AuthInfo'])
    t.equal(text(result, 'LastChange'), agent.last_change)
    t.equal(text(result, 'AuthInfo', 'AuthPlugInInfo', 'ServiceUrl'), 'SimpleAuthWebService/SimpleAuth.asmx')


@tap.case('/sup/standard/a-cookie-of-an-hour')
def cookies(t):
    s = common(t).start()
    a = s.stranger().scan()
    agent = a.agent
    first = agent.sync(a.parameters())
    end = text(first, 'NewCookie', 'Expiration')
    t.equal(text(agent.sync(a.parameters()), 'NewCookie', 'Expiration'), end, 'a scan does not prolong it')
    old = agent.cookie
    s.point.stop()
    s.point.clock_forward(2 * 3600)
    s.point.start()
    for call in (lambda: agent.sync(a.parameters()), lambda: a.extended([1]),
                 lambda: agent.client('GetFileLocations', agent.cookie_xml() + '<fileDigests/>'),
                 lambda: agent.client('RefreshCache', agent.cookie_xml() + '<globalIDs/>'),
                 lambda: agent.client('SyncPrinterCatalog', agent.cookie_xml())):
        t.equal(refused(t, 'CookieExpired', call).message, 'The cookie has expired.')
    agent.authorize()
    agent.get_cookie(old=f'<oldCookie><EncryptedData>{old}</EncryptedData></oldCookie>')
    t.equal(a.scan().rounds[0].names, ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'], 'nothing is sent again')


@tap.case('/sup/standard/who-must-register-and-whose-configuration-is-old')
def registration(t):
    s = common(t).start()
    agent = s.point.agent()
    agent.get_config()
    agent.authorize()
    agent.get_cookie()
    a = Stranger(agent)
    refused(t, 'RegistrationRequired', a.ask)
    refused(t, 'RegistrationRequired', a.extended, [1])
    agent.register()
    a.scan()
    path = s.point.state / 'state.ini'
    s.point.stop()
    path.write_text(re.sub(r'(client\.configuration=\w+ )\d+', r'\g<1>1700000000', path.read_text()))
    s.point.start()
    refused(t, 'ConfigChanged', a.ask)
    agent.cookie = 'bm9uZQ=='
    refused(t, 'InvalidCookie', a.ask)
    agent.sign_in()
    t.equal(a.scan().rounds[0].names, ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'])


@tap.case('/sup/standard/another-catalogue-is-learned-by-refresh-cache')
def refresh(t):
    s = common(t).start()
    a = s.stranger().scan()
    s.point.stop()
    # Another catalogue: other numbers for the same updates, another GUID, and nothing noted of the first.
    for path in s.point.state.iterdir():
        if path.is_file() and path.name.startswith('catalog.db'):
            path.unlink()
    notes = s.point.state / 'state.ini'
    notes.write_text(re.sub(r'engine\.catalogue=.*\n', '', notes.read_text()))
    s.stable.add(Package('aaa', '1'))
    s.write()
    s.point.start()
    refused(t, 'ServerChanged', a.ask)
    a.agent.get_config()
    a.agent.authorize()
    a.agent.get_cookie()
    known = {i.guid: i for i in a.cache.values()}
    odd = [('e5000000-0000-4000-8000-00000000f001', 1), (next(iter(a.updates())), 77)]
    found = a.agent.client('RefreshCache', a.agent.cookie_xml() + '<globalIDs>' + ''.join(
        f'<UpdateIdentity><UpdateID>{g}</UpdateID><RevisionNumber>{r}</RevisionNumber></UpdateIdentity>'
        for g, r in [(i.guid.upper(), i.revision) for i in a.cache.values()] + odd) + '</globalIDs>')
    entries = list(local(found, 'RefreshCacheResult'))
    t.equal(len(entries), len(known), 'one for each that is in scope, in that revision')
    a.cache = {}
    for entry in entries:
        item = known[text(entry, 'GlobalID', 'UpdateID').lower()]
        t.equal(text(entry, 'IsLeaf'), str(item.leaf).lower())
        item.id = int(text(entry, 'RevisionID'))
        a.cache[item.id] = item
    a.scan()
    t.equal([i.guid for r in a.rounds for i in r.new], [world.update_id('Debian', 'bookworm', 'aaa', '1')])
    t.equal({g: e[:2] for g, e in a.details().items()}, s.by_extension())


@tap.case('/sup/standard/extended-information-of-every-kind-DEB-024-DEB-025')
def extended(t):
    s = common(t).start()
    a = s.stranger().scan()
    ids = {item.guid: item.id for item in a.cache.values()}
    curl = ids[world.update_id('Debian', 'bookworm', 'curl', '7.88-10+deb12u1')]
    kinds = ['Published', 'Core', 'Extended', 'VerificationRule', 'LocalizedProperties', 'Eula', 'FileUrl',
             'FileDecryption']
    fragments, places, out = a.extended([curl, ids[world.SECURITY], 10**6], kinds)
    t.equal([number for number, _ in fragments], [curl, ids[world.SECURITY]] * 3, 'core, extended, words; no others')
    t.equal(out, [10**6])
    core, _, more, category, words, name = [fragment(xml) for _, xml in fragments]
    t.equal(core.find('UpdateIdentity').get('RevisionNumber'), '1')
    t.equal(more.find('ExtendedProperties').attrib,
            {'DefaultPropertiesLanguage': 'en', 'Handler': 'urn:upkeep:dpkg', 'MsrcSeverity': 'Important',
             'MaxDownloadSize': str(sum(len(p.content()) for p in s.security.packages['main'][:1]))})
    t.equal(more.findtext('ExtendedProperties/MoreInfoUrl'), 'https://curl.example.org/')
    t.equal(words.findtext('LocalizedProperties/Language'), 'en')
    t.equal(words.findtext('LocalizedProperties/Title'), 'curl 7.88-10+deb12u1 (Security Updates)')
    t.equal(words.findtext('LocalizedProperties/Description'), 'package curl')
    t.equal(category.find('HandlerSpecificData').get('type'), 'cat:Category')
    t.equal(category.find('HandlerSpecificData/CategoryInformation').get('CategoryType'), 'UpdateClassification')
    t.equal(name.findtext('LocalizedProperties/Title'), 'Security Updates')
    file, = more.findall('Files/File')
    sha256 = hashlib.sha256(s.security.packages['main'][0].content()).digest()
    t.equal((file.get('Digest'), file.get('DigestAlgorithm')),
            (base64.b64encode(sha256[:20]).decode(), 'SHA256-160'), 'never said to be SHA-1')
    t.equal(list(places), [file.get('Digest')])
    for number, xml in a.extended(sorted(ids.values())[:50], ['Extended', 'LocalizedProperties', 'Core'])[0]:
        assert fragment(xml) is not None, number
    t.equal(refused(t, 'InvalidParameters', a.extended, [curl] * 51).message, 'revisionIDs')
    t.equal(refused(t, 'InvalidParameters', a.extended, [curl], []).message, 'infoTypes')
    t.equal(refused(t, 'InvalidParameters', a.extended, [curl], ['Everything']).message, 'infoTypes')
    t.equal(refused(t, 'InvalidParameters', a.extended, [curl], ['LocalizedProperties'], []).message, 'locales')
    t.equal(len(a.extended([curl], ['Core'], [])[0]), 1)


@tap.case('/sup/standard/locations-of-files-DEB-025')
def locations(t):
    s = common(t).start()
    a = s.stranger().scan()

    def find(*digests):
        found = a.agent.client('GetFileLocations', a.agent.cookie_xml() + '<fileDigests>' + ''.join(
            f'<base64Binary>{base64.b64encode(d).decode()}</base64Binary>' for d in digests) + '</fileDigests>')
        result = local(found, 'GetFileLocationsResult')
        assert text(result, 'NewCookie', 'EncryptedData')
        return {base64.b64decode(text(n, 'FileDigest')): text(n, 'Url') for n in local(result, 'FileLocations') or []}
    package = s.stable.packages['main'][0]
    digest = hashlib.sha256(package.content()).digest()[:20]
    place = f'file://{s.world.archive.folder}/{package.filename()}'
    t.equal(find(digest, b'x' * 20), {digest: place})
    t.equal(find(), {})
    every = [hashlib.sha256(p.content()).digest()[:20] for suite in s.world.archive.suites
             for p in suite.packages['main']]
    superseded = hashlib.sha256(Package('old', '1.0-1').content()).digest()[:20]
    t.equal(set(find(*every)), set(every) - {superseded}, 'what is in scope')
    t.equal(refused(t, 'InvalidParameters', find, b'x' * 19).message, 'fileDigests')
    t.equal(refused(t, 'InvalidParameters', find, *[b'x' * 20] * 1001).message, 'fileDigests')
    # A place that moved, in a catalogue that changed.
    s.stable.add(Package('later', '1'))
    s.synchronized(a.agent)
    later = hashlib.sha256(Package('later', '1').content()).digest()[:20]
    t.equal(list(find(later, digest)), [later, digest])


@tap.case('/sup/standard/a-scan-goes-on-after-the-update-point-was-killed')
def killed(t):
    s = Scene(t)
    s.stable.add(*[Package(f'pkg{i}', f'1.{i}-1') for i in range(30)])
    s.write()
    s.start(page=4)
    a = s.stranger()
    rounds = 0
    while True:
        reply = a.ask()
        rounds += 1
        if not reply.truncated and all(item.leaf for item in reply.new):
            break
        if rounds % 3 == 0:
            s.point.stop(signal.SIGKILL)
            s.point.start()
    t.equal({g: e[:2] for g, e in a.details().items()}, s.by_extension())


@tap.case('/sup/standard/many-at-once-while-the-catalogue-changes')
def at_once(t):
    s = Scene(t)
    s.stable.add(*[Package(f'pkg{i}', '1') for i in range(40)])
    s.write()
    s.start(page=9)
    strangers = [s.stranger() for _ in range(6)]

    def scans(a):
        for _ in range(8):
            a.scan()
            a.extended(sorted(i.id for i in a.updates().values())[:20])
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(scans, a) for a in strangers]
        for n in range(4):
            s.stable.packages['main'][n] = Package(f'pkg{n}', '2')
            s.stable.packages['main'][20 + n] = Package(f'pkg{20 + n}', '1', build=f'again{n}')
            s.write()
        for job in jobs:
            job.result()
    expected = s.by_extension()
    for a in strangers:
        while a.scan().rounds[0].names != ['Truncated', 'NewCookie', 'DriverSyncNotNeeded']:
            pass
        t.equal({g: e[:2] for g, e in a.details().items()}, expected)


@tap.case('/sup/standard/numbers-given-out-while-the-catalogue-is-read-have-their-place')
def newer_numbers(t):
    """What a reader sees when a synchronization commits between its questions: a state older than the updates."""
    s = Scene(t)
    s.stable.add(*[Package(f'pkg{i}', '1') for i in range(40)])
    s.write()
    db = sqlite3.connect(s.point.state / 'catalog.db')
    db.execute('UPDATE CatalogState SET RevisionID = 3')
    db.commit()
    db.close()
    s.start()
    a = s.stranger().scan()
    t.equal({g: e[:2] for g, e in a.details().items()}, s.by_extension())


@tap.case('/sup/standard/no-answer-before-the-first-synchronization')
def empty(t):
    p = suplab.Point(t).start()
    a = Stranger(p.agent().sign_in())
    refused(t, 'ServerBusy', a.ask)


@tap.case('/sup/standard/hostile-requests-of-the-exchange')
def hostile(t):
    s = common(t).start()
    a = s.stranger().scan()
    agent, cookie = a.agent, a.agent.cookie
    refused(t, 'InvalidParameters', agent.client, 'SyncUpdates', agent.cookie_xml())
    bomb = '<!DOCTYPE x [<!ENTITY a "' + '<int>1</int>' * 100 + '">]>'
    data = envelope('SyncUpdates', CLIENT, f'{agent.cookie_xml()}<parameters><OtherCachedUpdateIDs>{"&a;" * 9000}'
                    '</OtherCachedUpdateIDs></parameters>')
    status, _, body = agent.raw(CLIENT_PATH, bomb + data)
    t.equal(status, 500)
    s.point.wait_log('XML with a document type is refused')
    for cut in (20000, len(data) // 2):
        t.equal(agent.raw(CLIENT_PATH, data.replace('&a;', '<int>1</int>')[:cut])[0], 500)
    agent.cookie = cookie
    t.equal(a.scan().rounds[0].names, ['Truncated', 'NewCookie', 'DriverSyncNotNeeded'])


tap.main()
