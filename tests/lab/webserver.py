"""webserver.py - a folder over HTTP, with what real servers and bad ones do: ETags, ranges, passwords,
answers that break off or stall.

    with webserver.Server(folder) as s:
        s.uri                     # "http://127.0.0.1:12345/"
        s.requests                # [(path, headers)]
        s.on['/x'] = webserver.cut(1000)     # what happens to a path (its end); see below
"""
import hashlib
import http.server
import pathlib
import threading
import time

import tap


class Gate:
    """Requests for a path of a server wait in it until it is opened."""

    def __init__(self, server, path):
        self.event, self.server, self.path = threading.Event(), server, path
        server.on[path] = self.act

    def act(self, handler, data):
        self.event.wait(60)
        handler.serve(data)

    def open(self):
        self.server.on.pop(self.path, None)
        self.event.set()


def status(code):
    """Answers with a status."""
    def act(handler, data):
        handler.send_error(code)
    return act


def cut(size):
    """Breaks off after that many bytes of the body, every time."""
    def act(handler, data):
        handler.head(200, len(data))
        handler.wfile.write(data[:size])
        handler.close_connection = True
    return act


def cut_once(size):
    """Breaks off after that many bytes once; later requests are served (with ranges)."""
    done = []

    def act(handler, data):
        if done:
            handler.serve(data)
            return
        done.append(1)
        cut(size)(handler, data)
    return act


def stall(size, seconds=60):
    """Sends that many bytes and then nothing."""
    def act(handler, data):
        handler.head(200, len(data))
        handler.wfile.write(data[:size])
        handler.wfile.flush()
        handler.server.stopped.wait(seconds)
        handler.close_connection = True
    return act


def replace(data_instead):
    """Serves other bytes."""
    def act(handler, data):
        handler.serve(data_instead)
    return act


def slow(size, pause):
    """Sends pieces of that size with a pause (seconds) between them; serves ranges."""
    def act(handler, data):
        handler.serve(data, size, pause)
    return act


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def head(self, code, length, **more):
        self.send_response(code)
        self.send_header('Content-Length', str(length))
        for name, value in more.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()

    def serve(self, data, size=None, pause=0):
        server = self.server.owner
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if server.etags and self.headers.get('If-None-Match') == tag:
            self.send_response(304)
            self.end_headers()
            return
        start = 0
        wanted = self.headers.get('Range', '')
        if server.ranges and wanted.startswith('bytes='):
            first, _, last = wanted[6:].partition('-')
            start, whole = int(first), len(data)
            if start >= whole:
                self.send_error(416)
                return
            data = data[:int(last) + 1] if last else data
            self.head(206, len(data) - start, Content_Range=f'bytes {start}-{len(data) - 1}/{whole}', ETag=tag)
        else:
            self.head(200, len(data), **({'ETag': tag} if server.etags else {}))
        rest = data[start:]
        if not size:
            self.wfile.write(rest)
            return
        for at in range(0, len(rest), size):
            self.wfile.write(rest[at:at + size])
            self.wfile.flush()
            if self.server.stopped.wait(pause):
                return

    def do_GET(self):
        server = self.server.owner
        server.requests.append((self.path, dict(self.headers)))
        if server.password and self.headers.get('Authorization') != server.password:
            self.send_response(401)
            self.send_header('WWW-Authenticate', 'Basic realm="x"')
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        path = self.path
        if path.startswith('http://'):  # asked as a proxy
            path = '/' + path.split('/', 3)[3]
        target = server.folder / path.lstrip('/')
        data = target.read_bytes() if target.is_file() else None
        for end, act in server.on.items():
            if path.endswith(end):
                act(self, data)
                return
        if data is None:
            self.send_error(404)
        else:
            self.serve(data)

    def log_message(self, *args):
        pass


class Server:
    def __init__(self, folder, etags=True, ranges=True):
        self.folder = pathlib.Path(folder)
        self.etags, self.ranges, self.password = etags, ranges, None
        self.on, self.requests = {}, []
        self.http = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *args: None
        self.http.owner = self
        self.http.stopped = threading.Event()
        self.port = self.http.server_address[1]
        self.uri = f'http://127.0.0.1:{self.port}/'
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.http.stopped.set()
        self.http.shutdown()
        self.http.server_close()

    def wait_for(self, end, seconds=20):
        """Waits until a path with that end was asked for."""
        until = tap.until(seconds)
        while not any(path.endswith(end) for path, _ in self.requests):
            assert time.monotonic() < until, f'nobody asked for {end}'
            time.sleep(0.01)
