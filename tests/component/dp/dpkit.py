"""dpkit.py - a real distribution point below a root of its own, and a site server that signs its requests.

    dp = dpkit.Point(t)                    # settings, certificate of the site; not yet started
    dp.start()
    status, headers, body = dp.site('POST', '/SMS_DP$/configure', {...})
    status, headers, body = dp.get('/SMS_DP_SMSPKG$/PS100001.1/a')

Requests are signed by openssl and sent by the standard library, so that nothing of Upkeep judges itself.
"""
import datetime
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import time

import tap

DP = tap.build_root() / 'src/dp/upkeep-dp'


class Site:
    """The key of a site, made by openssl."""

    def __init__(self, folder, code='PS1'):
        self.code = code
        self.key, self.cert = folder / f'{code}.key', folder / f'{code}.crt'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', f'/CN={code}', '-days', '9',
                        '-keyout', self.key, '-out', self.cert], check=True, capture_output=True)

    def sign(self, method, path, body=b'', when=None, code=None):
        """The value of X-Upkeep-Site for a request at `when` (datetime, UTC)."""
        when = when or datetime.datetime.now(datetime.timezone.utc)
        text = when.strftime('%Y-%m-%dT%H:%M:%S.') + f'{when.microsecond // 1000:03}Z'
        code = code or self.code
        signed = f'{code}\n{method}\n{path}\n{text}\n{hashlib.sha256(body).hexdigest()}\n'
        done = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', self.key], input=signed.encode(), check=True,
                              capture_output=True)
        return f'{code} {text} {done.stdout.hex()}'


class Point:
    """A distribution point as a program; `settings` are lines of its dp.conf."""

    def __init__(self, t, *settings, site=None):
        self.t, self.root = t, t.dir / 'root'
        self.site_key = site or Site(t.dir)
        etc = self.root / 'etc/upkeep'
        etc.mkdir(parents=True)
        self.conf = etc / 'dp.conf'
        self.conf.write_text('[site]\ncode=PS1\nmachine=dp1.example.com\n[dp]\nport=0\n' + ''.join(
            f'{line}\n' for line in settings))
        (etc / 'site.crt').write_bytes(self.site_key.cert.read_bytes())
        self.state = self.root / 'var/lib/upkeep/dp'
        self.library = self.root / 'var/lib/upkeep/content'
        self.process = None
        t.cleanup(self.stop)

    def start(self, **environment):
        ready = self.root / 'run/upkeep/dp.ready'
        ready.unlink(missing_ok=True)
        self.out = open(self.t.dir / 'dp.out', 'ab')
        self.process = subprocess.Popen([DP, '--root', self.root], stdout=self.out, stderr=self.out,
                                        env={**os.environ, **environment})
        deadline = time.monotonic() + 30
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.01)
        self.port = int(re.search(r'^dp=(\d+)', ready.read_text(), re.M).group(1))
        # It keeps its port when it is started again: to others it is the same server.
        self.conf.write_text(self.conf.read_text().replace('port=0\n', f'port={self.port}\n'))
        return self

    def said(self):
        return (self.t.dir / 'dp.out').read_text(errors='replace')[-4000:]

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.wait(30)
        self.process = None
        self.out.close()
        if 'Sanitizer' in self.said() or 'runtime error:' in self.said():
            self.t.fail(self.said())

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        return self.start()

    def raw(self, method, path, body=b'', headers=None):
        """(status, headers, body) of one request as it is given."""
        link = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        try:
            link.request(method, path, body, headers or {})
            answer = link.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            link.close()

    def get(self, path, method='GET', **headers):
        return self.raw(method, path, b'', {name.replace('_', '-'): value for name, value in headers.items()})

    def site(self, method, path, body=b'', headers=None, key=None, **signing):
        """A request of the site server; an object as body becomes JSON."""
        body = json.dumps(body).encode() if not isinstance(body, bytes) else body
        header = (key or self.site_key).sign(method, path, body, **signing)
        return self.raw(method, path, body, {'X-Upkeep-Site': header, **(headers or {})})

    def ask(self, method, path, body=b'', status=200, **more):
        """The JSON of an answer of that status."""
        got, _, data = self.site(method, path, body, **more)
        self.t.equal(got, status, f'the status of {method} {path} ({data[:400]!r})')
        return json.loads(data)

    def configure(self, **more):
        return self.ask('POST', '/SMS_DP$/configure', {
            'SiteCode': 'PS1', 'ServerName': 'dp1.example.com', 'NALPath': NAL, 'ManagementPoint': 'http://mp.example.com',
            'IsPullDP': False, 'Sources': [], **more})

    def log(self, name='SMSDPProv.log'):
        path = self.root / 'var/log/upkeep' / name
        return path.read_text(errors='replace') if path.exists() else ''

    def wait_log(self, part, name='SMSDPProv.log', seconds=20):
        deadline = time.monotonic() + seconds
        while part not in self.log(name):
            assert time.monotonic() < deadline, f'no "{part}" in\n{self.log(name)[-3000:]}'
            time.sleep(0.02)


NAL = '["Display=\\\\dp1.example.com\\"]MSWNET:["SMS_SITE=PS1"]\\\\dp1.example.com\\'
