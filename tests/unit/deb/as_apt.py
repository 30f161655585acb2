"""Our readers of a machine's files against apt's: dpkg's status, sources, configuration."""
import itertools
import os
import random
import subprocess
import sys

import apt_pkg
import tap

TOOL = sys.argv.pop(1)
SEED = 4711


def tool(*args):
    return subprocess.run([TOOL, *args], capture_output=True, text=True, check=True).stdout.splitlines()


def apt_options(root, *more):
    """Options that make apt live below root and nowhere else."""
    options = {'Dir': root, 'Dir::State::status': root / 'var/lib/dpkg/status', 'Dir::Etc::parts': '/nonexistent',
               'Dir::Cache': root / 'cache', 'APT::Architecture': 'amd64', 'Dir::Log': root / 'log'}
    for folder in ('var/lib/apt/lists/partial', 'cache/archives/partial', 'etc/apt/sources.list.d',
                   'etc/apt/preferences.d', 'etc/apt/apt.conf.d', 'etc/apt/trusted.gpg.d', 'var/lib/dpkg'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    return [f'-o{key}={value}' for key, value in options.items()] + list(more)


def python_apt(options, script):
    """What a script prints that runs with apt_pkg set up for a machine with amd64 and i386."""
    head = """
import sys, apt_pkg
apt_pkg.init_config()
for option in sys.argv[1:]:
    key, _, value = option[2:].partition('=')
    apt_pkg.config.set(key, value)
apt_pkg.config.clear('APT::Architectures')
apt_pkg.config.set('APT::Architectures::', 'amd64')
apt_pkg.config.set('APT::Architectures::', 'i386')
apt_pkg.init_system()
"""
    done = subprocess.run([sys.executable, '-c', head + script, *options], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@tap.case('/deb/dpkgstatus/installed-as-libapt-DEB-033')
def installed(t):
    r = random.Random(SEED)
    states = ['not-installed', 'config-files', 'half-installed', 'unpacked', 'half-configured', 'triggers-awaited',
              'triggers-pending', 'installed']
    stanzas = ['Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n']
    combinations = itertools.product(['unknown', 'install', 'hold', 'deinstall', 'purge'], ['ok', 'reinstreq'], states)
    for n, words in enumerate(combinations):
        version = '' if r.random() < .2 else f'Version: {r.randrange(3)}:1.{n}-1\n'
        stanzas.append(f'Package: p{n}\nStatus: {" ".join(words)}\n'
                       f'Architecture: {r.choice(["amd64", "i386", "all"])}\n{version}')
    r.shuffle(stanzas)
    options = apt_options(t.dir)
    (t.dir / 'var/lib/dpkg/status').write_text('\n'.join(stanzas))
    (t.dir / 'var/lib/dpkg/arch').write_text('amd64\ni386\n')
    judge = python_apt(options, """
for p in apt_pkg.Cache(None).packages:
    if p.current_ver:
        print(p.name, p.current_ver.arch, p.current_ver.ver_str, int(p.selected_state == apt_pkg.SELSTATE_HOLD))
""")
    got = tool('status', t.dir)
    t.equal(sorted(got), sorted(judge))
    assert 30 < len(got) < 80, len(got)


SOURCES = """
deb http://archive.example.org/debian bookworm main contrib   # comment
deb-src http://archive.example.org/debian bookworm main
deb [arch=amd64] https://a.example/x stable main
deb [ arch+=arm64 lang=none ] http://b.example/y/ stable main
deb [arch-=i386,amd64] http://c.example stable main
deb http://flat.example/repo ./
deb http://flat.example/arch $(ARCH)/
deb file:/srv/mirror bookworm main
"""
STANZAS = """# comment
Types: deb deb-src
URIs: http://d.example/debian
 http://e.example/debian
Suites: trixie trixie-updates
# between
Components: main
 contrib
Architectures: amd64 arm64

Types: deb
URIs: http://off.example
Suites: s
Components: main
Enabled: false

Types: deb
URIs: http://f.example
Suites: ./
"""


@tap.case('/deb/aptsources/indices-as-apt-DEB-010')
def sources(t):
    options = apt_options(t.dir)
    (t.dir / 'var/lib/dpkg/status').write_text('')
    (t.dir / 'etc/apt/sources.list').write_text(SOURCES)
    (t.dir / 'etc/apt/sources.list.d/x.sources').write_text(STANZAS)
    judge = python_apt(options, """
sources = apt_pkg.SourceList()
sources.read_main_list()
for meta in sources.list:
    for index in meta.index_files:
        print(index.describe.partition(' (')[0])
""")
    expected = set()
    for line in judge:  # "http://d.example/debian trixie/main amd64 Packages", flat: "http://f.example ./ Packages"
        uri, release, *rest = line.split(' ')
        uri = uri.replace('file:/', 'file:///') + '/'
        if rest[-1] == 'Packages' and rest[0] != 'all':
            suite, _, component = release.rpartition('/')
            expected.add((uri, f'{suite}/' if component == '' else suite, component or '-',
                          rest[0] if component else ''))
    got = {tuple(line.split(' ')) for line in tool('sources', t.dir, 'amd64', 'i386')}
    t.equal(sorted({row if row[2] != '-' else (*row[:3], '') for row in got}), sorted(expected))
    assert len(got) > 20, got


CONF = r"""
// comment
Acquire::http::Proxy "http://one:3128"; # another
Acquire { https { Proxy::host.example "DIRECT"; Timeout 7; }; /* block
 comment */ Retries "3"; };
APT::List { "a"; "b c"; };
apt::Word word;
Quoted "a;b{c}//d";
A::B "x"; A::B "y";
Gone "1"; Gone::Below "2";
#clear Gone;
Nested { One { Two "deep"; }; Three "3"; };
Empty "";
"""


@tap.case('/deb/aptconf/values-as-apt-config-DEB-010')
def configuration(t):
    path = t.dir / 'apt.conf'
    path.write_text(CONF)
    isolated = t.dir / 'main.conf'
    isolated.write_text('Dir::Etc::parts "/nonexistent"; Dir::Etc::main "/nonexistent";\n' + CONF)
    judge = subprocess.run(['apt-config', 'dump'], capture_output=True, text=True, check=True,
                           env={**os.environ, 'APT_CONFIG': str(isolated)})
    values = {}
    for line in judge.stdout.splitlines():
        key, _, value = line.partition(' ')
        values[key] = value.rstrip(';').strip('"')
    keys = ['Acquire::http::Proxy', 'Acquire::https::Proxy::host.example', 'Acquire::https::Timeout',
            'Acquire::Retries', 'apt::word', 'Quoted', 'A::B', 'Nested::One::Two', 'Nested::Three']
    lower = {key.lower(): value for key, value in values.items()}
    t.equal(tool('conf', path, *keys), [lower[key.lower()] for key in keys])
    t.equal(tool('conf', path, 'Gone', 'Gone::Below'), ['(none)', '(none)'])
    assert not lower.get('gone') and 'gone::below' not in lower, lower


tap.main()
