"""The client services as strangers see them: the documents of the specification, faults, hostile input."""
import base64
import concurrent.futures
import http.client
import re
import shutil
import signal
import socket
import sqlite3
import time
import xml.etree.ElementTree as ET

import stranger
import suplab
from archive import Package
from suplab import AUTH, CLIENT, CLIENT_PATH, SOAP, announce, envelope, local, text

import tap
import webserver


def point(t):
    p = suplab.Point(t)
    p.world.debian().add(Package('foo', '1.0-1')).write()
    p.world.use()
    assert p.world.sync().code == 0
    return p.start()


def refused(t, code, function, *args, **options):
    try:
        function(*args, **options)
    except suplab.Fault as fault:
        t.equal(fault.code, code, f'the fault ({fault})')
        return fault
    return t.fail(f'no fault {code}')


@tap.case('/sup/engine/a-run-that-ends-the-program-each-time-is-given-up')
def given_up(t):
    """Three times the update point goes on with a run in which it was killed; then it waits to be asked again."""
    p = suplab.Point(t)
    suite = p.world.debian().add(Package('foo', '1.0-1')).write()
    p.configure(f'[upstream]\nroot={p.world.machine.root}\n')
    (p.state / 'state.ini').write_text('[marks]\nengine.run=5f0f3a44-6d0a-4d7e-8b0c-6a3f0d9c1b11\n')
    with webserver.Server(p.world.archive.folder) as server:
        p.world.use(suite, uri=server.uri)
        server.on['InRelease'] = webserver.stall(0)
        for number in range(1, 4):
            p.start()
            until = tap.until(20)
            while len(server.requests) < number:
                assert time.monotonic() < until, p.log()
                time.sleep(0.02)
            p.stop(signal.SIGKILL)
        p.start()
        p.wait_log('Synchronization failed. Reason: the update point ended in the middle of it each time')
        t.equal((p.log().count('Going on with the synchronization'), len(server.requests)), (3, 3))


@tap.case('/sup/engine/one-that-cannot-start-is-stopped-and-leaves-nothing')
def cannot_start(t):
    p = suplab.Point(t)
    p.start(UPKEEP_FAULT='fail+:1', UPKEEP_FAULT_AT='sup/state.ini')
    p.wait_log('WsusService stops and will be started again in ')
    p.stop()  # which looks for what a sanitizer says


@tap.case('/sup/soap_client/get-config')
def get_config(t):
    p = point(t)
    a = p.agent()
    result = local(a.get_config(), 'GetConfigResult')
    t.equal([n.tag.rsplit('}', 1)[1] for n in result],
            ['LastChange', 'IsRegistrationRequired', 'AuthInfo', 'Properties'], 'the order of the WSDL')
    plug = local(result, 'AuthInfo', 'AuthPlugInInfo')
    t.equal((text(plug, 'PlugInID'), text(plug, 'ServiceUrl')),
            ('SimpleTargeting', 'SimpleAuthWebService/SimpleAuth.asmx'))
    values = {text(n, 'Name'): text(n, 'Value') for n in local(result, 'Properties')}
    t.equal(values, {'MaxExtendedUpdatesPerRequest': '50', 'PackageServerShare': '', 'ProtocolVersion': '3.2',
                     'IsInventoryRequired': '0', 'ClientReportingLevel': '2'})
    first = a.last_change
    p.restart()
    b = p.agent()
    b.get_config()
    t.equal(b.last_change, first, 'LastChange after a restart')
    refused(t, 'InvalidParameters', b.get_config, 'two')


