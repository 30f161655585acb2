"""archive.py - writes package archives as Debian, Ubuntu and others publish them, signed by a key
that is thrown away, for tests.

    a = archive.Archive(t.dir / 'mirror')
    s = a.suite('bookworm', codename='bookworm', suite='stable', version='12.1')
    s.add(archive.Package('curl', '7.88.1-10', source='curl'))
    s.write()                       # Packages(.xz, .gz), Release, InRelease, by-hash
    a.source('bookworm', 'main')    # the line for sources.list

Nothing here shares code with what is tested. No .deb files are made unless asked for.
"""
import dataclasses
import email.utils
import gzip
import hashlib
import lzma
import os
import pathlib
import subprocess
import tempfile
import time


class Key:
    """A key that signs, in a home of its own below folder."""

    def __init__(self, folder, name='Archive', expires='0'):
        # The agent's socket wants a short path.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='gk', dir='/tmp'))
        os.chmod(self.home, 0o700)
        self.env = {**os.environ, 'GNUPGHOME': str(self.home), 'LC_ALL': 'C'}
        self._gpg('--quick-generate-key', f'{name} <{name.lower()}@example.org>', 'ed25519', 'sign', expires)
        listing = self._gpg('--with-colons', '--list-keys').decode()
        self.fingerprint = next(line.split(':')[9] for line in listing.splitlines() if line.startswith('fpr'))
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f'{name.lower()}.gpg'
        self.path.write_bytes(self._gpg('--export'))
        self.armoured = self._gpg('--armor', '--export').decode()

    def _gpg(self, *args, data=b''):
        done = subprocess.run(['gpg', '--batch', '--yes', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', '',
                               *args], input=data, capture_output=True, env=self.env)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def clearsign(self, text, *options):
        return self._gpg('--digest-algo', 'SHA512', *options, '--clearsign', data=text)

    def revoke(self):
        """Makes the key a revoked one, in its file too; sign what shall be signed before."""
        text = next((self.home / 'openpgp-revocs.d').glob('*.rev')).read_text()
        self._gpg('--import', data=text[text.index(':-----BEGIN') + 1:].encode())
        self.path.write_bytes(self._gpg('--export'))

    def forget(self):
        subprocess.run(['gpgconf', '--kill', 'gpg-agent'], env=self.env, capture_output=True)
        subprocess.run(['rm', '-rf', self.home])


@dataclasses.dataclass
class Package:
    """A binary package of an index."""

    name: str
    version: str
    arch: str = 'amd64'
    source: str = ''
    source_version: str = ''
    fields: dict = dataclasses.field(default_factory=dict)  # more, or others than these
    build: str = ''  # tells two files of the same name apart

    def content(self):
        return f'{self.name} {self.version} {self.arch} {self.build}\n'.encode() * 3

    def filename(self):
        source = self.source or self.name
        initial = source[:4] if source.startswith('lib') else source[:1]
        return f'pool/main/{initial}/{source}/{self.name}_{self.version.partition(":")[2] or self.version}_{self.arch}.deb'

    def stanza(self):
        fields = {'Package': self.name}
        if self.source and (self.source != self.name or self.source_version):
            fields['Source'] = self.source + (f' ({self.source_version})' if self.source_version else '')
        fields |= {'Version': self.version, 'Installed-Size': '12', 'Maintainer': 'Nobody <nobody@example.org>',
                   'Architecture': self.arch, 'Description': f'package {self.name}',
                   'Homepage': f'https://{self.source or self.name}.example.org/', 'Filename': self.filename(),
                   'Size': str(len(self.content())), 'SHA256': hashlib.sha256(self.content()).hexdigest()}
        fields |= self.fields
        return ''.join(f'{name}: {value}\n' for name, value in fields.items() if value is not None)


def date(seconds):
    """A time as Release files write it."""
    return email.utils.formatdate(seconds, usegmt=True).replace('GMT', 'UTC')


