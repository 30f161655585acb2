"""pullkit.py - what a pull distribution point needs around it: sources, a site that notifies, and a management point.

    world = pullkit.World(t)
    source = world.source(package)              # Python's web server with the package's content
    world.notify(package, [source])
    world.installed(package)
    world.reports()                             # the state messages 902 that the management point took

The management point is Python's and reads messages by its own means (zlib, UTF-16, openssl for signatures).
"""
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import xml.etree.ElementTree as ET
import zlib

import dpkit
import logtrace
import tap
import webserver


class ManagementPoint:
    """Takes CCM_POST messages; `answer` is the status, 0 breaks the connection; while `answers` is not set, they wait.
    `page` is what somebody in between answers with 200, who takes nothing."""

    def __init__(self, t):
        self.bodies, self.raw, self.answer, self.page = [], [], 200, b''
        self.answers = threading.Event()
        self.answers.set()
        t.cleanup(self.answers.set)
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_CCM_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                owner.answers.wait()
                if owner.answer == 200 and not owner.page:
                    owner.take(self.headers['Content-Type'], body)
                if owner.answer == 0:
                    self.close_connection = True
                    return
                self.send_response(owner.answer)
                self.send_header('Content-Length', str(len(owner.page)))
                self.end_headers()
                self.wfile.write(owner.page)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.http.daemon_threads = True
        self.url = f'http://127.0.0.1:{self.http.server_address[1]}'
        threading.Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()
        t.cleanup(self.http.server_close)
        t.cleanup(self.http.shutdown)

    def take(self, content_type, body):
        boundary = re.search(r'boundary="?([^";]+)', content_type)[1].encode()
        parts = [part.split(b'\r\n\r\n', 1)[1] for part in body.split(b'--' + boundary)[1:-1]]
        envelope, payload = (part[:-2] for part in parts)
        self.raw.append((envelope.decode('utf-16').rstrip('\0'), payload))
        self.bodies.append(zlib.decompress(payload).decode('utf-16').split('\0')[0])


class World:
    def __init__(self, t, *settings, site=None, verbose=True, **configure):
        self.t, self.mp = t, ManagementPoint(t)
        self.dp = dpkit.Point(t, *settings, site=site)
        with open(self.dp.conf, 'a') as conf:
            conf.write('[dts]\nretry_seconds=0\n' + ('[log]\nverbose=PullDP\n' if verbose else ''))
        self.dp.start()
        self.told = self.configure(**configure)

    def configure(self, **more):
        return self.dp.configure(IsPullDP=True, ManagementPoint=self.mp.url, **more)

    def source(self, package, name='source'):
        """A web server with the content items of the package; plain files only."""
        root = self.t.dir / name
        for content, folder in package.contents.items():
            target = root / 'SMS_DP_SMSPKG$' / content
            if not target.exists():
                shutil.copytree(folder, target, symlinks=True)
        server = Source(root)
        self.t.cleanup(server.__exit__)
        return server

    def notification(self, package, sources, action='add', fallback='false', related=None, digest=None):
        """The document of 92-state-messages 6.1. sources: (server or URL, rank)."""
        rows = ''
        for content in package.contents:
            rows += f"<PullDPPackageContent ContentID='{content}' RelatedContentID='{(related or {}).get(content, '')}'>"
            for source, rank in sources:
                base = source if isinstance(source, str) else source.uri.rstrip('/')
                rows += (f"<DPLocation DPUrl='{base}/SMS_DP_SMSPKG$/{content}' Rank='{rank}' Type='Windows NT Server' "
                         "Protocol='http' />")
            rows += '</PullDPPackageContent>'
        digest = digest or hashlib.sha256(package.bundle).hexdigest().upper()
        return (f"<PullDPNotification><PullDPPackageNotification PackageID='{package.id}' Version='{package.version}' "
                f"Action='{action}' AllowFallback='{fallback}' Priority='2' PackageType='content' PackageTypeID='8' "
                "PackageFlags='16777216' PackageSize='5532' SDDL='' HashAlgorithm='32780' "
                f"Hash='{digest}' ExpandShare='0' ShareName='' ShareType='1'>{rows}"
                '</PullDPPackageNotification></PullDPNotification>').encode()

    def notify(self, package, sources, **more):
        """As PkgXferMgr does: the bundle, then the notification; both again where the bundle went with a job before."""
        sources = [s if isinstance(s, tuple) else (s, 1) for s in sources]
        status = 409
        while status == 409:
            status, _, body = self.dp.site('PUT', f'/SMS_DP$/{package.id}.tz', package.bundle)
            self.t.equal(status, 200, f'the bundle ({body[:300]!r})')
            status, _, body = self.dp.site('POST', '/SMS_DP$/notify', self.notification(package, sources, **more))
        self.t.equal(status, 200, f'the notification ({body[:300]!r})')

    def standing(self, package):
        return self.dp.ask('GET', f'/SMS_DP$/package?id={package.id}')

    def wait(self, done, what, seconds=30):
        until = tap.until(seconds)
        while not done():
            if self.dp.process is None or self.dp.process.poll() is not None or time.monotonic() > until:
                log = '\n'.join(self.lines()[-40:])
                self.t.fail(f'waited in vain for {what}\n{log}\n{self.dp.said()}')
            time.sleep(0.02)

    def wait_state(self, package, state, seconds=30):
        self.wait(lambda: self.standing(package)['State'] == state, f'{package.id} to be {state}', seconds)

    def installed(self, package, seconds=30):
        """Waits until the job is over, and holds what is served against the source folders."""
        self.wait(lambda: any(x == f'Removing job for package {package.id}.{package.version} from job array and WMI.'
                              for x in self.lines()), f'the end of {package.id}', seconds)
        self.t.equal(self.standing(package)['State'], 'Installed', f'the state of {package.id}')
        self.served(package)

    def served(self, package):
        for content, folder in package.contents.items():
            for path, (kind, *_, body) in dpkit.listing(folder).items():
                if kind != b'f':
                    continue
                status, _, data = self.dp.get(f'/SMS_DP_SMSPKG$/{content}/{urllib.parse.quote(path)}')
                self.t.equal((status, dpkit.sha256(data)), (200, body[1]), f'{content}/{path}')

    def lines(self, name='PullDP.log'):
        path = self.dp.root / 'var/log/upkeep' / name
        return logtrace.texts(path) if path.exists() else []

    def reports(self):
        """[(state, version, package, parameters)] in the order in which they came."""
        found = []
        for body in self.mp.bodies:
            if body.startswith('{'):  # a status message
                continue
            for message in ET.fromstring(body).iter('StateMessage'):
                found.append((int(message.find('State').get('ID')), message.get('SerialNumber'),
                              message.find('Topic').get('ID'), [p.text or '' for p in message.iter('Param')]))
        return found

    def wait_report(self, state, seconds=30):
        self.wait(lambda: any(r[0] == state for r in self.reports()), f'the state message {state}', seconds)
        return [r for r in self.reports() if r[0] == state][-1]


class Source(webserver.Server):
    """Serves paths as they are written, and the ETag of a distribution point."""

    def paths(self):
        return [urllib.parse.unquote(path) for path, _ in self.requests]


def folder(t, name, **files):
    root = t.dir / name
    root.mkdir()
    for path, data in files.items():
        (root / path).write_bytes(data)
    return root
