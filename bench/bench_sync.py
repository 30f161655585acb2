#!/usr/bin/python3
"""Speed of a synchronization beside apt and aptly, over one local mirror (proof B4).

usage: bench_sync.py [--build DIR] [--runs N] [--mirror DIR] [--without-aptly]

Copies the metadata of the machine's archives once, serves it with nginx on loopback, and times,
alternating, median of N:
  first     upkeep sync start --wait on a new lab  |  apt-get update with fresh lists  |  aptly mirror update
  again     upkeep sync start --wait, nothing new  |  apt-get update, nothing new
The lab is up before the clock starts; only the wait of SYNC-031 is not counted (our engine says at
once that its results can be read). Peak resident memory is the kernel's figure (VmHWM) of each
program of the lab. Ratios are printed with the versions and commands of the peers.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "lab"))
import mirror  # noqa: E402

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def timed(command, **kwargs):
    start = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **kwargs)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(command[:6])} … failed:\n{done.stdout[-2000:]}")
    return seconds


class Apt:
    def __init__(self, scratch, url, suites):
        self.root, self.url, self.suites = os.path.join(scratch, "apt"), url, suites

    def first(self):
        shutil.rmtree(self.root, ignore_errors=True)
        self.command = ["apt-get", *mirror.apt_root(self.root, self.url, self.suites), "update"]
        return timed(self.command)

    def again(self):
        return timed(self.command)


class Aptly:
    """A filter that nothing fits keeps it from fetching packages: indices only, as the others. (The
    security suite calls its components "updates/main", which apt and we read as "main".)"""

    def __init__(self, scratch, url, suites):
        self.root, self.url, self.suites = os.path.join(scratch, "aptly"), url, suites
        self.conf = os.path.join(scratch, "aptly.conf")
        with open(self.conf, "w") as out:
            json.dump({"rootDir": self.root, "gpgDisableVerify": False,
                       "gpgProvider": "gpg", "architectures": ["amd64"]}, out)
        self.peak = 0

    def first(self):
        shutil.rmtree(self.root, ignore_errors=True)
        names = []
        for archive, suite in self.suites:
            names.append(suite)
            timed(["aptly", "-config", self.conf, f"-keyring={KEYRING}",
                   "-filter=Name (no-such-package)", "-force-components", "mirror", "create", suite,
                   f"{self.url}/{archive}/", suite, "main"])
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        seconds = sum(timed(["aptly", "-config", self.conf, f"-keyring={KEYRING}", "mirror",
                             "update", name]) for name in names)
        self.peak = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
        return seconds


class Upkeep:
    def __init__(self, scratch, build, url, suites):
        self.root, self.build = os.path.join(scratch, "lab"), build
        self.sources = os.path.join(scratch, "machine")
        mirror.apt_root(self.sources, url, suites, KEYRING)
        self.peaks = {}

    def upkeep(self, *words):
        return [os.path.join(self.build, "src/cli/upkeep"), "--root", self.root, *words]

    def up(self):
        timed(self.upkeep("lab", "up", "--sources", self.sources, "--no-first-sync",
                          "--bin", os.path.join(self.build, "src")))

    def down(self):
        timed(self.upkeep("lab", "down", "--purge"))

    def sync(self):
        return timed(self.upkeep("sync", "start", "--wait"))

    def read_peaks(self):
        folder = os.path.join(self.root, "run/upkeep")
        for name in os.listdir(folder):
            if not name.endswith(".ready"):
                continue
            said = dict(line.strip().split("=", 1) for line in open(os.path.join(folder, name)))
            pid = said["pid"]
            for line in open(f"/proc/{pid}/status"):
                if line.startswith("VmHWM"):
                    kib = int(line.split()[1])
                    role = name[:-len(".ready")]
                    self.peaks[role] = max(self.peaks.get(role, 0), kib)


def version(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]


def row(what, ours, theirs, peer, limit):
    a, b = statistics.median(ours), statistics.median(theirs)
    verdict = "within" if a / b <= limit else "ABOVE"
    print(f"{what:8} upkeep {a:7.3f} s   {peer:22} {b:7.3f} s   ratio {a / b:5.2f}   "
          f"limit {limit} ({verdict})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.path.join(HERE, "..", "build-release"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--without-aptly", action="store_true", help="leave that peer out")
    parser.add_argument("--mirror", help="folder of a mirror made before (else made now)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="upkeep-bench-") as scratch:
        folder = options.mirror or os.path.join(scratch, "mirror")
        suites = mirror.copy_machine(folder)
        with mirror.Server(folder, os.path.join(scratch, "nginx")) as server:
            measure(options, scratch, server.url, suites)


def measure(options, scratch, url, suites):
    apt, aptly = Apt(scratch, url, suites), Aptly(scratch, url, suites)
    ours = Upkeep(scratch, os.path.abspath(options.build), url, suites)
    times = {key: [] for key in ("first", "again", "apt first", "apt again", "aptly")}
    for _ in range(options.runs):
        ours.up()
        times["first"].append(ours.sync())
        times["apt first"].append(apt.first())
        times["again"].append(ours.sync())
        times["apt again"].append(apt.again())
        if not options.without_aptly:
            times["aptly"].append(aptly.first())
        ours.read_peaks()
        ours.down()
    print("peers:", version("apt-get", "--version"), "|", version("aptly", "version"))
    print("      ", " ".join(apt.command[:4]), "… update | aptly mirror update, filter fits nothing")
    row("first", times["first"], times["apt first"], "apt-get update", 1.2)
    if times["aptly"]:
        row("first", times["first"], times["aptly"], "aptly mirror update", 0.7)
    row("again", times["again"], times["apt again"], "apt-get update", 0.15)
    for role, kib in sorted(ours.peaks.items()):
        print(f"peak memory of upkeep-{role}: {kib / 1024:.0f} MiB (limit 200)")
    if times["aptly"]:
        print(f"peak memory of aptly: {aptly.peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
