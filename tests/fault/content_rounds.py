#!/usr/bin/python3
"""Content under fire: a random action, and a random program killed at a random moment of it or disturbed
at a random point by the fault plan; it must come to its end without help within two minutes of the
lab's time after the last fault, and no distribution point may ever serve a wrong byte.

    UPKEEP_TEST_SEED=7 UPKEEP_TEST_ROUNDS=20 tests/fault/content_rounds.py
"""
import json
import os
import pathlib
import random
import shlex
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'lab'))
import contentlab  # noqa: E402
import lab  # noqa: E402
import tap  # noqa: E402
import trees  # noqa: E402

ROUNDS = int(os.environ.get('UPKEEP_TEST_ROUNDS', 200 if tap.full() else 10))
POINTS = ('DP01', 'PDP01')
VICTIMS = ('site', 'provider', 'mp', *POINTS)
RATE = 5          # the lab's clock against the wall's
LIMIT = 120       # seconds of the lab's time
DISTURBED = 0.3   # of the rounds have a fault plan in place of a kill


class Watcher(threading.Thread):
    """Downloads what is served while everything goes on: it is one of the states that were ever meant."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.stop, self.wrong, self.looks = world, threading.Event(), [], 0

    def run(self):
        while not self.stop.wait(0.3):
            for package, listings in list(self.world.meant.items()):
                # By content item, which never changes; what the package holds may become the next
                # version between two files. One more than was asked for: a command may be taken twice.
                for version in range(max(1, len(listings) - 1), len(listings) + 2):
                    for name in POINTS:
                        self.look(f'{package}.{version}', listings, name)

    def look(self, content, listings, name):
        target = self.world.t.dir / f'watch-{name}'
        try:
            contentlab.fetch(self.world.site.port(name, 'dp'), content, target)
            self.looks += 1
            if trees.listing(target) not in listings:
                self.wrong.append(f'{content} on {name}')
        except Exception:  # not there, or dying: an answer, or none, but no wrong byte
            return
        finally:
            if target.exists():
                contentlab.make_writable(target)
                shutil.rmtree(target)


class World:
    """A lab, its packages and what they should be."""

    def __init__(self, t, chosen):
        self.t, self.chosen = t, chosen
        self.site = contentlab.ContentLab(t)
        self.site.up('--dps', '1', '--pull-dps', '1')
        self.site.run('lab', 'clock', '--rate', str(RATE))
        self.maker = trees.Maker(chosen.randrange(1 << 30), large=0.05)
        self.folders, self.wanted, self.meant, self.number = {}, {}, {}, 0
        self.starting, self.planned = threading.Lock(), None

    def actions(self):
        """What can be done now: (name, function)."""
        found = [('create', self.create)] if len(self.folders) < 4 else []
        for package in self.folders:
            found += [(f'update {package}', lambda p=package: self.update(p))]
            # A pull distribution point never has a package that its only source has not.
            missing = [n for n in POINTS if n not in self.wanted[package]]
            if missing == ['PDP01'] and self.chosen.random() < 0.3:
                found.append((f'remove {package}', lambda p=package: self.remove(p)))
            if missing:
                found += [(f'distribute {package}', lambda p=package, m=missing: self.distribute(p, m))] * 2
            else:
                found += [(f'redistribute {package}', lambda p=package: self.redistribute(p)),
                          (f'remove {package}', lambda p=package: self.remove(p))]
            if len(self.folders) > 2:
                found += [(f'delete {package}', lambda p=package: self.delete(p))]
        return found

    def ask(self, *words):
        """A command until it was taken: a program that just died cannot take it, or not answer. What was
        taken twice must not hurt."""
        deadline = tap.until(60)
        while True:
            done = subprocess.run([lab.UPKEEP, *map(str, words)], env=self.site.env, capture_output=True, text=True)
            said = done.stdout + done.stderr  # an error is in the one with --json, in the other without
            if done.returncode == 0 or any(text in said for text in ('is not there', 'no package', 'is named')):
                return done.stdout
            if time.monotonic() > deadline:
                self.t.fail(f'{words} is not taken: {said}')
            self.start()

    def create(self):
        self.number += 1
        folder = self.t.dir / f'source{self.number}'
        self.maker.make(folder, 40)
        name = f'p{self.number}'
        self.ask('package', 'create', name, '--source', folder, '--json')
        rows = json.loads(self.ask('package', 'list', '--json'))
        package = next(row['PackageID'] for row in rows if row['Name'] == name)
        self.folders[package], self.wanted[package] = folder, set()
        self.meant[package] = [trees.listing(folder)]

    def update(self, package):
        self.maker.change(self.folders[package], 6)
        self.meant[package].append(trees.listing(self.folders[package]))
        self.ask('package', 'update', package)

    def distribute(self, package, names):
        self.ask('package', 'distribute', package, '--dp', ','.join(names))
        self.wanted[package] |= set(names)

    def redistribute(self, package):
        self.ask('package', 'redistribute', package, '--dp', self.chosen.choice(POINTS))

    def remove(self, package):
        name = max(self.wanted[package])
        self.ask('package', 'remove-content', package, '--dp', name)
        self.wanted[package].discard(name)

    def delete(self, package):
        del self.meant[package]
        self.ask('package', 'delete', package)
        del self.folders[package], self.wanted[package]

    def start(self, victim=None, plan=''):
        """What is not running is started; before, a victim is killed whose next starts are with the plan."""
        with self.starting:  # the command that waits for it starts programs too
            if victim:
                self.kill(victim)
                self.plan(victim, plan)
            self.site.run('lab', 'up', status=None)

    def end_plan(self):
        """The last fault is over: all programs run as they are."""
        self.start(self.planned)

    def kill(self, victim):
        try:
            self.site.kill(victim)
        except (AssertionError, ProcessLookupError, KeyError):
            pass  # it had died of its plan

    def plan(self, victim, plan):
        """The victim's next start is with this fault plan; '' is without one."""
        self.planned = victim if plan else None
        folder = self.t.dir / 'programs'
        shutil.rmtree(folder, ignore_errors=True)
        self.site.stand_in()
        role = 'dp' if victim in POINTS else victim
        if plan:
            program = folder / f'upkeep-{role}'
            program.unlink()
            program.write_text(f'#!/bin/sh\nexec env UPKEEP_FAULT={shlex.quote(plan)} {lab.role_program(role)} "$@"\n')
            program.chmod(0o755)

    def is_done(self):
        points = {(row[0], row[1]) for row in self.site.query(
            'SELECT o.PkgID, o.ServerName FROM vUPK_PackageOnDP o WHERE o.State = 0')}
        wanted = {(package, name) for package, names in self.wanted.items() for name in names}
        have = {(package, server.split('.')[0].upper()) for package, server in points}
        rows = {row[0] for row in self.site.query('SELECT PkgID FROM SMSPackages_G')}
        busy = self.site.query('SELECT COUNT(*) FROM SMSPackages_L WHERE Action <> 0')[0][0]
        jobs = self.site.query('SELECT COUNT(*) FROM DistributionJobs')[0][0]
        others = self.site.query('SELECT COUNT(*) FROM vUPK_PackageOnDP WHERE State <> 0')[0][0]
        return have == wanted and rows == set(self.folders) and busy == jobs == others == 0

    def tails(self):
        """The end of the logs that tell where it stopped."""
        logs = [self.site.path('var/log/upkeep', name) for name in ('DistMgr.log', 'PkgXferMgr.log', 'StateSys.log')]
        logs += [self.site.dp_path('PDP01', 'var/log/upkeep', name) for name in ('SMSDPProv.log', 'PullDP.log')]
        return '\n'.join(f'{log.name}: {line[:300]}' for log in logs if log.exists()
                         for line in log.read_text(errors='replace').splitlines()[-8:])

    def check(self, said):
        """It comes to its end in time, and then everything is as it should be."""
        started = time.monotonic()
        if not contentlab.until(self.is_done, LIMIT / RATE):
            rows = self.site.query('SELECT PkgID, ServerName, State, JobState, JobError, ErrorText, ReStartTime, Cause '
                                   'FROM vUPK_PackageOnDP WHERE State <> 0')
            self.t.fail(f'{said}: after {LIMIT} s of the lab\'s time it is not done: {rows}; packages '
                        f'{self.site.query("SELECT PkgID, Action, Cause FROM SMSPackages_L")}\n{self.tails()}')
        for package, names in self.wanted.items():
            self.site.equal(package, self.folders[package], *sorted(names))
        for name in POINTS:
            contentlab.check_library(self.site.library(name), {p: f for p, f in self.folders.items()
                                                               if name in self.wanted[p]}, {})
        return (time.monotonic() - started) * RATE


