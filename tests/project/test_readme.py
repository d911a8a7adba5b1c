"""The three READMEs: every code block is run, what they name is there, every link leads somewhere."""

import contextlib
import importlib.util
import inspect
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request
import zipfile
from unittest import mock

from tests.helpers.library import NAME, ROOT, inngest, module
from tests.helpers.readme_blocks import (
    Rule,
    Stage,
    copy_project,
    cron,
    pytest_file,
    python,
    rule_for,
    shell,
    unittest_file,
    until_interrupted,
)
from tests.helpers.readme_text import LITERAL, Block, Readme, anchors, links, literals

testing = module("testing")

MAIN, OPERATORS, CONTRIBUTORS = "README.rst", "cli/README.rst", "tests/README.rst"
PATHS = {
    MAIN: os.path.join(ROOT, "README.rst"),
    OPERATORS: os.path.join(os.path.dirname(inngest.__file__), "cli", "README.rst"),
    CONTRIBUTORS: os.path.join(ROOT, "tests", "README.rst"),
}
THE_TWO_COMMANDS = """\
python3 -m inngest_send send app/user.created --data '{"msg": "Hello!"}' --local
python3 -m unittest
"""


ID = "[0-9A-Z]{26}\n"
ANYTHING = r"[\s\S]*"
ORDERS = {"orders.ndjson": '{"name": "order", "data": {"total": 19.99}}\n'}
LEFT = {"left.ndjson": '{"name": "order", "id": "7"}\n'}


FRAMEWORKS = "FastAPI, Django, Celery"
FILES = "Files of events"
EXPORTS = "Rows, CSV, and databases"
EXPORTED = {
    "orders.ndjson": '{"order_id": 7, "created_at": "2026-08-31T12:00:00Z"}\n',
    "orders.csv": "order_id,created_at\n8,2026-08-31 14:00:00.5+02\n",
    "export.json": '{\n "orders": [\n  {\n   "order_id": 7\n  }\n ]\n}\n',
}
PRINTED = '{{"order_id": 7, "note": "a \\"b\\"", "total": null, "created_at": {}}}'


def own_name(run):
    """Return ``run``, skipped where the package under test has another name than the README's."""

    def run_or_skip(stage, block):
        if NAME != "inngest_send":
            raise unittest.SkipTest("the README's block names the folder of the package, which here is another")
        run(stage, block)

    return run_or_skip


@own_name
def copied(stage, block):
    program = os.environ["PROGRAM"] = os.path.join(stage.folder, "my_program")
    os.mkdir(program)
    shell()(stage, block)
    subprocess.run([sys.executable, "-c", "import events; events.Inngest"], cwd=program, check=True)


@own_name
def zipped(stage, block):
    os.makedirs(os.path.join(stage.folder, "inngest_send", "http", "__pycache__"))
    for _ in range(2):
        shell(output=ID)(stage, block)
    with zipfile.ZipFile(os.path.join(stage.folder, "inngest_send.pyz")) as archive:
        names = archive.namelist()
    if any("__pycache__" in name for name in names) or "app/" in names:
        raise AssertionError(f"{block.file}:{block.line}: it packs {names}")


@own_name
def packed(stage, block):
    """Run the block that packs a Lambda function; it must work unpacked, and be as large as the README says."""
    if shutil.which("zip") is None:
        raise unittest.SkipTest("there is no zip on this machine: the README's example was not run")
    text = read(MAIN).sections["AWS Lambda"]
    small, unpacked = (int(size) for size in re.search(r"some (\d+) KB, (\d+) KB unpacked", text).groups())
    stage.write({"lambda_function.py": "import inngest_send\n\nclient = inngest_send.Inngest(app_id='my_app')\n"})
    shell()(stage, block)
    path = os.path.join(stage.folder, "function.zip")
    with zipfile.ZipFile(path) as archive:
        found = os.path.getsize(path) / 1000, sum(file.file_size for file in archive.infolist()) / 1000
    if not all(0.8 * said < size < 1.2 * said for size, said in zip(found, (small, unpacked))):
        raise AssertionError(f"{block.file}:{block.line}: sizes: expected {small} and {unpacked} KB, got {found}")
    program = "import sys; sys.path.insert(0, 'function.zip'); import lambda_function"
    subprocess.run([sys.executable, "-c", program], cwd=stage.folder, check=True)


