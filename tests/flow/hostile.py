"""What comes from outside with bad intent, or by accident, at the doors of a whole site: bodies of a gigabyte
at each port, and broken files among good ones in the inbox of state messages (COMP-069, COMP-071)."""
import socket
import sqlite3
import time

import lab
import tap

GIGABYTE = 1 << 30
# A program may hold one body of the largest route, once more while it grows, and what a sanitizer adds.
GROWTH = 64 << 10
ROUTES = {'sup': ('http', ['/ClientWebService/client.asmx', '/SimpleAuthWebService/SimpleAuth.asmx',
                           '/ReportingWebService/ReportingWebService.asmx', '/nowhere']),
          'mp': ('mp', ['/ccm_system/request', '/nowhere']),
          'provider': ('http', ['/AdminService/wmi/SMS_SoftwareUpdate.SyncNow', '/nowhere'])}


def peak(pid):
    """The most memory that a process ever had, in KiB."""
    lines = open(f'/proc/{pid}/status').read().splitlines()
    return int(next(line for line in lines if line.startswith('VmHWM')).split()[1])


def pour(port, path, length):
    """Sends a gigabyte, its size said before or not; how much was taken, and the first words of the answer."""
    link = socket.create_connection(('127.0.0.1', port), timeout=30)
    head = f'Content-Length: {GIGABYTE}' if length else 'Transfer-Encoding: chunked'
    piece = b'x' * (1 << 20)
    piece = piece if length else b'100000\r\n' + piece + b'\r\n'
    sent, got = 0, b''
    with link:
        link.sendall(f'POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n{head}\r\n\r\n'.encode())
        try:
            while sent < GIGABYTE:
                link.sendall(piece)
                sent += 1 << 20
        except ConnectionError:
            pass
        try:
            got = link.recv(4096)
        except ConnectionError:
            pass
    return sent, got.decode()


@tap.case('/flow/hostile/bodies-of-a-gigabyte')
def gigabytes(t):
    site = lab.Lab(t)
    site.up()
    for role, (name, paths) in ROUTES.items():
        pid = site.roles()[role]['pid']
        before = peak(pid)
        for path in paths:
            for length in (True, False):
                begin = time.monotonic()
                sent, got = pour(site.port(role, name), path, length)
                t.equal(sent < 64 << 20, True, f'{role} {path} took {sent >> 20} MiB')
                t.equal(time.monotonic() - begin < tap.patience(20), True, f'{role} {path}: how soon')
                # Who says how much comes gets an answer at once; who does not is broken off.
                if length:
                    t.contains(got, ' 404 ' if path == '/nowhere' else ' 413 ')
        t.equal(peak(pid) - before < GROWTH, True, f'upkeep-{role} grew by {peak(pid) - before} KiB')
    for name in ('upkeep-sup.log', 'upkeep-mp.log', 'upkeep-provider.log'):
        site.wait_log(name, 'is answered 413: its body is larger than the ')
    t.equal(site.log('mp-access.log').count(' - 413 0 64 '), 1, 'what was broken off is in the access log as refused')
    t.equal(site.json('client', 'list')[0]['ClientState'], 'approved', 'all goes on')


REPORT = """<?xml version="1.0" encoding="UTF-16"?>
<Report><ReportHeader><Identification><Machine><ClientInstalled>1</ClientInstalled><ClientType>1</ClientType>
<ClientID>{guid}</ClientID><ClientVersion>1</ClientVersion><NetBIOSName>{name}</NetBIOSName>
<CodePage>65001</CodePage><SystemDefaultLCID>1033</SystemDefaultLCID><Priority>5</Priority></Machine></Identification>
<ReportDetails><ReportContent>State Message Data</ReportContent><ReportType>Full</ReportType>
<Date>20260101120000.000000+000</Date><Version>1.0</Version><Format>1.0</Format></ReportDetails></ReportHeader>
<ReportBody>{messages}</ReportBody></Report>"""
MESSAGE = """<StateMessage MessageTime="{time}" SerialNumber="{serial}">
<Topic ID="{topic}" Type="500" IDType="3" User="" UserSID=""/><State ID="{state}" Criticality="0"/>
<UserParameters Flags="0" Count="1"><Param>1</Param></UserParameters></StateMessage>"""
TOPIC = '11111111-2222-4333-8444-00000000000{}'


