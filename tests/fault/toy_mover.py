#!/usr/bin/python3
"""toy_mover.py - the fault loop proved: a right program passes it, planted mistakes do not.

The program is toy_mover (toy_mover.c beside this). Its path is the first argument.
"""
import sys

import faultloop
import tap

PROGRAM = sys.argv.pop(1)
FILES = {f'{n}.TOY': f'this is file {n}\n' * 50 for n in range(3)}


class ToyMover(faultloop.Scenario):
    name = 'toy-mover'

    def __init__(self, mistake=None):
        self.mistake = [mistake] if mistake else []

    def prepare(self, root):
        (root / 'toy.box').mkdir()
        (root / 'out').mkdir()
        for name, body in FILES.items():
            (root / 'toy.box' / name).write_text(body)

    def run(self, root, env):
        with faultloop.Program(PROGRAM, root / 'toy.box', root / 'out', *self.mistake, env=env,
                               log=root / 'said') as toy:
            return toy.ended()

    def glance(self, root):
        for path in (root / 'out').glob('*.TOY'):
            assert path.read_text() == FILES[path.name], f'{path.name} is half'

    def recover(self, root):
        status = self.run(root, faultloop.clean_env())
        assert status == 0, f'exit status {status}: {(root / "said").read_text()}'

    def check(self, root):
        assert not list((root / 'toy.box').iterdir()), 'something is left in the inbox'
        out = {path.name for path in (root / 'out').iterdir()}
        for name in FILES:
            assert name in out, f'{name} is lost'
        ledger = root / 'out' / 'ledger'
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        assert len(lines) == len(set(lines)), 'an effect was made twice'
        assert out <= {*FILES, 'ledger'}, f'litter: {out}'


class NoPoints(ToyMover):
    """A scenario that disturbs nothing must not pass for a proof."""
    name = 'no-points'

    def run(self, root, env):
        return super().run(root, faultloop.clean_env())


def problems_of(scenario, mode, **limits):
    loop = faultloop.Loop(scenario, faultloop.Limits(seconds=1e9, **limits))
    return [step for step in loop.run(mode) if step.problem]


def must_find(t, mistake, mode, kind, words):
    """The planted mistake shows in that mode, at a point of that kind, in those words."""
    found = problems_of(ToyMover(mistake), mode)
    assert found, f'{mode} did not find the mistake "{mistake}"'
    assert any(step.point.kind == kind and words in step.problem for step in found), found


@tap.case('/fault/loop/finds-what-is-lost')
def finds_lost(t):
    for mode in ('fail', 'fail+', 'kill', 'killafter', 'kill-twice'):
        must_find(t, 'lost', mode, 'unlink' if mode == 'killafter' else 'write', 'is lost')


@tap.case('/fault/loop/finds-what-is-half')
def finds_half(t):
    for mode in ('fail', 'fail+', 'kill', 'kill-twice'):
        must_find(t, 'half', mode, 'write', 'is half')


@tap.case('/fault/loop/finds-what-happens-twice')
def finds_twice(t):
    for mode in faultloop.ALL_MODES:
        must_find(t, 'twice', mode, 'sync', 'twice')


@tap.case('/fault/loop/finds-what-a-power-cut-would-lose')
def finds_unsynced(t):
    t.equal(problems_of(ToyMover('unsynced'), 'killafter'), [], 'problems that a kill shows')
    points = faultloop.Loop(ToyMover('unsynced')).control.points
    found = faultloop.power_cut_problems(points)
    t.contains(found[0], 'out/0.TOY is renamed before it is synced')
    t.contains(found[-1], 'the folder of out/2.TOY is not synced')
    t.equal(faultloop.power_cut_problems(points, ['out/*']), [], 'what is excused')
    t.equal(faultloop.power_cut_problems(faultloop.Loop(ToyMover()).control.points), [])


@tap.case('/fault/loop/fails-without-a-point')
def fails_without_a_point(t):
    loop = faultloop.Loop(NoPoints())
    for case in (loop.case_points, lambda t: loop.case_mode(t, 'kill')):
        try:
            case(t)
        except AssertionError:
            continue
        t.fail('a scenario without points passed')


@tap.case('/fault/loop/every-point-has-its-turn')
def every_point(t):
    loop = faultloop.Loop(ToyMover(), faultloop.Limits(seconds=1e9))
    points = [(p.number, p.kind, p.name) for p in loop.control.points]
    # For each file: write, sync, rename, sync of the folder, removal of the input.
    t.equal([kind for _, kind, _ in points], ['write', 'sync', 'rename', 'sync', 'unlink'] * 3)
    t.equal(points[0][2], 'out/0.TOY', 'the name of a point')
    steps = loop.run('kill')
    t.equal([step.point and step.point.number for step in steps], [*range(1, 16), None])
    t.equal([step.point.kind for step in steps[:-1]], [kind for _, kind, _ in points])


@tap.case('/fault/loop/limits')
def limits(t):
    def numbers(**limits):
        loop = faultloop.Loop(ToyMover())
        loop.limits = faultloop.Limits(**limits)
        return [step.point.number for step in loop.run('kill') if step.point]

    t.equal(numbers(max_n=4), [1, 2, 3, 4])
    every_fourth = numbers(stride=4, seed=7)
    t.equal({b - a for a, b in zip(every_fourth, every_fourth[1:])}, {4}, 'the stride')
    t.equal(every_fourth, numbers(stride=4, seed=7), 'the same seed')
    assert len({numbers(stride=4, seed=seed)[0] for seed in range(6)}) > 1, 'seeds choose nothing'
    assert len(numbers(seconds=0.001)) <= 1, 'the seconds were not kept'


faultloop.declare(ToyMover())
tap.main()
