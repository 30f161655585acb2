#!/usr/bin/python3
"""Who may use the site server's interface of a distribution point, and whose it is."""
import datetime
import json
import re
import subprocess

import dpkit
import tap

CONFIGURE = '/SMS_DP$/configure'
BODY = json.dumps({'SiteCode': 'PS1', 'ServerName': 'dp1.example.com'}).encode()


@tap.case('/dp/configure/first-one-ties-it-to-its-site')
def configured(t):
    dp = dpkit.Point(t).start()
    told = dp.configure(IsPullDP=True, Sources=[{'ServerName': 'dp2.example.com', 'Url': 'http://dp2.example.com'}])
    assert re.fullmatch(r'[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}', told['IdentityGUID']), told
    assert 0 < told['BytesFree'] <= told['BytesTotal'], told
    name = subprocess.run(['openssl', 'x509', '-noout', '-subject'], input=told['Certificate'], text=True,
                          capture_output=True, check=True).stdout
    t.contains(name, 'dp1.example.com')
    dp.wait_log('belongs to site PS1 from now on')
    # the record's form is the server's, and names no component (93-logs.md, 1.1)
    line = next(x for x in dp.log().splitlines() if 'belongs to site' in x)
    assert re.search(r'  \$\$<><\d\d-\d\d-\d{4} [0-9:.+-]+><thread=\d+ \(0x[0-9A-F]+\)>$', line), line
    dp.restart()
    t.equal(dp.configure()['IdentityGUID'], told['IdentityGUID'], 'the identity after a restart')


@tap.case('/dp/caller/only-the-sites-own-requests-are-taken')
def refused(t):
    dp = dpkit.Point(t).start()
    other = dpkit.Site(t.dir, 'XX1')
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = dp.site_key.sign('POST', CONFIGURE, BODY)
    cases = {
        'not signed': {},
        'malformed': {'X-Upkeep-Site': 'PS1'},
        'no hexadecimal text': {'X-Upkeep-Site': ' '.join(signed.split()[:3] + ['zz'])},
        "not of the site": {'X-Upkeep-Site': other.sign('POST', CONFIGURE, BODY, code='PS1')},
        "more than 10 minutes": {'X-Upkeep-Site': dp.site_key.sign('POST', CONFIGURE, BODY,
                                                                   when=now - datetime.timedelta(minutes=11))},
        "not of the site ": {'X-Upkeep-Site': dp.site_key.sign('POST', CONFIGURE, BODY + b' ')},
        "not of the site  ": {'X-Upkeep-Site': dp.site_key.sign('PUT', CONFIGURE, BODY)},
        "not of the site   ": {'X-Upkeep-Site': dp.site_key.sign('POST', CONFIGURE + '?x', BODY)},
    }
    for said, headers in cases.items():
        status, _, body = dp.raw('POST', CONFIGURE, BODY, headers)
        t.equal(status, 403, said)
        t.contains(body.decode(), said.strip())
    t.equal(dp.log().count('is answered 403'), len(cases), 'refusals in the log')
    assert 'belongs to site' not in dp.log()


@tap.case('/dp/caller/what-is-said-to-another-point-is-not-taken')
def other_machine(t):
    dp = dpkit.Point(t).start()
    remove = ('POST', '/SMS_DP$/remove', {'PackageID': 'PS100001'})
    # It goes by the name that the site has for it and by its machine's own; before it is told, by any.
    dp.configure(ServerName='alias.example.com')
    status, _, body = dp.site(*remove, to='dp2.example.com')
    t.equal(status, 403, 'a request to dp2')
    t.contains(body.decode(), 'is for the distribution point dp2.example.com, and this is alias.example.com')
    dp.ask(*remove, to='Alias.example.com')
    dp.ask(*remove, to='dp1.example.com')
    # A header that is changed is no longer the site's.
    data = json.dumps(remove[2]).encode()
    header = dp.site_key.sign(*remove[:2], data, to='dp2.example.com').replace('dp2', 'dp1')
    status, _, body = dp.raw(*remove[:2], data, {'X-Upkeep-Site': header})
    t.equal(status, 403, 'a changed header')
    t.contains(body.decode(), 'not of the site')


@tap.case('/dp/caller/without-the-sites-certificate-nobody-is-the-site')
def no_certificate(t):
    dp = dpkit.Point(t).start()
    file = dp.root / 'etc/upkeep/site.crt'
    good = file.read_bytes()
    for content in (None, b'', b'no certificate\n', good + b' ' * 65536):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_bytes(content)
        for method, path, body in (('POST', CONFIGURE, BODY), ('POST', '/SMS_DP$/pause', b'{}'),
                                   ('GET', '/SMS_DP$/package?id=PS100001', b'')):
            status, _, said = dp.site(method, path, body)
            # 404 would be an answer about the package
            t.equal(status, 403, f'{path} by {"no file" if content is None else content[:20]}')
            t.contains(said.decode(), 'certificate')
    file.write_bytes(good)
    dp.configure()


@tap.case('/dp/caller/a-request-is-taken-once-also-after-a-restart')
def replayed(t):
    dp = dpkit.Point(t).start()
    header = {'X-Upkeep-Site': dp.site_key.sign('POST', CONFIGURE, BODY)}
    t.equal(dp.raw('POST', CONFIGURE, BODY, header)[0], 200, 'the first time')
    for _ in range(2):
        status, _, body = dp.raw('POST', CONFIGURE, BODY, header)
        t.equal(status, 403, 'once more')
        t.contains(body.decode(), 'was taken before')
        dp.restart(9)
    dp.configure()


@tap.case('/dp/configure/another-sites-certificate-does-not-take-it-over')
def taken_over(t):
    dp = dpkit.Point(t).start()
    dp.configure()
    other = dpkit.Site(t.dir, 'XX1')
    (dp.root / 'etc/upkeep/site.crt').write_bytes(other.cert.read_bytes())
    status, _, body = dp.site('POST', CONFIGURE, {'SiteCode': 'XX1', 'ServerName': 'dp1.example.com'}, key=other)
    t.equal(status, 403, 'the other site')
    t.contains(body.decode(), 'belongs to site PS1')


@tap.case('/dp/configure/bad-ones-name-what-is-wrong')
def bad(t):
    dp = dpkit.Point(t).start()
    whole = {'SiteCode': 'PS1', 'ServerName': 'dp1.example.com'}
    for body, said in (({}, 'SiteCode and ServerName'), ({**whole, 'VerifyBytesPerSecond': -1}, 'VerifyBytesPerSecond'),
                       ({**whole, 'Sources': [{'ServerName': 'x', 'Url': 'file:///etc'}]}, 'file:///etc'),
                       (b'{', 'line 1')):
        status, _, data = dp.site('POST', CONFIGURE, body)
        t.equal(status, 400, said)
        t.contains(data.decode(), said)


@tap.case('/dp/caller/a-co-located-one-takes-nothing')
def colocated(t):
    dp = dpkit.Point(t, 'colocated=true').start()
    status, _, body = dp.site('POST', CONFIGURE, BODY)
    t.equal(status, 403, 'configure')
    t.contains(body.decode(), 'upkeep-site')


tap.main()
