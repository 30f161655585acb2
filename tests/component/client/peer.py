"""peer.py - a management point for tests, written from the specification (50-client-protocol) with
Python's standard library and openssl alone, so that client and management point cannot agree on
a mistake.

It answers registration, policy, location and relay, checks every signature, and can misbehave:
see the members of ManagementPoint that begin with what_.
"""
import binascii
import functools
import hashlib
import http.server
import re
import subprocess
import tempfile
import threading
import uuid
import xml.etree.ElementTree as ET
import zlib

import selfsigned

SOURCE = '{C2D17964-BBDD-4339-B9F3-12D7205B39CC}'
SOURCE_POLICY = '{d0855677-b0a6-4e33-9bd5-7b0d06f0a2be}'
CONFIG_POLICY = '{7a1f4b60-2d7e-4a57-8c1b-5e0f6d1c9a22}'
STATES_POLICY = '{9d3bb3f0-6a3f-4a63-8f3a-5d1f4a2b7c11}'
BOUNDARY = 'aAbBcCdDv1234567890VxXyYzZ'
TRACE = '0af7651916cd43dd8448eb211c80319c'


def openssl(*arguments, data=None):
    done = subprocess.run(['openssl', *arguments], input=data, capture_output=True)
    if done.returncode != 0:
        raise AssertionError(f'openssl {arguments[0]}: {done.stderr.decode()}')
    return done.stdout


class Site:
    """The site's key and certificate."""

    def __init__(self, folder):
        self.key, self.cert = (str(path) for path in selfsigned.write(folder, 'Site PS1'))
        self.der = openssl('x509', '-in', self.cert, '-outform', 'DER')
        self.fingerprint = hashlib.sha256(self.der).hexdigest()

    def sign(self, data):
        return openssl('dgst', '-sha256', '-sign', self.key, data=data).hex().upper()


@functools.cache
def public_key(der):
    return openssl('x509', '-inform', 'DER', '-pubkey', '-noout', data=der)


def verify(der, data, signature):
    """Whether the certificate's key made the signature (bytes in the order of the standard)."""
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as sig:
        key.write(public_key(der))
        sig.write(signature)
        key.flush()
        sig.flush()
        done = subprocess.run(['openssl', 'dgst', '-sha256', '-verify', key.name, '-signature', sig.name],
                              input=data, capture_output=True)
        return done.returncode == 0


def reversed_hex(text):
    return binascii.unhexlify(text)[::-1]


class Message:
    """A message as it came: its fields, the body as text, the payload as sent."""

    def __init__(self, data, content_type):
        boundary = re.search(r'boundary="?([^";]+)"?', content_type).group(1).encode()
        parts = data.split(b'--' + boundary)[1:3]
        pieces = [part.split(b'\r\n\r\n', 1) for part in parts]
        (head, envelope), (body_head, payload) = [(h, p[:-2]) for h, p in pieces]
        if b'charset=utf-16' not in head.lower() or not envelope.startswith(b'\xff\xfe'):
            raise AssertionError('part 1 is not UTF-16 with a byte order mark')
        self.xml = envelope[2:].decode('utf-16-le').rstrip('\0\r\n')
        self.root = ET.fromstring(self.xml)
        self.payload = payload
        plain = payload
        if self.root.find('.//Hook3[@Name="zlib-compress"]') is not None:
            if b'application/octet-stream' not in body_head.lower():
                raise AssertionError('a compressed part 2 is application/octet-stream')
            plain = zlib.decompress(payload)
        length = int(self.root.find('Body').get('Length'))
        if plain[length - 2:length] != b'\0\0':
            raise AssertionError('the body does not end in a NUL within its length')
        self.body = plain[:length - 2].decode('utf-16-le')
        self.id = self.root.findtext('ID')
        self.endpoint = self.root.findtext('TargetEndpoint').lower()
        self.source = self.root.findtext('SourceID') or ''
        self.reply_mode = self.root.findtext('ReplyMode')

    def hook(self, name):
        for item in self.root.iterfind('.//Hook2/Property'):
            if item.get('Name') == name:
                return item.text
        return None


def reply_bytes(message, body):
    """The HTTP body of a reply."""
    envelope = (f'<Msg SchemaVersion="1.1"><Body Type="ByteRange" Offset="0" Length="{{length}}"/>'
                f'<CorrelationID>{message.id}</CorrelationID><Hooks><Hook3 Name="zlib-compress"/></Hooks>'
                f'<ID>{{{str(uuid.uuid4()).upper()}}}</ID><Payload Type="inline"/><Priority>0</Priority>'
                f'<Protocol>http</Protocol><ReplyMode>Sync</ReplyMode></Msg>')
    plain = b'\xff\xfe' + (body + '\0').encode('utf-16-le')
    envelope = envelope.replace('{length}', str(len(plain)))
    packed = zlib.compress(plain + b'\r\0\n\0')
    return (f'--{BOUNDARY}\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n'.encode() +
            b'\xff\xfe' + envelope.encode('utf-16-le') +
            f'\r\n--{BOUNDARY}\r\ncontent-type: application/octet-stream\r\n\r\n'.encode() +
            packed + f'\r\n--{BOUNDARY}--\r\n'.encode())