@tap.case('/sup/soap_client/layouts-prefixes-and-methods-in-any-case')
def layouts(t):
    p = point(t)
    a = p.agent()
    body = '<protocolVersion>2.90</protocolVersion>'
    for form in ({}, {'prefix': 'soap'}, {'prefix': 'x'}, {'declaration': '<?xml version="1.0" encoding="utf-8"?>'}):
        a.client('GetConfig', body, **form)
    data = envelope('GetConfig', CLIENT, body)
    # Without SOAPAction the body decides; paths compare without case; a body in pieces is a body.
    t.equal(a.raw('/CLIENTWEBSERVICE/CLIENT.ASMX', data)[0], 200)
    link = http.client.HTTPConnection('127.0.0.1', p.port, timeout=20)
    link.request('POST', CLIENT_PATH, iter([data[:50].encode(), data[50:].encode()]),
                 {'Content-Type': 'text/xml', 'Transfer-Encoding': 'chunked', 'Expect': '100-continue'},
                 encode_chunked=True)
    answer = link.getresponse()
    t.equal((answer.status, answer.getheader('Transfer-Encoding')), (200, None))
    answer.read()
    status, _, got = a.raw(CLIENT_PATH, data, f'{CLIENT}/GetConfig')
    assert got.startswith(b'<s:Envelope xmlns:s='), got[:60]
    _, _, got = a.raw(suplab.AUTH_PATH, envelope('GetAuthorizationCookie', AUTH, (
        f'<clientId>{a.id}</clientId><dnsName>pc1</dnsName>')), None)
    assert got.startswith(b'<?xml version="1.0" encoding="utf-8"?><soap:Envelope'), got[:60]
    t.equal(a.raw(CLIENT_PATH, None, method='GET')[0], 405)


@tap.case('/sup/soap_client/sign-in-and-register')
def sign_in(t):
    p = point(t)
    a = p.agent()
    a.get_config()
    a.authorize()
    found = a.get_cookie()
    left = text(found, 'GetCookieResult', 'Expiration')
    seconds = time.mktime(time.strptime(left, '%Y-%m-%dT%H:%M:%SZ')) - time.timezone - time.time()
    assert 3500 < seconds < 3700, seconds
    assert len(a.cookie) <= 500
    refused(t, 'RegistrationRequired', a.sync, announce())
    a.register()
    a.sync(announce())
    rows = sqlite3.connect(p.state / 'clients.db').execute(
        'SELECT ClientID, DnsName, OSDescription, Architecture FROM Computers').fetchall()
    t.equal(rows, [(a.id, 'pc1.example.test', 'Windows 10 Pro', 'AMD64')])
    again = p.agent(client_id=a.id.upper()).sign_in()
    t.equal(sqlite3.connect(p.state / 'clients.db').execute('SELECT COUNT(*) FROM Computers').fetchone(), (1,))
    again.sync(announce())


@tap.case('/sup/soap_client/bad-identities-are-refused')
def identities(t):
    p = point(t)
    a = p.agent(client_id="x' OR 1=1")
    a.get_config()
    refused(t, 'InvalidParameters', a.authorize)
    b = p.agent()
    refused(t, 'InvalidParameters', b.authorize, '')
    b.get_config()
    refused(t, 'InvalidAuthorizationCookie', b.get_cookie, auth='bm9uc2Vuc2U=')
    b.authorize()
    refused(t, 'InvalidParameters', b.get_cookie, version='2.90.1')
    refused(t, 'ConfigChanged', b.get_cookie, last_change='2020-01-01T00:00:00Z')
    refused(t, 'InvalidCookie', b.get_cookie, old='<oldCookie><EncryptedData>bm9uZQ==</EncryptedData></oldCookie>')


@tap.case('/sup/soap_client/forged-cookie')
def forged(t):
    p = point(t)
    a = p.agent().sign_in()
    good = a.cookie
    data = bytearray(base64.b64decode(good))
    data[20] ^= 1
    for bad in ('', 'x', base64.b64encode(b'\0' * len(data)).decode(), base64.b64encode(data).decode(),
                'A' * 100000, a.auth):
        a.cookie = bad
        fault = refused(t, 'InvalidCookie', a.sync, announce())
        t.equal(fault.message, 'the cookie is none of this update point')
    a.cookie = good
    a.sync(announce())


@tap.case('/sup/soap_client/stale-cookie')
def stale(t):
    p = point(t)
    a = p.agent().sign_in()
    old = a.cookie
    # A later clock: the programs of one root share it.
    p.stop()
    p.clock_forward(2 * 3600)
    p.start()
    a.port = p.port
    fault = refused(t, 'CookieExpired', a.sync, announce())
    t.equal(fault.message, 'The cookie has expired.')
    a.authorize()
    a.get_cookie(old=f'<oldCookie><EncryptedData>{old}</EncryptedData></oldCookie>')
    a.sync(announce())
    # The extension's cookie lives longer.
    p.stop()
    p.clock_forward(20 * 86400)
    p.start()
    a.port = p.port
    a.sync(announce())


