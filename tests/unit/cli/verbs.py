"""Tests of the verbs: the program `upkeep` against an AdminService made of Python's own server."""
import datetime
import http.server
import json
import os
import pathlib
import pty
import re
import subprocess
import threading
import urllib.parse

import tap

UPKEEP = tap.build_root() / 'src' / 'cli' / 'upkeep'
UPDATES = [{'CI_ID': 16777200 + i, 'ArticleID': f'pkg{i}', 'LocalizedDisplayName': f'pkg{i} 1.{i}-1 (Security Updates)',
            'NumMissing': i, 'NumPresent': 1000 * i, 'Size': 1500000, 'DateRevised': '2026-01-20T17:18:55Z',
            'IsSuperseded': False, 'Score': 0.5, 'Nothing': None,
            'LocalizedCategoryInstanceNames': ['Debian 12', 'Security Updates'],
            'ContentFiles': ['a.deb 1', 'b.deb 2']} for i in range(1, 4)]


class Provider(http.server.ThreadingHTTPServer):
    """Answers from tables of (path, body); keeps what it was asked."""

    def __init__(self, t):
        super().__init__(('127.0.0.1', 0), Handler)
        self.answers, self.asked, self.headers = {}, [], []
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        t.cleanup(thread.join)
        t.cleanup(self.server_close)
        t.cleanup(self.shutdown)

    def rows(self, name, *rows, **more):
        self.answers[('GET', f'/AdminService/wmi/{name}')] = (200, {'value': list(rows), **more})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode()
        path, _, query = self.path.partition('?')
        path = urllib.parse.unquote(path)
        self.server.asked.append((self.command, path, dict(urllib.parse.parse_qsl(query)), body))
        self.server.headers.append(dict(self.headers))
        status, content = self.server.answers.get((self.command, path)) or \
            (404, {'error': {'code': 'NotFound', 'message': f'there is no {path}'}})
        if callable(content):
            content = content()
        if isinstance(content, list):  # one after the other, the last one for ever
            content = content.pop(0) if len(content) > 1 else content[0]
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


def upkeep(t, provider, *words, status=0):
    env = {**os.environ, 'UPKEEP_ROOT': str(t.dir)}
    if provider:
        env['UPKEEP_PROVIDER'] = provider.url
    done = subprocess.run([UPKEEP, *words], capture_output=True, text=True, env=env, timeout=tap.patience(60))
    if status is not None:
        t.equal(done.returncode, status, f'exit status of {words}, which said\n{done.stdout}{done.stderr}\n')
    return done.stdout, done.stderr


