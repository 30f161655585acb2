"""aptjudge.py - what apt itself finds in the machine's own sources: the judge of a synchronization.

Lets apt fetch its lists into a folder of its own, with the machine's sources, keys and proxy, and
reads them with python3-apt. Nothing of Upkeep is used, and nothing of the machine's is changed.
"""
import pathlib
import subprocess

import apt_pkg


def options(folder):
    """What makes apt work in folder only; sources and keys stay those of the machine."""
    folder = pathlib.Path(folder)
    for part in ('lists/partial', 'cache/archives/partial'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return [f'Dir::State::Lists={folder}/lists', f'Dir::Cache={folder}/cache', 'APT::Sandbox::User=root',
            'Acquire::Languages=none', 'Acquire::AllowReleaseInfoChange=true', 'APT::Update::Post-Invoke::=',
            'APT::Update::Post-Invoke-Success::=', 'APT::Get::List-Cleanup=true']


def apt(folder, *words, program='apt-get'):
    """apt-get, or another of apt's programs, with those options; its output. Raises CalledProcessError."""
    given = [word for option in options(folder) for word in ('-o', option)]
    return subprocess.run([program, '-q', *given, *words], check=True, capture_output=True, text=True).stdout


def update(folder):
    """Fetches the lists; the text of every InRelease, to know whether they changed meanwhile."""
    apt(folder, 'update')
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder, 'lists').glob('*_InRelease'))}


def stanzas(folder):
    """Every stanza of every index apt fetched, as apt_pkg reads it."""
    apt_pkg.init()
    targets = apt(folder, 'indextargets', '--format', '$(FILENAME)', 'Created-By: Packages').split()
    for name in targets:
        # apt keeps an index compressed where told to; its own reader takes both.
        with apt_pkg.TagFile(name) as index:
            yield from index


def source_of(section):
    """(source, version) of a stanza: `Source: name (version)`, else its own."""
    source = section.get('Source', section['Package'])
    name, _, version = source.partition(' ')
    return name, version.strip('() ') or section['Version']


def count(folder):
    """(stanzas, set of (package, architecture, version), set of (source, version))."""
    number, packages, sources = 0, set(), set()
    for section in stanzas(folder):
        number += 1
        packages.add((section['Package'], section['Architecture'], section['Version']))
        sources.add(source_of(section))
    return number, packages, sources
