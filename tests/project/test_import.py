"""What importing the library costs, what it is made of, and what of it is public."""

import ast
import dataclasses
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
import sysconfig
import typing
import unittest
from collections.abc import Iterable, Mapping, Sequence

from tests.helpers.library import NAME, ROOT, inngest
from tests.helpers.processes import run_program
from tests.helpers.servers import ScriptedServer

PACKAGE = os.path.dirname(inngest.__file__)
HEAVY = set("argparse asyncio datetime email http.client json logging signal ssl typing urllib.request".split())


def sources():
    """Yield the dotted name within the package, and the syntax tree, of each module."""
    for folder, _, files in sorted(os.walk(PACKAGE)):
        for file in sorted(files):
            if not file.endswith(".py"):
                continue
            path = os.path.join(folder, file)
            parts = os.path.relpath(path, PACKAGE)[: -len(".py")].split(os.sep)
            if parts[-1] == "__init__":
                parts.pop()
            with open(path, encoding="utf-8") as source:
                yield ".".join(parts), ast.parse(source.read(), path)


def imports(tree):
    """Yield the import statements of a module, wherever they are, those for type checkers included."""
    return (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))


def is_standard(name):
    """Return whether a top-level module is of the standard library."""
    if hasattr(sys, "stdlib_module_names"):  # 3.10
        return name in sys.stdlib_module_names
    if name in sys.builtin_module_names:
        return True
    origin = importlib.util.find_spec(name).origin or ""
    folders = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return origin == "frozen" or (origin.startswith(folders) and "site-packages" not in origin)


def loaded_by(statement):
    """Return the names of all modules that are loaded in an interpreter that ran only ``statement``."""
    code, output, errors = run_program(statement + "; import sys; print(*sys.modules)")
    if code or errors:
        raise AssertionError(errors)
    return set(output.split())


class ImportTest(unittest.TestCase):
    def test_it_loads_nothing_heavy(self):
        # dataclasses is needed, and loads what it will: that depends on the version.
        loaded = loaded_by("import " + NAME) - loaded_by("import dataclasses")
        self.assertEqual(loaded & HEAVY, set())
        self.assertIn(NAME, loaded)

    def test_a_send_that_succeeds_loads_no_logging(self):
        with ScriptedServer() as server:
            program = f"import {NAME} as inngest; "
            program += f"client = inngest.Inngest(app_id='a', is_production=False, event_api_base_url={server.url!r}); "
            program += "client.send_sync(inngest.Event(name='a')); client.close()"
            loaded = loaded_by(program)
        self.assertEqual(loaded & {"logging", "asyncio", "argparse"}, set())
        self.assertIn("http.client", loaded)

    def test_it_starts_no_thread_reads_no_environment_and_opens_no_socket(self):
        program = """
import dataclasses, importlib, os, sys, threading

class Environment(dict):
    def refuse(self, *args):
        raise AssertionError(f"the environment was read: {args}")

    __getitem__ = __contains__ = __iter__ = get = keys = items = values = copy = refuse

class Unusable:
    def __getattr__(self, name):
        raise AssertionError("not on import: " + name)

os.environ = Environment()
threading.Thread.start = lambda self: Unusable().start
sys.modules["socket"] = Unusable()
importlib.import_module(sys.argv[1])
assert threading.active_count() == 1
"""
        self.assertEqual(run_program(program, NAME), (0, "", ""))


