#!/usr/bin/python3
"""What the programs use while nothing happens, and what the client keeps in memory (proof C7).

usage: bench_idle.py [--build DIR] [--seconds N] [--mirror DIR]

A lab holds the machine's real archives; its client has scanned and reported. The programs are started
again as on an installed system, the client scans once more, and then nobody asks for anything for ten
minutes (--seconds for another time), and each program's processor time in them is
read from its own clock. The client's private memory (Private_* of smaps_rollup) is read after its
first scan and at the end; the others' is printed for comparison.
"""
import argparse
import os
import sys
import tempfile
import time

import benchlab
from benchlab import cpu_of_process, memory_of, mirror, row

SETTLED = 15  # seconds after the scan, in which reports are summarized and logs written


def measure(lab, seconds):
    pids = {role: lab.pid(role) for role in lab.roles()}
    time.sleep(SETTLED)
    before = {role: cpu_of_process(pid) for role, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    kept = True
    for role, pid in pids.items():
        used = (cpu_of_process(pid) - before[role]) / passed
        kept &= row(f'upkeep-{role}, idle for {passed:.0f} s', used * 100, 0.1, '% of a core')
    for role, pid in pids.items():
        private = memory_of(pid, 'Private_', 'smaps_rollup')
        if role == 'client':
            kept &= row("client's private memory after another", private, 12, 'MiB')
        else:
            print(f"{f'private memory of upkeep-{role}':46} {private:9.2f} MiB")
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', default=benchlab.BUILD)
    parser.add_argument('--seconds', type=int, default=600)
    parser.add_argument('--mirror', help='folder of a mirror made before (else made now)')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='upkeep-bench-', dir=benchlab.scratch_base()) as scratch:
        folder = options.mirror or os.path.join(scratch, 'mirror')
        suites = mirror.copy_machine(folder)
        with mirror.Server(folder, os.path.join(scratch, 'nginx')) as server:
            lab = benchlab.Lab(scratch, options.build, server.url, suites)
            lab.up()
            try:
                lab.upkeep('sync', 'start', '--wait')
                lab.first_scan()
                first = memory_of(lab.pid('client'), 'Private_', 'smaps_rollup')
                lab.restart_as_installed()
                lab.client('scan', '--wait', '120')
                lab.client('send', '--wait', '60')
                kept = row("client's private memory after its first scan", first, 12, 'MiB')
                kept &= measure(lab, options.seconds)
            finally:
                lab.down()
    sys.exit(0 if kept else 1)


if __name__ == '__main__':
    main()
