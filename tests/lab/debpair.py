"""debpair.py - versions of a Debian package in the machine's own sources, fetched and unpacked.

    debpair.versions('git')                          # the oldest first
    debpair.unpack('git', version, folder)           # a folder tree of real files
"""
import subprocess


def output(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def versions(package):
    """The versions that the sources have, the oldest first by dpkg's order."""
    found = []
    for line in output('apt-cache', 'madison', package).splitlines():
        version = line.split('|')[1].strip()
        at = 0
        while at < len(found) and subprocess.run(['dpkg', '--compare-versions', found[at], 'lt', version]).returncode == 0:
            at += 1
        if version not in found:
            found.insert(at, version)
    return found


def unpack(package, version, folder):
    """The files of that version below folder, which is made whole or not at all; kept if it is there."""
    if folder.exists():
        return
    work = folder.with_suffix('.work')
    work.mkdir(parents=True, exist_ok=True)
    subprocess.run(['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', f'{package}={version}'], cwd=work,
                   check=True, stdout=subprocess.DEVNULL)
    deb = next(work.glob('*.deb'))
    subprocess.run(['dpkg-deb', '-x', deb, work / 'tree'], check=True)
    (work / 'tree').rename(folder)
    deb.unlink()
    work.rmdir()
