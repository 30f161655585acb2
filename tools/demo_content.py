"""demo_content - the part of the demonstration that distributes content: two versions of a real program.

Comes in: a lab with distribution points, and the machine's own package sources. Goes out: the older
version of a program brought to every distribution point, live; then the newer one, and how few bytes
of it travelled; a file fetched from each and compared with what dpkg unpacked.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'lab'))
import debpair  # noqa: E402

# Programs that get fixes often; the first one of which the sources have two versions is shown.
PROGRAMS = ('git', 'bind9-libs', 'libssl3', 'samba-libs', 'qemu-system-x86', 'postgresql-15', 'python3.11-minimal',
            'libgs10', 'libreoffice-core')


def say(text=''):
    print(text, flush=True)


def pair():
    """(package, older version, newer version), or None."""
    for package in PROGRAMS:
        found = debpair.versions(package)
        if len(found) > 1:
            return package, found[0], found[-1]
    return None


def size(folder):
    return sum(p.lstat().st_size for p in folder.rglob('*') if p.is_file() and not p.is_symlink())


def compare(folder, package, points):
    """Every file from every distribution point, by its name, against what was unpacked."""
    files = [p for p in sorted(folder.rglob('*')) if p.is_file() and not p.is_symlink()]
    good = True
    for name, port in points:
        same = 0
        for path in files:
            part = urllib.parse.quote(str(path.relative_to(folder)))
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/SMS_DP_SMSPKG$/{package}/{part}', timeout=60) as answer:
                same += hashlib.sha256(answer.read()).digest() == hashlib.sha256(path.read_bytes()).digest()
        say(f'{name} serves {same} of {len(files)} files as dpkg unpacked them')
        good = good and same == len(files)
    return good


def ports(root):
    """(name, port) of the distribution points that have a library of their own."""
    for folder in sorted((root / 'dp').iterdir()):
        lines = (folder / 'run/upkeep/dp.ready').read_text().split()
        yield folder.name, dict(line.split('=', 1) for line in lines)['dp']


def ways(root):
    """What PkgXferMgr and the pull distribution points said of the bytes they moved."""
    for path in [root / 'var/log/upkeep/PkgXferMgr.log', *sorted((root / 'dp').glob('*/var/log/upkeep/PullDP.log'))]:
        for line in path.read_text(errors='replace').splitlines() if path.exists() else ():
            found = re.search(r'(Sent .* bytes on the wire|\S+ took .* bytes on the wire)', line)
            if found:
                yield found.group(1)


def show(root, upkeep):
    """True when every distribution point has what dpkg unpacked. upkeep runs a command, shown."""
    chosen = pair()
    if chosen is None:
        say('\nThe sources have one version only of each program that is tried here: no update to show.')
        return True
    package, old, new = chosen
    source, scratch = root / 'source', root / 'unpacked'
    for folder in (source, scratch):
        shutil.rmtree(folder, ignore_errors=True)
    debpair.unpack(package, old, scratch / 'old')
    debpair.unpack(package, new, scratch / 'new')
    shutil.copytree(scratch / 'old', source, symlinks=True)
    name = f'{package} for the demonstration {os.getpid()}'
    say(f'\n{package}, {old} and then {new}: {size(scratch / "new") / 1e6:.1f} MB unpacked')
    upkeep('package', 'create', name, '--source', str(source), '--wait')
    rows = json.loads(upkeep('package', 'list', '--json', show=False))
    identity = next(row['PackageID'] for row in rows if row['Name'] == name)
    upkeep('package', 'distribute', identity, '--all', '--wait')
    before = len(list(ways(root)))
    shutil.rmtree(source)
    shutil.copytree(scratch / 'new', source, symlinks=True)
    upkeep('package', 'update', identity, '--wait')
    upkeep('package', 'status', identity)
    say(f'\nOf {size(source) / 1e6:.1f} MB in version 2 there travelled:')
    for line in list(ways(root))[before:]:
        say(f'  {line}')
    subprocess.run(['rm', '-rf', scratch / 'old'], check=True)
    return compare(scratch / 'new', identity, list(ports(root)))
