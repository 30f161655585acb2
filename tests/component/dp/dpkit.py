"""dpkit.py - a real distribution point below a root of its own, and a site server that signs its requests.

    dp = dpkit.Point(t)                    # settings, certificate of the site; not yet started
    dp.start()
    status, headers, body = dp.site('POST', '/SMS_DP$/configure', {...})
    status, headers, body = dp.get('/SMS_DP_SMSPKG$/PS100001.1/a')

Requests are signed by openssl and sent by the standard library, so that nothing of Upkeep judges itself.
"""
import contextlib
import datetime
import hashlib
import http.client
import json
import os
import re
import signal
import subprocess
import time

import librarywalk
import ports
import selfsigned
import tap

DP = tap.build_root() / 'src/dp/upkeep-dp'


class Site:
    """The key of a site, made by openssl."""

    def __init__(self, folder, code='PS1'):
        self.code = code
        self.key, self.cert = selfsigned.write(folder, code)

    def sign(self, method, path, body=b'', when=None, code=None, to='dp1.example.com'):
        """The value of X-Upkeep-Site for a request at `when` (datetime, UTC) to that machine."""
        when = when or datetime.datetime.now(datetime.timezone.utc)
        text = when.strftime('%Y-%m-%dT%H:%M:%S.') + f'{when.microsecond // 1000:03}Z'
        code = code or self.code
        signed = f'{code}\n{to}\n{method}\n{path}\n{text}\n{hashlib.sha256(body).hexdigest()}\n'
        done = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', self.key], input=signed.encode(), check=True,
                              capture_output=True)
        return f'{code} {text} {to} {done.stdout.hex()}'


class Point:
    """A distribution point as a program; `settings` are lines of its dp.conf."""

    def __init__(self, t, *settings, site=None):
        self.t, self.root = t, t.dir / 'root'
        self.site_key = site or Site(t.dir)
        etc = self.root / 'etc/upkeep'
        etc.mkdir(parents=True)
        self.conf = etc / 'dp.conf'
        self.kept = ports.Kept()  # to others it is the same server when it is started again
        self.conf.write_text('[site]\ncode=PS1\nmachine=dp1.example.com\n[host]\nkey_bits=2048\n[dp]\n' + ''.join(
            f'{line}\n' for line in (f'port={self.kept.number}', *settings)))
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
        deadline = tap.until(30)
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.01)
        self.port = int(re.search(r'^dp=(\d+)', ready.read_text(), re.M).group(1))
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
        found = tap.sanitizer((self.t.dir / 'dp.out').read_text(errors='replace'), 'dp.out')
        if found:
            self.t.fail(found)

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
        deadline = tap.until(seconds)
        while part not in self.log(name):
            assert time.monotonic() < deadline, f'no "{part}" in\n{self.log(name)[-3000:]}'
            time.sleep(0.02)


