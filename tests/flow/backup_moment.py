"""The inboxes of a backup and its database are of one moment, whichever way work moves between them."""
import shutil
import sqlite3
import subprocess
import sys

import lab
import tap

STATE = 'var/lib/upkeep'


# A producer drops file n and then commits that it did, as smsdbmon does; a consumer commits the
# effect of a file and then removes it, as every handler does.
SIMULATOR = '''
import os, pathlib, sqlite3, sys, time
role, base, box = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
db = sqlite3.connect(base, timeout=60, isolation_level=None)
if role == 'producer':
    for n in range(1, 1000000):
        (box / '.tmp').write_text(str(n))
        os.rename(box / '.tmp', box / f'{n}.NUM')
        db.execute('INSERT INTO Test_Dropped VALUES (?)', (n,))
while True:
    for path in sorted(box.glob('*.NUM'), key=lambda p: int(p.stem)):
        db.execute('INSERT OR IGNORE INTO Test_Handled VALUES (?)', (int(path.stem),))
        path.unlink()
'''


@tap.case('/flow/backup/inboxes-and-database-are-of-one-moment')
def one_moment(t):
    site = lab.Lab(t)
    site.up()
    site.down()
    base, box = site.path(STATE, 'site/site.db'), site.inbox('test.box')
    box.mkdir()
    db = sqlite3.connect(base)
    db.executescript('CREATE TABLE Test_Dropped (N INTEGER PRIMARY KEY); CREATE TABLE Test_Handled (N INTEGER PRIMARY KEY)')
    db.close()
    runners = [subprocess.Popen([sys.executable, '-c', SIMULATOR, role, base, box]) for role in ('producer', 'consumer')]
    for runner in runners:
        t.cleanup(runner.wait)
        t.cleanup(runner.kill)
    seen = []
    for n in range(12 if tap.full() else 5):
        folder = t.dir / f'b{n}'
        site.run('site', 'backup', folder)
        copy = sqlite3.connect(f'file:{folder}/site/site.db?immutable=1', uri=True)
        dropped = {row[0] for row in copy.execute('SELECT N FROM Test_Dropped')}
        handled = {row[0] for row in copy.execute('SELECT N FROM Test_Handled')}
        copy.close()
        files = {int(path.stem) for path in (folder / 'site/inboxes/test.box').glob('*.NUM')}
        t.equal(sorted(dropped - handled - files), [], f'lost in backup {n}')
        seen.append(len(dropped))
        shutil.rmtree(folder)
    t.equal([r.poll() for r in runners], [None, None], 'both worked all the time')
    t.equal(seen == sorted(set(seen)), True, f'between the backups work was done: {seen}')


tap.main()
