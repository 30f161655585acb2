"""The fault loop over a package's way into a distribution point, from the order to the commit: killed or
failing anywhere, the site server's next try succeeds, and nobody is served a wrong byte meanwhile."""
import atexit
import http.client
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / 'component/dp'))

import dpkit  # noqa: E402
import faultloop  # noqa: E402
import librarywalk  # noqa: E402

PACKAGE = 'PS100001'


class Given(faultloop.Given):
    """What dpkit asks of a case."""

    def equal(self, got, expected, what):
        if got != expected:
            raise AssertionError(f'{what}: got {got!r}, expected {expected!r}')


class Template:
    """A distribution point that holds version 1, made once and copied; and version 2."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='upkeep-dp-'))
        given = Given(self.folder)
        dp = dpkit.Point(given).start()
        self.site, self.root = dp.site_key, dp.root
        dp.configure()
        same = os.urandom(5000)
        self.versions = {}
        for version, files in ((1, {'same': same, 'old': b'old' * 3000}),
                               (2, {'same': same, 'new': os.urandom(150_000), 'docs/small': b'small', 'empty': b''})):
            source = self.folder / f'source{version}'
            for name, data in files.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(data)
            self.versions[version] = dpkit.Package(given, PACKAGE, version, {f'{PACKAGE}.{version}': source})
        send(dp, self.versions[1])
        dp.stop()
        self.conf = dp.conf.read_text()

    def __del__(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def send(dp, package):
    order = dpkit.Order(dp, package)
    small = [digest for digest, row in order.missing.items() if row['Size'] < 1000]
    if small:
        dp.t.equal(order.batch(small)[0], 200, 'a batch')
    for digest in small:
        del order.missing[digest]
    order.send_missing(block=60_000)
    order.commit()


def served(dp, package):
    """Raises unless what is served of the package is nothing or right, byte for byte; how much is."""
    count = 0
    for digest, (content, path) in package.files.items():
        name = os.path.relpath(path, os.fsencode(package.contents[content])).decode()
        status, _, body = dp.get(f'/SMS_DP_SMSPKG$/{content}/{name}')
        if status == 200 and dpkit.sha256(body) != digest:
            raise AssertionError(f'{name} of {content} is served with other bytes')
        count += status == 200
    return count


def whole_files(dp):
    """Raises when a file in FileLib is not what its name says; their names."""
    names = [path for path in librarywalk.files(dp.library) if '.' not in path.name]
    for path in names:
        if dpkit.file_hash(path) != path.name:
            raise AssertionError(f'{path} has other bytes')
    return {path.name for path in names}


class Sent(faultloop.Scenario):
    name = 'package-to-distribution-point-DIST-083'
    whole_syncs = ('upkeep/content',)
    unsynced = ('????/*.INI',)  # uses: the library's next start after a cut makes them anew

    def __init__(self):
        self.template, self.dp = Template(), None
        atexit.register(self.end)

    def end(self):
        """What a step that failed left running."""
        if self.dp is not None:
            self.dp.stop()

    def prepare(self, root):
        self.end()
        given = Given(root)
        self.dp = dpkit.Point(given, site=self.template.site)
        shutil.rmtree(self.dp.root)
        shutil.copytree(self.template.root, self.dp.root, symlinks=True)
        self.dp.conf.write_text(self.template.conf.replace(f'port={self.port(self.template.conf)}\n', f'port={self.dp.kept.number}\n'))

    @staticmethod
    def port(conf):
        return conf.split('port=', 1)[1].split('\n', 1)[0]

    def run(self, root, env):
        try:
            self.dp.start(**env)
            send(self.dp, self.template.versions[2])
        except (AssertionError, OSError, http.client.HTTPException):
            pass  # what a fault made of it is for recover to mend
        self.dp.stop()

    def glance(self, root):
        whole_files(self.dp)

    def recover(self, root):
        self.dp.start()
        if served(self.dp, self.template.versions[1]) != 2 and served(self.dp, self.template.versions[2]) != 4:
            raise AssertionError('neither version is whole')
        send(self.dp, self.template.versions[2])

    def check(self, root):
        if served(self.dp, self.template.versions[2]) != 4:
            raise AssertionError('the new version is not whole')
        if whole_files(self.dp) != set(self.template.versions[2].files):
            raise AssertionError('the library holds other files than the package')
        left = [path for path in (self.dp.library / 'SMS_DP$').iterdir()]
        left += list((self.dp.state / 'orders').iterdir())
        self.dp.stop()
        if left:
            raise AssertionError(f'left over: {left}')


if __name__ == '__main__':
    faultloop.loop(Sent())