@own_name
def nightly(stage, block):
    os.environ["HOME"] = stage.folder  # where the zipapp lies that the README made above
    os.mkdir(os.path.join(stage.folder, "export"))
    stage.write({"export/orders.ndjson": ORDERS["orders.ndjson"], ".inngest_key": "key\n"})
    left = json.dumps({"name": "order", "id": "left"})
    stage.write({"export/left.ndjson": f"{left}\n", "export/ids.txt": "of yesterday\n"})
    cron()(stage, block)
    with open(os.path.join(stage.folder, "export", "ids.txt")) as file:
        if not re.fullmatch(f"of yesterday\n{2 * ID}", file.read()):
            raise AssertionError(f"{block.file}:{block.line}: ids.txt")


@own_name
def at_night(stage, block):
    os.environ["HOME"] = stage.folder  # as above
    stage.write({".key": "key\n"})
    cron()(stage, block)


def busy(stage):
    """Let every attempt of the next call fail."""
    stage.server.fail_next(status=503, times=5)


def send_one(stage):
    stage.names["client"].send_sync(inngest.Event(name="one"))


def with_program(name, run):
    """Return ``run``, skipped where there is no such program."""

    def run_or_skip(stage, block):
        if shutil.which(name) is None:
            raise unittest.SkipTest(f"there is no {name} on this machine: the README's commands with it were not run")
        run(stage, block)

    return run_or_skip


def with_package(name, run):
    """Return ``run``, skipped where there is no such package."""

    def run_or_skip(stage, block):
        if importlib.util.find_spec(name) is None:
            raise unittest.SkipTest(f"{sys.executable} has no {name}: the README's example was not run")
        run(stage, block)

    return run_or_skip


def call_api(stage):
    """Send a request to the example, and to one that leaves the sending to a background task."""
    from fastapi import BackgroundTasks
    from fastapi.testclient import TestClient

    app, client = stage.names["app"], stage.names["client"]

    @app.post("/later")
    def later(background: BackgroundTasks):
        background.add_task(client.send_sync, inngest.Event("shop/order.placed"))

    with TestClient(app) as caller:
        answer = caller.post("/orders/7")
        if len(answer.json()) != 1 or caller.post("/later").status_code != 200:
            raise AssertionError(answer.text)


def celery_app(stage):
    import celery

    app = celery.Celery("shop", broker="memory://", set_as_current=True)
    app.conf.task_always_eager = True
    stage.names["shared_task"] = celery.shared_task


def call_task(stage):
    """Let the first try fail, and the second one succeed."""
    stage.server.fail_next(status=400)
    stage.names["announce"].apply(args=[7]).get()


def exported(name, row):
    """Return a way to run a block with a database's program, in whose place a script prints what that one did."""

    def run(stage, block):
        write_program(stage, name, f"#!/bin/sh\ncat <<'END'\n{row}\nEND\n")
        shell(output=ID)(stage, block)

    return run


def queried(stage, block):
    """Run the block with a ``sqlite3`` that is Python's, where that has one."""
    if importlib.util.find_spec("_sqlite3") is None:
        raise unittest.SkipTest(f"{sys.executable} has no sqlite3: the README's example was not run")
    import sqlite3

    with contextlib.closing(sqlite3.connect(os.path.join(stage.folder, "shop.db"))) as database, database:
        try:
            database.execute("select json_object()")
        except sqlite3.OperationalError as err:
            raise unittest.SkipTest(f"SQLite without JSON: {err}") from None
        database.execute("create table orders (order_id, note, total, created_at)")
        values = (7, 'a "b"\n\U0001f600', None, "2026-08-31 12:00:00")
        database.execute("insert into orders values (?, ?, ?, ?)", values)
    program = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[2]).execute(sys.argv[3]).fetchone())"
    write_program(stage, "sqlite3", f"#!/bin/sh\nexec python3 -X utf8 -c '{program}' \"$@\"\n")
    shell(output=ID)(stage, block)


def write_program(stage, name, text):
    path = os.path.join(stage.folder, ".bin", name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o755)