@tap.case('/sup/soap_client/cookie-of-another-catalogue')
def other_catalogue(t):
    p = point(t)
    a = p.agent().sign_in()
    p.stop()
    base = sqlite3.connect(p.state / 'catalog.db')
    base.execute("UPDATE CatalogState SET Epoch = 'e5000000-0000-4000-8000-00000000f001'")
    base.commit()
    base.close()
    p.start()
    a.port = p.port
    t.equal(refused(t, 'ServerChanged', a.sync, announce()).message, 'the cookie is of another catalogue')
    refused(t, 'ServerChanged', a.get_cookie, old=f'<oldCookie><EncryptedData>{a.cookie}</EncryptedData></oldCookie>')


@tap.case('/sup/soap_client/no-answer-before-a-run-has-ended-on-the-catalogue')
def lost_catalogue(t):
    """What is not in the answer the machine says it does not lack: none comes from a catalogue that is not whole."""
    p = point(t)
    a = p.agent().sign_in()
    a.sync(announce())
    kept, away = t.dir / 'kept.db', t.dir / 'away'

    def replaced(act):
        p.stop()
        act()
        p.start()
        a.port = p.port
        refused(t, 'ServerChanged', a.sync, announce())
        a.sign_in()
        refused(t, 'ServerBusy', a.sync, announce())
        refused(t, 'ServerBusy', a.sync, stranger.Stranger(a).parameters())
        p.wait_log('no synchronization has ended on this catalogue')
        shutil.move(p.world.archive.folder, away)
        t.equal(p.world.sync().code != 0, True, 'a run to which no source came')
        shutil.move(away, p.world.archive.folder)
        p.restart()  # reads what the run left
        a.port = p.port
        refused(t, 'ServerBusy', a.sync, announce())
        t.equal(p.world.sync().code, 0)
        until = tap.until(20)
        while True:
            try:
                a.sync(announce())
                return
            except suplab.Fault as fault:
                assert fault.code == 'ServerBusy' and time.monotonic() < until, fault
                time.sleep(0.02)

    def remove():
        for path in p.state.glob('catalog.db*'):
            path.unlink()

    def put_back():
        remove()
        shutil.copy(kept, p.state / 'catalog.db')

    def newer():
        shutil.copy(p.state / 'catalog.db', kept)
        suite = p.world.archive.suites[0].add(Package('bar', '1'))
        suite.date += 60
        suite.write()
        t.equal(p.world.sync().counts['added'], 1)

    p.restart()
    a.port = p.port
    a.sync(announce())
    p.stop()
    newer()
    p.start()
    replaced(put_back)   # an earlier state of the same catalogue
    replaced(remove)
    replaced(put_back)   # of another one; and the run finds nothing new in it
    p.restart()
    a.port = p.port
    a.sync(announce())


@tap.case('/sup/soap_client/cookie-of-another-configuration')
def other_configuration(t):
    p = point(t)
    a = p.agent().sign_in()
    p.stop()
    path = p.state / 'state.ini'
    path.write_text(re.sub(r'(client\.configuration=\w+ )\d+', r'\g<1>1700000000', path.read_text()))
    p.start()
    a.port = p.port
    refused(t, 'ConfigChanged', a.sync, announce())
    a.sign_in()
    a.sync(announce())


@tap.case('/sup/soap_client/unknown-method')
def unknown_method(t):
    p = point(t)
    a = p.agent().sign_in()
    fault = refused(t, 'InvalidParameters', a.client, 'DropTables', '')
    t.equal(fault.message, "there is no method 'DropTables' here")
    detail = fault.root.find('detail')
    t.equal([n.tag for n in fault.root], ['faultcode', 'faultstring', 'detail'])
    t.equal((fault.root.findtext('faultcode'), fault.root.findtext('faultstring')), ('s:Client', 'Fault occurred'))
    t.equal([n.tag for n in detail], ['ErrorCode', 'Message', 'ID', 'Method'])
    t.equal(detail.findtext('Method'), f'"{CLIENT}/DropTables"')
    p.wait_log(detail.findtext('ID'))
    # The right name of another service's namespace is no method here either.
    refused(t, 'InvalidParameters', a.call, CLIENT_PATH, AUTH, 'GetConfig', '')


