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


tap.main()
