"""Deltas against a known old file, judged by the zstd program, cmp and the bytes themselves."""
import gzip
import os
import random
import resource
import subprocess
import sys
import zlib

import tap

TOOL = sys.argv.pop(1)
SEED = 20261121
HEAD = 96


def run(*args, **more):
    return subprocess.run([TOOL, *map(str, args)], capture_output=True, **more)


def write(t, name, data):
    path = t.dir / name
    path.write_bytes(data)
    return path


def delta(t, old, new):
    """(kind, delta's bytes), the result having been proved."""
    a, b, out = write(t, 'old', old), write(t, 'new', new), t.dir / 'delta'
    kind, size = run('delta', a, b, out, check=True).stdout.split()
    made = out.read_bytes()
    t.equal(int(size), len(made), 'the size that is told')
    got = run('apply', a, out, len(new))
    t.equal((got.returncode, got.stdout == new), (0, True), f'what comes out ({got.stderr})')
    return kind.decode(), made


def program(r, words=200_000, moved=0):
    """Bytes as of a compiled program: the same instructions, with addresses that moved."""
    out = bytearray()
    for i in range(words):
        code = r.getrandbits(32)
        out += code.to_bytes(4, 'little')
        if code & 3 == 0:
            out += (0x400000 + (code >> 8) + moved).to_bytes(8, 'little')
    return bytes(out)


def edits(r, data):
    """The data with some pieces inserted, deleted, moved and changed."""
    data = bytearray(data)
    for _ in range(r.randrange(1, 12)):
        at, n = r.randrange(len(data) + 1), r.choice([1, 7, 100, 5_000, 40_000])
        kind = r.randrange(5)
        if kind == 0:
            data[at:at] = r.randbytes(n)
        elif kind == 1:
            del data[at:at + n]
        elif kind == 2:
            piece = data[at:at + n]
            del data[at:at + n]
            to = r.randrange(len(data) + 1)
            data[to:to] = piece
        elif kind == 3 and at < len(data):
            data[at] ^= 1 + r.randrange(255)
        else:
            data[at:at] = bytes(n)
    return bytes(data)


@tap.case('/content/deltas/random-edits-come-out-equal')
def random_edits(t):
    r = random.Random(SEED)
    for round_ in range(200 if tap.full() else 10):
        old = r.choice([b'', r.randbytes(r.randrange(1, 40)), r.randbytes(300_000), program(r, 20_000),
                        bytes(200_000), b'line of text %d\n' * 5_000])
        new = edits(r, old) if old and r.random() < .9 else r.choice([b'', r.randbytes(5_000), b'x'])
        made = delta(t, old, new)[1]
        assert len(made) < len(new) * 1.01 + HEAD + 200, f'round {round_}: {len(made)} for {len(new)}'


@tap.case('/content/deltas/moved-addresses-are-small')
def moved(t):
    old, new = program(random.Random(SEED)), program(random.Random(SEED), moved=0x1230)
    kind, made = delta(t, old, new)
    prefix = len(subprocess.run(['zstd', '-3', '--single-thread', f'--patch-from={write(t, "old", old)}', '-c',
                                 write(t, 'new', new)], capture_output=True, check=True).stdout)
    t.equal(kind, 'additive')
    assert len(made) < prefix * .7, f'{len(made)} bytes, zstd with a prefix {prefix}'


@tap.case('/content/deltas/prefix-kind-is-what-zstd-unpacks')
def by_zstd(t):
    """Records that change places are too small for approximate matches, in a small file and, where a sample from the
    middle says so, in a large one."""
    r = random.Random(SEED + 1)
    for count in (100_000, 600_000):
        records = [r.randbytes(12) for _ in range(count)]
        old = b''.join(records)
        r.shuffle(records)
        new = b''.join(records)
        kind, made = delta(t, old, new)
        t.equal(kind, 'prefix')
        frame = write(t, 'frame.zst', made[HEAD:])
        got = subprocess.run(['zstd', '-dc', '--long=31', f'--patch-from={t.dir / "old"}', frame], capture_output=True)
        t.equal(got.stdout == new, True, f'what zstd unpacks ({got.stderr})')


@tap.case('/content/deltas/same-files-same-bytes')
def same(t):
    r = random.Random(SEED + 2)
    old = program(r) + r.randbytes(33_000_000)  # more than one segment
    new = edits(r, program(random.Random(SEED + 2), moved=16) + old[len(old) - 33_000_000:])
    assert delta(t, old, new) == delta(t, old, new)


@tap.case('/content/deltas/repeats-and-zeros-are-quick')
def repeats(t):
    r = random.Random(SEED + 3)
    page = r.randbytes(64)
    for old, new in (
        (bytes(8_000_000), bytes(4_000_000) + b'\1' + bytes(4_000_000)),
        (page * 100_000, page[1:] + page * 100_000),
        (page * 50_000 + bytes(3_000_000), bytes(1_000_000) + page * 60_000),
        ((b'ab' * 31 + b'c') * 60_000, (b'ab' * 30 + b'c') * 60_000),
    ):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        made = delta(t, old, new)[1]
        spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        assert len(made) < 20_000, len(made)
        assert spent < 20, f'{spent} seconds of processor time'


@tap.case('/content/deltas/bad-ones-are-refused')
def bad(t):
    r = random.Random(SEED + 4)
    old, new = program(random.Random(5)), program(random.Random(5), moved=4096)
    compressed = zlib.compress(b'other', 9)
    for a, b in ((old, new), (old, old[5:] + compressed)):
        made = bytearray(delta(t, a, b)[1])
        a_path = write(t, 'old', a)

        def apply(data, size=len(b)):
            return run('apply', a_path, write(t, 'bad', bytes(data)), size)
        for cut in (0, 10, HEAD - 1, HEAD, HEAD + 3, len(made) // 2, len(made) - 1):
            done = apply(made[:cut])
            assert done.returncode == 1 and b'applying a delta' in done.stderr, f'cut at {cut}: {done}'
        t.equal(apply(made, len(b) + 1).returncode, 1, 'another size')
        t.equal(run('apply', write(t, 'short', a[:-1]), t.dir / 'delta', len(b)).returncode, 1, 'another old file')
        wrong = 0
        for _ in range(300 if tap.full() else 20):
            data = bytearray(made)
            data[r.randrange(len(data))] ^= 1 << r.randrange(8)
            done = apply(data)
            t.equal(done.returncode in (0, 1), True, f'no crash ({done.stderr[-500:]})')
            assert len(done.stdout) <= len(b), 'more came out than the file has'
            wrong += done.returncode == 1 or done.stdout != b
        assert wrong > 0


@tap.case('/content/deltas/too-large-falls-back')
def too_large(t):
    big = t.dir / 'big'
    with open(big, 'wb') as file:
        os.truncate(file.fileno(), 1 << 30)
    done = run('delta', big, big, t.dir / 'out')
    t.equal(done.returncode, 1)
    t.contains(done.stderr.decode(), 'LIMIT')
    t.contains(done.stderr.decode(), 'too large for a delta')


@tap.case('/content/deltas/already-compressed-costs-no-more-than-itself')
def incompressible(t):
    r = random.Random(SEED + 6)
    old, new = gzip.compress(r.randbytes(200_000)), gzip.compress(r.randbytes(200_000))
    assert len(delta(t, old, new)[1]) < len(new) + HEAD + 100
    t.equal(delta(t, b'', b'')[0], 'prefix')


tap.main()
