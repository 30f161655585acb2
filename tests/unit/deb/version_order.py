"""The order of versions against dpkg and libapt, on pairs made by rule (B3)."""
import random
import subprocess
import sys

import apt_pkg
import tap

TOOL = sys.argv.pop(1)
PAIRS = 100_000
BY_DPKG = PAIRS if tap.full() else 1_000
SEED = 20261121


def part(r):
    """A piece of a version: digits with and without leading zeros, letters, signs."""
    kind = r.random()
    if kind < .5:
        return str(r.choice([0, 1, 2, 9, 10, 11, 99, 2026, r.randrange(10**r.randrange(1, 20))])).zfill(
            r.choice([0, 0, 0, 2, 5]))
    if kind < .7:
        return r.choice(['a', 'b', 'rc', 'dfsg', 'Z', 'z', 'deb', 'A', 'u'])
    return r.choice(['.', '.', '.', '+', '~', '~~', '+~', '.+', '-'])


def version(r):
    upstream = str(r.randrange(20)) + ''.join(part(r) for _ in range(r.randrange(6)))
    text = upstream.strip('-') or '0'
    if r.random() < .6:
        text += '-' + (''.join(part(r) for _ in range(r.randrange(1, 4))).replace('-', '') or '1')
    if r.random() < .2:
        text = f'{r.choice([0, 0, 1, 1, 2, 10])}:{text}'
    return text


def neighbour(r, text):
    """A version near another one, so that many pairs differ late or not at all."""
    kind = r.random()
    if kind < .3:
        return text + r.choice(['~', '+b1', '.0', '0', 'a', '~bpo12+1', '+deb12u1', ''])
    at = r.randrange(len(text))
    changed = text[:at] + r.choice(['0', '1', '9', 'a', 'z', '~', '+', '.']) + text[at + r.randrange(2):]
    return text if changed.endswith(('-', ':')) or ':' in text else changed


def pairs():
    r = random.Random(SEED)
    for _ in range(PAIRS):
        a = version(r)
        b = version(r) if r.random() < .4 else neighbour(r, a)
        yield a, b


def ours(rows):
    done = subprocess.run([TOOL, 'compare'], input=''.join(f'{a} {b}\n' for a, b in rows), text=True,
                          capture_output=True, check=True)
    return [int(line) for line in done.stdout.split()]


def sign(n):
    return (n > 0) - (n < 0)


@tap.case('/deb/version/order-as-libapt-DEB-031')
def libapt(t):
    apt_pkg.init_system()
    rows = list(pairs())
    got = ours(rows)
    t.equal(len(got), PAIRS)
    for (a, b), order in zip(rows, got):
        t.equal(order, sign(apt_pkg.version_compare(a, b)), f'{a} against {b}')
    counts = {n: got.count(n) for n in (-1, 0, 1)}
    print(f'seed {SEED}: {counts}')
    assert min(counts.values()) > 1000, counts


@tap.case('/deb/version/order-as-dpkg-DEB-031')
def dpkg(t):
    rows = list(pairs())[:BY_DPKG]
    script = ''.join(f'dpkg --compare-versions "{a}" lt "{b}" && echo -1 || '
                     f'{{ dpkg --compare-versions "{a}" gt "{b}" && echo 1 || echo 0; }}\n' for a, b in rows)
    done = subprocess.run(['sh'], input=script, text=True, capture_output=True, check=True)
    assert 'error' not in done.stderr, done.stderr
    for (a, b), order, judge in zip(rows, ours(rows), done.stdout.split(), strict=True):
        t.equal(order, int(judge), f'{a} against {b}')


@tap.case('/deb/version/forbidden-as-dpkg-DEB-013')
def forbidden(t):
    r = random.Random(SEED)
    texts = ['1.0-', ':1', '1:', 'a:1', '1_0', '1.0-1_0', '-1', '1:-1', '1.0-1:2', '2147483648:1', '1.0;', 'x1']
    texts += [version(r) for _ in range(200)]
    texts += [v[:i] + r.choice('_:!-') + v[i:] for v in texts[12:] for i in [r.randrange(len(v) + 1)]]
    done = subprocess.run([TOOL, 'fault'], input=''.join(f'{v}\n' for v in texts), text=True,
                          capture_output=True, check=True)
    for v, got in zip(texts, done.stdout.splitlines(), strict=True):
        judge = subprocess.run(['dpkg', '--validate-version', '--', v], capture_output=True, text=True)
        # policy only advises against the first; of the second dpkg reads '-0' and '+1' as numbers
        if 'does not start with digit' in judge.stderr or v[:1] in '+-' and v[1:v.find(':')].isdigit():
            continue
        t.equal(got == 'ok', judge.returncode == 0, f'{v}: {got}; dpkg: {judge.stderr}')


tap.main()
