"""faultloop.py - runs a scenario again and again, each time with another point failing or killed.

    import faultloop

    class Distribute(faultloop.Scenario):
        name = 'distribute-to-dp'
        def prepare(self, root): ...        # a fresh world below root
        def run(self, root, env): ...       # the real programs, with env, until done or dead
        def glance(self, root): ...         # raises if something half can be seen now (optional)
        def recover(self, root): ...        # the same programs without faults, until quiet
        def check(self, root): ...          # raises if anything is lost, doubled or half

    faultloop.loop(Distribute())

Every write, sync, rename, unlink, commit and connect of our programs is a fault point
(src/base/fault.h). First the scenario runs undisturbed and its points are counted; then, in each
mode, the n-th point fails (fail), it and all later ones fail (fail+), the process is killed before
it (kill) or after it (killafter), n rising until no process gets that far. In kill-twice the same
n kills what started again, so that recovering is disturbed as well. A kill leaves the system's
cache as it was; so what a power cut would lose is looked for in the order of the points: a rename
of what was written but not synced, a rename whose folder is not synced afterwards. Each mode is a
TAP case /fault/<name>/<mode>; a scenario without a point fails. Limits keep script/test short; with --full
every point has its turn, or as many as ten minutes allow. A failing step is repeated alone by
UPKEEP_FAULT_STEP=kill:7.
"""
import contextlib
import dataclasses
import fnmatch
import math
import os
import pathlib
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
import tap  # noqa: E402

MODES = ('fail', 'fail+', 'kill', 'killafter')
ALL_MODES = MODES + ('kill-twice',)
LAST_N = 100_000  # a scenario that never ends is a mistake too


class Scenario:
    """What to disturb. run must come back when its programs are done or dead, and must not raise
    because a fault made them fail: that the work came to nothing is for recover to mend."""

    name = 'unnamed'
    only = ''  # kinds of points to count, as in UPKEEP_FAULT_ONLY; '' is all
    whole_syncs = ()  # names by which a whole file system is synced (syncfs)
    unsynced = ()  # patterns of names that may be renamed unsynced, because others can remake them

    def prepare(self, root):
        raise NotImplementedError

    def run(self, root, env):
        raise NotImplementedError

    def glance(self, root):
        pass

    def recover(self, root):
        raise NotImplementedError

    def check(self, root):
        raise NotImplementedError

    def end(self):
        """Ends what a step that failed left running; the next one finds nothing of it."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much is tried outside of --full."""
    max_n: int = LAST_N       # the last point tried
    stride: int = 1           # every stride-th point, beginning at one that the seed chooses
    modes: tuple = MODES
    seed: int = 1
    seconds: float = 40       # for all modes together; the stride grows until they should suffice

    @staticmethod
    def none():
        return Limits(modes=ALL_MODES, seconds=math.inf)

    @staticmethod
    def long():
        """For --full, where every point would take hours: ten minutes, and other points each time."""
        return Limits(modes=ALL_MODES, seconds=600, seed=random.SystemRandom().randrange(1 << 32))


@dataclasses.dataclass(frozen=True)
class Point:
    """A line of UPKEEP_FAULT_REPORT."""
    number: int
    kind: str
    name: str
    what: str  # pass, fail, kill, killafter


@dataclasses.dataclass
class Step:
    """One disturbed run: its plan, the point that it hit, and what went wrong afterwards."""
    plan: str
    point: Point = None
    problem: str = ''
    points: list = dataclasses.field(default_factory=list)  # all that were passed

    @property
    def reached(self):
        number = self.plan.rpartition(':')[2]
        return any(p.number >= int(number) for p in self.points) if number.isdigit() else True


def read_report(path):
    """The points in a report, in the order in which they were passed."""
    points = []
    if path.exists():
        for line in path.read_text().splitlines():
            number, kind, rest = line.split(' ', 2)
            name, what = rest.rsplit(' ', 1)
            points.append(Point(int(number), kind, name, what))
    return points


def power_cut_problems(points, excused=(), whole_syncs=()):
    """What a power cut could lose though a process that is killed would not, in sentences."""
    dirty, waiting, problems = set(), {}, []
    for p in points:
        folder, _, last = p.name.rpartition('/')
        if p.kind == 'write':
            dirty.add(p.name)
        elif p.kind == 'sync' and p.name in whole_syncs:
            dirty, waiting = set(), {}
        elif p.kind == 'sync':
            dirty.discard(p.name)
            waiting = {name: of for name, of in waiting.items() if of != last}
        elif p.kind == 'rename' and not any(fnmatch.fnmatch(p.name, e) for e in excused):
            if p.name in dirty:
                problems.append(f'point {p.number}: {p.name} is renamed before it is synced')
            waiting[p.name] = folder
    return problems + [f'the folder of {name} is not synced after the rename' for name in waiting]