def hostile(t, data, sentence, path=CLIENT_PATH, status=500):
    p = point(t)
    a = p.agent()
    got, _, body = a.raw(path, data)
    t.equal(got, status, 'the status')
    if sentence:
        p.wait_log(sentence)
        ET.fromstring(body)
    a.get_config()


@tap.case('/sup/soap_client/entity-bomb')
def entities(t):
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + ''.join(
        f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)) + ']>'
    hostile(t, bomb + f'<s:Envelope xmlns:s="{SOAP}"><s:Body><GetConfig xmlns="{CLIENT}">&j;</GetConfig></s:Body>'
            '</s:Envelope>', 'XML with a document type is refused')


@tap.case('/sup/soap_client/external-entity')
def external(t):
    hostile(t, '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><x>&e;</x></s:Body></s:Envelope>',
            'XML with a document type is refused')


@tap.case('/sup/soap_client/deep-nesting')
def deep(t):
    hostile(t, f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{"<x>" * 5000}{"</x>" * 5000}</s:Body></s:Envelope>',
            'nested more than 64 deep')


@tap.case('/sup/soap_client/not-xml')
def not_xml(t):
    hostile(t, b'\0\1\2 hello', 'XML')


@tap.case('/sup/soap_client/soap-1.2')
def soap12(t):
    p = point(t)
    status, _, body = p.agent().raw(CLIENT_PATH, envelope('GetConfig', CLIENT, '').replace(SOAP, 'urn:other'))
    t.equal(status, 500)
    t.contains(body.decode(), 'VersionMismatch')


@tap.case('/sup/soap_client/header-that-must-be-understood')
def must_understand(t):
    p = point(t)
    data = envelope('GetConfig', CLIENT, '<protocolVersion>1.0</protocolVersion>')
    head = '<s:Header><x:Y xmlns:x="urn:x" {}/></s:Header><s:Body>'
    a = p.agent()
    t.equal(a.raw(CLIENT_PATH, data.replace('<s:Body>', head.format('')))[0], 200)
    status, _, body = a.raw(CLIENT_PATH, data.replace('<s:Body>', head.format('s:mustUnderstand="1"')))
    t.equal(status, 500)
    t.contains(body.decode(), 'MustUnderstand')


@tap.case('/sup/soap_client/a-body-of-a-gigabyte-is-refused-unread')
def gigabyte(t):
    p = point(t)
    for path in (CLIENT_PATH, suplab.AUTH_PATH, suplab.REPORT_PATH):
        with socket.create_connection(('127.0.0.1', p.port), timeout=20) as link:
            link.sendall(f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n'
                         f'Content-Length: {1 << 30}\r\n\r\n'.encode())
            t.contains(link.recv(100).decode(), ' 413 ')
    # Neither is one that does not say its size.
    with socket.create_connection(('127.0.0.1', p.port), timeout=20) as link:
        link.sendall(f'POST {CLIENT_PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'.encode())
        piece = b'100000\r\n' + b'x' * 0x100000 + b'\r\n'
        try:
            for _ in range(64):
                link.sendall(piece)
            got = link.recv(100).decode()
        except ConnectionError:
            got = ' 413 '
        t.contains(got, ' 413 ')
    p.agent().sign_in().sync(announce())


@tap.case('/sup/soap_client/two-hundred-requests-on-each-of-two-connections')
def kept_alive(t):
    p = point(t)
    a = p.agent().sign_in()
    data = envelope('SyncUpdates', CLIENT, f'{a.cookie_xml()}<parameters>{announce()}</parameters>')

    def many(_):
        link = http.client.HTTPConnection('127.0.0.1', p.port, timeout=30)
        got = set()
        for _ in range(200):
            link.request('POST', CLIENT_PATH, data, {'Content-Type': 'text/xml; charset=utf-8'})
            answer = link.getresponse()
            got.add((answer.status, len(answer.read())))
        return got
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = set().union(*pool.map(many, range(2)))
    t.equal({status for status, _ in results}, {200})


tap.main()
