"""suplab.py - a real update point over a generated archive, and a client of the WSUS protocol.

    p = suplab.Point(t)             # archive, machine, catalogue; not yet started
    p.start()
    a = p.agent()                   # speaks SOAP by the standard library alone
    a.sign_in()
    reply = a.sync(xml_of_parameters)

Envelopes are written and read here by hand, so that nothing of Upkeep judges itself.
"""
import ctypes
import http.client
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import uuid
import xml.etree.ElementTree as ET

SUP_TOOL, SUP, SOURCE_TOOL = sys.argv[1:4]
sys.argv[1:] = [SUP_TOOL]

import ports  # noqa: E402
import tap  # noqa: E402
import world  # noqa: E402  (takes its tool from the arguments)

SD = 'http://www.microsoft.com/SoftwareDistribution'
CLIENT = SD + '/Server/ClientWebService'
AUTH = SD + '/Server/SimpleAuthWebService'
CLIENT_PATH = '/ClientWebService/client.asmx'
AUTH_PATH = '/SimpleAuthWebService/SimpleAuth.asmx'
REPORT_PATH = '/ReportingWebService/ReportingWebService.asmx'
SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
EXTENSION = '{urn:upkeep}EvaluationSets'


def _zstd():
    lib = ctypes.CDLL('libzstd.so.1')
    lib.ZSTD_decompress.restype = lib.ZSTD_compress.restype = lib.ZSTD_compressBound.restype = ctypes.c_size_t
    lib.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    return lib


def unpack(frame):
    """The plain bytes of a zstd frame."""
    lib = _zstd()
    size = lib.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame)))
    out = ctypes.create_string_buffer(size + 1)
    got = lib.ZSTD_decompress(out, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame)))
    assert got == size, 'a damaged frame'
    return out.raw[:size]


def pack(plain):
    lib = _zstd()
    bound = lib.ZSTD_compressBound(ctypes.c_size_t(len(plain)))
    out = ctypes.create_string_buffer(bound)
    return out.raw[:lib.ZSTD_compress(out, ctypes.c_size_t(bound), plain, ctypes.c_size_t(len(plain)), 3)]


class Fault(Exception):
    def __init__(self, code, message, root):
        super().__init__(f'{code}: {message}')
        self.code, self.message, self.root = code, message, root


def local(node, *path):
    """The child by local names, None if there is none."""
    for name in path:
        node = next((n for n in node if n.tag.rsplit('}', 1)[-1] == name), None) if node is not None else None
    return node


def text(node, *path):
    found = local(node, *path)
    return None if found is None else (found.text or '')


def envelope(operation, ns, body, prefix='s', declaration=''):
    return (f'{declaration}<{prefix}:Envelope xmlns:{prefix}="{SOAP}"><{prefix}:Body>'
            f'<{operation} xmlns="{ns}">{body}</{operation}></{prefix}:Body></{prefix}:Envelope>')


class Agent:
    """A machine that speaks to the update point; counts what travels."""

    def __init__(self, port, client_id=None):
        self.port, self.id = port, client_id or str(uuid.uuid4())
        self.cookie = self.auth = self.last_change = None
        self.sent = self.received = self.calls = 0

    def raw(self, path, data, action=None, method='POST', headers=None):
        """(status, headers, body) of one request."""
        link = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        heads = {'Content-Type': 'text/xml; charset=utf-8', 'Accept-Encoding': 'xpress', **(headers or {})}
        if action:
            heads['SOAPAction'] = f'"{action}"'
        data = data.encode() if isinstance(data, str) else data
        link.request(method, path, data, heads)
        answer = link.getresponse()
        body = answer.read()
        link.close()
        self.calls += 1
        self.sent += len(data or b'') + sum(len(k) + len(v) + 4 for k, v in heads.items()) + len(path) + 60
        self.received += len(body) + sum(len(k) + len(v) + 4 for k, v in answer.getheaders()) + 20
        return answer.status, answer.headers, body

    def call(self, path, ns, operation, body, **form):
        """The element of the answer; Fault."""
        status, heads, data = self.raw(path, envelope(operation, ns, body, **form), f'{ns}/{operation}')
        assert heads['Content-Type'] == 'text/xml; charset=utf-8', heads['Content-Type']
        root = ET.fromstring(data)
        element = root[0][0]
        if status == 500:
            assert element.tag == f'{{{SOAP}}}Fault', element.tag
            detail = element.find('detail')
            raise Fault(detail.findtext('ErrorCode'), detail.findtext('Message'), element)
        assert status == 200, (status, data)
        assert element.tag == f'{{{ns}}}{operation}Response', element.tag
        return element

    def client(self, operation, body, **form):
        return self.call(CLIENT_PATH, CLIENT, operation, body, **form)

    def get_config(self, version='2.90'):
        found = self.client('GetConfig', f'<protocolVersion>{version}</protocolVersion>')
        self.last_change = text(found, 'GetConfigResult', 'LastChange')
        return found

    def authorize(self, dns='pc1.example.test'):
        found = self.call(AUTH_PATH, AUTH, 'GetAuthorizationCookie',
                          f'<clientId>{self.id}</clientId><dnsName>{dns}</dnsName>')
        self.auth = text(found, 'GetAuthorizationCookieResult', 'CookieData')
        return found

    def get_cookie(self, old='<oldCookie><Expiration>2026-03-01T11:00:00Z</Expiration></oldCookie>', auth=None,
                   last_change=None, version='2.90'):
        found = self.client('GetCookie', (
            '<authCookies><AuthorizationCookie><PlugInId>SimpleTargeting</PlugInId><CookieData>'
            f'{auth or self.auth}</CookieData></AuthorizationCookie></authCookies>{old}<lastChange>'
            f'{last_change or self.last_change}</lastChange><currentTime>2026-03-01T11:00:00Z</currentTime>'
            f'<protocolVersion>{version}</protocolVersion>'))
        self.cookie = text(found, 'GetCookieResult', 'EncryptedData')
        return found

    def cookie_xml(self, name='cookie'):
        return (f'<{name}><Expiration>2026-03-01T12:00:00Z</Expiration><EncryptedData>{self.cookie}'
                f'</EncryptedData></{name}>')

    def register(self):
        return self.client('RegisterComputer', (
            f'{self.cookie_xml()}<computerInfo><DnsName>pc1.example.test</DnsName><OSMajorVersion>10'
            '</OSMajorVersion><OSDescription>Windows 10 Pro</OSDescription><ProcessorArchitecture>AMD64'
            '</ProcessorArchitecture><ComputerManufacturer>Example</ComputerManufacturer></computerInfo>'))

    def sign_in(self):
        self.get_config()
        self.authorize()
        self.get_cookie()
        self.register()
        return self

    def sync(self, parameters):
        found = self.client('SyncUpdates', f'{self.cookie_xml()}<parameters>{parameters}</parameters>')
        result = local(found, 'SyncUpdatesResult')
        self.cookie = text(result, 'NewCookie', 'EncryptedData')
        return result


