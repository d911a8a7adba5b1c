"""What is logged, where, and what a program sees that configured no logging."""

import io
import logging
import signal
import sys
import unittest
from unittest import mock

from tests.helpers.library import NAME, inngest, module
from tests.helpers.processes import run_program
from tests.helpers.servers import ScriptedServer, client_for, without_delays
from tests.helpers.strikes import Strike

PROGRAM = """
import importlib, sys
inngest = importlib.import_module(sys.argv[1])
assert "logging" not in sys.modules

class Broken(inngest.MiddlewareSync):
    def after_send_events(self, result):
        raise ValueError("s3cr3t")

{}
middleware = [Broken] if "broken" in sys.argv else []
with inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2], middleware=middleware) as client:
    print(len(client.send_sync(inngest.Event(name="a"))))
"""
CONFIGURED = "import logging; logging.basicConfig(level=logging.{}, format='%(name)s %(levelname)s %(message)s')"


def busy_once(peer):
    peer.read()
    peer.answer(503)
    peer.serve()


class ProgramTest(unittest.TestCase):
    def errors_of(self, *arguments, script=busy_once, setup=""):
        with ScriptedServer(script) as server:
            code, output, errors = run_program(PROGRAM.format(setup), NAME, server.url, *arguments)
        self.assertEqual((code, output), (0, "1\n"))
        return errors

    def test_a_retry_that_succeeds_prints_nothing_where_no_logging_is_configured(self):
        self.assertEqual(self.errors_of(), "")

    def test_a_success_loads_no_logging_where_nobody_has(self):
        setup = 'import atexit; atexit.register(lambda: print("logging" in sys.modules, file=sys.stderr))'
        self.assertEqual(self.errors_of(script=lambda peer: peer.serve(), setup=setup), "False\n")

    def test_the_package_s_logger_has_one_handler_that_does_nothing(self):
        setup = """
import atexit, logging
atexit.register(lambda: print(logging.getLogger(sys.argv[1]).handlers, file=sys.stderr))
inngest.Inngest(app_id="test", event_key="key").logger
"""
        errors = self.errors_of(setup=setup)
        self.assertRegex(errors, r"^\[<NullHandler .*>\]\n$")
        self.assertEqual(errors.count("Handler"), 1)

    def test_it_is_logged_where_logging_is_configured(self):
        logger = NAME + ".client"
        errors = self.errors_of(setup=CONFIGURED.format("DEBUG")).splitlines()
        self.assertRegex(
            errors[0], rf"^{logger} WARNING attempt 1 of 5 to send 1 event failed: HTTP 503 .*; next in 0\."
        )
        self.assertEqual(errors[1:], [f"{logger} DEBUG 1 event accepted at attempt 2"])

    def test_the_error_of_an_after_hook_reaches_standard_error_all_the_same(self):
        expected = "middleware: after_send_events: ValueError was raised"
        for script in (busy_once, lambda peer: peer.serve()):
            self.assertEqual(self.errors_of("broken", script=script), expected + "\n")

    def test_it_is_logged_once_where_logging_is_configured(self):
        errors = self.errors_of("broken", script=lambda peer: peer.serve(), setup=CONFIGURED.format("WARNING"))
        self.assertEqual(errors.count("after_send_events"), 1)
        self.assertTrue(errors.startswith(NAME + ".client WARNING middleware: "), errors)


class ReportTest(unittest.TestCase):
    """What nothing else tells reaches standard error unless the program has configured logging."""

    def reported(self, logger):
        """Return what reaches standard error while ``logger`` stands in for the package's own."""
        call = module("call")
        with mock.patch.object(call, "default_logger", return_value=logger), io.StringIO() as errors:
            with mock.patch.object(sys, "stderr", errors):
                call.Call(None, 0.0, None, "", None, None).report("the message")
            return errors.getvalue()

    def loggers(self):
        """Return a logger and the one above it, neither of which handles anything."""
        above, logger = logging.Logger("above"), logging.Logger("below")
        logger.parent = above
        logger.addHandler(logging.NullHandler())
        return logger, above

    def test_a_handler_of_the_program_s_anywhere_above_gets_it(self):
        logger, above = self.loggers()
        self.assertEqual(self.reported(logger), "the message\n")
        records = mock.Mock(level=logging.NOTSET)
        above.addHandler(records)
        self.assertEqual((self.reported(logger), records.handle.call_count), ("", 1))

    def test_one_that_it_does_not_reach_does_not(self):
        logger, above = self.loggers()
        above.addHandler(mock.Mock(level=logging.NOTSET))
        logger.propagate = False
        self.assertEqual(self.reported(logger), "the message\n")

    def test_where_the_program_has_turned_it_off_nothing_is_shown(self):
        with mock.patch.object(logging, "lastResort", None):
            self.assertEqual(self.reported(self.loggers()[0]), "")

    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs signals that are sent to a thread")
    def test_what_a_signal_handler_raises_meanwhile_comes_through(self):
        with Strike(ValueError("from the handler")) as strike, mock.patch.object(logging, "lastResort", handle=strike):
            with self.assertRaises(ValueError) as caught:
                self.reported(self.loggers()[0])
        self.assertIs(caught.exception, strike.error)

    def test_what_else_goes_wrong_there_is_no_matter(self):
        with mock.patch.object(logging, "lastResort", handle=mock.Mock(side_effect=OSError)):
            self.assertEqual(self.reported(self.loggers()[0]), "")


class LoggerTest(unittest.TestCase):
    def test_a_logger_of_any_kind_gets_whole_texts(self):
        class Logger:
            """As loguru's: it formats with braces, and knows no %."""

            def debug(self, message, *args):
                texts.append(message.format(*args) if args else message)

            warning = debug

        texts = []
        with ScriptedServer(busy_once) as server, without_delays():
            with client_for(server, logger=Logger()) as client:
                client.send_sync(inngest.Event(name="a"))
        self.assertRegex(texts[0], r"^attempt 1 of 5 to send 1 event failed: HTTP 503 \(POST to .*\); next in 0\.00 s$")
        self.assertEqual(texts[1:], ["1 event accepted at attempt 2"])

    def test_a_percent_sign_in_a_response_is_no_format(self):
        def script(peer):
            peer.read()
            peer.answer(503, b"100 % busy {now} %s")
            peer.serve()

        with ScriptedServer(script) as server, without_delays(), client_for(server) as client:
            with self.assertLogs(NAME, logging.WARNING) as logs:
                client.send_sync(inngest.Event(name="a"))
        self.assertIn("HTTP 503: 100 % busy {now} %s (POST to", logs.records[0].getMessage())