class Suite:
    """A suite of an archive. Its attributes may be changed before write()."""

    def __init__(self, archive, path, flat=False, **facts):
        self.archive = archive
        self.path = path  # below dists/, or of the flat archive
        self.flat = flat
        self.facts = {'Origin': 'Debian', 'Label': 'Debian', 'Suite': None, 'Version': None, 'Codename': path,
                      'Date': None, 'Valid-Until': None, 'NotAutomatic': None, 'ButAutomaticUpgrades': None,
                      'Acquire-By-Hash': 'yes', 'No-Support-for-Architecture-all': None}
        names = {'origin': 'Origin', 'label': 'Label', 'suite': 'Suite', 'version': 'Version', 'codename': 'Codename',
                 'not_automatic': 'NotAutomatic', 'but_automatic': 'ButAutomaticUpgrades',
                 'valid_until': 'Valid-Until', 'by_hash': 'Acquire-By-Hash'}
        for key, value in facts.items():
            if key in names:
                self.facts[names[key]] = value
        self.components = facts.get('components', ['main'])
        self.component_prefix = facts.get('component_prefix', '')
        self.arches = facts.get('arches', ['amd64'])
        self.separate_all = facts.get('separate_all', False)
        self.forms = facts.get('forms', ['', '.xz', '.gz'])
        self.date = facts.get('date', time.time() - 3600)
        self.packages = {}  # component to list
        self.key = archive.key

    def add(self, *packages, component='main'):
        self.packages.setdefault(component, []).extend(packages)
        return self

    @property
    def folder(self):
        return self.archive.folder / ('' if self.flat else 'dists') / self.path

    def index_text(self, component, arch):
        """The text of an index; tests that break archives replace this."""
        wanted = [p for p in self.packages.get(component, [])
                  if self.flat or p.arch == arch or p.arch == 'all' and not self.separate_all]
        return '\n'.join(p.stanza() for p in wanted).encode()

    def indices(self):
        """(path below the suite, text) of each index."""
        if self.flat:
            yield 'Packages', self.index_text('main', '')
            return
        for component in self.components:
            for arch in self.arches + (['all'] if self.separate_all else []):
                yield f'{component}/binary-{arch}/Packages', self.index_text(component, arch)

    def packed(self, form, text):
        if form == '.xz':
            return lzma.compress(text)
        if form == '.gz':
            return gzip.compress(text, mtime=0)
        if form == '.zst':
            return subprocess.run(['zstd', '-c'], input=text, capture_output=True, check=True).stdout
        return text

    def files(self):
        """Writes the indices; [(path, bytes)] of all that Release is to list."""
        listed = []
        for path, text in self.indices():
            for form in self.forms:
                data = self.packed(form, text)
                listed.append((path + form, data))
                target = self.folder / (path + form)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                if self.facts['Acquire-By-Hash'] == 'yes':
                    by_hash = target.parent / 'by-hash' / 'SHA256' / hashlib.sha256(data).hexdigest()
                    by_hash.parent.mkdir(parents=True, exist_ok=True)
                    by_hash.write_bytes(data)
        return listed

    def release_text(self, listed):
        facts = {**self.facts, 'Date': date(self.date)}
        arches = ([] if self.flat else self.arches) + (['all'] if self.separate_all else [])
        if arches:
            facts['Architectures'] = ' '.join(arches)
        if not self.flat:
            facts['Components'] = ' '.join(self.component_prefix + c for c in self.components)
        lines = [f'{name}: {value}' for name, value in facts.items() if value is not None]
        lines += ['SHA256:'] + [f' {hashlib.sha256(d).hexdigest()} {len(d):8} {p}' for p, d in listed]
        return '\n'.join(lines).encode() + b'\n'

    def write(self):
        """Writes all of it and returns itself."""
        text = self.release_text(self.files())
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'Release').write_bytes(text)
        (self.folder / 'InRelease').write_bytes(self.key.clearsign(text))
        return self

    @property
    def source(self):
        """The suite and components of a line of sources.list."""
        return self.path + ('/' if self.flat else ' ' + ' '.join(self.components))


class Archive:
    """An archive below a folder, with a key of its own unless one is given."""

    def __init__(self, folder, key=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = key or Key(self.folder / 'keys')
        self.suites = []

    def suite(self, path, **facts):
        self.suites.append(Suite(self, path, **facts))
        return self.suites[-1]

    def line(self, suite, uri=None, options=''):
        """The line of sources.list for a suite."""
        uri = uri or f'file://{self.folder}/'
        return f'deb [signed-by={self.key.path}{options}] {uri} {suite.source}\n'


class Machine:
    """The root folder of a machine: sources, os-release, dpkg's status."""

    def __init__(self, root, os_id='debian', codename='bookworm', version='12', arches=('amd64',)):
        self.root = pathlib.Path(root)
        self.arches = list(arches)
        self.write('etc/os-release', f'ID={os_id}\nVERSION_CODENAME={codename}\nVERSION_ID="{version}"\n')
        self.status([])
        if len(self.arches) > 1:
            self.write('var/lib/dpkg/arch', '\n'.join(self.arches) + '\n')

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def sources(self, *lines):
        self.write('etc/apt/sources.list', ''.join(lines))

    def status(self, packages, state='install ok installed'):
        """packages: Package objects, or (Package, Status) pairs."""
        stanzas = [f'Package: dpkg\nStatus: install ok installed\nArchitecture: {self.arches[0]}\nVersion: 99\n'
                   'Maintainer: x\nDescription: x\n']
        for item in packages:
            package, words = item if isinstance(item, tuple) else (item, state)
            text = package.stanza()
            kept = [line for line in text.splitlines() if not line.startswith(('Filename:', 'Size:', 'SHA256:'))]
            stanzas.append('\n'.join([kept[0], f'Status: {words}', *kept[1:]]) + '\n')
        self.write('var/lib/dpkg/status', '\n'.join(stanzas))
