"""stranger.py - a client of the standard exchange alone, written from the specification (40-2, 40-3).

    s = stranger.Stranger(agent, stranger.Machine(packages=[...]))
    s.scan()                        # SyncUpdates until neither truncated nor new prerequisites
    s.cache                         # {revision ID: Item}
    s.missing()                     # UpdateIDs that its own reading of the rules finds installable

It keeps what it is sent, evaluates rules by three-valued logic, and lists all it has in every call.
Nothing here is taken from src/; versions are compared by dpkg.
"""
import dataclasses
import functools
import subprocess
import xml.etree.ElementTree as ET

from suplab import local, text

NAMESPACE = 'urn:upkeep:dpkg'


@functools.lru_cache(maxsize=None)
def holds(installed, comparison, version):
    operator = {'LessThan': 'lt', 'LessThanOrEqualTo': 'le', 'EqualTo': 'eq', 'GreaterThanOrEqualTo': 'ge',
                'GreaterThan': 'gt'}[comparison]
    return subprocess.run(['dpkg', '--compare-versions', installed, operator, version]).returncode == 0


class Machine:
    """What rules ask about; packages are (name, architecture, version)."""

    def __init__(self, packages=(), os_release=None, arches=('amd64',), sources=(), places=()):
        self.os_release = {'ID': 'debian', 'VERSION_CODENAME': 'bookworm', 'VERSION_ID': '12'} \
            if os_release is None else os_release
        self.arches, self.sources, self.places = list(arches), list(sources), list(places)
        self.packages = list(packages)

    def query(self, kind, parameter, value):
        if kind == 'os-release':
            return self.os_release.get(parameter, '') == value
        if kind == 'architecture':
            return parameter in self.arches
        if kind == 'native-architecture':
            return parameter == self.arches[0]
        if kind == 'apt-source':
            return (parameter, value) in self.sources
        if kind == 'apt-place':
            return (parameter, value) in self.places
        return None

    def version(self, name, arch, comparison, version):
        """A package for all architectures is one of the native one, in both directions."""
        native = self.arches[0]
        wanted = native if arch == 'all' else arch
        return any(n == name and (native if a == 'all' else a) == wanted and holds(v, comparison, version)
                   for n, a, v in self.packages)


class Windows(Machine):
    """A machine that knows nothing of other namespaces: what it does not know is neither true nor false."""

    def __init__(self):
        super().__init__(os_release={}, arches=['none'])

    def query(self, kind, parameter, value):
        return None

    def version(self, *_):
        return None


def evaluate(node, machine):
    """True, False, or None where it cannot be known."""
    below = [evaluate(n, machine) for n in node] if node.tag in ('And', 'Or', 'Not') else []
    if node.tag == 'True':
        return True
    if node.tag == 'False':
        return False
    if node.tag == 'And':
        return False if False in below else None if None in below else True
    if node.tag == 'Or':
        return True if True in below else None if None in below else False
    if node.tag == 'Not':
        return None if below[0] is None else not below[0]
    if node.tag == 'b.GenericQuery' and node.get('Namespace') == NAMESPACE:
        assert node.get('Comparison', 'EqualTo') == 'EqualTo'
        return machine.query(node.get('Type'), node.get('Parameter'), node.get('Value'))
    if node.tag == 'dpkg.Version':
        return machine.version(node.get('Name'), node.get('Architecture'), node.get('Comparison'),
                               node.get('Version'))
    return None


def fragment(xml):
    """A sequence of elements without a root and without namespaces (40-3, section 10)."""
    root = ET.fromstring(f'<x>{xml}</x>')
    assert 'xmlns' not in xml, xml
    for node in root.iter():
        assert ':' not in node.tag and '}' not in node.tag and not any(':' in name for name in node.attrib), xml
    return root


@dataclasses.dataclass
class Item:
    id: int
    deployment: dict
    leaf: bool
    xml: str
    guid: str = ''
    revision: int = 0
    type: str = ''
    clauses: list = None
    installed: object = None
    installable: object = None

    def __post_init__(self):
        self.core(self.xml)

    def core(self, xml):
        root = self.root = fragment(xml)
        identity = root.find('UpdateIdentity')
        self.guid, self.revision = identity.get('UpdateID'), int(identity.get('RevisionNumber'))
        self.type = root.find('Properties').get('UpdateType')
        self.clauses = []
        for clause in root.find('Relationships/Prerequisites') or []:
            self.clauses.append([n.get('UpdateID') for n in ([clause] if clause.tag == 'UpdateIdentity' else clause)])
        self.rules = {n.tag: n[0] for n in root.find('ApplicabilityRules')}


def read_update(node, with_xml):
    names = [n.tag.rsplit('}', 1)[1] for n in node]
    assert names == ['ID', 'Deployment', 'IsLeaf'] + (['Xml'] if with_xml else []), names
    deployment = {n.tag.rsplit('}', 1)[1]: n.text for n in local(node, 'Deployment')}
    for needed in ('ID', 'Action', 'IsAssigned', 'LastChangeTime'):
        assert needed in deployment, deployment
    assert len(deployment['LastChangeTime']) == 10, 'a date, not a time'
    leaf = text(node, 'IsLeaf') == 'true'
    if not with_xml:
        return int(text(node, 'ID')), deployment, leaf
    return Item(int(text(node, 'ID')), deployment, leaf, text(node, 'Xml'))


def ints(node):
    return [int(n.text) for n in node] if node is not None else []


