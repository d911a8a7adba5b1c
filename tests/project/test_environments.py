"""Zipped, locked down, stripped and short of everything: wherever a Python runs, an event can be sent."""

import os
import shutil
import stat
import sys
import tempfile
import unittest
import zipapp
import zipfile

from tests.helpers import library
from tests.helpers.environments import PACKAGE, SENDER, SENT, copy_library, counts_references, run_apart
from tests.helpers.servers import ScriptedServer, name_ids
from tests.helpers.waiting import side_by_side

try:
    import resource
except ImportError:  # Windows
    resource = None

HIDING = """
import sys
hidden = set(sys.argv.pop().split())

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in [name for name in sys.modules if name.partition(".")[0] in hidden]:
    del sys.modules[name]
sys.meta_path.insert(0, Hider())
"""
SENDING_SYNC = """
import importlib, sys
place, name, url = sys.argv[1:]
sys.path.insert(0, place)
inngest = importlib.import_module(name)
with inngest.Inngest(app_id="test", event_key="key", event_api_base_url=url) as client:
    print(*client.send_sync(inngest.Event(name="first")))
"""
HTTPS = """
try:
    inngest.Inngest(app_id="test", event_key="key")
except inngest.Error as error:
    print(error)
"""
SENDING_MUCH = """
import asyncio, importlib, os, resource, sys, threading
name, url, limit, amount = sys.argv[1:]
limit, amount = getattr(resource, limit), int(amount)
if limit == resource.RLIMIT_AS:
    with open("/proc/self/statm") as pages:
        amount += int(pages.read().split()[0]) * resource.getpagesize()
resource.setrlimit(limit, (amount, amount))
inngest = importlib.import_module(name)

def client(**options):
    return inngest.Inngest(app_id="test", event_key="key", event_api_base_url=url, **options)

async def burst(client):
    events = [inngest.Event(name=str(number)) for number in range(200)]
    return await asyncio.gather(*[client.send(event) for event in events])

expected = [[f"id of {number}"] for number in range(200)]
threading.stack_size(8 * 1024 * 1024)  # of address space for each thread, whatever the limit of the shell is
with client(max_concurrency=4) as frugal:
    assert asyncio.run(burst(frugal)) == expected
    large = [inngest.Event(name="large", data={"text": "x" * 2500000})] * 3
    assert len(frugal.send_sync(large)) == 3
    assert len(frugal.send_sync(inngest.Event(name="many") for _ in range(10000))) == 10000
with client() as lavish:
    assert asyncio.run(burst(lavish)) == expected
    open(os.devnull).close()  # there is some left
    print(*lavish.send_sync(inngest.Event(name="last")))
"""


class PlacesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def check_sends(self, place, *options, **further):
        """Send with the library that is found in ``place``."""
        with ScriptedServer(then=name_ids) as server:
            arguments = [*options, "-c", SENDER, place, library.NAME, server.url]
            code, output, errors = run_apart(arguments, **further)
        self.assertEqual((code, output[:1], errors), (0, [SENT], ""))
        self.assertTrue(output[1].startswith(place), output)

    def archive(self, **options):
        """Return the path of a zipapp of the library."""
        copy_library(os.path.join(self.folder, "app"))
        target = os.path.join(self.folder, "app.pyz")
        zipapp.create_archive(os.path.join(self.folder, "app"), target, **options)
        return target

    def test_without_what_a_program_does_not_need(self):
        place = copy_library(self.folder)
        shutil.rmtree(os.path.join(place, "cli"))
        shutil.rmtree(os.path.join(place, "testing"))
        os.remove(os.path.join(place, "__main__.py"))
        self.check_sends(self.folder)

    def test_from_a_zip(self):
        place = os.path.join(self.folder, "library.zip")
        copy_library(os.path.join(self.folder, "files"))
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for folder, _, files in os.walk(os.path.join(self.folder, "files")):
                for file in files:
                    path = os.path.join(folder, file)
                    archive.write(path, os.path.relpath(path, os.path.join(self.folder, "files")))
        self.check_sends(place)

    def test_from_a_zipapp_that_is_put_on_the_path(self):
        self.check_sends(self.archive(main=library.NAME + ".__main__:run"))

    def test_as_a_zipapp(self):
        archive = self.archive(main=library.NAME + ".__main__:run")
        code, output, errors = run_apart([archive, "send", "app/user.created", "--local"], cwd=self.folder)
        self.assertEqual((code, len(output)), (0, 1), errors)
        self.assertIn("app/user.created", errors)

    def test_a_zipapp_says_with_its_exit_code_what_became_of_the_event(self):
        archive = self.archive(main=library.NAME + ".__main__:run")
        code, output, errors = run_apart([archive, "send", ""], cwd=self.folder)
        self.assertEqual((code, output, len(errors.splitlines())), (2, [], 1))

    def test_from_a_folder_that_cannot_be_written_to(self):
        copy_library(self.folder)
        before = []
        for folder, _, files in os.walk(self.folder):
            before += [os.path.join(folder, file) for file in files]
            for path in [os.path.join(folder, file) for file in files] + [folder]:
                os.chmod(path, os.stat(path).st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        try:
            # To root such a folder is none: that nothing tries to write there is seen by what it holds afterwards.
            self.check_sends(self.folder, "-B")
            after = [os.path.join(folder, file) for folder, _, files in os.walk(self.folder) for file in files]
        finally:
            for folder, _, _ in os.walk(self.folder):
                os.chmod(folder, stat.S_IRWXU)
        self.assertEqual(after, before)

    def test_in_an_interpreter_that_is_cut_down(self):
        copy_library(self.folder)
        cases = {option: [self.folder, option] for option in ("-I", "-S", "-E", "-B", "-OO")}
        cases["all of them"] = [self.folder, "-I", "-S", "-B", "-OO"]
        side_by_side(self, self.check_sends, cases)

    def test_in_an_empty_environment(self):
        copy_library(self.folder)
        self.check_sends(self.folder, env={}, cwd=self.folder)

    @unittest.skipUnless(hasattr(os, "setreuid") and os.path.exists("/etc/passwd"), "needs users")
    def test_as_a_user_without_a_home(self):
        copy_library(self.folder)
        become = ""
        if os.getuid() == 0:  # a user whom nobody knows, who may still read what root may
            become = "import os; os.setreuid(54321, 0); assert os.path.expanduser('~') == '~'\n"
        with ScriptedServer(then=name_ids) as server:
            arguments = ["-c", become + SENDER, self.folder, library.NAME, server.url]
            code, output, errors = run_apart(arguments, env={"PATH": os.environ["PATH"]})
        self.assertEqual((code, output[:1], errors), (0, [SENT], ""))


class WithoutTest(unittest.TestCase):
    """Modules that a small build of Python does not have."""

    OPTIONAL = "_multiprocessing multiprocessing _posixshmem _ctypes ctypes _uuid _sqlite3 sqlite3 _bz2 _lzma zlib"
    OPTIONAL += " readline curses _curses tkinter pwd grp fcntl termios resource syslog _decimal"
    if sys.implementation.name == "cpython":  # PyPy's hashlib warns of what it does without
        OPTIONAL += " _hashlib"

    def check_sends(self, program, hidden, expected):
        place = PACKAGE
        for _ in library.NAME.split("."):
            place = os.path.dirname(place)
        with ScriptedServer(then=name_ids) as server:
            arguments = ["-c", HIDING + program, place, library.NAME, server.url, hidden]
            code, output, errors = run_apart(arguments)
        self.assertEqual((code, output[: len(expected)], errors), (0, expected, ""))

    def test_multiprocessing(self):
        self.check_sends(SENDER, "_multiprocessing", [SENT])

    def test_everything_that_a_build_may_leave_out(self):
        self.check_sends(SENDER, self.OPTIONAL, [SENT])

    def test_asyncio(self):
        self.check_sends(SENDING_SYNC, "asyncio _asyncio", ["id of first"])

    def test_ssl(self):
        missing = "https needs the ssl module, which this Python was built without"
        cases = {"http": [SENDER, "ssl _ssl", [SENT]]}
        cases["https"] = [SENDING_SYNC + HTTPS, "ssl _ssl", ["id of first", missing]]
        side_by_side(self, self.check_sends, cases)

    def test_asyncio_ssl_and_everything_else_at_once(self):
        self.check_sends(SENDING_SYNC, "asyncio _asyncio ssl _ssl " + self.OPTIONAL, ["id of first"])


@unittest.skipUnless(resource and os.path.exists("/proc/self/statm"), "needs limits, and /proc to measure memory")
class LimitsTest(unittest.TestCase):
    def check_sends_much(self, limit, amount):
        with ScriptedServer(then=name_ids) as server:
            arguments = ["-c", SENDING_MUCH, library.NAME, server.url, limit, str(amount)]
            code, output, errors = run_apart(arguments, cwd=library.ROOT)
        self.assertEqual((code, output, errors), (0, ["id of last"], ""))

    def test_with_64_file_descriptors(self):
        self.check_sends_much("RLIMIT_NOFILE", 64)

    @counts_references
    def test_with_128_mb_of_address_space_to_spare(self):
        self.check_sends_much("RLIMIT_AS", 128 * 1024 * 1024)
