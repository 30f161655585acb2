"""uppeer.py - an update point for tests: the client services of the specification (40-2) and our
extension of SyncUpdates, with Python's standard library and libzstd alone.

It holds evaluation sets as texts, demands cookies and registration, and can misbehave: see the
members of UpdatePoint that begin with what_.
"""
import ctypes
import ctypes.util
import hashlib
import http.server
import threading
import uuid
import xml.etree.ElementTree as ET

NS = 'http://www.microsoft.com/SoftwareDistribution/Server/ClientWebService'
AUTH = 'http://www.microsoft.com/SoftwareDistribution/Server/SimpleAuthWebService'
OURS = 'urn:upkeep'
PRODUCT = '3f2a6b1e-6a3f-5d0e-9a3b-0d6d4c6f8a10'

_zstd = ctypes.CDLL(ctypes.util.find_library('zstd'))
_zstd.ZSTD_compressBound.restype = _zstd.ZSTD_compress.restype = ctypes.c_size_t
_zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_compress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]


def pack(data):
    """A zstd frame."""
    room = _zstd.ZSTD_compressBound(len(data))
    buffer = ctypes.create_string_buffer(room)
    size = _zstd.ZSTD_compress(buffer, room, data, len(data), 3)
    return buffer.raw[:size]


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def step(old, new):
    """The step from one set to the next, as src/deb/evalset.h and evalset_step.c describe it."""
    head_old, lines_old = old.split('\n\n', 1)
    head_new, lines_new = new.split('\n\n', 1)
    assert head_old == head_new
    before, after = lines_old.splitlines(), lines_new.splitlines()
    lines = []
    for line in sorted(set(before) ^ set(after)):
        gone = line in before
        lines.append('-' + ' '.join(line.split('\t')[0].split(' ')[:3]) if gone else '+' + line)
    return (f'upkeep-evaluation-step 1\nfrom {sha256(old)}\nto {sha256(new)}\n' +
            ''.join(line + '\n' for line in lines))


class UpdatePoint:
    def __init__(self, text):
        self.text, self.number = text, 1
        self.steps = {}              # (from, to) to bytes
        self.cookies, self.registered = set(), set()
        self.calls = []              # names of calls and paths of files, in order
        self.bytes = 0               # of requests and replies, without heads
        self.what_fault = []         # error codes of the next answers to SyncUpdates
        self.what_garbage = None     # bytes that every file is answered with
        self.what_reply = None       # bytes that SyncUpdates is answered with
        self.what_plain = False      # does not know the extension
        self.failures = []
        handler = type('Handler', (Handler,), {'up': self})
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def change(self, text):
        self.steps[(sha256(self.text), sha256(text))] = step(self.text, text).encode()
        self.text, self.number = text, self.number + 1

    # ---- calls: each takes the element and gives the inner XML of its result ----

    def GetConfig(self, call):
        return ('<LastChange>2026-01-15T09:30:00Z</LastChange><IsRegistrationRequired>true</IsRegistrationRequired>'
                '<AuthInfo><AuthPlugInInfo><PlugInID>SimpleTargeting</PlugInID><ServiceUrl>'
                'SimpleAuthWebService/SimpleAuth.asmx</ServiceUrl><Parameter/></AuthPlugInInfo></AuthInfo><Properties>'
                '<ConfigurationProperty><Name>MaxExtendedUpdatesPerRequest</Name><Value>50</Value>'
                '</ConfigurationProperty><ConfigurationProperty><Name>ProtocolVersion</Name><Value>3.2</Value>'
                '</ConfigurationProperty></Properties>')

    def GetAuthorizationCookie(self, call):
        uuid.UUID(call.findtext(f'{{{AUTH}}}clientId'))
        if not call.findtext(f'{{{AUTH}}}dnsName'):
            raise AssertionError('no dnsName')
        return '<PlugInId>SimpleTargeting</PlugInId><CookieData>VXBrZWVwLWF1dGgtMg==</CookieData>'

    def GetCookie(self, call):
        if call.findtext(f'.//{{{NS}}}CookieData') != 'VXBrZWVwLWF1dGgtMg==':
            raise AssertionError('another authorization cookie')
        if not (call.findtext(f'{{{NS}}}lastChange') or '').startswith('2026-01-15T09:30:00'):
            raise AssertionError(f'lastChange is {call.findtext(f"{{{NS}}}lastChange")}')
        return self.cookie('')

    def RegisterComputer(self, call):
        self.known(call)
        self.registered.add('it')
        return ''

    def SyncUpdates(self, call):
        if self.what_fault:
            raise Fault(self.what_fault.pop(0))
        self.known(call)
        if not self.registered:
            raise Fault('RegistrationRequired')
        wish = call.find(f'{{{NS}}}parameters/{{{OURS}}}EvaluationSets')
        if wish is None:
            raise AssertionError('the extension is not announced')
        if self.what_plain:
            return '<Truncated>false</Truncated>' + self.cookie('New')
        machine = wish.find(f'{{{OURS}}}Machine')
        if machine.get('ID') != 'debian' or 'amd64' not in machine.get('Architectures').split():
            raise AssertionError(f'the machine is {machine.attrib}')
        digest = sha256(self.text)
        held = [one.get('SHA256') for one in wish.iterfind(f'{{{OURS}}}Held')]
        if held == [digest]:
            inner = f'<EvaluationSets xmlns="{OURS}" Unchanged="true"/>'
        else:
            way = next((f' Step="/EvaluationSets/{h}.{digest}"' for h in held if (h, digest) in self.steps), '')
            inner = (f'<EvaluationSets xmlns="{OURS}"><Set Product="{PRODUCT}" Architecture="amd64" '
                     f'Number="{self.number}" SHA256="{digest}" Url="/EvaluationSets/{digest}"{way}/></EvaluationSets>')
        return '<Truncated>false</Truncated>' + self.cookie('New') + inner

    def known(self, call):
        if call.findtext(f'{{{NS}}}cookie/{{{NS}}}EncryptedData') not in self.cookies:
            raise Fault('InvalidCookie')

    def cookie(self, prefix):
        text = 'VXBrZWVw' + uuid.uuid4().hex[:8]
        self.cookies.add(text)
        inner = f'<Expiration>2026-03-01T12:00:00Z</Expiration><EncryptedData>{text}</EncryptedData>'
        return f'<{prefix}Cookie>{inner}</{prefix}Cookie>' if prefix else inner

    def file(self, name):
        """The bytes of a set or step, None if there is none."""
        if self.what_garbage is not None:
            return self.what_garbage
        if name == sha256(self.text):
            return pack(self.text.encode())
        old, _, new = name.partition('.')
        found = self.steps.get((old, new))
        return pack(found) if found else None


