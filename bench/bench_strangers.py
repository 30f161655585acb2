#!/usr/bin/python3
"""Cost of the standard exchange to the update point, with 34,000 updates.

usage: bench_strangers.py

A generated archive of 34,000 sources is synchronized; a client that lists its revisions (the one of
tests/component/sup) takes all of them, then asks as in a repeated scan, with 34,000 numbers in its
call. Measured is the processor time of upkeep-sup. Limit of a repeated call: 5 ms (WSUS protocols,
40-2, section 9, for 50,000 items, there without the reading of the call). The first scan has none:
its rounds and bytes are the protocol's.
"""
import os
import statistics
import sys

import benchlab

COUNT, CALLS, LIMIT_MS = 34000, 50, 5.0
ROOT = os.path.join(benchlab.HERE, '..')
TOOLS = [os.path.join(benchlab.BUILD, path) for path in (
    'tests/component/sup/component-sup-catalog', 'src/sup/upkeep-sup', 'tests/component/sup/component-sup-source')]
sys.argv[1:] = TOOLS
sys.path[:0] = [os.path.join(ROOT, path) for path in ('tests/lab', 'tests/unit/sup', 'tests/component/sup')]

import suplab  # noqa: E402
import tap  # noqa: E402
from archive import Package  # noqa: E402
from stranger import Machine, Stranger  # noqa: E402


class Patient(Stranger):
    """Evaluates prerequisites only: what is measured is the server."""

    def judge(self):
        everything = self.cache
        self.cache = {number: item for number, item in everything.items() if not item.leaf}
        super().judge()
        self.cache = everything


def measure(t):
    point = suplab.Point(t)
    suite = point.world.debian()
    for i in range(COUNT):
        suite.add(Package(f'pkg{i}', f'1.{i}-1'))
        if i % 2:
            suite.add(Package(f'lib{i}', f'1.{i}-1', source=f'pkg{i}'))
    suite.write()
    point.world.use()
    assert point.world.sync().code == 0
    point.start()
    pid = point.process.pid
    a = Patient(point.agent().sign_in(), Machine())
    before = benchlab.cpu_of_process(pid)
    a.scan()
    print(f'first scan: {len(a.updates())} updates in {len(a.rounds)} calls, {a.agent.sent / 1e6:.1f} MB asked, '
          f'{a.agent.received / 1e6:.1f} MB answered, {benchlab.cpu_of_process(pid) - before:.2f} s of processor, '
          f'{benchlab.memory_of(pid, "VmHWM"):.0f} MiB at most')
    call, times = a.parameters(), []
    for _ in range(CALLS):
        before = benchlab.cpu_of_process(pid)
        a.agent.sync(call)
        times.append((benchlab.cpu_of_process(pid) - before) * 1e3)
    return benchlab.row(f'repeated call of {len(call) / 1e3:.0f} kB, processor', statistics.median(times), LIMIT_MS, 'ms')


def main():
    t = tap.Case('strangers')
    try:
        return 0 if measure(t) else 1
    finally:
        t.close()


if __name__ == '__main__':
    sys.exit(main())
