"""What only some platforms have is needed on none; and interpreters within an interpreter."""

import importlib.util
import sys
import unittest

from tests.helpers import library
from tests.helpers.environments import SENDER, SENT, run_apart
from tests.helpers.servers import ScriptedServer, name_ids
from tests.helpers.waiting import side_by_side

try:
    import _testcapi
except (ImportError, OSError):  # OSError: Debian's PyPy lacks a file that it is made of
    _testcapi = None

HIDING = """
import asyncio, importlib, logging, random, subprocess, sys, tempfile  # these ask each other whether there is a fork
for dotted in sys.argv.pop().split():
    module, _, name = dotted.partition(".")
    if not name:
        sys.modules[module] = None
    elif hasattr(importlib.import_module(module), name):
        delattr(sys.modules[module], name)
"""
LARGE = """
with inngest.Inngest(app_id="test", event_key="key", event_api_base_url=url) as client:
    print(*client.send_sync([inngest.Event(name="large", data={"text": "x" * 2000000})] * 2))
"""
# What Windows, or a macOS of the past, does not have.
POSIX_ONLY = """
os.fork os.register_at_fork os.getppid os.getuid os.geteuid os.getpgid os.setsid os.uname os.sysconf os.pipe2
os.O_CLOEXEC os.O_NOFOLLOW os.sched_getaffinity os.posix_fadvise os.get_blocking os.set_blocking
select.poll select.epoll select.kqueue socket.MSG_DONTWAIT socket.MSG_NOSIGNAL
socket.SO_REUSEPORT signal.SIGPIPE signal.SIGHUP signal.SIGQUIT signal.SIGKILL signal.SIGUSR1 signal.alarm
signal.setitimer signal.pthread_kill signal.pthread_sigmask signal.siginterrupt
time.clock_gettime time.CLOCK_BOOTTIME time.tzset resource fcntl pwd grp termios
""".split()
ONE_BY_ONE = ("os.fork", "os.register_at_fork", "select.poll", "signal.SIGPIPE", "resource")

IN_SUBINTERPRETERS = """
import sys
kind, code = sys.argv[1:]
if kind == "sharing":
    import _testcapi
    for _ in range(3):
        assert _testcapi.run_in_subinterp(code) == 0
else:
    import _interpreters
    interpreters = [_interpreters.create("isolated") for _ in range(3)]
    for interpreter in interpreters:
        problem = _interpreters.exec(interpreter, code)
        assert problem is None, problem
        _interpreters.destroy(interpreter)
"""
SENDING = """
import sys
sys.path.insert(0, {root!r})
import asyncio, importlib
inngest = importlib.import_module({name!r})

async def send():
    events = [inngest.Event(name="concurrent")] * 5
    return await asyncio.gather(*[client.send(event) for event in events])

client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url={url!r})
ids = [client.send_sync(inngest.Event(name="first"))]
for _ in range({rounds}):
    ids += asyncio.run(send())
    ids += asyncio.run(send())
if {close}:
    client.close()
print(*[id for id, in ids], sep=", ", flush=True)
"""
# Before Python 3.9 asyncio now and then takes a sub-interpreter's thread for an earlier one's, whose loop still runs.
ROUNDS = 1 if sys.version_info >= (3, 9) else 0


class HiddenTest(unittest.TestCase):
    def check_sends_without(self, names):
        with ScriptedServer(then=name_ids, receive_buffer=65536) as server:
            arguments = ["-c", HIDING + SENDER + LARGE, library.ROOT, library.NAME, server.url, names]
            code, output, errors = run_apart(arguments)
        self.assertEqual((code, output[:1], output[2:], errors), (0, [SENT], ["id of large id of large"], ""))

    def test_each_alone(self):
        side_by_side(self, self.check_sends_without, {name: [name] for name in ONE_BY_ONE})

    def test_all_at_once(self):
        self.check_sends_without(" ".join(POSIX_ONLY))


class SubinterpreterTest(unittest.TestCase):
    def check_sends(self, kind, rounds=1, close=True):
        """Send from three sub-interpreters, one after the other, which share this one's GIL or are isolated."""
        with ScriptedServer(then=name_ids) as server:
            code = SENDING.format(root=library.ROOT, name=library.NAME, url=server.url, rounds=rounds, close=close)
            returncode, output, errors = run_apart(["-c", IN_SUBINTERPRETERS, kind, code], cwd=library.ROOT)
        expected = ", ".join(["id of first"] + ["id of concurrent"] * 10 * rounds)
        self.assertEqual((returncode, output, errors), (0, [expected] * 3, ""))

    def check_sends_twice(self, *cases):
        side_by_side(self, self.check_sends, {str(case): case for case in cases})

    @unittest.skipUnless(hasattr(_testcapi, "run_in_subinterp"), "needs _testcapi")
    def test_as_those_of_mod_wsgi(self):
        self.check_sends_twice(("sharing", 0), ("sharing", ROUNDS))

    @unittest.skipUnless(hasattr(_testcapi, "run_in_subinterp"), "needs _testcapi")
    def test_one_that_ends_with_the_client_still_open(self):
        self.check_sends_twice(("sharing", 0, False), ("sharing", ROUNDS, False))

    # Python 3.12.1 has them too, but corrupts its memory when one of them loads hashlib, as urllib.request does.
    @unittest.skipUnless(importlib.util.find_spec("_interpreters"), "needs Python 3.13")
    def test_one_with_a_gil_of_its_own(self):
        self.check_sends_twice(("isolated",), ("isolated", 1, False))
