"""providerbox.py - a real provider over the database of a site whose site server has made it and is gone.

    box = Box(t, 'DP01', 'PDP01')       # distribution points; those with P first pull
    box.create(); box.post(...); box.get(...); box.query(...)
"""
import json
import sqlite3
import urllib.error
import urllib.parse
import urllib.request

import lab
import logtrace


class Box:
    """A provider over the database of site LAB, with two distribution points and a source folder."""

    def __init__(self, t, *points, settings=()):
        self.t, self.site = t, lab.Lab(t, *settings)
        self.site.stand_in('sup', 'mp', 'client')
        self.site.up()
        self.site.kill('site')
        self.base = f'http://127.0.0.1:{self.site.port("provider")}/AdminService/wmi/'
        self.source = t.dir / 'source'
        self.source.mkdir()
        for name in points:
            self.post('SMS_DistributionPointInfo', ServerName=f'{name}.LAB', Url=f'http://{name}.LAB:80',
                      IsPullDP=name.startswith('P'))

    def ask(self, method, path, body=None, status=200):
        request = urllib.request.Request(self.base + urllib.parse.quote(path, safe="()'=,./$&?"), method=method,
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request) as answer:
                code, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            code, text = error.code, error.read()
        if code != status:
            self.t.fail(f'{method} {path} {body}: {code}, expected {status}\n{text.decode()}')
        answer = json.loads(text)
        return answer['error']['message'] if code >= 400 else answer

    def post(self, path, status=200, **body):
        return self.ask('POST', path, body, status)

    def get(self, path):
        return self.ask('GET', path)['value']

    def follow(self, path, etag=None):
        """What is there when it is not what that tag is of, and its tag."""
        request = urllib.request.Request(self.base + path, headers={'Prefer': 'wait=20', **({'If-None-Match': etag} if etag else {})})
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read()), answer.headers['ETag']

    def create(self, name='Dummy1', kind='SMS_Package', **more):
        return self.post(kind, Name=name, PkgSourcePath=str(self.source), **more)['PackageID']

    def query(self, statement, *values):
        with sqlite3.connect(self.site.path('var/lib/upkeep/site/site.db')) as db:
            return db.execute(statement, values).fetchall()

    def change(self, statement, *values):
        with sqlite3.connect(self.site.path('var/lib/upkeep/site/site.db')) as db:
            db.execute(statement, values)

    def nal(self, name):
        return rf'["Display=\\{name}.LAB\"]MSWNET:["SMS_SITE=LAB"]\\{name}.LAB\ '.strip()

    def expect_log(self, number, block=0):
        logtrace.match(logtrace.texts(self.site.path('var/log/upkeep/SMSProv.log')),
                       logtrace.section(number)[block], 'SMSProv.log')
