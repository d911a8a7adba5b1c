"""What becomes of an idle connection: it is used, kept or closed, and never left open with nobody to close it."""

import collections
import os
import unittest
from unittest import mock

from tests.helpers.library import module

pool = module("http.pool")


class Idle:
    """Stands in for an idle connection."""

    def __init__(self, *, since=0, is_reusable=True, has_expired=False, is_alive=True):
        self.idle_since = since
        self.is_reusable = is_reusable
        self.has_expired = lambda: has_expired
        self.is_alive = lambda: is_alive
        self.is_closed = False

    def close(self):
        self.is_closed = True


def fail():
    raise KeyboardInterrupt


class PoolTest(unittest.TestCase):
    def setUp(self):
        self.pool = pool.Pool(9)

    def keep(self, *connections):
        for connection in connections:
            self.pool.release(connection)

    def check_closed(self, connections, expected):
        self.assertEqual([connection.is_closed for connection in connections], expected)


class AcquireTest(PoolTest):
    def test_the_one_used_last_is_used_first(self):
        connections = [Idle() for _ in range(3)]
        self.keep(*connections)
        self.assertEqual([self.pool.acquire() for _ in range(4)], [*reversed(connections), None])
        self.check_closed(connections, [False] * 3)

    def test_one_that_is_dead_or_too_old_is_closed_and_passed_over(self):
        connections = [Idle(), Idle(has_expired=True), Idle(is_alive=False)]
        self.pool._idle().extend(connections)  # release() would close the one that is too old
        self.assertIs(self.pool.acquire(), connections[0])
        self.check_closed(connections, [False, True, True])
        self.assertIsNone(self.pool.acquire())

    def test_one_that_is_looked_at_when_the_program_is_interrupted_is_closed(self):
        for question in ("has_expired", "is_alive"):
            connection = Idle()
            self.keep(connection)
            setattr(connection, question, fail)
            with self.subTest(question), self.assertRaises(KeyboardInterrupt):
                self.pool.acquire()
            self.assertTrue(connection.is_closed)
            self.assertIsNone(self.pool.acquire())


class ReleaseTest(PoolTest):
    def test_one_that_is_not_fit_for_another_request_is_closed(self):
        connection = Idle(is_reusable=False)
        self.keep(connection)
        self.assertTrue(connection.is_closed)
        self.assertIsNone(self.pool.acquire())

    def test_no_more_are_kept_than_the_limit(self):
        self.pool = pool.Pool(2)
        connections = [Idle() for _ in range(4)]
        self.keep(*connections)
        self.check_closed(connections, [False, False, True, True])
        self.assertEqual([self.pool.acquire() for _ in range(3)], [connections[1], connections[0], None])

    def test_the_oldest_is_closed_when_its_time_is_over_though_nobody_takes_it(self):
        oldest, *others = connections = [Idle() for _ in range(3)]
        self.keep(oldest, others[0])
        oldest.has_expired = lambda: True
        self.keep(others[1])
        self.check_closed(connections, [True, False, False])
        self.assertEqual([self.pool.acquire() for _ in range(3)], [*reversed(others), None])


    def test_the_only_one_stays_where_others_find_it(self):
        connection = Idle()
        connection.has_expired = fail
        self.keep(connection)
        self.assertEqual(len(self.pool._idle()), 1)


class DropTest(PoolTest):
    def test_only_what_has_been_idle_since_before_is_dropped(self):
        connections = [Idle(since=since) for since in (1, 2, 3, 4)]
        self.keep(*connections)
        self.pool.drop_idle_since(3)
        self.check_closed(connections, [True, True, False, False])
        self.assertEqual([self.pool.acquire() for _ in range(3)], [connections[3], connections[2], None])

    def test_all_may_be(self):
        connections = [Idle(since=since) for since in (1, 2)]
        self.keep(*connections)
        self.pool.drop_idle_since(3)
        self.check_closed(connections, [True, True])
        self.assertIsNone(self.pool.acquire())


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class ForkTest(PoolTest):
    def test_a_child_closes_its_copies_and_uses_none_of_them(self):
        connections = [Idle(), Idle()]
        self.keep(*connections)
        child = os.fork()
        if child == 0:
            is_right = self.pool.acquire() is None and all(connection.is_closed for connection in connections)
            os._exit(not is_right)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.check_closed(connections, [False, False])
        self.assertIs(self.pool.acquire(), connections[1])


class CloseTest(PoolTest):
    def test_what_is_idle_is_closed_and_what_comes_back_later(self):
        idle, late = [Idle(), Idle()], Idle()
        self.keep(*idle)
        self.pool.close()
        self.keep(late)
        self.check_closed([*idle, late], [True] * 3)
        self.assertIsNone(self.pool.acquire())

    def test_what_comes_back_while_another_thread_closes_the_pool_is_closed_by_either(self):
        for method in ("append", "appendleft"):  # of a connection that comes back, and of the oldest that stays

            class Racing(collections.deque):
                def race(self, connection):
                    racing.close()
                    getattr(super(), method)(connection)

            setattr(Racing, method, Racing.race)
            connections = [Idle(), Idle()]
            with self.subTest(method), mock.patch.object(pool, "deque", Racing):
                racing = pool.Pool(9)
                for connection in connections:
                    racing.release(connection)
                self.check_closed(connections, [True, True])
                self.assertIsNone(racing.acquire())
