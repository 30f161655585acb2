"""Chunks and the tar of signatures (DIST-018), judged by an own chunker, hashlib, tarfile and tar.

The chunker below is written from the text of FastCDC (normalised chunking, cut point skipping) and
the numbers in src/content/signature.h; it shares no code with ours.
"""
import hashlib
import io
import random
import re
import subprocess
import sys
import tarfile

import tap

TOOL = sys.argv.pop(1)
MIN, AVG, MAX = 16 << 10, 64 << 10, 256 << 10
WORD = (1 << 64) - 1
SEED = 20261121


def gear_table():
    state, table = int.from_bytes(b'UPKEEPG1', 'big'), []
    for _ in range(256):
        state = (state + 0x9e3779b97f4a7c15) & WORD
        z = ((state ^ (state >> 30)) * 0xbf58476d1ce4e5b9) & WORD
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & WORD
        table.append(z ^ (z >> 31))
    return table


GEAR = gear_table()


def cut(data):
    """Length of the first chunk."""
    total = 0
    for i in range(MIN - 1, min(len(data), MAX)):
        total = (2 * total + GEAR[data[i]]) & WORD
        if total >> (64 - (18 if i < AVG else 14)) == 0:
            return i + 1
    return min(len(data), MAX)


def chunks(data):
    at, rows = 0, []
    while at < len(data):
        size = cut(data[at:at + MAX])
        rows.append((at, size, hashlib.sha256(data[at:at + size]).hexdigest()))
        at += size
    return rows


def ours(*paths):
    text = subprocess.run([TOOL, 'chunks', *paths], capture_output=True, text=True, check=True).stdout
    return [[(int(a), int(b), c) for a, b, c in (line.split() for line in part.splitlines())]
            for part in text.split('\n\n')[:len(paths)]]


def write(t, name, data):
    path = t.dir / name
    path.write_bytes(data)
    return path


@tap.case('/content/chunks/as-the-reference-DIST-018')
def reference(t):
    r = random.Random(SEED)
    text = b''.join(b'line %d of %d\n' % (i, r.randrange(1 << 40)) for i in range(30_000))
    for name, data in {
        'one': r.randbytes(1), 'min': r.randbytes(MIN), 'min1': r.randbytes(MIN + 1),
        'max': bytes(MAX), 'max1': bytes(MAX + 1), 'zeros': bytes(3 * MAX + 5),
        'random': r.randbytes(1_500_000), 'text': text, 'mixed': text[:400_000] + bytes(300_000) + r.randbytes(9),
    }.items():
        t.equal(ours(write(t, name, data)), [chunks(data)], name)
    t.equal(subprocess.run([TOOL, 'chunks', write(t, 'empty', b'')], capture_output=True).stdout, b'\n')


@tap.case('/content/chunks/table-is-the-documented-one')
def table(t):
    head = (tap.source_root() / 'src/content/signature.h').read_text()
    packed = b''.join(value.to_bytes(8, 'little') for value in GEAR)
    t.equal(hashlib.sha256(packed).hexdigest(), re.search(r'\b([0-9a-f]{64})\b', head)[1])


@tap.case('/content/chunks/edits-change-few-chunks-DIST-113')
def edits(t):
    r = random.Random(SEED + 1)
    old = r.randbytes(6_000_000)
    block = r.randbytes(50_000)
    at = r.randrange(1_000_000, 4_000_000)
    for name, new, most in (
        ('flip', old[:at] + bytes([old[at] ^ 1]) + old[at + 1:], 1),
        ('insert', old[:at] + b'INSERTED' + old[at:], 4),
        ('delete', old[:at] + old[at + 777:], 4),
        ('move', old[3_000_000:] + old[:3_000_000], 7),
        ('insert-block', old[:at] + block + old[at:], 7),
    ):
        a, b = ours(write(t, 'old', old), write(t, name, new))
        known = {digest for _, _, digest in a}
        lacking = [size for _, size, digest in b if digest not in known]
        assert len(lacking) <= most, f'{name}: {len(lacking)} chunks are new, at most {most}'
        assert max(lacking) <= 256 << 10, f'{name}: a damaged place costs {max(lacking)} bytes'


