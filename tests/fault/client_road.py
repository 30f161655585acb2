"""The fault loop over the client's road: from its first start to an acknowledged report, with every
write, sync, rename, commit and connect failing or killing it."""
import pathlib
import sqlite3
import sys
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'component' / 'client'))
import clientkit  # noqa: E402
import faultloop  # noqa: E402
import peer  # noqa: E402
import tap  # noqa: E402


class Road(faultloop.Scenario):
    name = 'client-road-COMP-027-COMP-054-COMP-056'
    # What is appended to logs is not synced; a mapped clock is the lab's.
    unsynced = ()

    def __init__(self):
        self.world, self.client = None, None

    def prepare(self, root):
        if self.world is not None:
            self.world.close()
        self.world = faultloop.Given(root)
        self.client = clientkit.Client(self.world)

    def quiet(self):
        """Whether all is told and nothing is under way."""
        c = self.client
        box = c.root / 'var/lib/upkeep/client/inboxes/client.box'
        return (c.scans() != [] and c.rows('SELECT COUNT(*) FROM CCM_StateMsg') != [(0,)] and
                c.rows('SELECT COUNT(*) FROM CCM_StateMsg WHERE MessageSent = 0') == [(0,)] and
                c.rows('SELECT (SELECT COUNT(*) FROM OutgoingMessage) + (SELECT COUNT(*) FROM Letter)') == [(0,)] and
                not list(box.glob('*.CMD')))

    def follow(self, seconds, step):
        """Follows the client until it is quiet, dead, or the time is over; steps its clock over its
        pauses. Whether it is quiet."""
        c, asked = self.client, False
        deadline = tap.until(seconds)
        while time.monotonic() < deadline and not c.ended():
            if not asked and c.scans():
                c.command('SEND.CMD')
                asked = True
            if self.quiet():
                return True
            time.sleep(0.03)
            if step and time.monotonic() > deadline - seconds + 1:
                c.step(61)
                time.sleep(0.15)
        return False

    def run(self, root, env):
        c = self.client
        c.start(**{name: value for name, value in env.items() if name.startswith('UPKEEP_FAULT')})
        self.follow(3, step=False)
        c.stop()

    def recover(self, root):
        c = self.client
        c.start()
        quiet = self.follow(30, step=True)
        c.stop()
        if not quiet:
            raise AssertionError(f'it does not come to an end\n{c.tail()}')

    def check(self, root):
        c = self.client
        if c.mp.failures:
            raise AssertionError(f'the management point says {c.mp.failures}')
        self.check_reports(c)
        self.check_database(c)
        corrupt = list((c.root / 'var/lib/upkeep/client/inboxes').rglob('*.why'))
        if corrupt:
            raise AssertionError(f'refused: {corrupt[0].read_text()}')

    def check_reports(self, c):
        newest, serials = {}, {}
        for topic, state, serial, when in c.mp.messages():
            newest[topic] = max(newest.get(topic, ('', 0, 0)), (when, serial, state))
            if serials.setdefault(serial, (topic, state, when)) != (topic, state, when):
                raise AssertionError(f'serial number {serial} was given twice')
        names = dict(c.rows('SELECT UniqueId, Article FROM CCM_UpdateStatus'))
        told = {names.get(topic, topic): state for topic, (_, _, state) in newest.items()}
        if told != {'openssl': 2, 'sudo': 3, peer.SOURCE: 3}:
            raise AssertionError(f'the site holds {told}')

    def check_database(self, c):
        base = sqlite3.connect(c.root / 'var/lib/upkeep/client/client.db')
        found = base.execute('PRAGMA integrity_check').fetchall() + base.execute('PRAGMA foreign_key_check').fetchall()
        base.close()
        if found != [('ok',)]:
            raise AssertionError(f'the database is damaged: {found}')
        expected = {
            'SELECT Article, Status, ReportedState FROM CCM_UpdateStatus ORDER BY Article':
                [('bash', 'Installed', 0), ('openssl', 'Missing', 2), ('sudo', 'Installed', 3)],
            'SELECT Package, NewVersion, IsHeld FROM CCM_UpdateStatusPackage ORDER BY Package':
                [('libssl3', '3.0.11-1', 0), ('openssl', '3.0.11-1', 1)],
            'SELECT PolicyVersion, PolicyState FROM CCM_Policy_Policy5': [('40.00', 'Active')],
            'SELECT ContentVersion FROM CCM_UpdateSource': [(38,)],
            'SELECT ContentVersion, ServerURL FROM WUAUpdateSource': [(38, 'http://PS1SITE.CONTOSO.COM:8530')],
            'SELECT COUNT(*) FROM LocationRequest': [(0,)],
        }
        for sql, rows in expected.items():
            if c.rows(sql) != rows:
                raise AssertionError(f'{sql}: {c.rows(sql)}')


faultloop.loop(Road())
