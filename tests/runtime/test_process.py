"""A forked child is another process, whatever its id."""

import os
import unittest
from unittest import mock

from tests.helpers.library import module

process = module("runtime.process")


def in_child(check):
    """Return the exit code of a forked child that calls ``check``: 0 if it returned True."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if check() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


class ProcessTest(unittest.TestCase):
    def test_it_stays_the_same(self):
        self.assertIs(process.current_process(), process.current_process())

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_forked_child_is_another_one(self):
        parent = process.current_process()
        self.assertEqual(in_child(lambda: process.current_process() is not parent), 0)
        self.assertIs(process.current_process(), parent)

    @unittest.skipUnless(hasattr(os, "register_at_fork"), "needs to be told of forks")
    def test_a_forked_child_that_has_the_id_of_an_earlier_process_is_another_one(self):
        parent = process.current_process()
        with mock.patch("os.getpid", return_value=parent.id):
            self.assertEqual(in_child(lambda: process.current_process() is not parent), 0)

    def test_a_fork_that_python_is_not_told_of_shows_by_the_id(self):
        parent = process.current_process()
        with mock.patch.object(process, "_current", parent), mock.patch("os.getpid", return_value=parent.id + 1):
            self.assertIsNot(process.current_process(), parent)


class PerProcessTest(unittest.TestCase):
    def setUp(self):
        self.abandoned = []
        self.value = process.PerProcess(list, abandon=self.abandoned.append)

    def test_it_is_made_once(self):
        make = mock.Mock(side_effect=list)
        value = process.PerProcess(make)
        self.assertIs(value.get(), value.get())
        self.assertEqual((make.call_count, self.abandoned), (1, []))

    def test_what_another_thread_of_the_child_abandons_is_abandoned_once(self):
        class Raced(dict):
            def pop(self, key, default):
                super().pop(key)  # which the other thread got
                return default

        self.value._values = Raced({process.Process(): ["of the parent"]})
        self.assertEqual((self.value.get(), self.abandoned), ([], []))

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_forked_child_makes_its_own_and_abandons_its_copy_of_its_parent_s(self):
        self.value.get().append("of the parent")
        self.assertEqual(in_child(lambda: self.value.get() == [] and self.abandoned == [["of the parent"]]), 0)
        self.assertEqual((self.value.get(), self.abandoned), (["of the parent"], []))

    def test_what_was_popped_is_made_anew(self):
        first = self.value.get()
        self.assertIs(self.value.pop(), first)
        self.assertIsNone(self.value.pop())
        self.assertIsNot(self.value.get(), first)
