"""Tests of tests/fuzz/run: a reader that crashes is a failed case, one that survives a passed one."""
import subprocess

import tap

RUN = tap.source_root() / 'tests' / 'fuzz' / 'run'
HEAD = '#include <stdint.h>\n#include <stddef.h>\n#include <stdlib.h>\n' \
    'int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);\n' \
    'int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n'


def targets(t, bad):
    for name, body in {'bad': bad, 'good': '{ return size > 3 && data[0] == 1 ? 0 : 0; }\n'}.items():
        (t.dir / 'corpus' / name).mkdir(parents=True)
        (t.dir / 'corpus' / name / 'seed').write_text('seed')
        (t.dir / f'fuzz_{name}.c').write_text(HEAD + body)


@tap.case('/fuzz/run/crash-is-found-by-coverage')
def crash(t):
    targets(t, '{ if (size > 1 && data[0] == 7 && data[1] == 9) abort(); return 0; }\n')
    done = subprocess.run([RUN, '--folder', t.dir, '--seconds', '20', 'bad'], capture_output=True, text=True)
    t.equal((done.returncode, done.stderr), (1, ''), done.stdout)
    t.contains(done.stdout, '\nnot ok 1 /fuzz/bad\n')
    t.contains(done.stdout, '# SUMMARY: libFuzzer: deadly signal')
    t.equal(len(list(t.dir.glob('bad-crash-*'))), 1, 'kept crashes')
    done = subprocess.run([RUN, '--folder', t.dir, 'good'], capture_output=True, text=True)
    t.equal((done.returncode, done.stdout), (0, '1..1\nok 1 /fuzz/good\n'))


@tap.case('/fuzz/run/blind-round-finds-a-read-past-the-end-and-keeps-what-did-it')
def blind(t):
    targets(t, '{ return size > 4 ? data[size] == 1 : 0; }\n')
    command = [RUN, '--folder', t.dir, '--blind', t.dir, '--seconds', '20']
    done = subprocess.run([*command, 'bad'], capture_output=True, text=True)
    t.equal((done.returncode, done.stderr), (1, ''), done.stdout)
    t.contains(done.stdout, '\nnot ok 1 /fuzz/bad\n')
    t.contains(done.stdout, 'heap-buffer-overflow')
    kept, = t.dir.glob('bad-crash-*')
    assert kept.stat().st_size > 4, kept.read_bytes()
    seed = next(line for line in done.stdout.splitlines() if line.startswith('# seed ')).split()[-1]
    first = kept.read_bytes()
    kept.unlink()
    subprocess.run([*command, '--seed', seed, 'bad'], capture_output=True)
    t.equal([path.read_bytes() for path in t.dir.glob('bad-crash-*')], [first], 'the same round again')
    done = subprocess.run([*command[:-1], '0.2', 'good'], capture_output=True, text=True)
    t.equal((done.returncode, done.stdout), (0, '1..1\nok 1 /fuzz/good\n'))


@tap.case('/fuzz/run/target-that-does-not-compile')
def broken(t):
    (t.dir / 'fuzz_a.c').write_text('not C\n')
    done = subprocess.run([RUN, '--folder', t.dir], capture_output=True, text=True)
    t.equal(done.returncode, 1)
    t.contains(done.stdout + done.stderr, 'fuzz_a.c:1')


tap.main()
