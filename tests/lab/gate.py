"""gate.py - stands between a client and its management point as a proxy or a firewall does, and lets
nothing through that it is told to stop.

    g = gate.Gate(t, port)              # in front of 127.0.0.1:port
    g.stops = lambda path, body: b'MP_RelayEndpoint' in body
    g.url
"""
import http.client
import http.server
import threading


class Gate(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, t, port):
        super().__init__(('127.0.0.1', 0), Handler)
        self.port, self.stops, self.stopped = port, lambda path, body: False, 0
        self.url = f'http://127.0.0.1:{self.server_address[1]}'
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        t.cleanup(thread.join)
        t.cleanup(self.server_close)
        t.cleanup(self.shutdown)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def forward(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if self.server.stops(self.path, body):
            self.server.stopped += 1
            self.answer(503, {}, b'')
            return
        peer = http.client.HTTPConnection('127.0.0.1', self.server.port, timeout=30)
        try:
            peer.request(self.command, self.path, body, dict(self.headers))
            reply = peer.getresponse()
            self.answer(reply.status, dict(reply.getheaders()), reply.read())
        except OSError:
            self.answer(502, {}, b'')
        finally:
            peer.close()

    def answer(self, status, headers, data):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ('content-length', 'connection', 'date', 'transfer-encoding'):
                self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_CCM_POST = forward

    def log_message(self, *args):
        pass