@tap.case('/cli/update/list-as-a-table')
def update_list(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate', *UPDATES)
    out, err = upkeep(t, p, 'update', 'list')
    lines = out.splitlines()
    t.equal(lines[0].split(), ['ID', 'ARTICLE', 'TITLE', 'REQUIRED', 'INSTALLED', 'SIZE', 'REVISED'])
    t.contains(lines[2], '16777202  pkg2     pkg2 1.2-1 (Security Updates)         2      2 000  1.5 MB')
    t.equal(len(lines), 4)
    t.equal(p.asked[0][2], {'$filter': 'IsSuperseded eq false and IsExpired eq false',
                            '$orderby': 'DateRevised desc', '$top': '51'})


@tap.case('/cli/update/list-options-become-a-filter')
def update_filter(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate')
    out, err = upkeep(t, p, 'update', 'list', "o'neil", '--missing', '--all', '--article', 'a&b', '--top', '0')
    t.equal(p.asked[0][2]['$filter'],
            "NumMissing gt 0 and ArticleID eq 'a&b' and contains(LocalizedDisplayName,'o''neil')")
    t.equal('$top' in p.asked[0][2], False)
    t.contains(out, 'No such updates.')


@tap.case('/cli/update/more-rows-than-shown-is-said')
def update_more(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate', *UPDATES)
    out, err = upkeep(t, p, 'update', 'list', '--top', '2')
    t.equal(len(out.splitlines()), 3)
    t.contains(err, 'There are more')


@tap.case('/cli/update/missing-says-from-what-to-what')
def update_missing(t):
    p = Provider(t)
    p.rows('SMS_UPK_MissingPackage', {
        'MissingPackageID': '1/2/libssl3:amd64', 'MachineName': 'web1', 'ArticleID': 'openssl', 'PackageName': 'libssl3',
        'Architecture': 'amd64', 'InstalledVersion': '3.0.15-1', 'NewVersion': '3.0.17-1', 'FileSize': 2000000,
        'UpdateClassification': 'Security Updates', 'IsHeld': False})
    out, err = upkeep(t, p, 'update', 'missing', 'web1')
    t.equal(out.splitlines()[1].split(), ['web1', 'openssl', 'libssl3', '3.0.15-1', '3.0.17-1', 'Security', 'Updates',
                                          '2.0', 'MB'])
    t.equal(p.asked[0][2]['$filter'], "PackageName eq 'web1' or ArticleID eq 'web1' or MachineName eq 'web1'")
    # Nothing reported is not nothing missing, and a name may be mistyped.
    p.rows('SMS_UPK_MissingPackage')
    for words, said in ((['web2'], 'missing for the package, article or machine web2; who has scanned'),
                        ([], 'No machine has reported a package that lacks an update; who has scanned')):
        out, _ = upkeep(t, p, 'update', 'missing', *words)
        t.contains(out, said)
        t.contains(out, 'upkeep client list')


@tap.case('/cli/admin/pages-are-followed')
def pages(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate', UPDATES[0], **{'@odata.nextLink': 'SMS_SoftwareUpdate2?$skip=1'})
    p.rows('SMS_SoftwareUpdate2', UPDATES[1],
           **{'@odata.nextLink': f'{p.url}/AdminService/wmi/SMS_SoftwareUpdate3'})
    p.rows('SMS_SoftwareUpdate3', UPDATES[2])
    out, _ = upkeep(t, p, 'update', 'list', '--json')
    t.equal([row['CI_ID'] for row in json.loads(out)], [16777201, 16777202, 16777203])


@tap.case('/cli/rows/json-keeps-every-property')
def as_json(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate', *UPDATES)
    out, err = upkeep(t, p, 'update', 'list', '--json')
    t.equal(json.loads(out), UPDATES)
    t.equal(err, '')


@tap.case('/cli/update/show-by-id-article-and-nothing')
def update_show(t):
    p = Provider(t)
    p.rows('SMS_SoftwareUpdate(16777202)', UPDATES[1])
    p.rows('SMS_SoftwareUpdate', UPDATES[1])
    out, _ = upkeep(t, p, 'update', 'show', '16777202')
    t.contains(out, 'Title            pkg2 1.2-1 (Security Updates)\n')
    t.contains(out, 'Categories       Debian 12, Security Updates\n')
    t.contains(out, 'Files            a.deb 1\n                 b.deb 2\n')
    out, _ = upkeep(t, p, 'update', 'show', 'pkg2', '--json')
    t.equal(json.loads(out), UPDATES[1])
    p.rows('SMS_SoftwareUpdate')
    p.rows('SMS_UPK_MissingPackage')
    _, err = upkeep(t, p, 'update', 'show', 'none', status=1)
    t.contains(err, 'no update has the article or ID none (upkeep update list none)')
    p.rows('SMS_UPK_MissingPackage', {'CI_ID': 16777202, 'PackageName': 'libpkg2'})
    upkeep(t, p, 'update', 'show', 'libpkg2')
    t.equal(p.asked[-1][1], '/AdminService/wmi/SMS_SoftwareUpdate(16777202)', 'the update of a package')


@tap.case('/cli/admin/errors-are-the-providers-sentences')
def provider_error(t):
    p = Provider(t)
    p.answers[('GET', '/AdminService/wmi/SMS_Site')] = \
        (403, {'error': {'code': 'Denied', 'message': 'user 1000 may not read SMS_Site'}})
    _, err = upkeep(t, p, 'site', 'status', status=1)
    t.equal(err, 'upkeep site status: asking for SMS_Site: user 1000 may not read SMS_Site\n')
    out, err = upkeep(t, p, 'site', 'status', '--json', status=1)
    t.contains(out, '"code":"DENIED"')


@tap.case('/cli/admin/answers-that-are-none')
def bad_answers(t):
    p = Provider(t)
    for status, body, words in ((200, 'not json', 'asking for SMS_SoftwareUpdate'),
                                (200, '{"value":7}', 'no list of values'),
                                (500, '<html>', 'the provider answered 500 without a reason')):
        p.answers[('GET', '/AdminService/wmi/SMS_SoftwareUpdate')] = (status, body)
        _, err = upkeep(t, p, 'update', 'list', status=1)
        t.contains(err, words)


@tap.case('/cli/admin/no-provider-names-the-next-command')
def no_provider(t):
    _, err = upkeep(t, None, 'update', 'list', status=1)
    t.contains(err, 'upkeep lab up')
    p = Provider(t)
    p.shutdown()
    p.server_close()
    _, err = upkeep(t, p, 'update', 'list', status=1)
    t.contains(err, 'does not answer')
    t.contains(err, 'systemctl status upkeep-provider')


ASKED = '2026-01-20T10:30:00.000Z'


def sync_row(state, started, ended='', **more):
    """The first update point; a run without an end goes on."""
    return {'value': [{'SiteCode': 'LAB', 'WSUSServerName': 'sup.example.org', 'LastSyncState': state,
                       'LastSyncStateTime': ended or started, 'LastStartTime': started,
                       'LastEndTime': ended, 'RunningKind': 0 if ended else 1, 'PendingKind': 0,
                       'SyncCatalogVersion': 7, **more}]}


def sync_provider(t, *rows):
    p = Provider(t)
    p.answers[('GET', '/AdminService/wmi/SMS_SUPSyncStatus')] = (200, list(rows))
    p.answers[('POST', '/AdminService/wmi/SMS_SoftwareUpdate.SyncNow')] = \
        (200, {'ReturnValue': 0, 'RequestTime': ASKED})
    return p


def looks(p):
    return len([row for row in p.asked if row[0] == 'GET'])


@tap.case('/cli/sync/start-calls-syncnow-SYNC-018')
def sync_start(t):
    for words, body in ((['sync', 'start'], {'fullSync': False}),
                        (['sync', 'start', '--full'], {'fullSync': True}),
                        (['Sync-CMSoftwareUpdate', '-FullSync', '$true'], {'fullSync': True})):
        p = sync_provider(t, sync_row(6702, '2026-01-20T17:18:55.000Z', '2026-01-20T17:18:59.000Z'))
        upkeep(t, p, *words)
        posts = [row for row in p.asked if row[0] == 'POST']
        t.equal([(row[1], json.loads(row[3])) for row in posts],
                [('/AdminService/wmi/SMS_SoftwareUpdate.SyncNow', body)])


@tap.case('/cli/output/one-json-document-whatever-happens')
def one_document(t):
    p = sync_provider(t, sync_row(6702, '2026-01-20T17:18:55.000Z', '2026-01-20T17:18:59.000Z'))
    row = {'PackageID': 'LAB00001', 'Name': 'App', 'PackageType': 0}
    p.answers[('POST', '/AdminService/wmi/SMS_Package')] = (200, {'PackageID': 'LAB00001'})
    p.answers[('GET', '/AdminService/wmi/SMS_PackageBaseclass')] = (200, {'value': [row]})
    p.answers[('GET', '/AdminService/wmi/SMS_DistributionDPStatus')] = \
        (200, {'value': [{'PackageID': 'LAB00001', 'Name': 'DP1', 'MessageState': 4, 'State': 3, 'PackageAction': 0}]})
    for words, status, expected in (
            (['sync', 'start', '--what-if'], 0, {'would': ['Would ask for a delta synchronization.']}),
            (['package', 'create', 'A', '--source', '/x', '--what-if'], 0, {'would': ['Would create the package A of /x.']}),
            (['package', 'delete', 'App', '--what-if'], 0,
             [{'name': 'App', 'done': False, 'would': 'Would delete, wherever it is, LAB00001 (App).'}]),
            (['package', 'delete'], 2, None), (['package', 'delete', '--nosuch'], 2, None), (['nosuch'], 2, None)):
        out, err = upkeep(t, p, *words, '--json', status=status)
        found = json.loads(out)
        t.equal(err, '')
        if expected is None:
            t.equal(found['error']['code'], 'INVALID')
        else:
            t.equal(found, expected)
    out, _ = upkeep(t, p, 'package', 'create', 'App', '--source', '/x', '--wait', '--json', status=1)
    found = json.loads(out)
    t.equal((found['PackageID'], found['error']['code']), ('LAB00001', 'REMOTE'))


@tap.case('/cli/output/control-characters-do-not-reach-the-terminal')
def control_characters(t):
    bad = 'a\x1b[2Jb\nc'
    p = sync_provider(t, sync_row(6703, NEW, END, LastSyncErrorText=bad, WSUSServerName=bad))
    out, _ = upkeep(t, p, 'sync', 'status')
    t.equal('\x1b' in out, False, out)
    p.answers[('GET', '/AdminService/wmi/SMS_Site')] = (500, {'error': {'message': bad}})
    p.answers[('GET', '/AdminService/wmi/SMS_SUPSyncStatus')] = (500, {'error': {'message': bad}})
    _, err = upkeep(t, p, 'sync', 'status', status=1)
    t.equal(err, 'upkeep sync status: asking for SMS_SUPSyncStatus: a?[2Jb\nc\n')


@tap.case('/cli/message/programs-get-all')
def all_messages(t):
    p = Provider(t)
    p.rows('SMS_StatusMessage', *[{'RecordID': n, 'Severity': 1073741824} for n in range(60)])
    out, _ = upkeep(t, p, 'message', 'list', '--json')
    t.equal(len(json.loads(out)), 60)
    out, _ = upkeep(t, p, 'message', 'list', '--json', '--top', '7')
    t.equal(len(json.loads(out)), 7)


@tap.case('/cli/sync/what-if-changes-nothing')
def sync_what_if(t):
    p = sync_provider(t, sync_row(6702, '2026-01-20T17:18:55.000Z', '2026-01-20T17:18:59.000Z'))
    out, _ = upkeep(t, p, 'sync', 'start', '--full', '--what-if')
    t.equal(out, 'Would ask for a full synchronization.\n')
    t.equal([row for row in p.asked if row[0] == 'POST'], [])


@tap.case('/cli/package/all-points-of-a-package-are-followed')
def follow_pages(t):
    """Also those on the second page; and what the points say of their package is of the same moment."""
    p = Provider(t)
    p.rows('SMS_PackageBaseclass', {'PackageID': 'LAB00001', 'Name': 'App', 'PackageType': 0, 'ActionInProgress': 0})

    def point(n, group, action=0):
        return {'PackageID': 'LAB00001', 'Name': f'DP{n}', 'MessageState': group, 'State': {1: 0, 2: 2, 4: 3}[group],
                'StateName': f'state {group}', 'PackageAction': action, 'StoredPkgVersion': 1, 'ErrorText': 'no room'}

    first = {'value': [point(1, 1)], '@odata.nextLink': 'SMS_DistributionDPStatus2?$skip=1'}
    p.answers[('GET', '/AdminService/wmi/SMS_DistributionDPStatus')] = (200, [
        {'value': [point(1, 1, 1), point(2, 1, 1)]}, first, first, {'value': [point(1, 1), point(2, 4)]}])
    p.answers[('GET', '/AdminService/wmi/SMS_DistributionDPStatus2')] = (200, {'value': [point(2, 2)]})
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow', status=3)
    t.equal([line.split()[:3] for line in err.splitlines() if line.startswith('DP2')], [['DP2', 'state', '2'], ['DP2', 'state', '4']])
    t.contains(err, 'failed on 1 of 2 distribution points; DP2: no room')
    # Four looks, of which two had a second page, and the table at the end.
    t.equal([row[1][-7:] for row in p.asked if 'DPStatus' in row[1]].count('Status2'), 2, 'second pages')
    # The last answer stays: work that ends so is done in part.
    p.answers[('POST', "/AdminService/wmi/SMS_Package('LAB00001')/AdminService.RefreshPkgSource")] = (200, {})
    upkeep(t, p, 'package', 'update', 'LAB00001', '--wait', status=3)
    # Also when one of two packages has failed everywhere, whichever.
    part, whole = {'value': [point(1, 1), point(2, 4)]}, {'value': [point(1, 4), point(2, 4)]}
    for looks in [part, whole], [whole, part]:
        p.answers[('GET', '/AdminService/wmi/SMS_DistributionDPStatus')] = (200, looks)
        upkeep(t, p, 'package', 'update', 'LAB00001', 'LAB00001', '--wait', status=3)


OLD = ('2026-01-20T10:00:00.000Z', '2026-01-20T10:00:09.000Z')
NEW = '2026-01-20T10:30:00.100Z'
END = '2026-01-20T10:30:09.000Z'


@tap.case('/cli/sync/wait-ends-with-the-run-that-was-asked-for')
def sync_wait(t):
    p = sync_provider(t, sync_row(6702, *OLD), sync_row(6704, NEW), sync_row(6705, NEW),
                      sync_row(6702, NEW, END))
    out, _ = upkeep(t, p, 'sync', 'start', '--wait')
    t.contains(out, 'sup.example.org')
    t.contains(out, 'done')
    t.equal(looks(p), 5, 'looks')


@tap.case('/cli/sync/wait-lets-a-foreign-run-end-first')
def sync_wait_busy(t):
    p = sync_provider(t, sync_row(6704, OLD[0]), sync_row(6702, *OLD, PendingKind=1),
                      sync_row(6704, NEW), sync_row(6702, NEW, END))
    upkeep(t, p, 'sync', 'start', '--wait')
    t.equal(looks(p), 5, 'looks')


@tap.case('/cli/sync/wait-is-not-taken-in-by-a-run-of-a-time-that-was-taken-back')
def sync_wait_future(t):
    future = sync_row(6702, '2027-01-20T10:00:00.000Z', '2027-01-20T10:00:09.000Z')
    p = sync_provider(t, future, future, sync_row(6704, NEW), sync_row(6702, NEW, END))
    upkeep(t, p, 'sync', 'start', '--wait')
    t.equal(looks(p), 5, 'looks')


@tap.case('/cli/sync/wait-asks-for-changes-only')
def sync_wait_follows(t):
    p = sync_provider(t, sync_row(6702, *OLD), sync_row(6702, NEW, END))
    upkeep(t, p, 'sync', 'start', '--wait')
    t.equal([h.get('Prefer') for h in p.headers if h.get('Prefer')], ['wait=5', 'wait=5'])


@tap.case('/cli/sync/wait-fails-when-the-run-fails')
def sync_fails(t):
    p = sync_provider(t, sync_row(0, '', ''), sync_row(6703, NEW, END, LastSyncErrorText='the key is unknown'))
    _, err = upkeep(t, p, 'sync', 'start', '--wait', status=1)
    t.contains(err, 'the synchronization failed: the key is unknown')


@tap.case('/cli/sync/wait-fails-when-the-run-did-not-succeed')
def sync_cut_short(t):
    """What is killed in the middle may leave the state of its phase."""
    p = sync_provider(t, sync_row(6702, *OLD), sync_row(6704, NEW, END, LastSyncErrorText='the program stopped'))
    _, err = upkeep(t, p, 'sync', 'start', '--wait', status=1)
    t.contains(err, 'the synchronization failed: the program stopped')


@tap.case('/cli/sync/wait-ends-although-the-clock-is-set-back')
def sync_set_back(t):
    # In the middle of the run, so that it ends before it began.
    p = sync_provider(t, sync_row(6702, *OLD), sync_row(6704, NEW), sync_row(6702, NEW, '2026-01-20T10:29:00.000Z'))
    upkeep(t, p, 'sync', 'start', '--wait')
    t.equal(looks(p), 4, 'looks')
    t.dir.joinpath('.upkeep-lab').touch()
    t.dir.joinpath('run/upkeep').mkdir(parents=True, exist_ok=True)
    # Between the request and the run, which begins before it was asked for.
    p = sync_provider(t, sync_row(6702, *OLD), sync_row(6702, *OLD, PendingKind=1),
                      sync_row(6702, '2026-01-20T10:29:30.000Z', '2026-01-20T10:29:40.000Z'))
    answer = p.answers[('POST', '/AdminService/wmi/SMS_SoftwareUpdate.SyncNow')][1]

    def step():
        upkeep(t, None, 'lab', 'clock', '--step', '-1m')
        return answer

    upkeep(t, None, 'lab', 'clock', '--step', '1s')
    p.answers[('POST', '/AdminService/wmi/SMS_SoftwareUpdate.SyncNow')] = (200, step)
    upkeep(t, p, 'sync', 'start', '--wait')
    t.equal(looks(p), 4, 'looks')


def products(t):
    p = Provider(t)
    rows = [{'CategoryInstance_UniqueID': f'Product:{i}', 'LocalizedCategoryInstanceName': name,
             'IsSubscribed': subscribed} for i, (name, subscribed) in enumerate(
                 [('Debian 12 (bookworm)', True), ('Debian 13 (trixie)', False), ('Ubuntu 24.04', False)])]
    p.rows('SMS_UpdateCategoryInstance', *rows)
    for row in rows:
        p.answers[('POST', f"/AdminService/wmi/SMS_UpdateCategoryInstance('{row['CategoryInstance_UniqueID']}')")] \
            = (200, {})
    return p


@tap.case('/cli/product/list')
def product_list(t):
    p = products(t)
    out, _ = upkeep(t, p, 'product', 'list')
    t.equal(out.splitlines()[1].split()[:3], ['yes', 'Debian', '12'])
    t.equal(p.asked[0][2]['$filter'], "CategoryTypeName eq 'Product'")
    upkeep(t, p, 'classification', 'list')
    t.equal(p.asked[1][2]['$filter'], "CategoryTypeName eq 'UpdateClassification'")


@tap.case('/cli/product/subscribe-by-name-or-part')
def subscribe(t):
    p = products(t)
    _, err = upkeep(t, p, 'product', 'subscribe', 'trixie', 'Ubuntu 24.04', 'debian 12 (bookworm)')
    t.equal([(row[1][-12:], json.loads(row[3])) for row in p.asked if row[0] == 'POST'],
            [("'Product:1')", {'IsSubscribed': True}), ("'Product:2')", {'IsSubscribed': True})])
    t.contains(err, 'Debian 12 (bookworm) is subscribed already.')
    t.contains(err, 'upkeep sync start --wait')


@tap.case('/cli/product/ambiguous-and-unknown-names')
def ambiguous(t):
    p = products(t)
    _, err = upkeep(t, p, 'product', 'unsubscribe', 'debian', status=1)
    t.contains(err, 'may be any of: Debian 12 (bookworm); Debian 13 (trixie)')
    _, err = upkeep(t, p, 'product', 'unsubscribe', 'Windows', status=1)
    t.contains(err, 'no product is named "Windows" (upkeep product list)')
    _, err = upkeep(t, p, 'product', 'subscribe', 'Windows', 'trixie', status=3)
    t.contains(err, 'Debian 13 (trixie) is subscribed now.')


@tap.case('/cli/product/json-says-of-each-name-what-became-of-it')
def each_name(t):
    p = products(t)
    out, err = upkeep(t, p, 'product', 'subscribe', 'Windows', 'trixie', 'Linux', '--json', status=3)
    rows = json.loads(out)
    t.equal([(row['name'], row['done']) for row in rows], [('Windows', False), ('trixie', True), ('Linux', False)])
    t.equal(rows[0]['error'], {'code': 'NOT_FOUND', 'message': 'no product is named "Windows" (upkeep product list)'})
    t.equal(err, '')
    out, _ = upkeep(t, p, 'product', 'subscribe', 'Windows', '--json', status=1)
    t.equal([row['done'] for row in json.loads(out)], [False])


@tap.case('/cli/message/list-by-severity-and-component')
def messages(t):
    p = Provider(t)
    p.rows('SMS_StatusMessage', {'RecordID': 7, 'MessageID': 6703, 'Severity': -1073741824, 'Time': '',
                                 'Component': 'SMS_WSUS_SYNC_MANAGER', 'MachineName': 'a',
                                 'MessageText': 'failed:\x1b[2J gone'})
    out, _ = upkeep(t, p, 'message', 'list', '--severity', 'Error', '--component', 'SMS_WSUS_SYNC_MANAGER',
                    '--id', '6703')
    t.equal(p.asked[0][2]['$filter'],
            "Component eq 'SMS_WSUS_SYNC_MANAGER' and Severity eq -1073741824 and MessageID eq 6703")
    t.contains(out, 'error     6703  SMS_WSUS_SYNC_MANAGER  a        failed:?[2J gone')
    _, err = upkeep(t, p, 'message', 'list', '--severity', 'bad', status=2)
    t.contains(err, 'Information, Warning or Error')


@tap.case('/cli/alert/list')
def alerts(t):
    p = Provider(t)
    p.rows('SMS_Alert', {'Name': 'Synchronization', 'Severity': 1, 'AlertState': 0, 'OccurrenceCount': 2,
                         'StateTime': '2026-01-20T17:18:55Z', 'Description': 'no network'})
    out, _ = upkeep(t, p, 'alert', 'list')
    t.contains(out, 'error     active  Synchronization  no network      2')
    p.rows('SMS_Alert')
    out, _ = upkeep(t, p, 'alert', 'list')
    t.equal(out, 'There is no active alert.\n')


def site_rows(p):
    p.rows('SMS_Site', {'SiteCode': 'LAB', 'SiteName': 'Lab', 'ServerName': 'a.example.org', 'Version': '0.1.0'})
    p.rows('SMS_ComponentSummarizer', {'ComponentName': 'SMS_X', 'Errors': 0, 'Warnings': 0, 'Infos': 3})
    p.rows('SMS_UPK_ClientContacts', {'SiteCode': 'LAB', 'WithinHour': 12, 'WithinDay': 3, 'WithinWeek': 0,
                                      'Older': 1, 'Never': 2, 'Pending': 4, 'Blocked': 0})
    p.rows('SMS_SUPSyncStatus')
    p.rows('SMS_DistributionPointInfo')
    p.rows('SMS_PackageBaseclass')


@tap.case('/cli/site/status')
def site(t):
    p = Provider(t)
    site_rows(p)
    p.answers[('GET', '/AdminService/wmi/SMS_SUPSyncStatus')] = (200, [sync_row(6702, *OLD)])
    out, _ = upkeep(t, p, 'site', 'status')
    t.contains(out, 'Site LAB (Lab) on a.example.org, version 0.1.0.')
    t.contains(out, 'Nothing is wrong.')
    t.contains(out, 'No component has complained.')
    t.contains(out, '\n                            12      3       0        1      2        4        0\n')
    out, _ = upkeep(t, p, 'site', 'status', '--json')
    found = json.loads(out)
    t.equal((found['programs'], found['troubles'], found['SMS_Site'][0]['SiteCode']), ([], [], 'LAB'))


@tap.case('/cli/site/status-of-a-failed-synchronization-is-bad-news')
def site_failed(t):
    p = Provider(t)
    site_rows(p)
    p.answers[('GET', '/AdminService/wmi/SMS_SUPSyncStatus')] = \
        (200, sync_row(6703, *OLD, LastSyncErrorText='no network\x1b[2J'))
    out, _ = upkeep(t, p, 'site', 'status')
    t.contains(out, '1 thing to look at:\n! the last synchronization of sup.example.org failed: no network?[2J\n'
                    '    next: upkeep sync start --wait\n')


@tap.case('/cli/site/status-tells-what-is-wrong-with-content')
def site_content(t):
    p = Provider(t)
    site_rows(p)
    p.rows('SMS_DistributionPointInfo', {'ServerName': 'DP01', 'Failures': 1, 'NumberErrors': 2, 'LastError': 'no route'},
           *({'ServerName': f'DP1{i}', 'Failures': 0, 'NumberErrors': 1, 'LastError': ''} for i in range(7)))
    p.rows('SMS_PackageBaseclass', {'PackageID': 'LAB00001', 'Name': 'App', 'SourceState': 2, 'SourceError': 'is gone'})
    out, _ = upkeep(t, p, 'site', 'status')
    t.contains(out, """8 things to look at:
! distribution point DP01: 1 call failed: no route
    next: upkeep dp show DP01
! distribution point DP01: 2 packages failed or are tried again
    next: upkeep dp status DP01
! distribution point DP10: 1 package failed or is tried again
    next: upkeep dp status DP10
""")
    t.contains(out, """! 3 more distribution points like that
    next: upkeep dp list
! package LAB00001 (App): its source cannot be read: is gone
    next: upkeep package update LAB00001
""")
    t.equal([row[2].get('$filter') for row in p.asked if row[1].endswith(('PointInfo', 'Baseclass'))],
            ['Failures gt 0 or NumberErrors gt 0', 'SourceState ge 2'])


def logs(t):
    folder = t.dir / 'var/log/upkeep'
    folder.mkdir(parents=True)
    (folder / 'DistMgr.log').write_text(
        'Found one~  $$<SMS_DISTRIBUTION_MANAGER><01-07-2026 15:06:04.118+300><thread=5800 (0x16A8)>\r\n'
        'It failed  $$<SMS_DISTRIBUTION_MANAGER><01-07-2026 15:06:09.118+300><thread=5800 (0x16A8)>\r\n')
    (folder / 'PullDP.log').write_text(
        '<![LOG[Job P0100001 is running]LOG]!><time="20:06:05.412+000" date="01-07-2026" component="PullDP" '
        'context="" type="1" thread="3120" file="pulldp_job.c:141">\r\n')
    return folder


@tap.case('/cli/log/merged-by-time')
def log_merged(t):
    logs(t)
    out, _ = upkeep(t, None, 'log', '--json')
    rows = [json.loads(line) for line in out.splitlines()]
    t.equal([(row['time'], row['component'], row['text']) for row in rows], [
        ('2026-01-07T20:06:04.118Z', 'SMS_DISTRIBUTION_MANAGER', 'Found one~'),
        ('2026-01-07T20:06:05.412Z', 'PullDP', 'Job P0100001 is running'),
        ('2026-01-07T20:06:09.118Z', 'SMS_DISTRIBUTION_MANAGER', 'It failed')])


@tap.case('/cli/log/the-heads-of-an-access-log-are-as-old-as-its-first-line')
def log_heads(t):
    """Those of a second start stand in its midst."""
    folder = logs(t)
    heads = ['#Software: Upkeep', '#Fields: date time cs-method']
    (folder / 'access.log').write_text('\r\n'.join([*heads, '2026-01-07 20:06:07 GET', *heads, '2026-01-07 20:06:08 PUT', '']))
    out, _ = upkeep(t, None, 'log', '--json', '--since', '2026-01-07T20:06:06Z')
    rows = [json.loads(line) for line in out.splitlines()]
    t.equal([(row['time'][17:19], row['text']) for row in rows],
            [*[('07', head) for head in heads], ('07', 'GET'), *[('07', head) for head in heads], ('08', 'PUT'),
             ('09', 'It failed')])


@tap.case('/cli/log/filters')
def log_filters(t):
    logs(t)
    for words, texts in ((['--component', 'pulldp'], ['Job P0100001 is running']),
                         (['--id', 'p0100001'], ['Job P0100001 is running']),
                         (['--errors'], ['It failed']), (['--lines', '1'], ['It failed']),
                         (['--since', '2026-01-07T20:06:05Z'], ['Job P0100001 is running', 'It failed']),
                         (['--since', '10m'], [])):
        out, _ = upkeep(t, None, 'log', '--json', *words)
        t.equal([json.loads(line)['text'] for line in out.splitlines()], texts, str(words))
    for since in ('soon', '-5m', '2026-01-07x', '2026-13-01', '2026-01-07 25:00'):
        _, err = upkeep(t, None, 'log', '--since', since, status=2)
        t.contains(err, f'--since {since}: 30s, 10m, 2h or 3d (ago) is wanted, or a time')


@tap.case('/cli/log/what-was-set-aside-is-read-too')
def log_aside(t):
    """Three days of a log that was begun anew twice; the oldest of its files ended before what is asked for."""
    folder = logs(t)
    form = '{}  $$<C><01-0{}-2026 15:06:00.000+300><thread=1 (0x1)>\r\n'
    for name, day in (('DistMgr.lo_', 6), ('access.lo_.1', 4), ('access.lo_', 5)):
        (folder / name).write_text(form.format(name, day))
        os.utime(folder / name, (1767225600 + day * 86400 - 86400 + 86000,) * 2)

    def texts(*words):
        out, _ = upkeep(t, None, 'log', '--json', *words)
        return [json.loads(line)['text'] for line in out.splitlines()]

    new = ['Found one~', 'Job P0100001 is running', 'It failed']
    t.equal(texts('--since', '2026-01-01'), ['access.lo_.1', 'access.lo_', 'DistMgr.lo_', *new])
    t.equal(texts('--since', '2026-01-06'), ['DistMgr.lo_', *new])
    t.equal(texts('--component', 'distmgr', '--since', '2026-01-01'), ['DistMgr.lo_', new[0], new[2]])
    # Without a time the last lines, from behind a rotation as well.
    t.equal(texts(), ['access.lo_', 'DistMgr.lo_', *new])
    t.equal(texts('--lines', '4'), ['DistMgr.lo_', *new])
    # What is set aside while somebody follows is not told twice.
    env = {**os.environ, 'UPKEEP_ROOT': str(t.dir)}
    follower = subprocess.Popen([UPKEEP, 'log', '--follow', '--json', '--lines', '1'], stdout=subprocess.PIPE, text=True, env=env)
    t.cleanup(follower.wait)
    t.cleanup(follower.kill)
    t.equal(json.loads(follower.stdout.readline())['text'], 'It failed')
    (folder / 'DistMgr.log').rename(folder / 'DistMgr.lo_')
    (folder / 'DistMgr.log').write_text(form.format('Anew', 8))
    t.equal(json.loads(follower.stdout.readline())['text'], 'Anew')


@tap.case('/cli/log/since-a-time-as-the-log-prints-it')
def log_since(t):
    logs(t)
    os.environ['TZ'] = 'EST5'
    t.cleanup(lambda: os.environ.pop('TZ'))
    out, _ = upkeep(t, None, 'log')
    printed = out.splitlines()[1][:23]
    t.equal(printed, '2026-01-07 15:06:05.412')
    for since, count in ((printed, 2), ('2026-01-07 15:06:06', 1), ('2026-01-07 15:06', 3), ('2026-01-07', 3),
                         ('2026-01-08', 0)):
        out, _ = upkeep(t, None, 'log', '--since', since)
        t.equal(len(out.splitlines()), count, since)


@tap.case('/cli/log/nothing-found-is-said')
def log_nothing(t):
    logs(t)
    out, err = upkeep(t, None, 'log', '--component', 'nosuch')
    t.equal(out, '')
    t.contains(err, 'No line is of a component nosuch, and no log is named so; ls ')
    _, err = upkeep(t, None, 'log', '--component', 'pulldp', '--errors')
    t.contains(err, 'No line of PullDP.log in ')
    _, err = upkeep(t, None, 'log', '--id', 'nosuch')
    t.contains(err, 'No line of the logs in ')


@tap.case('/cli/log/follow-shows-what-is-written-from-now-on')
def log_follow(t):
    folder = logs(t)
    env = {**os.environ, 'UPKEEP_ROOT': str(t.dir)}
    follower = subprocess.Popen([UPKEEP, 'log', '--follow', '--json', '--lines', '1'], stdout=subprocess.PIPE,
                                text=True, env=env)
    t.cleanup(follower.wait)
    t.cleanup(follower.kill)
    t.equal(json.loads(follower.stdout.readline())['text'], 'It failed')
    with open(folder / 'New.log', 'w') as log:
        log.write('Later  $$<C><01-07-2026 15:07:00.000+300><thread=1 (0x1)>\r\n')
    t.equal(json.loads(follower.stdout.readline())['text'], 'Later')


@tap.case('/cli/log/no-logs-names-the-next-command')
def log_none(t):
    _, err = upkeep(t, None, 'log', status=1)
    t.contains(err, 'upkeep lab up')


@tap.case('/cli/lab/verbs-of-a-lab-of-shell-scripts')
def lab(t):
    programs = t.dir / 'programs'
    programs.mkdir()
    for role in ('sup', 'site', 'mp', 'provider', 'client'):
        path = programs / f'upkeep-{role}'
        path.write_text('#!/bin/sh\nr=$2/run/upkeep/${0##*upkeep-}.ready\n'
                        "printf 'pid=%s\\nhttp=40001\\nother=40002\\n' $$ > $r.tmp && mv $r.tmp $r\n"
                        'exec sleep 600\n')
        path.chmod(0o755)
    os.environ['UPKEEP_PROGRAMS'] = str(programs)
    root = str(t.dir / 'lab')
    t.cleanup(lambda: subprocess.run([UPKEEP, 'lab', 'down', '--purge', '--root', root], capture_output=True))
    out, err = upkeep(t, None, 'lab', 'up', '--root', root)
    t.contains(err, 'sup: ready on http 40001, other 40002')
    t.contains(out, 'upkeep-provider  running')
    t.contains(err, f'Next: export UPKEEP_ROOT={root}, upkeep site status, ')
    _, err = upkeep(t, None, 'lab', 'up', '--root', root, '--sources', f'{root}/nosuch', status=1)
    t.contains(err, f'--sources {root}/nosuch: there is no such folder')
    out, _ = upkeep(t, None, 'lab', 'clock', '--step', '3d', '--json', '--root', root)
    then = datetime.datetime.fromisoformat(json.loads(out)['now'].replace('Z', '+00:00'))
    ahead = then - datetime.datetime.now(datetime.timezone.utc)
    t.equal(round(ahead.total_seconds() / 86400, 2), 3.0, 'days ahead')
    out, _ = upkeep(t, None, 'lab', 'status', '--json', '--root', root)
    roles = json.loads(out)['roles']
    t.equal([role['state'] for role in roles], ['running'] * 5)
    os.kill(roles[1]['pid'], 9)
    while True:
        out, err = upkeep(t, None, 'lab', 'status', '--root', root, status=None)
        if 'died' in out:
            break
    t.contains(err, 'upkeep-site died; its last words')
    upkeep(t, None, 'lab', 'down', '--purge', '--root', root)
    t.equal((t.dir / 'lab').exists(), False)
    loop = t.dir / 'loop'  # what cannot be looked at, also not by root
    loop.mkdir()
    (loop / '.upkeep-lab').symlink_to('.upkeep-lab')
    for verb in ('status', 'down', 'clock'):
        _, err = upkeep(t, None, 'lab', verb, '--root', root, status=1)
        t.contains(err, 'upkeep lab up makes one')
        _, err = upkeep(t, None, 'lab', verb, '--root', str(loop), status=1)
        t.contains(err, f'the lab at {loop} cannot be looked at: Too many levels of symbolic links')


@tap.case('/cli/help/man-page-of-every-verb')
def man_page(t):
    out, _ = upkeep(t, None, 'man')
    t.contains(out, '.SS "upkeep sync start [\\-\\-full] [\\-\\-wait] [\\-\\-what\\-if]"')


def table():
    """{noun: its verbs} of the help, "" for a noun that is a command alone."""
    rows = {}
    for line in subprocess.run([UPKEEP, 'help'], capture_output=True, text=True).stdout.splitlines():
        found = re.match(r'  ([a-z-]+)(?: ([a-z-]+))?(?: [<\[].*?)?  ', line)
        if found and not line.startswith('  --'):
            rows.setdefault(found[1], []).append(found[2] or '')
    return rows


@tap.case('/cli/help/every-command-stands-there-once')
def once(t):
    rows = table()
    t.equal('status' in rows['sync'] and '' in rows['log'], True, str(rows))
    for noun, verbs in rows.items():
        t.equal(sorted(verbs), sorted(set(verbs)), f'the verbs of {noun}')


@tap.case('/cli/help/commands-that-messages-recommend-exist')
def recommended(t):
    rows, seen, helps = table(), 0, {}
    for path in sorted((pathlib.Path(os.environ['UPKEEP_SOURCE_ROOT']) / 'src').rglob('*.[ch]')):
        text = re.sub(r'"\s*\n\s*"', '', path.read_text())
        for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
            for noun, verb, rest in re.findall(r'(?:^|[^/\w-])upkeep ([a-z][a-z-]*)((?: [a-z][a-z-]*)?)([^,;:)]*)', literal):
                if noun not in rows:
                    t.equal(noun in ('help', 'command', 'is'), True, f'{path.name}: upkeep {noun}{verb} in "{literal}"')
                    continue
                verb = verb.strip() if '' not in rows[noun] else ''
                if verb not in rows[noun]:
                    # Prose goes on behind a noun alone: "upkeep lab command".
                    t.equal(verb in ('command', ''), True, f'{path.name}: upkeep {noun} {verb} in "{literal}"')
                    continue
                words = tuple(filter(None, (noun, verb)))
                if words not in helps:
                    helps[words] = subprocess.run([UPKEEP, *words, '--help'], capture_output=True, text=True).stdout
                for option in re.findall(r'--[a-z-]+', rest):
                    t.contains(helps[words], f'{option} ' if f'{option} ' in helps[words] else f'{option}\n')
                seen += 1
    t.equal(seen > 30, True, f'only {seen} were found: the test is blind')


@tap.case('/cli/help/version')
def version(t):
    out, _ = upkeep(t, None, '--version')
    t.equal(re.fullmatch(r'upkeep \d+\.\d+\.\d+\n', out) is not None, True, out)
    out, _ = upkeep(t, None, '--version', '--json')
    t.equal(list(json.loads(out)), ['version'])


@tap.case('/cli/output/that-is-lost-is-told')
def output_lost(t):
    """More than the buffer holds, less than it, and a document: a full disk takes none of them."""
    for words in (('help',), ('--version',), ('--version', '--json')):
        with open('/dev/full', 'w') as full:
            done = subprocess.run([UPKEEP, *words], stdout=full, stderr=subprocess.PIPE, text=True)
        t.equal(done.returncode, 1, f'{words}')
        t.contains(done.stderr, 'upkeep: the output could not be written')


# ---- how a package is followed ----

CAUSE = 'taking a snapshot of ' + '/'.join(['a folder with a long name'] * 8) + ': "pipe" is a FIFO'


def package_row(action=1, stored=1, failed=None, error=CAUSE, following='2099-01-01T00:00:00.000Z'):
    """A row of SMS_PackageBaseclass; failed: when its source could not be read."""
    return {'PackageID': 'LAB00001', 'Name': 'App', 'PackageType': 0, 'ActionInProgress': action, 'Cause': 'asked by anna',
            'StoredPkgVersion': stored, 'SourceState': 2 if failed else 1 if action else 0,
            'SourceError': error if failed else '', 'SourceFailedTime': failed, 'SourceNextTryTime': following if failed else None}


def point_row(done, state='Content updating', error='', restart=None):
    group = 4 if error else 1 if done == 100 else 2
    return {'PackageID': 'LAB00001', 'Name': 'DP01.LAB', 'StateName': state, 'MessageState': group, 'State': 2 if error else 7,
            'TotalSize': 100_000_000, 'RemainingSize': (100 - done) * 1_000_000, 'JobError': error, 'ReStartTime': restart}


def package_provider(t, packages, points=()):
    """A provider whose package and distribution point go through those rows, the last one for ever."""
    p = Provider(t)
    path = '/AdminService/wmi/'
    p.answers[('GET', f'{path}SMS_PackageBaseclass')] = (200, [{'value': [row]} for row in packages])
    p.answers[('GET', f'{path}SMS_DistributionDPStatus')] = \
        (200, [{'value': [row]} for row in points] or [{'value': []}])
    p.answers[('POST', f'{path}SMS_Package')] = (200, {'PackageID': 'LAB00001'})
    p.answers[('POST', f"{path}SMS_Package('LAB00001')/AdminService.RefreshPkgSource")] = (200, {})
    return p


OLD_FAILURE, NEW_FAILURE = '2026-01-20T10:00:00.000Z', '2026-01-20T10:00:01.000Z'


@tap.case('/cli/package/create-waits-and-ends-with-the-cause-when-the-source-cannot-be-read-DIST-015')
def create_fails(t):
    # The answer may come when the first try has failed already.
    for rows in ([package_row(2, 0), package_row(2, 0), package_row(2, 0, NEW_FAILURE)], [package_row(2, 0, NEW_FAILURE)]):
        p = package_provider(t, rows)
        out, err = upkeep(t, p, 'package', 'create', 'App', '--source', '/srv/app', '--wait', status=1)
        t.equal(out, 'LAB00001\n')
        last = err.splitlines()[-1]
        t.contains(last, f'the source of package LAB00001 cannot be read: {CAUSE}; it is tried again by itself in ')
        t.contains(last, 'upkeep package status LAB00001 --follow')
        t.contains(last, 'upkeep package update LAB00001')
    out, err = upkeep(t, p, 'package', 'create', 'App', '--source', '/srv/app', '--wait', '--json', status=1)
    t.contains(out, json.dumps(f'{CAUSE}; it is')[1:-1])


@tap.case('/cli/package/update-waits-for-the-outcome-of-its-own-try')
def update_fails(t):
    old, new = package_row(failed=OLD_FAILURE, error='the folder is gone'), package_row(failed=NEW_FAILURE)
    p = package_provider(t, [old, old, old, package_row(), new])
    _, err = upkeep(t, p, 'package', 'update', 'LAB00001', '--wait', status=1)
    t.contains(err.splitlines()[-1], CAUSE)
    t.equal('the folder is gone' in err.splitlines()[-1], False)
    # And is done when that one succeeds.
    p = package_provider(t, [old, old, package_row(), package_row(0, 2)])
    _, err = upkeep(t, p, 'package', 'update', 'LAB00001', '--wait')
    t.equal(err.splitlines()[-1], 'LAB00001 (App) is done.')


@tap.case('/cli/package/follow-without-a-terminal-tells-each-change-once')
def follow_lines(t):
    failed = [package_row(failed=OLD_FAILURE), package_row(failed=NEW_FAILURE),
              package_row(failed=NEW_FAILURE, following='2099-02-01T00:00:00.000Z')]
    p = package_provider(t, [package_row(), package_row(), package_row(), *failed, package_row(0, 2)])
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow')
    lines = err.splitlines()
    t.equal(len(lines), 4, err)  # is read, cannot be, is tried at another time, is done
    t.equal(lines[0], 'LAB00001 App: its source is being read (asked by anna)')
    for line in lines[1:3]:
        t.contains(line, f'LAB00001 App: its source cannot be read: {CAUSE}; next try in ')
    t.equal(lines[3], 'LAB00001 (App) is done.')
    # A distribution point: each tenth of the bytes, an error, the next try, another one, the end.
    long = 'no route to host, ' * 8 + 'said the kernel'
    points = [point_row(done) for done in (*range(0, 60, 5), 59)]
    points += [point_row(59, 'Retrying', long, '2099-01-01T00:00:00.000Z')] * 3
    points += [point_row(59, 'Retrying', long, '2099-02-01T00:00:00.000Z'), point_row(100, 'Complete')]
    p = package_provider(t, [package_row(0)], points)
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow')
    lines = err.splitlines()
    t.equal([line.split('(')[1].split(')')[0] for line in lines if 'updating' in line],
            ['0%', '10%', '20%', '30%', '40%', '50%'])
    t.equal([long in line for line in lines if 'Retrying' in line], [True, True], err)
    t.equal(len(lines), 10, err)
    # Once it is tried again, the error of the try before has nothing to say beside the bytes of this one.
    again = {**point_row(60, 'Retrying', long), 'JobState': 3, 'ErrorText': long}
    p = package_provider(t, [package_row(0)], [point_row(59, 'Retrying', long), again, {**again, 'DPError': 'silent'},
                                               point_row(100, 'Complete')])
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow')
    lines = [line.split('Retrying')[1].split(')')[1].strip() for line in err.splitlines() if 'Retrying' in line]
    t.equal(lines, [long, '', 'silent'], err)


@tap.case('/cli/package/follow-shows-what-must-travel-once-that-is-known')
def follow_bytes(t):
    # Nine tenths of the package are there already: neither its size nor a percentage of it says anything of the way.
    row = {**point_row(0), 'TotalSize': 0, 'RemainingSize': 0, 'PackageBytes': 100_000_000, 'JobState': 3, 'Way': ''}
    known = [{**row, 'TotalSize': 10_000_000, 'RemainingSize': left} for left in (10_000_000, 5_000_000)]
    p = package_provider(t, [package_row(0)], [row, row, *known, point_row(100, 'Complete')])
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow')
    lines = err.splitlines()
    t.equal([line.split('updating')[1].strip() for line in lines if 'updating' in line],
            ['finding out what it lacks', '0 B of 10.0 MB (0%)', '5.0 MB of 10.0 MB (50%)'], err)
    # One that fetches by itself and says no more than a percentage: of what it must fetch, not of the package.
    pull = {**row, 'IsPullDP': True, 'SendAction': 'PullQueryResultAction', 'Way': 'itself', 'Percent': 0}
    p = package_provider(t, [package_row(0)], [pull, {**pull, 'Percent': 30}, point_row(100, 'Complete')])
    _, err = upkeep(t, p, 'package', 'status', 'LAB00001', '--follow')
    t.equal([line.split('updating')[1].strip() for line in err.splitlines() if 'updating' in line],
            ['finding out what it lacks', '(30%)'], err)
    # A terminal, where the rate is shown: it is that of what came, not of what was there.
    quick = [{**known[0], 'RemainingSize': 10_000_000 - at} for at in (0, 100_000, 200_000, 300_000, 400_000)]
    p = package_provider(t, [package_row(0)], [row, *quick, point_row(100, 'Complete')])
    said, _ = follow_on_terminal(t, p)
    rates = re.findall(r'([\d.]+) ([kMG]?)B/s', said)
    t.equal([rate for rate in rates if rate[1] in 'MG' and rate[1]], [], f'rates: {rates}')


def follow_on_terminal(t, p):
    """What stands on a terminal of 80 columns at the end, as it was written; and its lines without the cursor's moves."""
    ours, theirs = pty.openpty()
    command = subprocess.Popen([UPKEEP, 'package', 'status', 'LAB00001', '--follow'], stderr=theirs,
                               stdout=subprocess.DEVNULL, env={**os.environ, 'UPKEEP_ROOT': str(t.dir), 'UPKEEP_PROVIDER': p.url})
    os.close(theirs)
    said = b''
    while True:
        try:
            said += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    t.equal(command.wait(60), 0)
    said = said.decode()
    return said, re.sub(r'\033\[\d*[A-Z]', '', said).splitlines()


@tap.case('/cli/package/on-a-terminal-a-long-cause-is-whole-once')
def follow_terminal(t):
    failed = package_row(failed=OLD_FAILURE)
    said, lines = follow_on_terminal(t, package_provider(t, [package_row(), package_row(), *[failed] * 8, package_row(0, 2)]))
    t.equal(said.count(CAUSE), 1, f'times the whole cause in {said!r}')
    lines = [line for line in lines if 'cannot be read' in line and CAUSE not in line]
    t.equal(len(lines) >= 2, True, said)
    t.equal({(len(line), line[-1]) for line in lines}, {(79, '…')}, 'lines that are rewritten')
    # That of a distribution point, and another one.
    first, second = 'no route to host, ' * 8 + 'said the kernel', 'the disk is full, ' * 8 + 'said the other one'
    points = [point_row(59)] + [point_row(59, 'Retrying', first)] * 3 + [point_row(59, 'Retrying', second)] * 3
    said, lines = follow_on_terminal(t, package_provider(t, [package_row(0)], [*points, point_row(100, 'Complete')]))
    t.equal((said.count(first), said.count(second)), (1, 1), f'times the whole errors in {said!r}')
    lines = [line for line in lines if 'Retrying' in line and first not in line and second not in line]
    t.equal((len(lines), max(map(len, lines))), (6, 79), 'lines that are rewritten')


@tap.case('/cli/package/status-tells-the-state-of-the-source')
def status_source(t):
    p = package_provider(t, [package_row(2, 0, OLD_FAILURE)])
    out, _ = upkeep(t, p, 'package', 'status', 'LAB00001')
    lines = out.splitlines()
    t.contains(lines[0], f'LAB00001 App: its source cannot be read: {CAUSE}; next try in ')
    t.contains(lines[0], 'upkeep package update LAB00001')
    t.contains(lines[1], 'It is on no distribution point.')
    out, _ = upkeep(t, p, 'package', 'status', 'LAB00001', '--json')
    row, = json.loads(out)
    t.equal((row['SourceState'], row['SourceError']), (2, CAUSE))
    upkeep(t, p, 'package', 'status')
    t.equal([row[2].get('$filter') for row in p.asked if 'SourceState' in row[2].get('$filter', '')],
            ["PackageID eq 'LAB00001' and SourceState ne 0"] * 2 + ['SourceState ge 2'])


tap.main()
