"""namespace.py - a test begins anew in a name space of its own, where it may mount.

    WHY_NOT = namespace.enter()      # first of all; None, or the reason to skip with
"""
import os
import shutil
import subprocess
import sys

MARK = 'UPKEEP_TEST_NAMESPACE'


def enter():
    """Starts this program again in a name space of its own; where that is not permitted, the reason."""
    if os.environ.get(MARK):
        return None
    if not shutil.which('unshare'):
        return 'there is no program unshare'
    done = subprocess.run(['unshare', '-Urm', 'true'], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip() or 'unshare is not permitted'
    os.environ[MARK] = '1'
    os.execvp('unshare', ['unshare', '-Urm', sys.executable, *sys.argv])
