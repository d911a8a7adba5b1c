"""What a signal handler raised is told from what the library's own work came to."""

import functools
import gc
import os
import signal
import socket
import unittest
import weakref
from unittest import mock

from tests.helpers.environments import counts_references
from tests.helpers.library import module

raise_if_from_signal_handler = module("runtime.signals").raise_if_from_signal_handler


class Stop(TimeoutError):
    """What the handlers raise."""


def function(number, frame):
    raise Stop


def deep(number, frame):
    function(number, frame)


class Handler:
    def method(self, number, frame):
        raise Stop

    def __call__(self, number, frame):
        raise Stop


@unittest.skipUnless(hasattr(signal, "SIGUSR1"), "needs signals")
class SignalHandlerTest(unittest.TestCase):
    def strike(self, handler, number=getattr(signal, "SIGUSR1", None)):
        """Let a signal strike in a try block; return what comes out of its except clause."""
        before = signal.signal(number, handler)
        try:
            try:
                os.kill(os.getpid(), number)
                for _ in range(100):
                    pass
            except OSError as error:
                raise_if_from_signal_handler(error)
                return "swallowed"
        except Stop:
            return "came through"
        finally:
            signal.signal(number, before)
        return "nothing was raised"

    def test_a_handler_of_any_signal_counts(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGALRM, signal.SIGTERM, signal.SIGUSR2):
            with self.subTest(number):
                self.assertEqual(self.strike(function, number), "came through")

    def test_what_any_kind_of_handler_raises_comes_through(self):
        handlers = {
            "function": function,
            "function that calls another": deep,
            "lambda": lambda number, frame: function(number, frame),
            "method": Handler().method,
            "object": Handler(),
            "partial": functools.partial(function),
            "partial of a partial": functools.partial(functools.partial(Handler().method)),
        }
        for name, handler in handlers.items():
            with self.subTest(name):
                self.assertEqual(self.strike(handler), "came through")

    def test_a_handler_that_has_every_attribute_does_no_harm(self):
        self.addCleanup(signal.signal, signal.SIGUSR2, signal.signal(signal.SIGUSR2, mock.Mock()))
        self.assertEqual(self.strike(function), "came through")

    def test_what_a_handler_raises_while_another_error_is_looked_at_comes_through(self):
        def look(error):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            while not has_struck:
                raise_if_from_signal_handler(error)

        for kind in (TimeoutError, ValueError, AttributeError):
            has_struck = []

            def handler(number, frame, kind=kind, has_struck=has_struck):
                has_struck.append(True)
                raise kind("from the handler")

            self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, handler))
            for _ in range(20):
                has_struck.clear()
                try:
                    socket.getaddrinfo(None, None)
                except socket.gaierror as error:
                    self.assertRaisesRegex(kind, "from the handler", look, error)

    def test_what_is_raised_by_others_does_not(self):
        def look_up():
            raise socket.gaierror("no such host")

        before = signal.signal(signal.SIGUSR1, function)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        try:
            look_up()
        except OSError as error:
            self.assertIsNone(raise_if_from_signal_handler(error))

    def test_what_is_raised_while_such_an_error_is_handled_does_not(self):
        before = signal.signal(signal.SIGUSR1, function)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        try:
            function(0, None)
        except Stop:
            try:
                raise ConnectionResetError
            except OSError as error:
                self.assertIsNone(raise_if_from_signal_handler(error))

    def test_what_python_s_own_code_makes_of_it_does_only_where_that_is_asked_for(self):
        def convert(number):
            try:
                function(number, None)
            except Stop:
                raise ConnectionResetError  # noqa: B904  # as old code in the standard library does

        def encode(number):
            try:
                function(number, None)
            except Stop as error:
                raise ConnectionResetError from error

        def choose(number):
            try:
                function(number, None)
            except Stop as error:
                struck = error
            try:
                raise KeyError
            except KeyError:
                raise ConnectionResetError from struck

        def convert_twice(number):
            try:
                convert(number)
            except ConnectionResetError:
                raise BrokenPipeError  # noqa: B904

        def encode_twice(number):
            try:
                encode(number)
            except ConnectionResetError as error:
                raise BrokenPipeError from error

        before = signal.signal(signal.SIGUSR1, function)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        for call in (convert, encode, choose, convert_twice, encode_twice):
            try:
                call(1)
            except OSError as error:
                self.assertIsNone(raise_if_from_signal_handler(error))
                with self.assertRaises(Stop):
                    raise_if_from_signal_handler(error, converted=True)

    def test_what_the_program_handles_while_it_calls_does_not(self):
        before = signal.signal(signal.SIGUSR1, function)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)

        def library():
            try:
                socket.getaddrinfo(None, None)
            except socket.gaierror as error:
                self.assertIsInstance(error.__context__, Stop)
                self.assertIsNone(raise_if_from_signal_handler(error, converted=True))

        try:
            function(0, None)
        except Stop:
            library()

    @counts_references
    def test_it_is_gone_when_the_program_has_done_with_it(self):
        gc.disable()
        self.addCleanup(gc.enable)
        before = signal.signal(signal.SIGUSR1, function)
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        try:
            try:
                function(0, None)
            except Stop as error:
                raise_if_from_signal_handler(error)
        except Stop as error:
            reference = weakref.ref(error)
        self.assertIsNone(reference())

    def test_an_error_without_a_traceback_is_no_matter(self):
        self.assertIsNone(raise_if_from_signal_handler(OSError()))
