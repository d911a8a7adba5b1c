"""Programs that run in front of the stand-in server, each on a free port and in a folder of its own."""

import contextlib
import os
import shutil
import signal
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
    """A program with a configuration made from a template; ``command`` is what the file's path is appended to."""

    def __init__(self, command, template, port, files=(), **values):
        self.port = port
        self._folder = tempfile.mkdtemp()
        self._command = [*command, os.path.join(self._folder, "configuration")]
        os.chmod(self._folder, 0o777)  # some give up root's rights
        values = {"folder": self._folder, "port": port, "certificates": CERTIFICATES, **values}
        for name, content in {"configuration": string.Template(template).substitute(values), **dict(files)}.items():
            with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Start the program, and wait until it listens."""
        with open(os.path.join(self._folder, "output"), "ab") as output:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + TIME_LIMIT
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(ConnectionError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.01)
        raise AssertionError("it does not listen: " + self.read("output") + self.read("errors"))

    def send_signal(self, number):
        """Send the program a signal."""
        self._process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """End the program by a signal."""
        self.send_signal(number)
        self._process.wait(TIME_LIMIT)

    def workers(self):
        """Return the process ids of the program's children."""
        pid = self._process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def read(self, name):
        """Return what is in a file of its folder."""
        with contextlib.suppress(FileNotFoundError), open(os.path.join(self._folder, name), encoding="utf-8") as file:
            return file.read()
        return ""

    def close(self):
        """End the program, and remove its folder."""
        if self._process.poll() is None:
            self.stop()
        shutil.rmtree(self._folder)
