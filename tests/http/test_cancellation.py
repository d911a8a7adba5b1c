"""A cancellation ends everything that its call does with sockets and waits, on whatever thread."""

import contextlib
import os
import socket
import threading
import unittest
from unittest import mock

from tests.helpers.library import TIME_LIMIT, module

cancellation = module("http.cancellation")
clock = module("runtime.clock")


class CancelTest(unittest.TestCase):
    def setUp(self):
        self.cancellation = cancellation.Cancellation()

    def pair(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        return ours, theirs

    def test_all_sockets_that_are_attached_are_shut_down(self):
        pairs = [self.pair() for _ in range(3)]
        for ours, _ in pairs:
            self.cancellation.attach(ours)
        self.cancellation.cancel()
        self.assertEqual([theirs.recv(1) for _, theirs in pairs], [b""] * 3)

    def test_a_socket_that_was_detached_is_left_alone(self):
        ours, theirs = self.pair()
        self.cancellation.attach(ours)
        self.cancellation.detach(ours)
        self.cancellation.cancel()
        ours.sendall(b"x")
        self.assertEqual(theirs.recv(1), b"x")

    def test_a_socket_that_is_closed_is_no_matter(self):
        ours, _ = self.pair()
        self.cancellation.attach(ours)
        ours.close()
        self.cancellation.cancel()

    def test_afterwards_no_socket_can_be_attached_and_no_wait_begun(self):
        self.cancellation.cancel()
        with self.assertRaises(cancellation.Cancelled):
            self.cancellation.attach(self.pair()[0])
        with self.assertRaises(cancellation.Cancelled):
            self.cancellation.wait(60)

    def test_all_waits_end(self):
        cancelled = []

        def wait():
            with contextlib.suppress(cancellation.Cancelled):
                self.cancellation.wait(60)
                return
            cancelled.append(True)

        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        self.cancellation.cancel()
        for thread in threads:
            thread.join(TIME_LIMIT)
        self.assertEqual(cancelled, [True] * 3)

    def test_where_no_lock_can_be_waited_for_any_more_the_time_is_slept_through(self):
        ended = mock.Mock()
        ended.return_value.wait.side_effect = RuntimeError("at the end of the interpreter, from Python 3.15 on")
        with mock.patch.object(threading, "Event", ended), mock.patch("time.sleep") as sleep:
            self.cancellation.wait(0.5)
        sleep.assert_called_once_with(0.5)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_forked_child_leaves_its_parent_s_connection_alone(self):
        ours, theirs = self.pair()
        self.cancellation.attach(ours)
        child = os.fork()
        if child == 0:
            self.cancellation.cancel()
            os._exit(self.cancellation.is_cancelled)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        ours.sendall(b"x")
        self.assertEqual(theirs.recv(1), b"x")


class BeginTest(unittest.TestCase):
    def test_the_time_of_the_first_call_begins_in_the_queue_and_that_of_a_call_within_it_when_it_is_made(self):
        before = clock.monotonic()
        shared = cancellation.Cancellation()
        made = clock.monotonic()
        self.assertFalse(shared.has_begun)
        first, second = shared.begin(), shared.begin()
        self.assertTrue(shared.has_begun)
        self.assertTrue(before <= first <= made <= second, (before, first, made, second))
