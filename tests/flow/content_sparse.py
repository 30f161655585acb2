#!/usr/bin/python3
"""A file that is nearly all holes costs nearly nothing: neither the disks of the libraries nor the wires.

In a network of its own, whose loopback counts what passes: both wires and everything else together. The
plain run has a file of 128 MB, the full one of 5 GB.
"""
import http.client
import os
import random
import subprocess

import namespace

WHY_NOT = namespace.enter(network=True)

import contentlab  # noqa: E402
import tap  # noqa: E402

MB = 1_000_000
SIZE = 5_000 * MB if tap.full() else 128 * MB
LIMIT = 100 * MB
BLOCK = 1 << 20
DATA = 12           # stretches of data in the holes
STRETCH = 1_500_000
POINTS = ('DP01', 'PDP01')
SECONDS = 900


def passed():
    """Bytes that the loopback of this network has seen so far, with every head and acknowledgement."""
    with open('/proc/net/dev') as file:
        return next(int(line.split()[1]) for line in file if line.strip().startswith('lo:'))


def on_disk(folder):
    """Bytes that a folder takes on its disk, as du counts them."""
    # It fails when a folder goes while it looks, and says what the others take.
    return int(subprocess.run(['du', '-s', '-B1', folder], capture_output=True, text=True).stdout.split()[0])


def make(path, chosen):
    """The file: holes with stretches of data, the first at the head and the last up to the end."""
    with open(path, 'wb') as file:
        file.truncate(SIZE)
        for number in range(DATA):
            file.seek((SIZE - STRETCH) * number // (DATA - 1))
            file.write(chosen.randbytes(STRETCH))


def change(path, chosen):
    """One block of 4 KiB amid a hole gets other bytes."""
    with open(path, 'r+b') as file:
        file.seek(SIZE // 3 // 4096 * 4096)
        file.write(chosen.randbytes(4096))


def same(t, site, name, package, path):
    """What a distribution point serves is the file, block by block."""
    connection = http.client.HTTPConnection('127.0.0.1', site.port(name, 'dp'), timeout=tap.patience(60))
    connection.request('GET', f'/SMS_DP_SMSPKG$/{package}/{path.name}')
    answer = connection.getresponse()
    t.equal(answer.status, 200, f'GET from {name}')
    with open(path, 'rb') as file:
        for at in range(0, SIZE, BLOCK):
            if answer.read(BLOCK) != file.read(BLOCK):
                t.fail(f'{name} serves another block at {at}')
    t.equal(answer.read(1), b'', f'what {name} serves behind the end')
    connection.close()


def few(t, what, got):
    print(f'# {what}: {got / MB:.1f} MB', flush=True)
    t.equal(got < LIMIT, True, f'{what} is below 100 MB, and it is {got / MB:.1f} MB')


def check(t, site, what, before, package, path):
    few(t, f'{what}: both wires together', passed() - before)
    for name in ('', *POINTS):
        few(t, f'{what}: the library of {name or "the site"} on its disk', on_disk(site.library(name)))
    for name in POINTS:
        same(t, site, name, package, path)


@tap.case(f'/flow/content/a-sparse-file-of-{SIZE // MB}-MB-takes-no-room-and-no-wire-DIST-001-DIST-116-DIST-118')
def sparse(t):
    if WHY_NOT:
        t.skip(f'no network of its own to count in: {WHY_NOT}')
    chosen = random.Random(5)
    path = t.dir / 'source' / 'disk.img'
    path.parent.mkdir()
    make(path, chosen)
    site = contentlab.ContentLab(t)
    site.up('--dps', '1', '--pull-dps', '1')
    package = site.create('sparse', path.parent, seconds=SECONDS)
    before = passed()
    site.distribute(package, *POINTS, seconds=SECONDS)
    check(t, site, 'distributed', before, package, path)
    change(path, chosen)
    before = passed()
    site.update(package, seconds=SECONDS)
    check(t, site, 'one block updated', before, package, path)
    site.wait_settled(package)


tap.main()
