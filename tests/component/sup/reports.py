"""ReportEventBatch: events are durable before the answer, counted once, and bounded."""
import signal
import sqlite3
import uuid

import suplab
from archive import Package
from suplab import REPORT_PATH, SD

import tap


def point(t):
    p = suplab.Point(t)
    p.world.debian().add(Package('foo', '1.0-1')).write()
    p.world.use()
    assert p.world.sync().code == 0
    return p


def event(sid, number=147, instance=None, misc=('D=1', 'G=1507.2601.30012.0'), hresult=0):
    strings = ''.join(f'<string>{m}</string>' for m in misc)
    return (
        f'<ReportingEvent><BasicData><TargetID><Sid>{sid}</Sid></TargetID><SequenceNumber>0</SequenceNumber>'
        f'<TimeAtTarget>2026-03-01T11:01:02.5Z</TimeAtTarget><EventInstanceID>{instance or uuid.uuid4()}'
        f'</EventInstanceID><NamespaceID>1</NamespaceID><EventID>{number}</EventID><SourceID>101</SourceID>'
        '<UpdateID><UpdateID>00000000-0000-0000-0000-000000000000</UpdateID><RevisionNumber>0</RevisionNumber>'
        f'</UpdateID><Win32HResult>{hresult}</Win32HResult><AppName>UpdateOrchestrator</AppName></BasicData>'
        f'<ExtendedData><ReplacementStrings><string>1</string></ReplacementStrings><MiscData>{strings}</MiscData>'
        '<ComputerBrand>Example</ComputerBrand><ComputerModel>Model 1</ComputerModel><OSLocaleID>1033</OSLocaleID>'
        '<DeviceID /></ExtendedData><PrivateData><ComputerDnsName /><UserAccountName /></PrivateData>'
        '</ReportingEvent>')


def report(a, *events, cookie=None):
    return a.call(REPORT_PATH, SD, 'ReportEventBatch',
                  f'{cookie or a.cookie_xml()}<clientTime>2026-03-01T11:06:00.125Z</clientTime>'
                  f'<eventBatch>{"".join(events)}</eventBatch>')


def rows(p, columns='EventID, ClientID, TimeAtTarget, Win32HResult, Misc'):
    return sqlite3.connect(p.state / 'clients.db').execute(
        f'SELECT {columns} FROM ClientEvents ORDER BY EventNumber').fetchall()


def refused(t, code, function, *args, **options):
    try:
        function(*args, **options)
    except suplab.Fault as fault:
        t.equal(fault.code, code, f'the fault ({fault})')
        return fault
    return t.fail(f'no fault {code}')


@tap.case('/sup/soap_report/events-become-rows')
def stored(t):
    p = point(t).start()
    a = p.agent().sign_in()
    found = report(a, event(a.id), event(a.id, 148, hresult=-2145124329))
    t.equal(suplab.text(found, 'ReportEventBatchResult'), 'true')
    t.equal(rows(p), [(147, a.id, '2026-03-01T11:01:02.500Z', 0, 'D=1\nG=1507.2601.30012.0'),
                      (148, a.id, '2026-03-01T11:01:02.500Z', -2145124329, 'D=1\nG=1507.2601.30012.0')])


@tap.case('/sup/soap_report/the-answer-comes-after-the-row-is-durable')
def durable(t):
    p = point(t).start()
    a = p.agent().sign_in()
    report(a, event(a.id))
    p.stop(signal.SIGKILL)
    t.equal(len(rows(p)), 1)


@tap.case('/sup/soap_report/a-repeated-event-is-one')
def once(t):
    p = point(t).start()
    a = p.agent().sign_in()
    one = event(a.id, instance='E5000000-0000-4000-8000-000000000E01')
    report(a, one)
    report(a, one, event(a.id, 156))
    report(a, one)
    t.equal([r[0] for r in rows(p)], [147, 156])


@tap.case('/sup/soap_report/an-expired-cookie-still-reports')
def expired(t):
    p = point(t).start()
    a = p.agent().sign_in()
    p.stop()
    p.clock_forward(86400)
    p.start()
    a.port = p.port
    report(a, event(a.id))
    t.equal(len(rows(p)), 1)


@tap.case('/sup/soap_report/bad-batches-are-refused-whole')
def bad(t):
    p = point(t).start()
    a = p.agent().sign_in()
    refused(t, 'InvalidCookie', report, a, event(a.id), cookie='<cookie><EncryptedData>eA==</EncryptedData></cookie>')
    refused(t, 'InvalidParameters', report, a, event(a.id), event('not a guid'))
    refused(t, 'InvalidParameters', report, a, event(a.id), event(a.id, instance='17'))
    refused(t, 'InvalidParameters', report, a, *[event(a.id)] * 1001)
    t.equal(rows(p), [])


@tap.case('/sup/soap_report/the-oldest-events-go-first')
def bounded(t):
    p = point(t)
    with open(p.root / 'etc/upkeep/sup.conf', 'a') as conf:
        conf.write('[report]\nmax_events=1000\n')
    p.start()
    a = p.agent().sign_in()
    report(a, *[event(a.id, 141) for _ in range(900)])
    report(a, *[event(a.id, 147) for _ in range(900)])
    t.equal([sum(r[0] == n for r in rows(p)) for n in (141, 147)], [100, 900])


@tap.case('/sup/soap_report/no-inventory-is-wanted')
def inventory(t):
    p = point(t).start()
    a = p.agent().sign_in()
    found = a.call(REPORT_PATH, SD, 'GetRequiredInventoryType', f'{a.cookie_xml()}<rulesId>x</rulesId>')
    t.equal(suplab.text(found, 'GetRequiredInventoryTypeResult'), '0')
    found = a.call('/ReportingWebService/WebService.asmx', SD, 'ReportInventory', a.cookie_xml())
    t.equal(suplab.text(found, 'ReportInventoryResult'), 'true')


tap.main()
