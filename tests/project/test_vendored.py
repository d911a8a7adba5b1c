"""Vendored under any name, as often as you like: nothing in the library knows where it is or what it is called."""

import ast
import importlib
import logging
import os
import sys
import tempfile
import unittest

from tests.helpers.environments import PACKAGE, SENDER, SENT, copy_library, run_apart
from tests.helpers.library import inngest
from tests.helpers.servers import ScriptedServer, client_for, name_ids
from tests.helpers.waiting import side_by_side

NAMES = ("acme._vendor.inngest_send", "acme._vendor.events", "events")


def refuse_one(peer):
    peer.read()
    peer.answer(503)
    peer.serve()


class VendoredTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def copy(self, name):
        """Import a copy of the library under another name; it is forgotten when the test ends."""
        copy_library(self.folder, name)
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)
        self.addCleanup(self.forget, name.partition(".")[0])
        return importlib.import_module(name)

    def forget(self, package):
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]

    def test_a_copy_sends_under_every_name(self):
        def check(name):
            with ScriptedServer(then=name_ids) as server:
                path = copy_library(os.path.join(self.folder, name), name)
                code, output, errors = run_apart(["-c", SENDER, os.path.join(self.folder, name), name, server.url])
            self.assertEqual((code, output, errors), (0, [SENT, os.path.join(path, "__init__.py")], ""))

        side_by_side(self, check, {name: [name] for name in NAMES})

    def test_a_copy_loads_nothing_of_another(self):
        program = "import sys; sys.path.insert(0, sys.argv[1]); import shop.events.testing, shop.events.cli\n"
        program += "client = shop.events.Inngest(app_id='test'); client.close(); print(*sys.modules)"
        copy_library(self.folder, "shop.events")
        code, output, errors = run_apart(["-c", program, self.folder])
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("shop.events.http.transport", output[0].split())
        self.assertEqual([name for name in output[0].split() if "inngest" in name], [])

    def test_its_command_line_says_how_it_is_called(self):
        copy_library(self.folder, "shop.events")
        code, output, errors = run_apart(["-m", "shop.events", "--help"], cwd=self.folder)
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("python3 -m shop.events", output[0])

    def test_two_copies_work_side_by_side_and_keep_to_themselves(self):
        other = self.copy("shop.vendored.events")
        self.assertIsNot(other.Event, inngest.Event)
        with ScriptedServer(then=name_ids) as server:
            clients = client_for(server), other.Inngest(app_id="other", event_api_base_url=server.url, event_key="key")
            for _ in range(3):
                self.assertEqual(clients[0].send_sync(inngest.Event(name="ours")), ["id of ours"])
                self.assertEqual(clients[1].send_sync(other.Event(name="theirs")), ["id of theirs"])
            with self.assertRaisesRegex(TypeError, "expected an Event of shop.vendored.events"):
                clients[1].send_sync(inngest.Event(name="ours"))
            for client in clients:
                client.close()
        self.assertEqual(server.connections, 2)

    def test_an_error_of_one_copy_is_none_of_the_other(self):
        other = self.copy("shop.vendored.events")
        with self.assertRaises(other.EventInvalidError) as caught:
            other.Event(name="")
        self.assertNotIsInstance(caught.exception, inngest.Error)

    def test_a_copy_logs_under_its_own_name(self):
        other = self.copy("shop.vendored.events")
        self.assertEqual(other.Inngest(app_id="test").logger.name, "shop.vendored.events.client")
        with ScriptedServer(refuse_one) as server:
            client = other.Inngest(app_id="test", event_api_base_url=server.url, event_key="key")
            with self.assertLogs("shop.vendored.events", logging.WARNING) as logs:
                client.send_sync(other.Event(name="event"))
            client.close()
        self.assertEqual(len(logs.output), 1)


class SourceTest(unittest.TestCase):
    def test_nothing_looks_up_where_it_is_installed(self):
        forbidden = {"__file__", "__path__", "pkg_resources", "importlib", "pkgutil", "sysconfig", "site"}
        found = []
        for folder, _, files in os.walk(PACKAGE):
            for file in files:
                if file.endswith(".py"):
                    path = os.path.join(folder, file)
                    with open(path, encoding="utf-8") as source:
                        found += [f"{path}: {name}" for name in self.names(source.read()) & forbidden]
        self.assertEqual(found, [])

    def names(self, source):
        """Return every name that a module uses or imports."""
        names = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                dotted = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                names.update(part for name in dotted for part in name.split("."))
        return names
