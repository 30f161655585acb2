#!/usr/bin/python3
"""A real nginx in front of a distribution point, with the configuration that is shipped."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

import dpkit
import tap

PKG = '/SMS_DP_SMSPKG$'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Nginx:
    """nginx with data/nginx/upkeep-dp.conf, its ports and folders those of the case."""

    def __init__(self, t, dp):
        program = shutil.which('nginx', path=os.environ['PATH'] + ':/usr/sbin')
        if program is None:
            t.skip('nginx is not installed (nginx-light)')
        self.t, self.port = t, free_port()
        text = (tap.source_root() / 'data/nginx/upkeep-dp.conf').read_text()
        text = re.sub(r'127\.0\.0\.1:8180', f'127.0.0.1:{dp.port}', text)
        text = re.sub(r'listen 80;', f'listen 127.0.0.1:{self.port};', text)
        text = text.replace('/var/lib/upkeep/content', str(dp.library))
        folder = t.dir / 'nginx'
        folder.mkdir()
        (folder / 'nginx.conf').write_text(
            f'daemon off; user root; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n'
            'events { worker_connections 512; }\n'
            f'http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;\n'
            f'fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{text}}}\n')
        if os.getuid() != 0:
            conf = folder / 'nginx.conf'
            conf.write_text(conf.read_text().replace('user root; ', ''))
        self.process = subprocess.Popen([program, '-p', folder, '-c', folder / 'nginx.conf'])
        t.cleanup(self.stop)
        deadline = tap.until(20)
        while socket.socket().connect_ex(('127.0.0.1', self.port)):
            assert self.process.poll() is None and time.monotonic() < deadline, (folder / 'error.log').read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def behind_nginx(t):
    dp = dpkit.Point(t).start()
    dp.configure()
    folder = dpkit.odd_tree(t.dir / 'source')
    package = dpkit.Package(t, 'PS100001', 1, {'PS100001.1': folder})
    order = dpkit.Order(dp, package)
    order.send_missing()
    order.commit()
    dp.direct, dp.port = dp.port, Nginx(t, dp).port
    return dp, pathlib.Path(folder)


@tap.case('/dp/nginx/what-went-in-comes-out')
def tree(t):
    dp, folder = behind_nginx(t)
    for path, (kind, _, _, body) in dpkit.listing(folder).items():
        if kind != b'f':
            continue
        quoted = urllib.parse.quote(path)
        got = subprocess.run(['curl', '-sSf', f'http://127.0.0.1:{dp.port}{PKG}/PS100001.1/{quoted}'], check=True,
                             capture_output=True).stdout
        t.equal((len(got), dpkit.sha256(got)), body, path)
    t.equal(dp.raw('PROPFIND', f'{PKG}/PS100001.1', b'', {'Depth': '1'})[0], 207, 'the manifest')
    t.equal(dp.get(f'{PKG}/PS100001.1/sccm?/two%20words')[2], b'two words', 'the form sccm?')


@tap.case('/dp/nginx/sends-the-bytes-itself')
def itself(t):
    dp, folder = behind_nginx(t)
    deep = next(path for path in folder.rglob('deep file')).relative_to(folder)
    whole = (folder / deep).read_bytes()
    path = f'{PKG}/PS100001.1/' + '/'.join(urllib.parse.quote(part) for part in deep.parts)
    status, head, body = dp.get(path, Range='bytes=1000-1999')
    t.equal((status, body), (206, whole[1000:2000]), 'a range')
    t.contains(head['Server'], 'nginx')
    t.equal(dp.get(path, If_None_Match=head['ETag'])[0], 304, 'a condition')
    status, head, body = dp.get(path, method='HEAD')
    t.equal((status, head['Content-Length'], body), (200, str(len(whole)), b''), 'HEAD')
    # what upkeep-dp itself said: no bytes
    link = dpkit.http.client.HTTPConnection('127.0.0.1', dp.direct)
    link.request('GET', path, headers={'X-Upkeep-Accel': '/x/'})
    answer = link.getresponse()
    digest = dpkit.sha256(whole)
    t.equal((answer.headers['X-Accel-Redirect'], answer.read()), (f'/x/{digest[:4]}/{digest}', b''), 'the answer behind')
    link.close()


@tap.case('/dp/nginx/nothing-else-is-reached')
def nothing_else(t):
    dp, folder = behind_nginx(t)
    digest = dpkit.file_hash(folder / 'two words')
    for path in (f'/upkeep-filelib/{digest[:4]}/{digest}', f'{PKG}/PS100001.1/../../upkeep-filelib/{digest[:4]}/{digest}',
                 f'{PKG}/PS100001.1/%2e%2e/%2e%2e/etc/passwd', f'{PKG}/PS100001.1/link', '/upkeep-filelib/../PkgLib/PS100001.INI'):
        status, _, body = dp.get(path)
        assert status in (400, 404, 405), (path, status)
        assert b'root:' not in body and b'two words' not in body, path
    (dp.library / 'FileLib' / digest[:4] / digest).unlink()
    t.equal(dp.get(f'{PKG}/PS100001.1/two%20words')[0], 404, 'a file that is missing')
    # the site server's interface works through it, too
    t.equal(dp.site('GET', '/SMS_DP$/packages')[0], 200, 'a signed request')
    t.equal(dp.raw('GET', '/SMS_DP$/packages')[0], 403, 'one that is not signed')
    # nor another program, should one listen where upkeep-dp is thought to be
    t.contains(dp.get('/AdminService/wmi/SMS_Package')[2], b'<center>nginx')


@tap.case('/dp/nginx/its-port-is-no-other-programs')
def port(t):
    mine = re.search(r'server 127\.0\.0\.1:(\d+);', (tap.source_root() / 'data/nginx/upkeep-dp.conf').read_text())[1]
    others = {}
    for path in tap.source_root().glob('src/*/settings.def'):
        others.update(re.findall(r'"(\w+\.port)", INT, "(\d+)"', path.read_text()))
    assert len(others) >= 4 and mine not in others.values(), (mine, others)


tap.main()