class PublicAPITest(unittest.TestCase):
    def test_all_is_what_was_promised(self):
        self.assertEqual(
            sorted(inngest.__all__),
            [
                "AsyncUnsupportedError",
                "Error",
                "Event",
                "EventInvalidError",
                "EventKeyUnspecifiedError",
                "Inngest",
                "MiddlewareSync",
                "SendEventsError",
                "SendEventsResult",
                "URLInvalidError",
                "__version__",
            ],
        )
        for name in inngest.__all__:
            self.assertTrue(hasattr(inngest, name), name)

    def test_errors_are_of_one_family(self):
        for name in inngest.__all__:
            if name.endswith("Error"):
                with self.subTest(name):
                    self.assertTrue(issubclass(getattr(inngest, name), inngest.Error))
                    self.assertIs(getattr(inngest, name).is_retriable, False)
        self.assertTrue(issubclass(inngest.EventInvalidError, ValueError))
        self.assertTrue(issubclass(inngest.URLInvalidError, ValueError))

    def assert_signature(self, function, positional, keywords):
        """See that it takes these arguments; ``keywords`` are keyword-only ones, with their defaults."""
        parameters = list(inspect.signature(function).parameters.values())[1:]
        named = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        self.assertEqual(named, positional)
        others = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        self.assertEqual(others, keywords)
        self.assertEqual(len(named) + len(others), len(parameters))

    def test_the_constructor_takes_what_was_promised(self):
        names = "event_key env is_production event_api_base_url request_timeout logger middleware ssl_context"
        names += " api_base_url app_version serializer signing_key"
        keywords = dict.fromkeys(names.split())
        keywords.update(app_id=inspect.Parameter.empty, max_attempts=5, max_concurrency=64)
        self.assert_signature(inngest.Inngest.__init__, [], keywords)

    def test_methods_take_what_was_promised(self):
        keywords = {"skip_middleware": False, "env": None, "timeout": None}
        client = inngest.Inngest
        self.assert_signature(client.send, ["events"], keywords)
        self.assert_signature(client.send_sync, ["events"], keywords)
        self.assert_signature(client.add_middleware, ["middleware"], {})
        self.assert_signature(client.set_logger, ["logger"], {})
        self.assert_signature(client.close, [], {})
        self.assertTrue(inspect.iscoroutinefunction(client.send))
        self.assertFalse(inspect.iscoroutinefunction(client.send_sync))

    def test_an_event_is_a_dataclass_of_four_fields(self):
        missing = dataclasses.MISSING
        fields = [
            (field.name, field.default if field.default_factory is missing else field.default_factory())
            for field in dataclasses.fields(inngest.Event)
        ]
        self.assertEqual(fields, [("name", missing), ("data", {}), ("id", ""), ("ts", 0)])
        event = inngest.Event("name", {"a": 1}, "id", 1700000000000)
        self.assertEqual(event, inngest.Event(ts=1700000000000, id="id", data={"a": 1}, name="name"))
        self.assertEqual(inngest.Event("name", None, None, None), inngest.Event("name"))

    def test_a_client_has_the_promised_attributes(self):
        client = inngest.Inngest(
            app_id="app", event_key="key", env="branch", is_production=True, event_api_base_url="https://gw.example/a"
        )
        got = (client.app_id, client.event_key, client.env, client.is_production, client.event_api_origin)
        self.assertEqual(got, ("app", "key", "branch", True, "https://gw.example/a/"))
        self.assertTrue(callable(client.logger.warning))
        self.assertNotIn("key", repr(client).replace("event_key", ""))


@unittest.skipIf(sys.version_info < (3, 10), "the hints are written in the syntax of 3.10")
class HintsTest(unittest.TestCase):
    """What pydantic, beartype, typeguard, and cattrs ask for while a program runs."""

    def test_all_of_the_public_api_can_be_evaluated(self):
        for name in inngest.__all__:
            public = getattr(inngest, name)
            if not isinstance(public, type):
                continue
            typing.get_type_hints(public)
            for attribute, member in vars(public).items():
                function = member.fget if isinstance(member, property) else member
                if inspect.isfunction(function):
                    with self.subTest(f"{name}.{attribute}"):
                        typing.get_type_hints(function)

    def test_classes_stand_for_themselves(self):
        hints = typing.get_type_hints
        self.assertIs(hints(inngest.MiddlewareSync.__init__)["client"], inngest.Inngest)
        self.assertEqual(hints(inngest.MiddlewareSync.before_send_events)["events"], list[inngest.Event])
        self.assertIs(hints(inngest.MiddlewareSync.after_send_events)["result"], inngest.SendEventsResult)
        self.assertEqual(hints(inngest.SendEventsError.__init__)["unsent"], Sequence[inngest.Event])
        for method in (inngest.Inngest.send, inngest.Inngest.send_sync):
            self.assertEqual(hints(method)["events"], inngest.Event | Iterable[inngest.Event])
            self.assertEqual(hints(method)["return"], list[str])

    def test_an_event_says_what_its_fields_hold(self):
        # For `data` cattrs takes a bare Mapping, and no Mapping[str, object].
        fields = {"name": str, "data": Mapping, "id": str, "ts": int}
        self.assertEqual(typing.get_type_hints(inngest.Event), fields)

    def test_what_is_not_loaded_stands_for_any_object(self):
        hints = typing.get_type_hints(inngest.Inngest.__init__)
        self.assertEqual(hints["ssl_context"], object | None)
        self.assertEqual(hints["request_timeout"], int | object | None)