@tap.case('/content/chunks/sizes-are-about-the-average')
def sizes(t):
    rows, = ours(write(t, 'big', random.Random(SEED + 2).randbytes(40_000_000)))
    mean = sum(size for _, size, _ in rows) / len(rows)
    assert AVG * .75 < mean < AVG * 1.5, f'mean {mean}'
    assert all(MIN <= size <= MAX for _, size, _ in rows[:-1]), 'within minimum and maximum'


@tap.case('/content/chunks/tar-DIST-018')
def tar(t):
    r = random.Random(SEED + 3)
    files = [write(t, f'f{i}', r.randbytes(size)) for i, size in enumerate([700_000, 300_000, 5_000, 0, 900_000])]
    files.append(write(t, 'twin', files[0].read_bytes()))
    made = subprocess.run([TOOL, 'tar', *files], capture_output=True, check=True).stdout
    again = subprocess.run([TOOL, 'tar', *reversed(files)], capture_output=True, check=True).stdout
    t.equal(made == again, True, 'the same files in another order give the same bytes')
    expected = {}
    for path in files:
        data = path.read_bytes()
        rows = chunks(data)
        if len(rows) > 1:
            expected[hashlib.sha256(data).hexdigest().upper() + '.SIG'] = rows, data
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        members = archive.getmembers()
        t.equal([m.name for m in members], sorted(expected))
        t.equal({(m.mtime, m.mode, m.uid, m.gid, m.isreg()) for m in members}, {(0, 0o644, 0, 0, True)})
        for m in members:
            rows, data = expected[m.name]
            form = b'UKSIG1\r\n' + b''.join(n.to_bytes(4, 'little') for n in (MIN, AVG, MAX, len(rows)))
            form += len(data).to_bytes(8, 'little') + hashlib.sha256(data).digest()
            form += b''.join(size.to_bytes(4, 'little') + bytes.fromhex(digest) for _, size, digest in rows)
            t.equal(archive.extractfile(m).read() == form, True, f'the bytes of {m.name}')
    listed = subprocess.run(['tar', 'tf', write(t, 'x.tar', made)], capture_output=True, text=True, check=True)
    t.equal(listed.stdout.split(), sorted(expected))
    back = subprocess.run([TOOL, 'untar', t.dir / 'x.tar'], capture_output=True, text=True, check=True).stdout
    t.equal(sorted(back.splitlines()),
            sorted(f'{n[:64].lower()} {len(d)} {len(rows)}' for n, (rows, d) in expected.items()))


def member(name, data, **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


@tap.case('/content/chunks/bad-tars')
def bad_tars(t):
    data = random.Random(SEED + 4).randbytes(300_000)
    made = subprocess.run([TOOL, 'tar', write(t, 'f', data)], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        name, = archive.getnames()
        good = archive.extractfile(name).read()
    for members, word in (
        ([member(name, good), member(name, good)], 'two signatures'),
        ([member('../' + name, good)], 'not <HASH>.SIG'),
        ([member(name.replace('.SIG', '.SIX'), good)], 'not <HASH>.SIG'),
        ([member('0' * 64 + '.SIG', good)], 'another hash'),
        ([member(name, b'', type=tarfile.SYMTYPE, linkname='/etc/passwd')], 'not <HASH>.SIG'),
        ([member(name, good[:-1])], 'length'),
        ([member(name, good[:8] + b'\1' + good[9:])], 'other numbers'),
    ):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode='w') as archive:
            for info, body in members:
                archive.addfile(info, io.BytesIO(body))
        done = subprocess.run([TOOL, 'untar', write(t, 'bad.tar', out.getvalue())], capture_output=True, text=True)
        t.equal(done.returncode, 1, word)
        t.contains(done.stderr, word)
    done = subprocess.run([TOOL, 'untar', write(t, 'bad.tar', made[:len(made) - 9000])], capture_output=True, text=True)
    t.equal(done.returncode, 1, 'cut off')


tap.main()
