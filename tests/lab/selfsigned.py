"""selfsigned.py - keys for tests, made by openssl, with a certificate that they signed themselves.

    key, cert = selfsigned.write(t.dir, 'PS1')   # paths of PS1.key and PS1.crt

A program makes one key for a name: that takes long, and most cases want one, whichever it is. Who is to be told
from another has another name.
"""
import functools
import pathlib
import subprocess
import tempfile


@functools.cache
def _pair(name):
    with tempfile.TemporaryDirectory() as folder:
        key, cert = pathlib.Path(folder, 'key'), pathlib.Path(folder, 'cert')
        done = subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', f'/CN={name}',
                               '-days', '9', '-keyout', key, '-out', cert], capture_output=True)
        if done.returncode != 0:
            raise AssertionError(f'openssl req: {done.stderr.decode()}')
        return key.read_bytes(), cert.read_bytes()


def write(folder, name):
    """The key and the certificate of a name as files in the folder."""
    paths = folder / f'{name}.key', folder / f'{name}.crt'
    for path, text in zip(paths, _pair(name)):
        path.write_bytes(text)
    return paths
