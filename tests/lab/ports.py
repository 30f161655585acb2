"""ports - a port of its own for a program that a test starts again. One that the system chose could be given to
anybody's connection while the program is down."""
import pathlib
import random
import socket

LOWEST = 20_000  # below are those of labs


class Kept:
    """number is a port of 127.0.0.1 below those that the system gives away, which no other test takes as long as this
    object lives."""

    def __init__(self):
        end = int(pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
        for self.number in random.sample(range(LOWEST, end), 100):
            self._sign = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self._sign.bind(f'\0upkeep-test-port-{self.number}')
                with socket.socket() as trial:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    trial.bind(('127.0.0.1', self.number))
                return
            except OSError:
                self._sign.close()
        raise OSError('of 100 ports none is free')
