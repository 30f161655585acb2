"""sitekit.py - a lab with distribution points, and questions to what DistMgr and PkgXferMgr leave behind.

Rows are read by sqlite3, trees compared by find and sha256sum, content fetched by the standard library.
"""
import datetime
import os
import pathlib
import re
import sqlite3
import subprocess
import urllib.parse
import urllib.request

import lab
import librarywalk
import logtrace


def nal(server, site='LAB'):
    return f'["Display=\\\\{server}\\"]MSWNET:["SMS_SITE={site}"]\\\\{server}\\'


def about(package, version, server):
    """What the lines of a package's way to a distribution point have in common, as logtrace.match() takes it; <v> is the
    version (World.trace)."""
    return {'PkgID': package, 'v': str(version), 'NAL': nal(server).replace('\\', '/'), 'DP': server}


class World:
    """A lab with so many distribution points, and one folder that packages are made of."""

    def __init__(self, t, *settings, dps=2, pull_dps=0, up=()):
        self.t = t
        self.lab = lab.Lab(t, 'log.verbose=*', *settings)
        self.lab.up('--dps', dps, *(['--pull-dps', pull_dps] if pull_dps else []), *up)
        self.source = t.dir / 'source'
        self.source.mkdir()
        self.marks = {}

    def write(self, path, data):
        whole = pathlib.Path(self.source, path)
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(data)

    def rows(self, question, *values):
        link = sqlite3.connect(f'file:{self.lab.path("var/lib/upkeep/site/site.db")}?mode=ro', uri=True, timeout=20)
        try:
            return link.execute(question, values).fetchall()
        finally:
            link.close()

    def one(self, question, *values):
        found = self.rows(question, *values)
        self.t.equal(len(found), 1, f'rows of {question}: {found}')
        return found[0]

    def create(self, name='Dummy1', **options):
        words = [word for key, value in options.items() for word in (f'--{key}', value)]
        said = self.lab.run('package', 'create', name, '--source', self.source, *words)
        package = said.split()[0]
        return package

    def execute(self, statement, *values):
        """A statement of another program that writes the site database."""
        link = sqlite3.connect(self.lab.path('var/lib/upkeep/site/site.db'), timeout=20)
        link.execute(statement, values)
        link.commit()
        link.close()

    def insert(self, package, name, kind, site='LAB'):
        """A package of another kind, as any program that knows the view may make one (DIST-007)."""
        self.execute('INSERT INTO SMSPackages (PkgID, Name, Source, SourceSite, SourceVersion, Priority, PackageType, Action) '
                     'VALUES (?, ?, ?, ?, 1, 2, ?, 2)', package, name, str(self.source), site, kind)
        return package

    def refresh(self, package):
        """What RefreshPkgSource leaves in the database (DIST-137), without its look at the source."""
        self.execute('UPDATE SMSPackages SET UpdateMask = 32, UpdateMaskEx = 8388608, Action = 1 WHERE PkgID = ?', package)
        self.execute("INSERT INTO PkgNotification (PkgID, Priority, Type, TimeKey) VALUES (?, 2, 1, '2026-01-01T00:00:00.000Z')",
                     package)

    def stored(self, package, version, seconds=60):
        self.lab.wait(lambda: self.rows('SELECT 1 FROM SMSPackages WHERE PkgID = ? AND StoredPkgVersion = ? AND Action = 0',
                                        package, version), f'version {version} of {package}', seconds)

    def status(self, package, server):
        found = self.rows('SELECT Status, SourceVersion, ErrorText FROM PkgStatus WHERE ID = ? AND Type = 2 AND PkgServer = ?',
                          package, nal(server))
        return found[0] if found else None

    def installed(self, package, version, *servers, seconds=90):
        for server in servers:
            self.lab.wait(lambda: (self.status(package, server) or (0, 0))[:2] == (3, version),
                          f'{package}, version {version}, on {server}', seconds)

    def idle(self, seconds=60):
        self.lab.wait(lambda: not self.rows('SELECT 1 FROM DistributionJobs'), 'the end of all jobs', seconds)

    def library(self, name=None):
        return self.lab.path(*(['dp', name] if name else []), 'var/lib/upkeep/content')

    def files(self, name=None):
        """Hashes in a library."""
        return {path.name for path in librarywalk.files(self.library(name)) if len(path.name) == 64}

    def fetch(self, dp, package, path):
        quoted = urllib.parse.quote(os.fsencode(path))
        url = f'http://127.0.0.1:{self.lab.port(dp, "dp")}/SMS_DP_SMSPKG$/{package}/{quoted}'
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()

    def same(self, dp, package):
        """The source and what the distribution point serves, file by file."""
        for path in sorted(self.source.rglob('*')):
            if path.is_file():
                self.t.equal(self.fetch(dp, package, path.relative_to(self.source)), path.read_bytes(), f'{path} on {dp}')

    # ---- logs ----

    def log_path(self, name):
        """Of a log of the site, "DistMgr.log", or of a distribution point, "DP01/SMSDPProv.log"."""
        point, _, log = name.rpartition('/')
        return self.lab.path(*(['dp', point] if point else []), 'var/log/upkeep', log)

    def texts(self, name):
        """The texts of a log since the last mark()."""
        path = self.log_path(name)
        return logtrace.texts(path)[self.marks.get(name, 0):] if path.exists() else []

    def mark(self):
        """From here on the logs are new."""
        for path in self.lab.path('var/log/upkeep').glob('*.log'):
            self.marks[path.name] = len(logtrace.texts(path))
        for path in self.lab.path('dp').glob('*/var/log/upkeep/*.log'):
            self.marks[f'{path.parents[3].name}/{path.name}'] = len(logtrace.texts(path))

    def wait_text(self, name, part, count=1, seconds=60):
        """Waits for so many lines with that part since the last mark()."""
        self.lab.wait(lambda: sum(part in line for line in self.texts(name)) >= count, f'"{part}" in {name}', seconds)

    def begun(self, server):
        """When the last job for a server was made, by DistMgr's log, and when its thread began (seconds of the day)."""
        return (self.times('DistMgr.log', 'Created package transfer job', server)[-1],
                self.times('PkgXferMgr.log', 'Sending thread starting', server)[-1])

    def times(self, name, *parts):
        """When the lines with all these parts were written, in seconds of the day."""
        lines = [line for line in self.log_path(name).read_text(errors='replace').splitlines() if all(part in line for part in parts)]
        times = [re.search(r'<\d\d-\d\d-\d{4} (\d\d):(\d\d):([\d.]+)[+-]', line).groups() for line in lines]
        return [int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in times]

    def copied(self, digest):
        """Demands the lines of each copy of a file to a standard distribution point (13.2, OQ-D51), however it was sent."""
        parts = ('Sending file ', '~Sending Started ', '~Attempt to write ', '~Wrote ', '~Sending completed ')
        lines = [line for line in self.texts('PkgXferMgr.log') if digest in line and line.startswith(parts)]
        told, started, tried, wrote, completed = [sum(line.startswith(part) for line in lines) for part in parts]
        self.t.equal((started, completed, tried >= started, wrote), (told, told, True, tried), f'the lines of {digest}: {lines}')
        self.t.equal((lines[0].startswith(parts[0]), lines[-1].startswith(parts[-1])), (True, True), f'their order: {lines}')

    def trace(self, name, number, block, thread=None, cut=None, change=(), bound=None):
        """Demands the lines of a section of the acceptance trace in the log, those of one thread only; those from the first
        that has cut[0] to before the one that has cut[1] are left out. bound: about(), and what is found is added to it;
        without it versions are any numbers."""
        lines = logtrace.section(number)[block]
        if cut:
            first, behind = [next(i for i, line in enumerate(lines) if part in line) for part in cut]
            lines = lines[:first] + lines[behind:]
        if thread:
            lines = [line for line in lines if line.startswith(thread)]
        # Drives are paths here.
        changes = [('Use drive E for', 'Use drive <path> for'), ('INCOMING', 'incoming'), ('<16 hex digits>', '<hex>'), ('<4 hex>', '<hex>'), *change]
        for old, new in changes:
            lines = [line.replace(old, new) for line in lines]
        logtrace.match(self.texts(name), lines, f'{name} by {number}', bound)


def when(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


def in_words(text):
    """A time of a row in the form of the logs, "1/10/2019 2:00:42 AM EST" (OQ-L03)."""
    at = when(text).astimezone()
    return f'{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02}:{at.second:02} {"AM" if at.hour < 12 else "PM"} {at.tzname()}'


def digest(path):
    """By sha256sum; '' if there is no such file, as when it was just set aside."""
    done = subprocess.run(['sha256sum', '--', path], capture_output=True).stdout
    return done.lstrip(b'\\')[:64].decode().upper()
