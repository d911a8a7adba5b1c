"""Runs the command many times for the start of one interpreter, which takes ten times as long as most runs.

``serve`` is a process that has loaded all of the library, and done nothing. For each run it forks a child, which takes
the arguments, the environment and the streams of the run, and goes on as the interpreter of a command does: it runs
``__main__``, and ends of itself. So each run has a process of its own, and nothing of another one.
"""

import atexit
import contextlib
import importlib
import io
import os
import pickle
import pkgutil
import select
import selectors
import signal
import subprocess
import sys
import threading

from tests.helpers import processes
from tests.helpers.library import NAME, ROOT, TIME_LIMIT, inngest, module

CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"  # where a fork of what has used the network may crash


class Forker:
    """Starts the process when it is needed; it ends with this one."""

    def __init__(self):
        self._process = None
        self._lock = threading.Lock()  # one run at a time

    def suits(self, environment):
        """Return whether a run in this environment can do with the interpreter that was started."""
        return CAN_FORK and _seen_at_start(environment) == _seen_at_start(processes.environment())

    def run(self, arguments, environment, input):
        """Run the command; return exit code, standard output, standard error."""
        with self._lock:
            if self._process is None:
                self._start()
            pickle.dump((arguments, environment, input.encode("utf-8", "surrogateescape")), self._process.stdin)
            self._process.stdin.flush()
            code, *texts = pickle.load(self._process.stdout)
        output, errors = (io.TextIOWrapper(io.BytesIO(text), "utf-8", "surrogateescape").read() for text in texts)
        return code, output, errors

    def _start(self):
        program = "from tests.helpers import forks; forks.serve()"
        pipes = {"stdin": subprocess.PIPE, "stderr": None, "encoding": None, "errors": None}
        self._process = processes.start(["-c", program], env=processes.environment(), **pipes)
        atexit.register(self._end)

    def _end(self):
        with self._process:
            self._process.stdin.close()


def _seen_at_start(environment):
    """Return what of an environment an interpreter looks at when it starts, and not later."""
    prefixes = ("PYTHON", "LC_", "LANG")
    return {name: value for name, value in environment.items() if name.startswith(prefixes)}


def serve():
    """Answer each request with what came of a run, until there are no more; return in each child when its run ends."""
    for found in pkgutil.walk_packages(inngest.__path__, f"{NAME}."):
        importlib.import_module(found.name)
    with open(os.dup(0), "rb") as requests, open(os.dup(1), "wb") as answers:
        while True:
            try:
                arguments, environment, input = pickle.load(requests)
            except EOFError:
                return
            streams = [os.pipe() for _ in range(3)]
            child = os.fork()
            if child == 0:
                break
            ours = _ends(streams, (1, 0, 0))
            pickle.dump(_finish(child, input, *ours), answers)
            answers.flush()
    for descriptor, end in enumerate(_ends(streams, (0, 1, 1))):
        os.dup2(end, descriptor)
        os.close(end)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [os.path.join(ROOT, *NAME.split("."), "__main__.py"), *map(os.fsdecode, arguments)]
    module("__main__").run()


def _ends(streams, wanted):
    """Return one end of each stream; close the other ones."""
    for stream, index in zip(streams, wanted):
        os.close(stream[1 - index])
    return [stream[index] for stream, index in zip(streams, wanted)]


def _finish(child, input, stdin, stdout, stderr):
    """Return exit code, standard output, standard error of a child. It is killed when it takes too long."""
    received = {stdout: b"", stderr: b""}
    with selectors.DefaultSelector() as selector:
        selector.register(stdin, selectors.EVENT_WRITE)
        for stream in received:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(TIME_LIMIT)
            if not ready:
                os.kill(child, signal.SIGKILL)
            for key, _ in ready:
                data = b""
                if key.fd == stdin:
                    with contextlib.suppress(BrokenPipeError):
                        input = data = input[os.write(stdin, input[: select.PIPE_BUF]) :]
                else:
                    data = os.read(key.fd, 65536)
                    received[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    status = os.waitpid(child, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return code, received[stdout], received[stderr]