def report(guid, *messages, name='PC1'):
    """The report of a machine in UTF-16; messages are (topic, serial, state)."""
    body = ''.join(MESSAGE.format(time=f'202601011200{serial:02d}.000000+000', serial=serial, topic=TOPIC.format(topic),
                                  state=state) for topic, serial, state in messages)
    return b'\xff\xfe' + REPORT.format(guid=guid, name=name, messages=body).encode('utf-16-le')


@tap.case('/flow/hostile/broken-files-among-good-ones-COMP-069-COMP-071')
def broken_files(t):
    site = lab.Lab(t, 'statesys.pause_seconds=0')
    site.up()
    site.wait(lambda: site.json('client', 'list'), 'the client')
    guid = site.json('client', 'list')[0]['SMSUniqueIdentifier']
    stranger = 'GUID:0A0A0A0A-0000-4000-8000-000000000001'
    box = site.inbox('auth/statesys.box/incoming')
    whole = report(guid, (1, 1, 2))
    newer, older = report(guid, (2, 9, 3)), report(guid, (2, 8, 2))
    files = {
        'A.SMX': whole,
        'EMPTY.SMX': b'',
        'HALF.SMX': whole[:len(whole) // 4 * 2],
        'ODD.SMX': whole[:-1],
        'TEXT.SMX': b'no XML at all',
        'BOMB.SMX': b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Report>&b;</Report>',
        'STRANGER.SMX': report(stranger, (3, 1, 2), name='ELSEWHERE'),
        'AGAIN.SMX': whole,
        'NEWER.SMX': newer,
        'OLDER.SMX': older,
        'Z.SMX': report(guid, (4, 10, 2)),
    }
    # All at once: the program that would take the first before the last is there waits.
    site.kill('site')
    for name, data in files.items():
        (box / name).write_bytes(data)
    site.up()
    site.run('lab', 'clock', '--step', '2m')    # an empty file may still be being written, for a minute
    site.wait(lambda: not [path for path in box.iterdir() if path.is_file()], 'all files to be taken')
    corrupt = site.inbox('auth/statesys.box/corrupt')
    reasons = {
        'EMPTY.SMX': 'XML without a root element',
        'HALF.SMX': 'XML, line ',
        'ODD.SMX': 'UTF-16 of an odd number of bytes',
        'TEXT.SMX': "XML, line 1: Start tag expected, '<' not found",
        'BOMB.SMX': 'XML with a document type is refused',
        'STRANGER.SMX': f'site LAB knows no client {stranger}, which calls itself ELSEWHERE',
    }
    t.equal(sorted(path.name for path in corrupt.iterdir()),
            sorted([*reasons, *(f'{name}.why' for name in reasons)]), 'corrupt/')
    for name, reason in reasons.items():
        t.contains((corrupt / f'{name}.why').read_text(), f'Reason: {reason}')
        t.equal((corrupt / name).read_bytes(), files[name], f'{name} is kept as it came')
    # The good ones count, once, and an older word does not undo a newer one.
    db = sqlite3.connect(f'file:{site.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True)
    t.equal(db.execute("SELECT TopicID, StateID, SerialNumber FROM SR_StateMessages WHERE TopicType = 500"
                       " ORDER BY TopicID").fetchall(),
            [(TOPIC.format(1), 2, 1), (TOPIC.format(2), 3, 9), (TOPIC.format(4), 2, 10)])
    db.close()
    found = site.json('site', 'status', status=None)
    t.equal([row['refused'] for row in found['inboxes'] if row['name'] == 'auth/statesys.box'], [len(reasons)])


tap.main()
