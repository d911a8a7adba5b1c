"""Programs that run in front of the stand-in server, each on a free port and in a folder of its own."""

import contextlib
import os
import shutil
import socket
import string
import subprocess
import tempfile
import time

from tests.helpers.servers import CERTIFICATES

TIME_LIMIT = 20  # seconds; only what is wrong takes so long


def free_ports(count):
    """Return ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


class Gateway:
    """A program that runs in a folder of its own, with a configuration made from a template."""

    def __init__(self, command, template, port, files=(), **values):
        self.port = port
        self._folder = tempfile.mkdtemp()
        os.chmod(self._folder, 0o777)  # some give up root's rights
        values = {"folder": self._folder, "port": port, "certificates": CERTIFICATES, **values}
        for name, content in {"configuration": string.Template(template).substitute(values), **dict(files)}.items():
            with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        with open(os.path.join(self._folder, "output"), "wb") as output:
            self._process = subprocess.Popen(
                [*command, os.path.join(self._folder, "configuration")],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self):
        deadline = time.monotonic() + TIME_LIMIT
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.01)
        raise AssertionError("it does not listen: " + self.read("output") + self.read("errors"))

    def read(self, name):
        """Return what is in a file of its folder."""
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self._folder, name), encoding="utf-8") as file:
            return file.read()
        return ""

    def close(self):
        """End the program, and remove its folder."""
        self._process.terminate()
        self._process.wait(TIME_LIMIT)
        shutil.rmtree(self._folder)