class Reply:
    def __init__(self, result):
        self.names = [n.tag.rsplit('}', 1)[1] for n in result]
        self.new = [read_update(n, True) for n in local(result, 'NewUpdates') or []]
        self.changed = [read_update(n, False) for n in local(result, 'ChangedUpdates') or []]
        self.gone = ints(local(result, 'OutOfScopeRevisionIDs'))
        self.filtered = ints(local(result, 'DeployedOutOfScopeRevisionIds'))
        self.truncated = text(result, 'Truncated') == 'true'
        self.drivers_not_needed = text(result, 'DriverSyncNotNeeded')


class Stranger:
    def __init__(self, agent, machine=None):
        self.agent, self.machine = agent, machine or Machine()
        self.cache = {}
        self.rounds = []

    def judge(self):
        """Evaluates everything by its prerequisites (40-3, section 9)."""
        here = set()
        for item in self.cache.values():
            item.installed = item.installable = None
        for _ in range(10):  # deeper than any graph of categories
            before = len(here)
            for item in self.cache.values():
                if item.installed is None and all(any(g in here for g in clause) for clause in item.clauses):
                    item.installed = evaluate(item.rules['IsInstalled'], self.machine) is True
                    if 'IsInstallable' in item.rules and not item.installed:
                        item.installable = evaluate(item.rules['IsInstallable'], self.machine) is True
                    if item.installed:
                        here.add(item.guid)
            if len(here) == before:
                break

    def lists(self):
        installed = [i.id for i in self.cache.values() if i.installed and not i.leaf]
        return installed, [i for i in self.cache if i not in set(installed)]

    def parameters(self, more='', two_groups=True):
        installed, other = self.lists()
        xml = '<ExpressQuery>false</ExpressQuery>'
        for name, ids in (('InstalledNonLeafUpdateIDs', installed), ('OtherCachedUpdateIDs', other)):
            if ids:
                xml += f'<{name}>' + ''.join(f'<int>{i}</int>' for i in ids) + f'</{name}>'
        return (f'{xml}<SkipSoftwareSync>false</SkipSoftwareSync>{more}'
                f'<NeedTwoGroupOutOfScopeUpdates>{str(two_groups).lower()}</NeedTwoGroupOutOfScopeUpdates>')

    def ask(self, more='', **options):
        self.judge()
        reply = Reply(self.agent.sync(self.parameters(more, **options)))
        for item in reply.new:
            assert item.id not in self.cache, f'{item.id} came twice'
            self.cache[item.id] = item
        for number, deployment, leaf in reply.changed:
            item = self.cache[number]
            assert deployment['ID'] != item.deployment['ID']
            item.deployment, item.leaf = deployment, leaf
        for number in reply.gone + reply.filtered:
            del self.cache[number]
        guids = [item.guid for item in self.cache.values()]
        assert len(guids) == len(set(guids)), 'two revisions of one update'
        self.refresh_rules([number for number, _, _ in reply.changed])
        self.rounds.append(reply)
        return reply

    def refresh_rules(self, ids):
        """What an update owns is a matter of its deployment: with another one its rules are asked for again."""
        for start in range(0, len(ids), 50):
            for number, xml in self.extended(ids[start:start + 50], ['Core'])[0]:
                self.cache[number].core(xml)

    def scan(self, more='', **options):
        """The rounds of one scan."""
        self.rounds = []
        while True:
            reply = self.ask(more, **options)
            assert not (reply.truncated and not reply.new), 'an empty page that is truncated'
            if not reply.truncated and not any(not item.leaf for item in reply.new):
                self.judge()
                return self
            assert len(self.rounds) < 1000

    def updates(self):
        return {item.guid: item for item in self.cache.values() if item.leaf}

    def missing(self):
        return {item.guid for item in self.cache.values() if item.leaf and item.installable}

    def installed(self):
        return {item.guid for item in self.cache.values() if item.leaf and item.installed}

    def extended(self, ids, types=('Extended', 'LocalizedProperties'), locales=('en-US', 'en')):
        """([(ID, fragment)], {digest: URL}, out of scope)"""
        found = self.agent.client('GetExtendedUpdateInfo', (
            f'{self.agent.cookie_xml()}<revisionIDs>{"".join(f"<int>{i}</int>" for i in ids)}</revisionIDs><infoTypes>' +
            ''.join(f'<XmlUpdateFragmentType>{name}</XmlUpdateFragmentType>' for name in types) + '</infoTypes>' +
            (f'<locales>{"".join(f"<string>{name}</string>" for name in locales)}</locales>' if locales else '')))
        result = local(found, 'GetExtendedUpdateInfoResult')
        fragments = [(int(text(n, 'ID')), text(n, 'Xml')) for n in local(result, 'Updates') or []]
        places = {text(n, 'FileDigest'): text(n, 'Url') for n in local(result, 'FileLocations') or []}
        return fragments, places, ints(local(result, 'OutOfScopeRevisionIDs'))

    def details(self):
        """{UpdateID: (revision, title, {(file name, size, SHA-256 in base64, URL)})} of all updates it holds."""
        found = {}
        ids = sorted(item.id for item in self.updates().values())
        for start in range(0, len(ids), 50):
            fragments, places, out = self.extended(ids[start:start + 50])
            assert out == [], out
            for number, xml in fragments:
                item, root = self.cache[number], fragment(xml)
                entry = found.setdefault(item.guid, [item.revision, None, set()])
                if root.find('LocalizedProperties') is not None:
                    entry[1] = root.findtext('LocalizedProperties/Title')
                for file in root.findall('Files/File'):
                    sha256 = file.find("AdditionalDigest[@Algorithm='SHA256']").text
                    entry[2].add((file.get('FileName'), int(file.get('Size')), sha256, places[file.get('Digest')]))
        return {guid: tuple(entry) for guid, entry in found.items()}