class SourceTest(unittest.TestCase):
    def test_imports_are_relative_or_of_the_standard_library(self):
        for name, tree in sources():
            for node in imports(tree):
                if isinstance(node, ast.ImportFrom):
                    names = [] if node.level else [node.module]
                else:
                    names = [alias.name for alias in node.names]
                for imported in names:
                    with self.subTest(module=name, imported=imported):
                        self.assertTrue(is_standard(imported.partition(".")[0]))

    def test_only_the_command_line_prints(self):
        for name, tree in sources():
            if name.split(".")[0] in ("cli", "__main__"):
                continue
            with self.subTest(name):
                self.assertNotIn("print", {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})

    def test_everything_public_has_a_docstring(self):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        for name, tree in sources():
            todo = [(name or NAME, tree)]
            while todo:
                path, node = todo.pop()
                with self.subTest(path):
                    self.assertTrue(ast.get_docstring(node))
                if isinstance(node, (ast.Module, ast.ClassDef)):
                    public = [n for n in node.body if isinstance(n, kinds) and not n.name.startswith("_")]
                    todo += [(f"{path}.{n.name}", n) for n in public]

    def test_it_says_that_it_is_typed(self):
        self.assertTrue(os.path.isfile(os.path.join(PACKAGE, "py.typed")))


# A module imports from further down only, except from its own subpackage; `testing` is on its own.
LAYERS = """
__main__
cli
__init__
client
sender
delivery
batching middleware
call send_error
event
http protocol serialization config
retry redaction errors executor typecheck
runtime _version
"""


class LayersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        trees = dict(sources())
        cls.layers = {name: index for index, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}
        cls.graph = {name: set(imported_by(name, tree, trees)) for name, tree in trees.items()}

    def test_each_module_has_its_layer(self):
        self.assertEqual({top_name(name) for name in self.graph}, set(self.layers) | {"testing"})

    def test_imports_point_one_way(self):
        for name, imported in self.graph.items():
            for other in imported:
                top, other_top = top_name(name), top_name(other)
                if top == other_top or (top, other_top) == ("cli", "testing"):
                    continue
                with self.subTest(module=name, imported=other):
                    self.assertNotIn("testing", (top, other_top))
                    self.assertLess(self.layers[top], self.layers[other_top])

    def test_there_is_no_circle(self):
        graph = dict(self.graph)
        while graph:
            leaves = {name for name, imported in graph.items() if not imported & set(graph)}
            self.assertTrue(leaves, f"in a circle: {sorted(graph)}")
            graph = {name: imported for name, imported in graph.items() if name not in leaves}

    def test_modules_are_few_and_small(self):
        self.assertLessEqual(len([file for file in os.listdir(PACKAGE) if file.endswith(".py")]), 18)
        for folder, _, files in os.walk(PACKAGE):
            for file in files:
                if file.endswith(".py"):
                    with self.subTest(file), open(os.path.join(folder, file), encoding="utf-8") as source:
                        self.assertLessEqual(len(source.readlines()), 300)


def top_name(name):
    """Return what the layers call a module: its name, or that of its subpackage."""
    return name.split(".")[0] or "__init__"


def imported_by(name, tree, modules):
    """Yield the names of the package's modules that a module imports."""
    is_package = os.path.isdir(os.path.join(PACKAGE, *name.split(".")))
    parts = name.split(".") if name else []
    for node in imports(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = parts[: len(parts) - node.level + is_package]
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                module = ".".join([*base, alias.name])
                yield module if module in modules else ".".join(base)


class RepositoryTest(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(os.path.join(ROOT, ".git")) and shutil.which("git"), "needs a git checkout")
    def test_the_top_level_holds_only_what_belongs_there(self):
        git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        top = {path.split("/")[0] for path in git.stdout.decode().split("\0") if path}
        allowed = {"setup.cfg", "setup.py", "inngest_send", "tests", "README.rst"}
        self.assertEqual({name for name in top if not name.startswith(".")} - allowed, set())