class Hold:
    """Stops a program where it next writes, renames or syncs a file with `part` in its name: begin, wait, end."""

    def __init__(self, t):
        self.path = t.dir / 'hold'

    def environment(self, part):
        return {'UPKEEP_FAULT': f'hold:{part}:{self.path}'}

    def begin(self):
        os.mkfifo(self.path)

    def wait(self):
        deadline = tap.until(20)
        while True:
            try:
                self.writer = os.open(self.path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:  # nobody reads it yet
                assert time.monotonic() < deadline, 'the program does not come there'
                time.sleep(0.01)
        self.path.unlink()  # whoever comes after it goes on

    def end(self):
        os.close(self.writer)


NAL = '["Display=\\\\dp1.example.com\\"]MSWNET:["SMS_SITE=PS1"]\\\\dp1.example.com\\'


def sha256(data):
    return hashlib.sha256(data).hexdigest().upper()


def file_hash(path):
    """By sha256sum, not by us; '' if there is no such file, as when it was just set aside."""
    return subprocess.run(['sha256sum', '--', path], capture_output=True).stdout.lstrip(b'\\')[:64].decode().upper()


def definitions(dp):
    """{path: bytes} of everything in the library that describes and is no file's bytes; without what is written anew just now."""
    found = {path for folder in ('PkgLib', 'DataLib') for path in (dp.library / folder).rglob('*') if path.is_file()}
    told = {}
    for path in found | {p for p in librarywalk.files(dp.library) if p.suffix == '.INI'}:
        with contextlib.suppress(FileNotFoundError):
            told[str(path.relative_to(dp.library))] = path.read_bytes()
    return told


def listing(root):
    """{path: (type, mode, link target, size and SHA-256)} of a tree, by find and sha256sum."""
    done = subprocess.run(['find', '.', '-mindepth', '1', '-printf', '%P\\0%y\\0%m\\0%l\\0%s\\0'], cwd=root, check=True,
                          capture_output=True).stdout.split(b'\0')[:-1]
    found = {}
    for path, kind, mode, link, size in zip(*[iter(done)] * 5):
        whole = os.path.join(os.fsencode(root), path)
        found[path] = (kind, mode, link, (int(size), file_hash(whole)) if kind == b'f' else None)
    return found


class Package:
    """A package version of folders {content ID: folder}, as the site server sends it."""

    def __init__(self, t, package_id, version, contents):
        self.t, self.id, self.version, self.contents = t, package_id, version, contents
        self.bundle_path = t.dir / f'{package_id}.{version}.bundle'
        words = [str(word) for pair in contents.items() for word in pair]
        said = subprocess.run([os.environ['DPTOOL'], 'bundle', self.bundle_path, package_id, str(version), *words],
                              check=True, capture_output=True, text=True).stdout
        self.hashes = dict(line.split() for line in said.splitlines())
        self.bundle = self.bundle_path.read_bytes()
        self.files = {}  # hash: (content ID, path)
        for content, folder in contents.items():
            for path, (kind, *_, body) in listing(folder).items():
                if kind == b'f':
                    self.files.setdefault(body[1], (content, os.path.join(os.fsencode(folder), path)))

    def bytes_of(self, digest):
        with open(self.files[digest][1], 'rb') as file:
            return file.read()


class Order:
    """An order at a distribution point; token as the site server makes it."""

    def __init__(self, dp, package, action='add', status=200, **headers):
        self.dp, self.package, self.t = dp, package, dp.t
        self.token = os.urandom(16).hex()
        path = f'/SMS_DP$/order?action={action}&token={hashlib.sha256(self.token.encode()).hexdigest()}'
        got, _, body = dp.site('POST', path, package.bundle, headers={
            'Content-Type': 'application/x-upkeep-bundle', **headers})
        self.t.equal(got, status, f'the order ({body[:400]!r})')
        self.answer = json.loads(body)
        self.id = self.answer.get('Order')
        self.missing = {row['Hash']: row for row in self.answer.get('Missing', [])}

    def put(self, name, body, token=None, headers=None, **query):
        """(status, headers, JSON) of a PUT of this order."""
        words = '&'.join(f'{k}={v}' for k, v in {'order': self.id, **query}.items())
        status, heads, data = self.dp.raw('PUT', f'/SMS_DP$/{name}?{words}', body, {
            'Authorization': f'Upkeep {token or self.token}', **(headers or {})})
        return status, heads, json.loads(data)

    def block(self, digest, body, position=0, **more):
        content, _ = self.package.files[digest]
        return self.put(f'{digest}-{content}.temp', body, position=position, **more)

    def send_missing(self, block=1 << 20):
        """Sends what is missing, file by file; how many bytes."""
        sent = 0
        for digest, row in self.missing.items():
            data, at = self.package.bytes_of(digest), row['Position']
            while True:
                status, _, answer = self.block(digest, data[at:at + block], at)
                self.t.equal(status, 200, f'a block of {digest} at {at} ({answer})')
                sent += len(data[at:at + block])
                at += block
                if at >= len(data):
                    break
        return sent

    def batch_body(self, digests):
        return b''.join(bytes.fromhex(d) + len(self.package.bytes_of(d)).to_bytes(8, 'little') + self.package.bytes_of(d)
                        for d in digests)

    def batch(self, digests, pack=None):
        body = self.batch_body(digests)
        return self.put(f'{self.id}.batch', pack(body) if pack else body,
                        headers={'Content-Encoding': 'zstd'} if pack else None)

    def commit(self, status=200, token=None, batch=None, coding=None):
        """batch: the body of many small files that come with it."""
        got, _, body = self.dp.raw('POST', f'/SMS_DP$/order/{self.id}/commit', batch or b'', {
            'Authorization': f'Upkeep {token or self.token}',
            **({} if batch is None else {'Content-Type': 'application/x-upkeep-batch'}),
            **({'Content-Encoding': coding} if coding else {})})
        self.t.equal(got, status, f'the commit ({body[:400]!r})')
        return json.loads(body)


def zstd(data):
    return subprocess.run(['zstd', '-q', '-c'], input=data, check=True, capture_output=True).stdout


def odd_tree(folder):
    """Files of every odd kind, below folder."""
    names = [b'plain', b'two words', b'caf\xc3\xa9', b'new\nline', b'percent%41', b'question?mark', b'hash#tag', b'amp&<>"',
             b'latin\xe9', b'plus+plus', b"quote'", b'semi;colon', b'x' * 200, b'sccm', b'setup.INI', b'a\\b', b'CON', b'\x01ctl']
    root = os.fsencode(folder)
    os.makedirs(root)
    for i, name in enumerate(names):
        with open(os.path.join(root, name), 'wb') as file:
            file.write(name * i)
    deep = os.path.join(root, b'd\xc3\xafr', *[b'level%d' % i for i in range(12)])
    os.makedirs(deep)
    with open(os.path.join(deep, b'deep file'), 'wb') as file:
        file.write(os.urandom(200_000))
    os.makedirs(os.path.join(root, b'empty folder'))
    with open(os.path.join(root, b'Case'), 'wb') as file:
        file.write(b'upper')
    with open(os.path.join(root, b'case'), 'wb') as file:
        file.write(b'lower')
    os.symlink(b'../../../etc/passwd', os.path.join(root, b'link'))
    os.chmod(os.path.join(root, b'plain'), 0o4755)
    return folder