RULES = {  # of each README, for each block: how it is run, and the names of the events that must arrive from it
    MAIN: [
        Rule(
            "inngest_send",
            "python3 -m inngest_send send",
            shell(output=ID, without="python3 -m unittest"),  # that line runs this test
            arrive=[],  # at this server; --local has one of its own
        ),
        Rule("Send", "import inngest_send", python(), arrive=["app/user.created", "a", "b"]),
        Rule("Send", "try:", python(before=busy), arrive=[]),
        Rule("Install, vendor, upgrade", "cp -r", copied, arrive=[]),
        Rule("Install, vendor, upgrade", "rm -rf app", zipped, arrive=[]),
        Rule("AWS Lambda", "zip", packed, arrive=[]),
        Rule("AWS Lambda", "from datetime", python(), arrive=["shop/order.placed"]),
        Rule(
            FRAMEWORKS,
            "from fastapi",
            with_package("fastapi", python(then=call_api)),
            arrive=3 * ["shop/order.placed"],
        ),
        Rule(
            FRAMEWORKS,
            "@shared_task",
            with_package("celery", python(before=celery_app, then=call_task)),
            arrive=["shop/order.placed"],
        ),
        Rule("Cron", "0 3 * * *", at_night, arrive=["app/night"]),
        Rule("Middleware", "class Stamp", python(then=send_one), arrive=["one"]),
        Rule("Testing", "import pytest", pytest_file, arrive=[]),
    ],
    OPERATORS: [
        Rule("The command line", "rm -rf app", zipped, arrive=[]),
        Rule("One event", "for user", with_program("jq", shell(output=2 * ID)), arrive=2 * ["app/user.created"]),
        Rule(FILES, "python3 -m inngest_send send --file orders", shell(output=ID, files=ORDERS), arrive=["order"]),
        Rule(FILES, "python3 -m inngest_send send --file left", shell(output=ID, files=LEFT), arrive=["order"]),
        Rule("Every night", "0 3 * * *", nightly, arrive=2 * ["order"]),
        Rule(EXPORTS, "python3 -m", shell(output=2 * ID, files=EXPORTED), arrive=2 * ["shop/order"]),
        Rule(EXPORTS, "psql", exported("psql", PRINTED.format('"2026-08-31T12:00:00+00:00"')), arrive=["shop/order"]),
        Rule(EXPORTS, "mariadb", exported("mariadb", PRINTED.format(1788177600000)), arrive=["shop/order"]),
        Rule(EXPORTS, "sqlite3", queried, arrive=["shop/order"]),
        Rule(EXPORTS, "jq", with_program("jq", shell(output=ID, files=EXPORTED)), arrive=["shop/order"]),
    ],
    CONTRIBUTORS: [Rule("Running the tests", "python3 -m tests.faults", shell(output=ANYTHING), arrive=[])],
}


def read(name):
    with open(PATHS[name], encoding="utf-8") as file:
        return Readme(file.read(), name)


class BlocksTest(unittest.TestCase):
    def check_every_block_runs(self, name):
        with tempfile.TemporaryDirectory() as folder:
            copy_project(folder)
            for _, blocks in itertools.groupby(read(name).blocks, key=lambda block: block.section):
                with Stage(folder) as stage:
                    for block in blocks:
                        with self.subTest(f"{name}:{block.line}"):
                            stage.run(block, rule_for(block, RULES[name]))

    def test_every_block_for_users_runs(self):
        self.check_every_block_runs(MAIN)

    def test_every_block_for_operators_runs(self):
        self.check_every_block_runs(OPERATORS)

    def test_every_block_for_contributors_runs(self):
        self.check_every_block_runs(CONTRIBUTORS)

    def test_every_rule_has_a_block(self):
        for name, rules in RULES.items():
            used = [rule_for(block, rules) for block in read(name).blocks]
            self.assertEqual([rule[:2] for rule in rules if rule not in used], [])

    def test_the_first_thing_to_try_is_the_two_commands(self):
        block = read(MAIN).blocks[0]
        self.assertEqual((block.language, block.text), (LITERAL, THE_TWO_COMMANDS))


