"""benchlab.py - what the measurements in Python share: a lab over a local mirror of the machine's own
archives, processor times, a proxy that counts, and how a result is printed.

A peer is called with the caches it has when it is at its best, and with default settings where the
machine's own configuration takes them away.
"""
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, '..', 'build-release')
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'lab'))
import mirror  # noqa: E402

KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
# What a configuration made for throw-away systems switches off.
APT_DEFAULTS = ['-o', 'Dir::Cache::pkgcache=pkgcache.bin', '-o', 'Dir::Cache::srcpkgcache=srcpkgcache.bin',
                '-o', 'Acquire::GzipIndexes=false']

# Programs, in the order of starting.
ORDER = ['sup', 'site', 'mp', 'provider', 'client']


def scratch_base():
    """The disk that is measured."""
    return os.environ.get('UPKEEP_BENCH_DIR', '/var/tmp')


def run(command, **kwargs):
    """Runs a command to its end; its standard output. Anything but success ends the measurement."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:6]))} … failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def version(*command):
    """The first line of what a peer says of itself."""
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()[0]


def cpu_of_command(command):
    """Processor seconds of a command, the system's time included."""
    before = os.times()
    run(command)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def cpu_of_process(pid):
    """Processor seconds that a running process has used, to the nanosecond (its CPU-time clock)."""
    return time.clock_gettime((~pid << 3) | 2)


def memory_of(pid, name, file='status'):
    """A figure of /proc/PID/status or smaps_rollup in MiB; the sum of all that begin with the name."""
    with open(f'/proc/{pid}/{file}') as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def row(what, ours, limit, unit, peer=None, factor=None):
    """A result with its limit: a figure, or a ratio to the peer's figure. True when it is kept."""
    value = ours if peer is None else ours / peer
    kept = value <= limit
    text = f'{what:46} {ours:9.2f} {unit}'
    if peer is not None:
        text += f'   peer {peer:9.2f} {unit}   ratio {value:6.3f}'
    print(f"{text}   limit {limit:g} ({'kept' if kept else 'NOT KEPT'})")
    return kept


def median_ms(seconds):
    return statistics.median(seconds) * 1e3


class Proxy:
    """Passes bytes on to a port and counts them, or keeps them; its own port is known at once, and
    connections that come before point() wait. kept, once a list: [(is_request, bytes)] of a client
    that asks one thing at a time."""

    def __init__(self):
        self.target, self.pointed = None, threading.Event()
        self.bytes, self.kept, self.lock = 0, None, threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}'
        threading.Thread(target=self._accept, daemon=True).start()

    def point(self, port):
        self.target = port
        self.pointed.set()

    def _accept(self):
        self.pointed.wait()
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(('127.0.0.1', self.target))
            for one, other, is_request in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(one, other, is_request), daemon=True).start()

    def _pump(self, one, other, is_request):
        try:
            while data := one.recv(1 << 16):
                with self.lock:
                    self.bytes += len(data)
                    if self.kept is not None:
                        self._keep(is_request, data)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


    def _keep(self, is_request, data):
        if self.kept and self.kept[-1][0] == is_request:
            data = self.kept.pop()[1] + data
        self.kept.append((is_request, data))


class Lab:
    """A lab over the mirror, with this machine's package database, through counting proxies."""

    def __init__(self, scratch, build, url, suites):
        self.build, self.root = os.path.abspath(build), os.path.join(scratch, 'lab')
        self.machine = os.path.join(scratch, 'machine')
        self.apt_options = mirror.apt_root(self.machine, url, suites, KEYRING) + APT_DEFAULTS
        for name in ('var/lib/dpkg/status', 'etc/os-release'):
            with open(f'/{name}', 'rb') as source, open(os.path.join(self.machine, name), 'wb') as copy:
                copy.write(source.read())
        self.mp, self.sup, self.programs = Proxy(), Proxy(), []

    def upkeep(self, *words):
        return run([os.path.join(self.build, 'src/cli/upkeep'), '--root', self.root, *words])

    def client(self, *words):
        return run([os.path.join(self.build, 'src/client/upkeep-client'), *words, '--root', self.root])

    def up(self, *settings):
        os.makedirs(os.path.join(self.root, 'etc/upkeep'))
        open(os.path.join(self.root, '.upkeep-lab'), 'w').close()
        with open(os.path.join(self.root, 'etc/upkeep/client.conf'), 'w') as conf:
            conf.write(f'[client]\nmp={self.mp.url}\n')
        fixed = [f'sup.client_url={self.sup.url}', f'client.machine_root={self.machine}',
                 'site.code=LAB', 'mp.approve_automatically=true',
                 'sup.port=0', 'mp.port=0', 'provider.port=0']
        self.upkeep('lab', 'up', '--sources', self.machine, '--no-first-sync',
                    '--bin', os.path.join(self.build, 'src'), '--set', ','.join([*fixed, *settings]))
        self.mp.point(self.port('mp', 'mp'))
        self.sup.point(self.port('sup', 'http'))

    def first_scan(self):
        """Policy, scan and report; what the scan said. The site writes its policy a moment after the
        synchronization, and until then a scan fails."""
        deadline = time.monotonic() + 60
        while True:
            self.client('policy', '--wait', '60')
            done = subprocess.run([os.path.join(self.build, 'src/client/upkeep-client'), 'scan', '--wait', '120',
                                   '--root', self.root], capture_output=True, text=True)
            if done.returncode == 0:
                self.client('send', '--wait', '60')
                return done.stdout.strip()
            if time.monotonic() > deadline:
                sys.exit(f'the first scan failed: {done.stderr}')
            time.sleep(0.2)

    def said(self, role):
        with open(os.path.join(self.root, 'run/upkeep', f'{role}.ready')) as ready:
            return dict(line.strip().split('=', 1) for line in ready)

    def port(self, role, name):
        return int(self.said(role)[name])

    def pid(self, role):
        return int(self.said(role)['pid'])

    def roles(self):
        folder = os.path.join(self.root, 'run/upkeep')
        return sorted(name[:-len('.ready')] for name in os.listdir(folder) if name.endswith('.ready'))

    def restart_as_installed(self):
        """The same programs and data on the system's own clock, as systemd would start them: with the
        clock of a lab, which may be stepped, they look at it ten times a second."""
        roles = self.roles()
        self.upkeep('lab', 'down')
        os.unlink(os.path.join(self.root, 'run/upkeep/clock'))
        for role in sorted(roles, key=ORDER.index):
            program = os.path.join(self.build, 'src', role, f'upkeep-{role}')
            self.programs.append(subprocess.Popen([program, '--root', self.root], stdout=subprocess.DEVNULL,
                                                  stderr=subprocess.DEVNULL))
            deadline = time.monotonic() + 30
            while role not in self.roles():
                if self.programs[-1].poll() is not None or time.monotonic() > deadline:
                    sys.exit(f'upkeep-{role} did not start again')
                time.sleep(0.05)

    def down(self):
        for program in reversed(self.programs):
            program.terminate()
            program.wait()
        self.upkeep('lab', 'down', '--purge')
