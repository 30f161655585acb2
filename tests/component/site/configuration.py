#!/usr/bin/python3
"""What the settings of the site server become in the site database, read by sqlite3."""
import contextlib
import sqlite3

import lab
import tap


def update_points(site):
    with contextlib.closing(sqlite3.connect(site.path('var/lib/upkeep/site/site.db'))) as db:
        return db.execute('SELECT s.ServerName, s.Scheme, s.Port, s.IsDefault, u.WSUSServerName FROM SC_SysResUse s '
                          'JOIN Update_SyncStatus u USING (SiteCode) WHERE s.RoleTypeID = 8 ORDER BY 1, 5').fetchall()


@tap.case('/site/configuration/clients-reach-the-update-point-where-its-client-url-says')
def client_url(t):
    site = lab.Lab(t, 'sup.client_url=https://updates.example.org:8531')
    site.stand_in('sup', 'mp', 'provider', 'client')
    site.up()
    t.equal(update_points(site), [('updates.example.org', 'https', 8531, 1, 'updates.example.org')])
    # By another name it is the same one, with what it serves; a site that works takes the new scheme and port, and
    # at its next start the name: a synchronization may be going on.
    with contextlib.closing(sqlite3.connect(site.path('var/lib/upkeep/site/site.db'))) as db, db:
        db.execute('UPDATE Update_SyncStatus SET SyncCatalogVersion = 7')
    conf = site.path('etc/upkeep/upkeep.conf')
    conf.write_text(conf.read_text().replace('https://updates.example.org:8531', 'http://other.example.org:8530'))

    # The settings were read at the start, too, more than once: only what comes of them tells which ones.
    def next_look():
        site.run('lab', 'clock', '--step', '+2h')
        return 'is called other.example.org in the settings, and here from the next start on' in site.log('sitectrl.log')
    site.wait(next_look, 'the new name in sitectrl.log')
    site.wait(lambda: update_points(site) == [('updates.example.org', 'http', 8530, 1, 'updates.example.org')], 'the new port')
    site.kill('site')
    site.run('lab', 'up')
    t.equal(update_points(site), [('other.example.org', 'http', 8530, 1, 'other.example.org')])
    with contextlib.closing(sqlite3.connect(site.path('var/lib/upkeep/site/site.db'))) as db:
        t.equal(db.execute('SELECT WSUSServerName, SyncCatalogVersion FROM Update_SyncStatus').fetchall(),
                [('other.example.org', 7)])


tap.main()