class Fault(Exception):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    up = None

    def log_message(self, *_):
        pass

    def answer(self, status, data, content_type='text/xml; charset=utf-8'):
        self.up.bytes += len(data)
        self.send_response(status)
        self.send_header('Content-Length', str(len(data)))
        self.send_header('Content-Type', content_type)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.up.calls.append(self.path)
        data = self.up.file(self.path.removeprefix('/EvaluationSets/'))
        self.answer(404 if data is None else 200, data or b'', 'application/zstd')

    def do_POST(self):
        data = self.rfile.read(int(self.headers['Content-Length']))
        self.up.bytes += len(data)
        try:
            self.serve(data)
        except ConnectionError:
            self.close_connection = True
        except Exception as failure:  # the case sees it
            self.up.failures.append(repr(failure))
            self.answer(400, b'')

    def serve(self, data):
        call = ET.fromstring(data).find('{http://schemas.xmlsoap.org/soap/envelope/}Body')[0]
        ns, name = call.tag[1:].split('}')
        if self.headers['SOAPAction'] != f'"{ns}/{name}"':
            raise AssertionError(f'SOAPAction {self.headers["SOAPAction"]}')
        wanted = '/simpleauthwebservice/simpleauth.asmx' if ns == AUTH else '/clientwebservice/client.asmx'
        if self.path.lower() != wanted:
            raise AssertionError(f'{name} at {self.path}')
        self.up.calls.append(name)
        if name == 'SyncUpdates' and self.up.what_reply is not None:
            return self.answer(200, self.up.what_reply)
        try:
            inner = getattr(self.up, name)(call)
            body, status = f'<{name}Response xmlns="{ns}"><{name}Result>{inner}</{name}Result></{name}Response>', 200
        except Fault as fault:
            body, status = (f'<s:Fault><faultcode>s:Client</faultcode><faultstring>Fault occurred</faultstring><detail>'
                            f'<ErrorCode>{fault}</ErrorCode><Message>a fault</Message><ID>{uuid.uuid4()}</ID>'
                            f'<Method>{name}</Method></detail></s:Fault>'), 500
        self.answer(status, (f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}'
                             f'</s:Body></s:Envelope>').encode())