def announce(held=(), os_id='debian', codename='bookworm', version='12', arches='amd64', origins=()):
    """The extension's element, by hand."""
    return ('<EvaluationSets xmlns="urn:upkeep">'
            f'<Machine ID="{os_id}" Codename="{codename}" Version="{version}" Architectures="{arches}"/>' +
            ''.join(f'<Origin Name="{n}" Codename="{c}" Place="{p}"/>' for n, c, p in origins) +
            ''.join(f'<Held Product="{p}" Architecture="{a}" Number="{n}" SHA256="{s}"/>' for p, a, n, s in held) +
            '</EvaluationSets>')


class Point:
    """An update point as a program, below a root of its own, with the catalogue of a world."""

    def __init__(self, t, **machine):
        self.t = t
        self.world = world.World(t, **machine)
        self.root = t.dir / 'root'
        self.state = self.root / 'var/lib/upkeep/sup'
        self.state.mkdir(parents=True)
        (self.root / 'etc/upkeep').mkdir(parents=True)
        self.kept = ports.Kept()  # to clients it is the same server when it is started again
        self.configure()
        # The catalogue of the world is the one of the program.
        self.world.point.db = self.state / 'catalog.db'
        self.process = None
        t.cleanup(self.stop)

    def configure(self, more=''):
        (self.root / 'etc/upkeep/sup.conf').write_text(f'[sup]\nport={self.kept.number}\n[site]\ncode=PS1\n{more}')

    def start(self, **environment):
        ready = self.root / 'run/upkeep/sup.ready'
        if ready.exists():
            ready.unlink()
        self.out = open(self.t.dir / 'sup.out', 'ab')
        self.process = subprocess.Popen([SUP, '--root', self.root], stdout=self.out, stderr=self.out,
                                        env={**os.environ, **environment})
        deadline = tap.until(30)
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.02)
        self.port = int(re.search(r'^http=(\d+)', ready.read_text(), re.M).group(1))
        return self

    def said(self):
        return (self.t.dir / 'sup.out').read_text(errors='replace')[-4000:]

    def stop(self, number=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(number)
        self.process.wait(30)
        self.process = None
        self.out.close()
        if 'Sanitizer' in self.said() or 'runtime error:' in self.said():
            self.t.fail(self.said())

    def restart(self):
        self.stop()
        return self.start()

    def clock_forward(self, seconds):
        """Moves the clock of the root; the program is not running."""
        subprocess.run([SOURCE_TOOL, 'clock-step', self.root, str(seconds)], check=True)

    def agent(self, **options):
        return Agent(self.port, **options)

    def log(self, name='SoftwareDistribution.log'):
        path = self.root / 'var/log/upkeep' / name
        return path.read_text(errors='replace') if path.exists() else ''

    def wait_log(self, part, seconds=20):
        deadline = tap.until(seconds)
        while part not in self.log():
            assert time.monotonic() < deadline, f'no "{part}" in\n{self.log()[-3000:]}'
            time.sleep(0.02)

    def sets(self):
        """[(product, arch, number, sha256)] as the catalogue has them, in the order of names."""
        return sorted((p, a, n, s) for (p, a), (n, s) in self.world.point.sets().items())

    def refresh(self, cache, machine=None, client_id='3f2a6b1e-6a3f-4d0e-9a3b-0d6d4c6f8a10', status=0, port=None):
        """What the client's transport brings: [(product, arch, number, sha256)], and its log's last line."""
        log = pathlib.Path(str(cache) + '.log')
        done = subprocess.run([SOURCE_TOOL, f'http://127.0.0.1:{port or self.port}', cache,
                               (machine or self.world.machine).root, client_id, log], capture_output=True, text=True)
        assert done.returncode == status, f'{done.stdout}{done.stderr}'
        self.error = done.stderr
        self.client_log = log.read_text() if log.exists() else ''
        rows = [line.split('\t') for line in done.stdout.splitlines()]
        return [(p, a, int(n), s) for p, a, n, s in rows]
