"""Backups that are bad are refused by name and change nothing; so is a place that is taken; and a restore
waits for a program that does not let go."""
import hashlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import lab
import tap

STATE = 'var/lib/upkeep'


class Refusals:
    """A small backup, and copies of it that are bad in one way."""

    def __init__(self, t):
        self.t = t
        self.site = lab.Lab(t)
        self.site.up()
        self.site.run('site', 'backup', t.dir / 'good')

    def copy(self, name):
        folder = self.t.dir / name
        shutil.copytree(self.t.dir / 'good', folder)
        return folder

    def refused(self, folder, *words):
        """The restore fails with these words, and changes nothing."""
        before = {role: row['pid'] for role, row in self.site.roles().items()}
        self.site.run('site', 'restore', folder, status=1)
        for word in words:
            self.t.contains(self.site.said, word)
        self.t.equal({role: row['pid'] for role, row in self.site.roles().items()}, before)
        left = [path.name for path in self.site.path(STATE).iterdir() if 'restore' in path.name]
        self.t.equal(left, [], 'left behind')
        self.t.equal('begins anew' in self.site.log('upkeep-site.log'), False)


def forge(folder, part, change):
    """Changes the text of a part's page and makes the hashes fit again."""
    page = folder / f'{part}.manifest'
    text = change(page.read_text())
    page.write_text(text)
    whole = folder / 'MANIFEST'
    digest = hashlib.sha256(text.encode()).hexdigest()
    whole.write_text(re.sub(rf'holds \w+ {part}\n', f'holds {digest} {part}\n', whole.read_text()))


def forge_file(folder, part, name):
    """Makes the page of a part fit a file that was changed."""
    data = (folder / part / name).read_bytes()
    forge(folder, part, lambda text: re.sub(rf'^file (\d+) \d+ (\d+) \w+ {name}$',
                                            rf'file \1 {len(data)} \2 {hashlib.sha256(data).hexdigest()} {name}',
                                            text, flags=re.M))


@tap.case('/flow/backup/bad-ones-are-refused-by-name-and-change-nothing')
def refused(t):
    r = Refusals(t)
    r.refused(t.dir / 'nothing', 'is no whole backup', 'choose another one')
    half = r.copy('half')
    (half / 'MANIFEST').unlink()
    r.refused(half, 'is no whole backup')
    short = r.copy('short')
    (short / 'MANIFEST').write_text((short / 'MANIFEST').read_text()[:-8])
    r.refused(short, 'MANIFEST is damaged, choose another backup')
    page = r.copy('page')
    with open(page / 'site.manifest', 'a') as file:
        file.write('x')
    r.refused(page, 'site.manifest is damaged')
    cut = r.copy('cut')
    os.truncate(cut / 'site/site.db', 8192)
    r.refused(cut, 'site/site.db is damaged (it has 8192 bytes')
    gone = r.copy('gone')
    (gone / 'site/keys/site.key').unlink()
    r.refused(gone, 'keys/site.key is not there')
    inside = r.copy('inside')
    data = bytearray((inside / 'site/site.db').read_bytes())
    data[4096 * 3:4096 * 3 + 2048] = bytes(2048)
    (inside / 'site/site.db').write_bytes(data)
    forge_file(inside, 'site', 'site.db')
    r.refused(inside, 'database site.db', 'malformed')


@tap.case('/flow/backup/another-site-a-newer-schema-and-a-way-out-are-refused')
def refused_too(t):
    r = Refusals(t)
    other = r.copy('other')
    whole = other / 'MANIFEST'
    whole.write_text(whole.read_text().replace('site LAB', 'site XYZ'))
    r.refused(other, 'is a backup of site XYZ', 'belongs to site LAB')
    newer = r.copy('newer')
    forge(newer, 'site', lambda text: re.sub(r'^schema \d+$', 'schema 99', text, flags=re.M))
    r.refused(newer, 'with schema 99', 'knows up to', 'install version')
    hidden = r.copy('hidden')
    db = sqlite3.connect(hidden / 'site/site.db')
    db.execute("INSERT INTO SchemaSteps VALUES (99, '0099_later', '2030-01-01T00:00:00.000Z')")
    db.commit()
    db.execute('PRAGMA wal_checkpoint(TRUNCATE)')
    db.close()
    forge_file(hidden, 'site', 'site.db')
    r.refused(hidden, 'site.db of the backup has schema 99', 'install version')
    out = r.copy('out')
    (out / 'evil').write_text('evil')
    digest = hashlib.sha256(b'evil').hexdigest()
    forge(out, 'site', lambda text: text.replace('end ', f'file 644 4 0 {digest} ../../evil\nend ').replace(
        'end ' + text.rsplit('end ', 1)[1], f'end {int(text.rsplit("end ", 1)[1]) + 1}\n'))
    r.refused(out, 'cannot be read')


@tap.case('/flow/backup/a-place-that-is-taken-and-a-restore-that-waits')
def places(t):
    site = lab.Lab(t)
    site.up()
    taken = t.dir / 'taken'
    taken.mkdir()
    (taken / 'mine').write_text('x')
    site.run('site', 'backup', taken, status=1)
    t.contains(site.said, 'has something in it; name a folder that is not there yet')
    t.equal(sorted(path.name for path in taken.iterdir()), ['mine'])
    site.run('site', 'backup', t.dir / 'good')
    site.run('site', 'restore', t.dir / 'good', '--what-if')
    t.equal('begins anew' in site.log('upkeep-site.log'), False)
    # A program that does not let go holds everybody up, and is named; when it ends, it goes on.
    pid = site.roles()['mp']['pid']
    os.kill(pid, signal.SIGSTOP)
    runner = subprocess.Popen([lab.UPKEEP, 'site', 'restore', t.dir / 'good'], env=site.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    site.wait(lambda: site.path(STATE, 'restore.pending').exists(), 'the note')
    text = site.run('site', 'status', status=3)
    t.contains(text, '! a restore is under way')
    os.kill(pid, signal.SIGKILL)
    said = runner.communicate(timeout=tap.patience(60))[1]
    t.equal((runner.returncode, b'upkeep-mp ran before and does not now' in said), (3, True), said.decode())
    t.equal(site.path(STATE, 'restore.pending').exists(), False)
    site.up()
    t.equal(site.json('site', 'status')['troubles'], [])


@tap.case('/flow/backup/what-cannot-be-looked-at-is-said-and-no-backup-is-left')
def unseen(t):
    """A file whose path is too long for the system: a backup without it would look like a whole one."""
    site = lab.Lab(t)
    site.up()
    folder = os.open(site.path(STATE, 'client'), os.O_RDONLY | os.O_DIRECTORY)
    length = len(str(site.path(STATE, 'client')))
    while length + 200 < 4090:
        os.mkdir('d' * 199, dir_fd=folder)
        inner = os.open('d' * 199, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder, length = inner, length + 200
    os.close(os.open('f' * (4110 - length), os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.close(folder)
    site.run('site', 'backup', t.dir / 'backup', status=1)
    t.contains(site.said, 'File name too long')
    t.equal((t.dir / 'backup').exists(), False, 'a backup')


tap.main()