class NamesTest(unittest.TestCase):
    def setUp(self):
        self.readme = read(MAIN)

    def table(self, name):
        """Return the rows of the table whose first column has this name, by what stands there."""
        (table,) = [table for table in self.readme.tables if table.header[0] == name]
        return {name: row for row in table.rows for name in literals(row[0])}

    def test_a_table_of_names_is_compared_with_the_library(self):
        known = {"argument", "error"}  # by the tests below; the others are no lists of names
        tables = [table.header[0] for table in self.readme.tables if any(literals(row[0]) for row in table.rows)]
        self.assertEqual(set(tables), known)

    def test_every_argument_of_the_client_is_in_the_table_with_its_default(self):
        (unused,) = re.findall(r"\. ([^.]+) serve the SDK only\.", self.readme.sections["Configuration"])
        parameters = dict(inspect.signature(inngest.Inngest).parameters)
        for name in literals(unused):
            self.assertIsNone(parameters.pop(name).default)
        rows = self.table("argument")
        self.assertEqual(sorted(rows), sorted(parameters))
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty:
                self.assertEqual(rows[name][2], "must be given")
            elif parameter.default is not None:
                self.assertRegex(rows[name][2], rf"^{parameter.default}\b")

    def test_every_variable_that_the_client_reads_is_in_the_table(self):
        (table,) = [table for table in self.readme.tables if table.header[0] == "argument"]
        documented = {name for row in table.rows for name in literals(row[1]) if name.isupper()}
        environ = mock.MagicMock(wraps=dict(os.environ))
        with mock.patch("os.environ", environ):
            inngest.Inngest(app_id="my_app").close()
        read = {call[0][0] for call in environ.get.call_args_list}
        read_by_client = read - {"SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR"}  # which the ssl module reads
        read_by_others = {"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}  # ssl and urllib
        self.assertEqual(documented, read_by_client | read_by_others)

    def test_every_error_is_in_the_table(self):
        public = [getattr(inngest, name) for name in inngest.__all__ if name != "Error"]
        errors = [value.__name__ for value in public if isinstance(value, type) and issubclass(value, inngest.Error)]
        self.assertEqual(sorted(self.table("error")), sorted(errors))

    def test_every_attribute_of_a_send_events_error_is_explained(self):
        self.assertLessEqual(set(vars(inngest.SendEventsError(""))), set(literals(self.readme.sections["Errors"])))

    def test_what_the_server_for_tests_is_said_to_have_it_has(self):
        with testing.EventServer() as server:
            with inngest.Inngest(app_id="my_app", is_production=False, event_api_base_url=server.url) as client:
                client.send_sync(inngest.Event(name="a"))
            urllib.request.urlopen(f"{server.url}wrong", b"{}", timeout=10).close()
            owners = [server, server.events[0], server.refusals[0], server.requests[0], testing]
        for literal in literals(self.readme.sections["Testing"]):
            fault = re.fullmatch(r'"(\w+)"', literal)
            thing = re.fullmatch(r"(?:inngest_send\.testing\.)?([A-Za-z]\w*)(?:\((.*)\))?", literal)
            with self.subTest(literal):
                if fault:
                    self.assertIn(fault.group(1), testing.FAULTS)
                elif thing:
                    name, arguments = thing.groups()
                    found = [getattr(owner, name) for owner in owners if hasattr(owner, name)]
                    self.assertTrue(found)
                    for argument in re.findall(r"(?:^|, )(\w+)", arguments or ""):
                        self.assertIn(argument, inspect.signature(found[0]).parameters)

    def test_every_option_of_the_command_line_is_in_its_help(self):
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            for command in ("send", "serve"):
                self.assertRaises(SystemExit, module("cli").main, [command, "--help"])
        options = set(re.findall(r"--[a-z][a-z-]*", " ".join(literals(read(OPERATORS).prose))))
        self.assertLessEqual(options, set(re.findall(r"--[a-z][a-z-]*", text.getvalue())))


class LimitsTest(unittest.TestCase):
    """How long a call can take."""

    def seconds(self, retry_after):
        """Return how long the attempts of a call and the waits between them can take, with the defaults."""
        retry = module("retry")
        parameters = inspect.signature(inngest.Inngest).parameters
        attempts = parameters["max_attempts"].default
        waits = [retry.retry_delay(attempt, retry_after, lambda: 1.0) for attempt in range(1, attempts)]
        return attempts * module("config").DEFAULT_REQUEST_TIMEOUT + sum(waits)

    def test_the_longest_call_is_as_long_as_it_says(self):
        text = " ".join(read(MAIN).sections["Retries and time limits"].split())
        usual, longest = re.search(r"at most (\d+) s: five attempts.* can make it (\d+) s", text).groups()
        self.assertEqual(int(usual), round(self.seconds(None)))
        self.assertEqual(int(longest), self.seconds(module("retry").MAX_RETRY_AFTER))


class LinksTest(unittest.TestCase):
    def test_every_link_leads_somewhere(self):
        for name in PATHS:
            self.assertEqual(self.dead(read(name), os.path.dirname(PATHS[name])), [])

    def test_a_link_that_leads_nowhere_is_found(self):
        alive = "`One`_, `x <#one>`_, `y <setup.py>`_, `z <https://www.inngest.com>`_, ``code_``, two_\n\n.. _two:\n"
        dead = "`Three`_, `x <#three>`_, `y <gone.py>`_, `z <http://bare>`_, four_\n"
        readme = Readme("One\n---\n" + alive + dead)
        self.assertEqual(self.dead(readme, ROOT), ["Three", "#three", "gone.py", "http://bare", "four"])

    def dead(self, readme, folder):
        """Return the targets that are neither in the document nor in its folder, nor may be on the web."""
        inside = anchors(readme)
        return [
            target
            for target in links(readme.prose)
            if not re.match(r"https://[\w.-]+\.[a-z]+(/|$)", target)
            and target.lower() not in inside
            and not os.path.exists(os.path.join(folder, target.replace("inngest_send", NAME.replace(".", "/"))))
        ]


class HarnessTest(unittest.TestCase):
    """That the tests above can fail."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        copy_project(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def play(self, code, run, *arrive):
        block = Block("README.rst", "Section", "", 1, code)
        with Stage(self.folder.name) as stage:
            stage.run(block, Rule("Section", "", run, arrive))

    def test_what_is_true_passes(self):
        self.play("print('a 1')  # a 1\nprint([client])  # [...Inngest(...)]\n", python())
        self.play("async def f():\n    await client.send(inngest.Event('x'))\n", python(), "x")
        self.play("def f(event, context):\n    print(context.get_remaining_time_in_millis())  # 5000\n", python())
        self.play("cat names; printf '%s' \"$INNGEST_DEV\"\n", shell("n\nhttp://127.*", files={"names": "n\n"}))
        self.play("exit 3\n", shell(code=3))
        self.play("# nightly\n0 3 * * 1-5  date +\\%Y >year; cat year\n@daily true\n", cron("(2...\n)?"))
        self.play("python3 -m inngest_send serve\n", until_interrupted("at http://", options="--port 0"))

    def test_what_is_not_true_fails(self):
        cases = [
            ("print(1 + 1)  # 3\n", python(), "output: expected ['3'], got ['2']"),
            ("def f():\n    print(2)  # 3\n", python(), "output: expected ['3'], got ['2']"),
            ("if not client:\n    print()\n", python(), "lines not run: expected [], got [2]"),
            ("client.send_sync(inngest.Event('x'))\n", python(), "events: expected [], got ['x']"),
            ("false\ntrue\n", shell(), "exit code, with '': expected 0, got 1"),
            ("echo x\n", shell("y"), "output: expected 'y', got 'x\\n'"),
            ("true\npython3 -m unittest -v\n", shell(without="python3 -m unittest"), "the line not run: expected "),
            ("0 3 * * * false\n", cron(), "exit code"),
            ("0 3 * * * date +%Y\n", cron(), "output"),
            ("3 times: true\n", cron(), "a time, or a comment, before each command"),
            ("echo no\n", until_interrupted("at http://"), "first line: expected 'at http://', got 'no\\n'"),
            ("import unittest\ndef test_x():\n    pass\n", unittest_file, "Ran 0 tests"),
        ]
        for code, run, message in cases:
            with self.subTest(code), self.assertRaises(AssertionError) as failure:
                self.play(code, run)
            self.assertIn(message, str(failure.exception))

    def test_a_block_that_no_rule_covers_fails(self):
        for text in ("Send\n----\n\n.. code-block:: python\n\n   1 + 1\n", "Section\n-------\n\nSo::\n\n  1 + 1\n"):
            (block,) = Readme(text).blocks
            with self.assertRaisesRegex(AssertionError, r"no rule says how to run README.rst:6: \w+: 1 \+ 1"):
                rule_for(block, RULES[MAIN])

    def test_what_might_hide_a_block_is_refused(self):
        directives = [".. include:: x\n", ".. code-block::\n\n  x\n", ".. parsed-literal::\n\n  x\n"]
        for text in [*directives, ">>> 1\n", "No block::\n\nx\n", "Twice\n-----\n\nTwice\n-----\n"]:
            with self.subTest(text), self.assertRaisesRegex(ValueError, r"^line \d"):
                Readme(text)
