"""mirror.py - a local copy of the metadata of the machine's own archives, for tests and benchmarks.

Fetches InRelease and the Packages.xz of each suite, component and architecture once (by their
hashes, so that the copy belongs together), lays them out as an archive, and serves the folder
with nginx on a loopback port. Nothing of Upkeep is used: apt reads the same copy as the judge.
"""
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

import apt_pkg


class MirrorError(Exception):
    pass


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def machine_sources():
    """(uri, suite, components, keyring) of the enabled deb entries of this machine."""
    apt_pkg.init()
    found = []
    sources = apt_pkg.SourceList()
    sources.read_main_list()
    for index in sources.list:
        found.append((index.uri.rstrip("/"), index.dist))
    return found


def release_hashes(text):
    """path -> (sha256, size) of the SHA256 section of a Release file."""
    section = re.search(r"^SHA256:\n((?: .*\n)+)", text, re.M)
    if not section:
        raise MirrorError("Release without a SHA256 section")
    rows = (line.split() for line in section.group(1).splitlines())
    return {path: (digest, int(size)) for digest, size, path in rows}


def copy_suite(uri, suite, into, component="main", arch="amd64"):
    """Copies one suite; returns the folder of the archive below `into`."""
    root = os.path.join(into, uri.rstrip("/").rsplit("/", 1)[1])
    dists = os.path.join(root, "dists", suite)
    raw = fetch(f"{uri}/dists/{suite}/InRelease")
    hashes = release_hashes(raw.decode())
    path = f"{component}/binary-{arch}/Packages.xz"
    digest, size = hashes[path]
    by_hash = os.path.join(dists, os.path.dirname(path), "by-hash", "SHA256")
    os.makedirs(by_hash, exist_ok=True)
    data = fetch(f"{uri}/dists/{suite}/{os.path.dirname(path)}/by-hash/SHA256/{digest}")
    if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
        raise MirrorError(f"{uri} {suite}: {path} does not fit its InRelease")
    for target in (os.path.join(dists, path), os.path.join(by_hash, digest)):
        with open(target, "wb") as out:
            out.write(data)
    with open(os.path.join(dists, "InRelease"), "wb") as out:
        out.write(raw)
    return root


def copy_machine(into):
    """Copies every suite that this machine's apt uses; returns [(archive folder name, suite)]."""
    done = []
    for uri, suite in machine_sources():
        root = copy_suite(uri, suite, into)
        done.append((os.path.basename(root), suite))
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx():
    """The program."""
    return shutil.which("nginx") or "/usr/sbin/nginx"


class Server:
    """nginx over a folder, on a loopback port of its own; a context manager."""

    def __init__(self, folder, scratch):
        self.folder, self.scratch, self.port = os.path.abspath(folder), scratch, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        os.makedirs(self.scratch, exist_ok=True)
        conf = os.path.join(self.scratch, "nginx.conf")
        temp = "\n".join(f"  {kind}_temp_path {self.scratch}/{kind};"
                         for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        with open(conf, "w") as out:
            out.write(f"{user}daemon off;\npid {self.scratch}/nginx.pid;\n"
                      f"error_log {self.scratch}/error.log;\nworker_processes 1;\n"
                      "events { worker_connections 256; }\nhttp {\n"
                      f"{temp}\n  access_log {self.scratch}/access.log;\n  sendfile on;\n"
                      f"  server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }}\n}}\n")
        self.process = subprocess.Popen([nginx(), "-c", conf, "-e", f"{self.scratch}/error.log"])
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            if self.process.poll() is not None:
                break
            # nginx tells nobody when it listens; a short wait is all there is.
            signal.sigtimedwait([], 0.02)
        raise MirrorError(f"nginx did not start; see {self.scratch}/error.log")

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()


def apt_root(root, url, suites, keyring="/usr/share/keyrings/debian-archive-keyring.gpg"):
    """Makes folders for an apt of its own over the mirror; returns the options to call it with."""
    for part in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
                 "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg"):
        os.makedirs(os.path.join(root, part), exist_ok=True)
    status = os.path.join(root, "var/lib/dpkg/status")
    if not os.path.exists(status):
        open(status, "w").close()
    with open(os.path.join(root, "etc/apt/sources.list"), "w") as out:
        for archive, suite in suites:
            out.write(f"deb [arch=amd64 signed-by={keyring}] {url}/{archive} {suite} main\n")
    options = [f"Dir={root}", f"Dir::State::status={status}", "APT::Architecture=amd64",
               "APT::Architectures::=amd64", "Acquire::Languages=none", "APT::Sandbox::User=root",
               "Dir::Etc::trusted=/etc/apt/trusted.gpg", "Acquire::http::Proxy=false"]
    return [word for option in options for word in ("-o", option)]