def policy_body(policy_id, version, category, class_name, properties):
    lines = ''.join(f'<property name="{n}" type="{t}"><value>{v}</value></property>' for n, t, v in properties)
    return (f'<?xml version="1.0"?><Policy PolicyID="{policy_id}" PolicyVersion="{version}" '
            f'PolicyType="Machine" PolicyCategory="{category}" PolicySource="SMS:PS1">'
            f'<PolicyRule PolicyRuleID="{{5f0bb5a2-3a0c-4c57-9c0a-5f0d1a7a1f10}}">'
            f'<PolicyAction PolicyActionType="WMI-XML"><instance class="{class_name}">{lines}</instance>'
            f'</PolicyAction></PolicyRule></Policy>')


class ManagementPoint:
    def __init__(self, site):
        self.site = site
        self.clients = {}            # SMSID to certificate (DER)
        self.approved = True         # what new clients get
        self.policies = {}           # ID to (version, category, body)
        self.cookie = 1
        self.locations = []          # (url, server, version)
        self.reports = []            # texts of reports, as acknowledged
        self.requests = []           # (endpoint, trace header) in order
        self.what_down = False       # every request is answered 503
        self.what_refused = set()    # endpoints that answer nothing
        self.what_bad = set()        # endpoints that answer 400
        self.what_most = None        # letters of a report; a larger one is answered 413
        self.what_garbled = set()    # endpoints whose reply is garbage
        self.what_portal = None      # (status, body) of somebody in between who answers for all of it
        self.what_forged = False     # assignments are signed by another key
        self.what_swapped = False    # bodies are not those that were signed
        self.failures = []           # what was wrong with what clients sent
        self.lock = threading.Lock()
        handler = type('Handler', (Handler,), {'mp': self})
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def set_source(self, content_version, policy_version):
        self.policies[SOURCE_POLICY] = (f'{policy_version}.00', 'UpdateSource', policy_body(
            SOURCE_POLICY, f'{policy_version}.00', 'UpdateSource', 'CCM_UpdateSource',
            [('UniqueId', 8, SOURCE), ('ContentVersion', 19, content_version), ('ContentType', 19, 2)]))
        self.cookie += 1

    def set_config(self, version=1, **properties):
        self.policies[CONFIG_POLICY] = (f'{version}.00', 'SoftwareUpdatesClientConfig', policy_body(
            CONFIG_POLICY, f'{version}.00', 'SoftwareUpdatesClientConfig',
            'CCM_SoftwareUpdatesClientConfig', [(n, 8, v) for n, v in properties.items()]))
        self.cookie += 1

    def set_states(self, minutes, version=1):
        self.policies[STATES_POLICY] = (f'{version}.00', 'StateMessagingClientConfig', policy_body(
            STATES_POLICY, f'{version}.00', 'StateMessagingClientConfig',
            'CCM_StateMessagingClientConfig', [('BulkSendInterval', 19, minutes)]))
        self.cookie += 1

    def assignment(self, policy_id):
        version, category, body = self.policies[policy_id]
        digest = hashlib.sha256(body.encode()).hexdigest()
        path = f'/SMS_MP/.sms_pol?{policy_id}.{version.replace(".", "_")}'
        text = (f'<PolicyAssignment PolicyAssignmentID="{policy_id}" xmlns:upkeep="urn:upkeep" '
                f'upkeep:trace="{TRACE}"><Policy PolicyID="{policy_id}" PolicyVersion="{version}" '
                f'PolicyType="Machine" PolicyCategory="{category}"><PolicyLocation '
                f'PolicyHashEx="SHA256:{digest}">http://&lt;mp&gt;{path}</PolicyLocation></Policy>'
                f'</PolicyAssignment>')
        signature = self.site.sign((text + (' ' if self.what_forged else '')).encode())
        return f'{text}<upkeep:Signature>{signature}</upkeep:Signature>'

    # ---- endpoints: each takes a Message and gives the body of the reply, or None ----

    def mp_clientregistration(self, message):
        root = ET.fromstring(message.body)
        data = re.search(r'<Data .*</Data>', message.body, re.S).group(0)
        certificate = binascii.unhexlify(root.findtext('.//Signing'))
        signature = reversed_hex(root.findtext('.//SignatureValue'))
        if not verify(certificate, data.encode('utf-16-le'), signature):
            raise AssertionError('the registration is not signed by its own key')
        smsid = root.find('Data').get('SMSID').replace('GUID:', '').upper()
        self.clients[smsid] = certificate
        confirmation = root.find('Data').get('RequestType') == 'ConfirmationRequest'
        return (f'<ClientRegistrationResponse ResponseType="{"Confirmation" if confirmation else "Registration"}"'
                f' TimeStamp="2026-01-20T17:00:00Z" Status="{0 if self.approved else 1}" '
                f'SMSID="GUID:{smsid}" ApprovalStatus="{1 if self.approved else 0}"/>')

    def mp_policymanager(self, message):
        self.check_signature(message)
        cookie = ET.fromstring(message.body).findtext('ServerCookie') or ''
        if cookie == str(self.cookie):
            parts, kind = '', 'Unchanged'
        else:
            parts, kind = ''.join(self.assignment(i) for i in self.policies), 'Full'
        return (f'<ReplyAssignments SchemaVersion="1.00" ReplyType="{kind}" xmlns:upkeep="urn:upkeep">'
                f'<PolicySource>SMS:PS1</PolicySource><Resource ResourceType="Machine"/>'
                f'<ServerCookie>{self.cookie}</ServerCookie>{parts}</ReplyAssignments>')

    def mp_locationmanager(self, message):
        wanted = ET.fromstring(message.body).find('Content')
        if wanted.get('ID') != SOURCE:
            raise AssertionError(f'the content ID is {wanted.get("ID")}')
        records = ''.join(f'<LocationRecord WSUSURL="{u}" ServerName="{s}" Version="{v}"/>'
                          for u, s, v in self.locations if int(v) >= int(wanted.get('Version')))
        return (f'<WSUSLocationReply SchemaVersion="1.00"><Sites><Site><MPSite SiteCode="PS1"/>'
                f'<LocationRecords>{records}</LocationRecords></Site></Sites></WSUSLocationReply>')

    def mp_relayendpoint(self, message):
        self.check_signature(message)
        self.reports.append(message.body)

    def check_signature(self, message):
        smsid = message.source.replace('GUID:', '')
        certificate = self.clients[smsid]
        text = f'GUID:{smsid}\0'.encode('utf-16-le')
        if not verify(certificate, text, reversed_hex(message.hook('ClientIDSignature'))):
            raise AssertionError('the signature of the client ID is wrong')
        if not verify(certificate, message.payload, reversed_hex(message.hook('PayloadSignature'))):
            raise AssertionError('the signature of the payload is wrong')

    def messages(self):
        """All state messages that were acknowledged, in order, as (topic, state, serial, time)."""
        found = []
        for report in self.reports:
            root = ET.fromstring(re.sub(r'<\?xml.*?\?>', '', report))
            for one in root.iterfind('.//StateMessage'):
                found.append((one.find('Topic').get('ID'), int(one.find('State').get('ID')),
                              int(one.get('SerialNumber')), one.get('MessageTime')))
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    mp = None

    def log_message(self, *_):
        pass

    def answer(self, status, data=b'', content_type='text/xml', **headers):
        self.send_response(status)
        self.send_header('Content-Length', str(len(data)))
        if data:
            self.send_header('Content-Type', content_type)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(data)

    def do_CCM_POST(self):
        data = self.rfile.read(int(self.headers['Content-Length']))
        with self.mp.lock:
            try:
                self.serve(data)
            except ConnectionError:  # the client was ended meanwhile
                self.close_connection = True
            except Exception as failure:  # the case sees it in mp.failures
                self.mp.failures.append(repr(failure))
                self.answer(500)

    def portal(self):
        status, page = self.mp.what_portal
        self.answer(status, page, 'text/html', Location='http://login.hotel.example/')

    def serve(self, data):
        mp = self.mp
        if mp.what_down:
            return self.answer(503)
        if mp.what_portal is not None:
            return self.portal()
        if self.path.lower() != '/ccm_system/request' or self.headers['User-Agent'] != 'ccmhttp':
            raise AssertionError(f'{self.path} by {self.headers["User-Agent"]}')
        message = Message(data, self.headers['Content-Type'])
        mp.requests.append((message.endpoint, self.headers.get('traceparent', '')))
        if message.endpoint in mp.what_bad:
            return self.answer(400)
        if mp.what_most is not None and message.endpoint == 'mp_relayendpoint' and len(message.body) > mp.what_most:
            return self.answer(413)
        if message.endpoint in mp.what_refused:
            return self.answer(200, X_Upkeep_Refused='this client is blocked')
        body = getattr(mp, message.endpoint)(message)
        if message.endpoint in mp.what_garbled:
            return self.answer(200, b'<html>welcome to the hotel</html>', 'text/html')
        if body is None:
            return self.answer(200)
        return self.answer(200, reply_bytes(message, body), f'multipart/mixed; boundary="{BOUNDARY}"')

    def do_GET(self):
        mp = self.mp
        if mp.what_down:
            return self.answer(503)
        if self.path == '/SMS_MP/.sms_aut?SITESIGNCERT':
            return self.answer(200, f'<SITESIGNCERT>{mp.site.der.hex().upper()}</SITESIGNCERT>'.encode())
        if self.path == '/SMS_MP/.sms_aut?MPKEYINFORMATION':
            return self.answer(200, b'<MPKEYINFORMATION><SITECODE>PS1</SITECODE></MPKEYINFORMATION>')
        found = re.fullmatch(r'/SMS_MP/\.sms_pol\?(\{.*\})\.(\d+)_(\d+)', self.path.replace('%7B', '{').replace('%7D', '}'))
        if found and found[1] in mp.policies:
            body = mp.policies[found[1]][2]
            return self.answer(200, (body.replace('Version', 'Vversion') if mp.what_swapped else body).encode())
        return self.answer(404)