def room():
    """A folder for the worlds: in memory where that is large enough, since syncs cost there
    nothing and a kill spares it as it spares a disk's cache."""
    try:
        memory = os.statvfs('/dev/shm')
        if memory.f_bavail * memory.f_frsize >= 512 << 20 and os.access('/dev/shm', os.W_OK):
            return '/dev/shm'
    except OSError:
        pass
    return None


def clean_env():
    """The environment without any fault."""
    return {key: value for key, value in os.environ.items() if not key.startswith('UPKEEP_FAULT')}


def _words(error):
    """The exception and where it was raised, without the loop's own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f' ({pathlib.Path(frames[-1].filename).name}:{frames[-1].lineno})' if frames else ''
    return f'{type(error).__name__}: {error}{place}'


class Loop:
    """The loop over one scenario. Cases share the undisturbed run, which counts the points."""

    def __init__(self, scenario, limits=None, full=None):
        """limits hold in the plain run, full (none, if it is not given) in --full."""
        self.scenario = scenario
        self.limits = (full or Limits.none()) if tap.full() else limits or Limits()
        self._control = None
        self.seconds_a_step = 0.0

    def step(self, plan, runs=1):
        """One run with a plan, recovery and checks; never raises for what the scenario did."""
        step = Step(plan)
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f'fault-{self.scenario.name}-', dir=room()))
        root, report = folder / 'root', folder / 'report'
        root.mkdir()
        env = {**clean_env(), 'UPKEEP_FAULT': plan, 'UPKEEP_FAULT_ONLY': self.scenario.only,
               'UPKEEP_FAULT_REPORT': str(report)}
        phases = [('prepare', lambda: self.scenario.prepare(root))]
        for _ in range(runs):
            phases += [('run', lambda: self.scenario.run(root, env)),
                       ('glance', lambda: self.scenario.glance(root))]
        phases += [('recover', lambda: self.scenario.recover(root)),
                   ('glance', lambda: self.scenario.glance(root)),
                   ('check', lambda: self.scenario.check(root))]
        for phase, call in phases:
            try:
                call()
            except Exception as error:  # whatever a scenario raises is its finding
                step.problem = f'{phase}: {_words(error)}'
                break
        if step.problem:
            with contextlib.suppress(Exception):  # it is told already
                self.scenario.end()
        step.points = read_report(report)
        step.point = next((p for p in step.points if p.what != 'pass'), None)
        if step.problem and os.environ.get('UPKEEP_TEST_KEEP'):
            step.problem += f' [kept: {root}]'
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return step

    @property
    def control(self):
        """The undisturbed run."""
        if self._control is None:
            started = time.monotonic()
            self._control = self.step('count')
            self.seconds_a_step = time.monotonic() - started
        return self._control

    def stride(self):
        """The stride with which all modes should fit into the seconds."""
        # Each process counts its own: n goes as far as the one that passes the most.
        points = max(p.number for p in self.control.points)
        # A disturbed run is an undisturbed one and a recovery.
        needed = 2 * self.seconds_a_step * points * len(self.limits.modes)
        fitting = math.ceil(needed / self.limits.seconds) if needed > 0 else 1
        return max(1, min(max(self.limits.stride, fitting), points))

    def run(self, mode):
        """All steps of a mode, n rising until no process gets that far."""
        stride, steps = self.stride(), []
        n = 1 + random.Random(f'{self.limits.seed}/{mode}').randrange(stride)
        deadline = time.monotonic() + 3 * self.limits.seconds / len(self.limits.modes)
        while n <= self.limits.max_n and time.monotonic() < deadline:
            step = self.one(mode, n)
            steps.append(step)
            if not step.reached:
                break
            n += stride
        return steps

    def one(self, mode, n):
        if mode == 'kill-twice':
            return self.step(f'kill:{n}', runs=2)
        return self.step(f'{mode}:{n}')

    def table(self, steps):
        """What was hit, for people."""
        rows = [('n', 'kind', 'name', 'what', 'result')]
        for step in steps:
            number = step.plan.rpartition(':')[2]
            if step.point is not None:
                p = step.point
                rows.append((str(p.number), p.kind, p.name, p.what, step.problem or 'ok'))
            elif step.problem or step.reached:
                # The action failed by itself, so that there was no after: nothing was disturbed.
                rows.append((number, '-', '-', '-', step.problem or 'ok'))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return '\n'.join('  ' + '  '.join([*(c.ljust(w) for c, w in zip(row, widths)), row[4]])
                         for row in rows)

    def case_points(self, t):
        """The scenario succeeds when nobody disturbs it, and there is something to disturb."""
        control = self.control
        print(f'{self.scenario.name}: {len(control.points)} points')
        for p in control.points:
            print(f'  {p.number:4} {p.kind:8} {p.name}')
        if control.problem:
            t.fail(f'undisturbed: {control.problem}')
        if not control.points:
            t.fail('no fault point was passed: nothing would be tested')
        problems = power_cut_problems(control.points, self.scenario.unsynced,
                                      self.scenario.whole_syncs)
        if problems:
            t.fail('a power cut would lose it:\n' + '\n'.join(problems))

    def case_mode(self, t, mode):
        if self.control.problem or not self.control.points:
            t.fail('the undisturbed run failed')
        started = time.monotonic()
        steps = self.run(mode)
        print(f'{self.scenario.name} {mode}: {len(steps)} runs, every {self.stride()}. point, '
              f'seed {self.limits.seed}, {time.monotonic() - started:.1f} s\n{self.table(steps)}')
        if steps and steps[-1].reached:
            print(f'  (a limit ended it at n = {steps[-1].plan.rpartition(":")[2]})')
        problems = [step for step in steps if step.problem]
        if problems:
            t.fail(f'{len(problems)} of {len(steps)} runs:\n{self.table(problems)}\n'
                   f'again alone: UPKEEP_FAULT_STEP={problems[0].plan}')
        if not any(step.point for step in steps):
            t.fail('no point was disturbed')

    def declare(self):
        """Declares a TAP case for the undisturbed run and one for each mode."""
        name = f'/fault/{self.scenario.name}'
        alone = os.environ.get('UPKEEP_FAULT_STEP')
        if alone:
            tap.case(f'{name}/{alone}')(lambda t: self.case_alone(t, alone))
            return
        tap.case(f'{name}/points')(self.case_points)
        for mode in self.limits.modes:
            tap.case(f'{name}/{mode}')(lambda t, mode=mode: self.case_mode(t, mode))

    def case_alone(self, t, plan):
        mode, _, n = plan.rpartition(':')
        step = self.one(mode, int(n))
        print(self.table([step]))
        if step.problem:
            t.fail(step.problem)


def declare(scenario, limits=None, full=None):
    """Declares the cases of a scenario; tap.main() runs them with those of others."""
    Loop(scenario, limits, full).declare()


def loop(*scenarios, limits=None, full=None):
    """Runs the loop over the scenarios as the whole of a test program."""
    for scenario in scenarios:
        declare(scenario, limits, full)
    tap.main()


class Given:
    """What a case gives, for what a scenario makes; it is closed where the case would end."""

    def __init__(self, folder):
        self.dir = folder
        self._cleanups = []

    def cleanup(self, function, *args):
        self._cleanups.append((function, args))

    def fail(self, text):
        raise AssertionError(text)

    def close(self):
        for function, args in reversed(self._cleanups):
            function(*args)
        self._cleanups = []


class Program:
    """A program of ours under a scenario: started here, and ended here in any case."""

    def __init__(self, *argv, env=None, log=None):
        self.argv = [str(a) for a in argv]
        self._log = open(log, 'ab') if log else subprocess.DEVNULL
        self.process = subprocess.Popen(self.argv, env=clean_env() if env is None else env,
                                        stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        self._pidfd = os.pidfd_open(self.process.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def dead(self, seconds=0):
        """Waits at most so long for its death; whether it is dead."""
        select.select([self._pidfd], [], [], seconds)
        return self.process.poll() is not None

    def until(self, condition, seconds=30):
        """Waits until condition() is true: True, or until it is dead: False. Raises at the end of
        the time, because a program that hangs is a finding."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            if self.dead(0.02):
                return bool(condition())
        raise TimeoutError(f'{self.argv[0]} neither finished nor died in {seconds} s')

    def ended(self, seconds=30):
        """Waits for its end; its exit status, negative for a signal."""
        if not self.dead(seconds):
            raise TimeoutError(f'{self.argv[0]} did not end in {seconds} s')
        return self.process.returncode

    def stop(self, seconds=30):
        """Asks it to stop, as the system does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.ended(seconds)

    def end(self):
        """Makes sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if self._log is not subprocess.DEVNULL:
            self._log.close()
