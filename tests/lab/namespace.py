"""namespace.py - a test begins anew in a name space of its own, where it may mount.

    WHY_NOT = namespace.enter()      # first of all; None, or the reason to skip with
    WHY_NOT = namespace.enter(network=True)    # with a loopback that nobody else uses
"""
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

MARK = 'UPKEEP_TEST_NAMESPACE'
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sH22x', b'lo', IFF_UP))


def enter(network=False):
    """Starts this program again in a name space of its own; where that is not permitted, the reason."""
    if os.environ.get(MARK):
        if network:
            loopback_up()
        return None
    if not shutil.which('unshare'):
        return 'there is no program unshare'
    kinds = '-Urmn' if network else '-Urm'
    done = subprocess.run(['unshare', kinds, 'true'], capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip() or 'unshare is not permitted'
    os.environ[MARK] = '1'
    os.execvp('unshare', ['unshare', kinds, sys.executable, *sys.argv])
