"""The fault loop over a backup and over a restore: killed or failing anywhere, there is a whole backup
or none, and a site that is wholly as it was or wholly as it is."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import faultloop
import lab
import tap

STATE = 'var/lib/upkeep'
ROLES = ('site', 'sup', 'mp', 'client', 'provider')


class Template:
    """A site that was up once, made once and copied."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-backup-'))
        self.root = self.folder / 'lab'
        env = {**os.environ, 'UPKEEP_ROOT': str(self.root)}
        for words in (('up', '--no-first-sync'), ('down',)):
            subprocess.run([lab.UPKEEP, 'lab', *words], env=env, check=True, capture_output=True, timeout=tap.patience(120))

    def copy(self, root):
        """The site below root, its parts marked as old, with work in an inbox."""
        place = root / 'lab'
        shutil.copytree(self.root, place)
        mark(place, 'old')
        (place / STATE / 'site/inboxes/policypv.box/WORK.XYZ').write_text('work')
        return place


def places(place):
    return [place / 'etc/upkeep', *(place / STATE / role for role in ROLES)]


def mark(place, text):
    for folder in places(place):
        (folder / 'mark').write_text(text)


def marks(place):
    return {(folder / 'mark').read_text() for folder in places(place)}


def upkeep(place, *words, env=None):
    return subprocess.run([lab.UPKEEP, *map(str, words)], capture_output=True, text=True, timeout=tap.patience(120),
                          env={**os.environ, 'UPKEEP_ROOT': str(place), **(env or {})})


def must(place, *words):
    done = upkeep(place, *words)
    if done.returncode != 0:
        raise AssertionError(f'upkeep {words}: {done.returncode}\n{done.stdout}{done.stderr}')


class Backup(faultloop.Scenario):
    name = 'backup'

    def __init__(self, template):
        self.template = template

    def prepare(self, root):
        self.place = self.template.copy(root)

    def run(self, root, env):
        self.good = upkeep(self.place, 'site', 'backup', root / 'out', env=env).returncode == 0

    def glance(self, root):
        """What has the name of a backup is one."""
        if (root / 'out').exists():
            must(self.place, 'site', 'restore', '--what-if', root / 'out')

    def recover(self, root):
        if not (root / 'out').exists():
            must(self.place, 'site', 'backup', root / 'out')

    def check(self, root):
        must(self.place, 'site', 'restore', '--what-if', root / 'out')
        work = root / 'out/site/inboxes/policypv.box/WORK.XYZ'
        if work.read_text() != 'work' or marks(self.place) != {'old'}:
            raise AssertionError('the backup or the site lacks something')


class Restore(faultloop.Scenario):
    name = 'restore'

    def __init__(self, template):
        self.template = template

    def prepare(self, root):
        self.place = self.template.copy(root)
        must(self.place, 'site', 'backup', root / 'out')
        mark(self.place, 'new')
        (self.place / STATE / 'site/inboxes/policypv.box/WORK.XYZ').unlink()

    def run(self, root, env):
        upkeep(self.place, 'site', 'restore', root / 'out', env=env)

    def recover(self, root):
        """What any program does when it starts: it goes on with a restore that had begun."""
        program = lab.role_program('provider')
        done = subprocess.run([program, '--root', self.place, '--finish-restore'], capture_output=True, text=True,
                              timeout=tap.patience(60))
        if done.returncode != 0:
            raise AssertionError(f'it is not finished: {done.stderr}')
        self.after = marks(self.place)
        must(self.place, 'site', 'restore', root / 'out')

    def check(self, root):
        if self.after not in ({'old'}, {'new'}):
            raise AssertionError(f'half a restore: {self.after}')
        if marks(self.place) != {'old'} or not (self.place / STATE / 'site/inboxes/policypv.box/WORK.XYZ').exists():
            raise AssertionError('the restore did not bring everything back')
        left = [path.name for path in (self.place / STATE).iterdir() if path.name.endswith(('.restore', '.pending', '.done', '.part'))]
        if left:
            raise AssertionError(f'left behind: {left}')


template = Template()
try:
    for scenario, modes in ((Backup(template), ('fail+', 'kill')), (Restore(template), ('fail', 'killafter'))):
        faultloop.declare(scenario, faultloop.Limits(modes=modes, seconds=20, stride=5),
                          full=faultloop.Limits.long())
    tap.main()
finally:
    shutil.rmtree(template.folder, ignore_errors=True)