def strike(world):
    """A program dies now, or is started again with a plan; what it was, for messages."""
    victim = world.chosen.choice(VICTIMS)
    plan = ''
    if world.chosen.random() < DISTURBED:
        mode = world.chosen.choice(('fail', 'kill', 'killafter'))
        plan = f'{mode}:{world.chosen.randrange(1, 150)}'
    world.start(victim, plan)
    return f'{victim} {plan or "killed"}'


class Worker(threading.Thread):
    """The command, beside what disturbs it; what it raised is the round's."""

    def __init__(self, action):
        super().__init__(daemon=True)
        self.action, self.problem = action, None

    def run(self):
        try:
            self.action()
        except Exception as problem:  # told by whoever waits for it
            self.problem = problem


def one_round(world, number):
    name, action = world.chosen.choice(world.actions())
    worker = Worker(action)
    worker.start()
    time.sleep(world.chosen.uniform(0, 0.8))
    said = f'round {number}: {name}, {strike(world)}'
    time.sleep(world.chosen.uniform(0, 1.0))
    # A plan may let no command through at all; what was asked for goes on when it is over.
    worker.join(20)
    world.end_plan()
    worker.join(tap.patience(70))
    if worker.is_alive():
        world.t.fail(f'{said}: the command does not come to its end')
    if worker.problem:
        world.t.fail(f'{said}: {worker.problem}')
    took = world.check(said)
    print(f'# {said}: {took:.0f} s of the lab', flush=True)


@tap.case('/fault/content/any-program-killed-or-disturbed-at-any-moment-DIST-082-DIST-107-DIST-112')
def rounds(t):
    seed = int(os.environ.get('UPKEEP_TEST_SEED', random.SystemRandom().randrange(1 << 32)))
    print(f'# UPKEEP_TEST_SEED={seed} repeats it')
    world = World(t, random.Random(seed))
    watcher = Watcher(world)
    watcher.start()
    for number in range(ROUNDS):
        one_round(world, number)
        if watcher.wrong:
            t.fail(f'seed {seed}: wrong bytes were served: {watcher.wrong}')
    watcher.stop.set()
    watcher.join()
    print(f'# {watcher.looks} downloads meanwhile')
    t.equal(watcher.looks > 0, True, 'downloads meanwhile')


tap.main()
