#!/usr/bin/python3
"""The machine's real archives, synchronized by Upkeep and read by apt: both find the same (proof B1).

apt fetches the same URIs into a folder of its own, and python3-apt reads its lists; the site database
must hold each binary package with size, SHA-256 and version, and each source version, no more, no
less. Then the machine's client scans and reports, and what the site knows of it must be what
`apt list --upgradable` says with the same lists. If an InRelease changed in between, both are done again. Skipped, by name, where the archives
cannot be reached.
"""
import glob
import os
import re
import sqlite3
import subprocess
import sys
import time

import lab
import tap

try:
    import apt_pkg
except ImportError:
    apt_pkg = None

LISTS = 'var/lib/apt/lists'


def upgradable(root):
    """What apt would upgrade on this machine with those lists: (package, architecture, from, to)."""
    options = [f'Dir::State::lists={root}/{LISTS}', f'Dir::Cache={root}/var/cache/apt']
    words = [word for option in options for word in ('-o', option)]
    done = subprocess.run(['apt', *words, 'list', '--upgradable'], capture_output=True, text=True, check=True)
    found = re.findall(r'^([^/\n]+)/\S+ (\S+) (\S+) \[upgradable from: (\S+)\]$', done.stdout, re.M)
    return {(package, arch, old, new) for package, new, arch, old in found}


def client(site, *words):
    """`upkeep-client words` in the lab; the test fails with it."""
    done = subprocess.run([lab.role_program('client'), *words, '--root', site.root], capture_output=True, text=True,
                          timeout=tap.patience(150))
    if done.returncode != 0:
        site.t.fail(f'upkeep-client {" ".join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}')


def query(site, statement, database='site/site.db'):
    db = sqlite3.connect(f'file:{site.path("var/lib/upkeep", database)}?mode=ro', uri=True)
    try:
        return db.execute(statement).fetchall()
    finally:
        db.close()


def reported(site, expected):
    """What the site knows the machine to lack, once it has the whole report."""
    def rows():
        return set(query(site, 'SELECT PackageName, Architecture, InstalledVersion, NewVersion FROM Update_MissingPackages'))

    def has_policy():
        client(site, 'policy', '--wait', str(tap.patience(60)))
        source = 'SELECT ContentVersion FROM '
        return query(site, source + 'CI_UpdateSources') == query(site, source + 'CCM_UpdateSource', 'client/client.db')
    site.wait(has_policy, 'the policy, which the site makes after its synchronization')
    client(site, 'scan', '--wait', str(tap.patience(120)))
    site.wait(lambda: query(site, 'SELECT 1 FROM Update_ScanStatus WHERE LastScanState = 3'), 'a completed scan')
    deadline = tap.until(60)
    while rows() != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    return rows()


def apt_fetch(root):
    """apt-get update into a folder of its own, from the machine's own sources."""
    for part in (f'{LISTS}/partial', 'var/cache/apt/archives/partial', 'var/lib/dpkg', 'etc/apt/preferences.d'):
        os.makedirs(root / part, exist_ok=True)
    (root / 'var/lib/dpkg/status').touch()
    options = [f'Dir::State={root}/var/lib/apt', f'Dir::Cache={root}/var/cache/apt',
               f'Dir::State::status={root}/var/lib/dpkg/status', 'Acquire::Languages=none',
               'APT::Sandbox::User=root']
    words = [word for option in options for word in ('-o', option)]
    return subprocess.run(['apt-get', *words, 'update'], capture_output=True, text=True)


def releases(root):
    return {os.path.basename(path): open(path, 'rb').read() for path in glob.glob(f'{root}/{LISTS}/*InRelease')}


def source_of(section):
    """Source package and its version, as the stanza says or as the binary's own."""
    source, _, version = section.get('Source', section['Package']).partition(' ')
    return source, version.strip('()') or section['Version']


def apt_sees(root):
    """What python3-apt reads in apt's lists: binary packages and source versions."""
    binaries, sources = set(), set()
    for path in glob.glob(f'{root}/{LISTS}/*Packages*'):
        for section in apt_pkg.TagFile(path):
            binaries.add((section['Package'], section['Architecture'], section['Version'], int(section['Size']),
                          section['SHA256']))
            sources.add(source_of(section))
    return binaries, sources


def site_sees(site):
    """The same, from the site database."""
    db = sqlite3.connect(f'file:{site.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True)
    binaries = set(db.execute('SELECT f.PackageName, f.Architecture, f.PackageVersion, f.FileSize, LOWER(HEX(f.FileHash)) '
                              'FROM CI_ContentFiles f JOIN CI_ConfigurationItems c ON c.CI_ID = f.CI_ID '
                              'WHERE c.IsExpired = 0'))
    titles = db.execute('SELECT c.ArticleID, l.Title FROM CI_ConfigurationItems c '
                        'JOIN CI_LocalizedProperties l ON l.CI_ID = c.CI_ID WHERE c.IsExpired = 0')
    sources = {(article, title[len(article) + 1:].split(' (')[0]) for article, title in titles}
    return binaries, sources


def differences(ours, theirs):
    return f'{len(ours)} here, {len(theirs)} in apt; only here {sorted(ours - theirs)[:5]}, ' \
           f'only in apt {sorted(theirs - ours)[:5]}'


@tap.case('/flow/real-archives/as-python3-apt-reads-them-SYNC-028-SYNC-035-DEB-010-DEB-012-DEB-020-DEB-025')
def same(t):
    if apt_pkg is None:
        t.skip('python3-apt is not installed')
    apt_pkg.init()
    for attempt in range(3):
        root = t.dir / f'apt{attempt}'
        root.mkdir()
        done = apt_fetch(root)
        if done.returncode != 0 or not releases(root):
            t.skip('the machine\'s archives cannot be reached: ' + done.stderr.strip().splitlines()[-1:][0]
                   if done.stderr.strip() else 'apt fetched nothing')
        site = lab.Lab(t)
        site.root = t.dir / f'lab{attempt}'
        site.env['UPKEEP_ROOT'] = str(site.root)
        site.up()
        site.run('sync', 'start', '--wait', seconds=400)
        again = t.dir / f'again{attempt}'
        again.mkdir()
        apt_fetch(again)
        if releases(root) == releases(again):
            break
        site.down()
    ours, theirs = site_sees(site), apt_sees(root)
    print(f'{len(theirs[0])} binary packages, {len(theirs[1])} source versions', file=sys.stderr)
    t.equal(ours[0] == theirs[0], True, 'binary packages: ' + differences(ours[0], theirs[0]))
    t.equal(ours[1] == theirs[1], True, 'source versions: ' + differences(ours[1], theirs[1]))
    lacks = upgradable(root)
    known = reported(site, lacks)
    print(f'{len(lacks)} packages to upgrade', file=sys.stderr)
    t.equal(known == lacks, True, 'to upgrade: ' + differences(known, lacks))


tap.main()
