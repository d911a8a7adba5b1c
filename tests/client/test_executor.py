"""The thread pool that ``send`` runs on: few threads, nothing queued that cannot run, nobody waits at the end."""

import asyncio
import gc
import signal
import threading
import time
import unittest
import weakref
from unittest import mock

from tests.helpers.environments import counts_references
from tests.helpers.library import inngest, module
from tests.helpers.servers import TIME_LIMIT, ScriptedServer, client_for
from tests.helpers.strikes import Strike

executor_module = module("executor")
SendExecutor = executor_module.SendExecutor


def wait_until(condition):
    """Poll until ``condition()`` is true. Raises AssertionError when it does not become so."""
    deadline = time.monotonic() + TIME_LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come true in time")
        time.sleep(0.001)


def no_thread_starts():
    """Return a patch under which no thread can be started."""
    return mock.patch.object(threading.Thread, "start", side_effect=RuntimeError("can't start new thread"))


class ExecutorTest(unittest.TestCase):
    def setUp(self):
        self.threads_before = set(threading.enumerate())
        self.release = threading.Event()  # for tasks that block

    def executor(self, max_workers):
        executor = SendExecutor(max_workers)
        self.addCleanup(executor.shutdown)
        self.addCleanup(self.release.set)  # comes first
        return executor

    def new_threads(self):
        return set(threading.enumerate()) - self.threads_before

    def block(self, executor):
        """Occupy one thread of the executor until ``self.release`` is set; return the future."""
        began = threading.Event()

        def task():
            began.set()
            return self.release.wait(TIME_LIMIT)

        future = executor.submit(task)
        self.assertTrue(began.wait(TIME_LIMIT))
        return future


class SubmitTest(ExecutorTest):
    def test_the_future_gets_what_the_function_returns_or_raises(self):
        executor = self.executor(2)
        self.assertEqual(executor.submit(divmod, 7, 2).result(TIME_LIMIT), (3, 1))
        with self.assertRaises(ZeroDivisionError):
            executor.submit(divmod, 7, 0).result(TIME_LIMIT)

    def test_idle_threads_are_reused(self):
        executor = self.executor(64)
        used = set()
        for _ in range(100):
            used.add(executor.submit(threading.get_ident).result(TIME_LIMIT))
            wait_until(lambda: executor._queue.idle)  # it has come back for more
        self.assertEqual((len(used), len(self.new_threads())), (1, 1))

    def test_as_many_tasks_run_at_once_as_there_may_be_threads(self):
        executor = self.executor(4)
        barrier = threading.Barrier(4)
        futures = [executor.submit(barrier.wait, TIME_LIMIT) for _ in range(4)]
        self.assertEqual(sorted(future.result(TIME_LIMIT) for future in futures), [0, 1, 2, 3])

    def test_there_are_never_more_threads_than_allowed(self):
        executor = self.executor(3)
        blocked = [self.block(executor) for _ in range(3)]
        queued = [executor.submit(threading.get_ident) for _ in range(20)]
        self.assertEqual(len(self.new_threads()), 3)
        self.assertFalse(any(future.running() or future.done() for future in queued))
        self.release.set()
        self.assertLessEqual(len({future.result(TIME_LIMIT) for future in queued}), 3)
        self.assertTrue(all(future.result(TIME_LIMIT) for future in blocked))

    def test_queued_tasks_run_in_the_order_they_came_in(self):
        executor = self.executor(1)
        self.block(executor)
        order = []
        futures = [executor.submit(order.append, number) for number in range(10)]
        self.release.set()
        futures[-1].result(TIME_LIMIT)
        self.assertEqual(order, list(range(10)))

    def test_a_task_cancelled_in_the_queue_never_runs(self):
        executor = self.executor(1)
        self.block(executor)
        ran = []
        self.assertTrue(executor.submit(ran.append, "cancelled").cancel())
        last = executor.submit(ran.append, "last")
        self.release.set()
        last.result(TIME_LIMIT)
        self.assertEqual(ran, ["last"])

    @counts_references
    def test_an_idle_thread_keeps_nothing_of_its_last_task_alive(self):
        class Argument:
            pass

        def fail(argument):
            raise ValueError

        executor = self.executor(1)
        for function in (id, fail):
            with self.subTest(function=function.__name__):
                argument = Argument()
                reference = weakref.ref(argument)
                future = executor.submit(function, argument)
                future.exception(TIME_LIMIT)
                del argument, future
                wait_until(lambda reference=reference: reference() is None)


class NoThreadTest(ExecutorTest):
    def test_when_the_first_thread_cannot_start_nothing_is_queued(self):
        executor = self.executor(4)
        ran = []
        with no_thread_starts(), self.assertRaises(RuntimeError):
            executor.submit(ran.append, "refused")
        executor.submit(ran.append, "taken").result(TIME_LIMIT)
        self.assertEqual(ran, ["taken"])

    def test_when_a_further_thread_cannot_start_the_task_waits_for_one_that_exists(self):
        executor = self.executor(4)
        self.block(executor)
        with no_thread_starts():
            waiting = executor.submit(divmod, 7, 2)
        self.assertFalse(waiting.running() or waiting.done())
        self.release.set()
        self.assertEqual(waiting.result(TIME_LIMIT), (3, 1))

    def test_threads_are_started_again_once_they_can_be(self):
        executor = self.executor(2)
        self.block(executor)
        with no_thread_starts():
            waiting = executor.submit(divmod, 7, 2)
        executor.submit(divmod, 9, 2).result(TIME_LIMIT)
        self.assertEqual(waiting.result(TIME_LIMIT), (3, 1))

    def test_after_a_shortage_one_idle_thread_is_kept_and_the_others_give_their_memory_back(self):
        executor = self.executor(3)
        blocked = [self.block(executor) for _ in range(2)]
        with no_thread_starts():
            waiting = executor.submit(divmod, 7, 2)
        self.release.set()
        for future in [*blocked, waiting]:
            future.result(TIME_LIMIT)
        wait_until(lambda: len(self.new_threads()) == 1)
        executor.submit(divmod, 9, 2).result(TIME_LIMIT)
        self.assertEqual(len(self.new_threads()), 1)

    def test_a_start_that_failed_is_not_tried_again_at_once(self):
        executor = self.executor(4)
        with no_thread_starts() as start, self.assertRaisesRegex(RuntimeError, "^can't start new thread$"):
            executor.submit(divmod, 7, 2)
        self.assertEqual(start.call_count, 1)

    def test_where_no_daemons_are_allowed_a_thread_ends_as_soon_as_nothing_is_left_to_do(self):
        start, daemons = threading.Thread.start, []

        def start_none_that_is_a_daemon(thread):
            daemons.append(thread.daemon)
            if thread.daemon:
                raise RuntimeError("daemon threads are disabled in this interpreter")
            start(thread)

        executor = self.executor(1)
        with mock.patch.object(threading.Thread, "start", start_none_that_is_a_daemon):
            for _ in range(3):
                self.assertEqual(executor.submit(divmod, 7, 2).result(TIME_LIMIT), (3, 1))
                for thread in list(executor._queue._threads):
                    thread.join(TIME_LIMIT)
                self.assertEqual(self.new_threads(), set())
        self.assertEqual(daemons, [True, False] * 3)
        self.assertEqual(len(executor._queue._threads), 1)  # those that ended before are forgotten

    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "needs signals that are sent to a thread")
    def test_what_a_signal_handler_raises_while_a_thread_starts_is_no_shortage(self):
        with Strike(RuntimeError("from the handler")) as strike, mock.patch.object(threading.Thread, "start", strike):
            with self.assertRaises(RuntimeError) as caught:
                self.executor(4).submit(divmod, 7, 2)
        self.assertIs(caught.exception, strike.error)

    def test_a_send_without_a_thread_fails_and_sends_nothing(self):
        events = [inngest.Event("first"), inngest.Event("second")]
        with ScriptedServer() as server, client_for(server) as client:
            with no_thread_starts(), self.assertRaises(inngest.SendEventsError) as caught:
                self.loop().run_until_complete(asyncio.wait_for(client.send(events), TIME_LIMIT))
        self.assertEqual((caught.exception.ids, caught.exception.unsent), ([], events))
        self.assertFalse(caught.exception.maybe_delivered)
        self.assertTrue(caught.exception.is_retriable)
        self.assertEqual(server.connections, 0)

    def test_a_send_waits_for_the_thread_that_exists(self):
        with ScriptedServer() as server, client_for(server) as client:
            loop = self.loop()
            loop.run_until_complete(client.send(inngest.Event("warm")))

            async def send_many():
                return await asyncio.gather(*[client.send(inngest.Event("many")) for _ in range(10)])

            with no_thread_starts():
                ids = loop.run_until_complete(send_many())
        self.assertEqual(len(ids), 10)
        self.assertEqual(len(server.requests), 11)
        self.assertEqual(server.connections, 1)

    def loop(self):
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        return loop


class EndTest(ExecutorTest):
    def test_shutdown_runs_what_is_queued_and_ends_the_threads(self):
        executor = self.executor(1)
        self.block(executor)
        queued = executor.submit(divmod, 7, 2)
        self.release.set()
        executor.shutdown()
        self.assertEqual(queued.result(0), (3, 1))
        self.assertEqual(self.new_threads(), set())

    def test_nothing_can_be_submitted_after_shutdown(self):
        executor = self.executor(1)
        executor.shutdown()
        with self.assertRaises(RuntimeError):
            executor.submit(divmod, 7, 2)
        self.assertEqual(self.new_threads(), set())

    def test_shutdown_waits_no_longer_than_its_bound(self):
        executor = self.executor(2)
        blocked = [self.block(executor) for _ in range(2)]
        with mock.patch.object(executor_module, "JOIN_TIMEOUT", 0.05):
            executor.shutdown()
        self.assertFalse(any(future.done() for future in blocked))

    def test_it_waits_for_no_thread_where_it_is_not_to(self):
        executor = self.executor(1)
        self.block(executor)
        with mock.patch.object(threading.Thread, "join") as join:
            executor.shutdown(wait=False)
        join.assert_not_called()

    def test_it_waits_for_a_second_at_most_and_not_at_all_once_that_is_over(self):
        executor = self.executor(1)
        self.block(executor)
        now = mock.patch.object(executor_module, "monotonic", lambda: 7.0)
        with now, mock.patch.object(threading.Thread, "join") as join:
            executor.shutdown()
            executor.join(2.0)
        self.assertEqual(join.call_args_list, [mock.call(1.0), mock.call(0.0)])
        self.release.set()

    def test_idle_threads_can_be_ended_and_busy_ones_end_with_their_task(self):
        executor = self.executor(2)
        blocked = self.block(executor)
        executor.submit(divmod, 7, 2).result(TIME_LIMIT)
        wait_until(lambda: executor._queue.idle)
        executor.end_idle_threads()
        wait_until(lambda: len(self.new_threads()) == 1)
        self.release.set()
        self.assertTrue(blocked.result(TIME_LIMIT))
        wait_until(lambda: not self.new_threads())

    def test_at_the_end_of_the_interpreter_the_idle_ones_of_all_executors_end(self):
        with mock.patch.object(executor_module, "_all", weakref.WeakSet()):
            executors = [self.executor(1) for _ in range(2)]
            for executor in executors:
                executor.submit(divmod, 7, 2).result(TIME_LIMIT)
                wait_until(lambda executor=executor: executor._queue.idle)
            executor_module._end_all()
        self.assertEqual(self.new_threads(), set())

    def test_in_another_process_nothing_of_its_parent_s_is_touched(self):
        executor = self.executor(1)
        executor.submit(divmod, 7, 2).result(TIME_LIMIT)
        wait_until(lambda: executor._queue.idle)
        other = mock.patch.object(executor_module, "current_process", object)
        with other, mock.patch.object(threading.Thread, "join") as join:
            executor.end_idle_threads()
            executor.shutdown()
        join.assert_not_called()
        self.assertEqual(executor.submit(divmod, 9, 2).result(TIME_LIMIT), (4, 1))
        self.assertEqual(len(self.new_threads()), 1)

    def test_a_thread_of_the_pool_can_shut_it_down(self):
        executor = self.executor(2)
        executor.submit(executor.shutdown).result(TIME_LIMIT)
        wait_until(lambda: not self.new_threads())

    @counts_references
    def test_a_dropped_executor_ends_its_threads(self):
        executor = SendExecutor(2)
        executor.submit(divmod, 7, 2).result(TIME_LIMIT)
        self.assertEqual(len(self.new_threads()), 1)
        del executor
        wait_until(lambda: not self.new_threads())

    def test_dropping_an_executor_does_not_wait_for_its_threads(self):
        executor = SendExecutor(1)
        self.addCleanup(self.release.set)
        self.block(executor)
        with mock.patch.object(threading.Thread, "join") as join:
            del executor
            gc.collect()
        join.assert_not_called()
        self.release.set()
        wait_until(lambda: not self.new_threads())

    def test_threads_are_daemons_that_the_interpreter_does_not_wait_for(self):
        executor = self.executor(1)
        executor.submit(divmod, 7, 2).result(TIME_LIMIT)
        self.assertEqual([thread.daemon for thread in self.new_threads()], [True])

    def test_a_list_of_the_program_s_threads_shows_whose_they_are(self):
        executor = self.executor(1)
        executor.submit(divmod, 7, 2).result(TIME_LIMIT)
        self.assertEqual([thread.name for thread in self.new_threads()], ["inngest_send"])


class LastReferenceTest(ExecutorTest):
    @counts_references
    def test_the_last_reference_to_a_client_may_die_on_its_own_thread(self):
        sending, release = threading.Event(), self.release
        died_on = []

        class SlowClient(inngest.Inngest):
            def send_sync(self, events, **options):
                ids = super().send_sync(events, **options)
                sending.set()
                release.wait(TIME_LIMIT)
                return ids

        async def cancel_a_send(client):
            task = asyncio.ensure_future(client.send(inngest.Event("event")))
            await asyncio.get_running_loop().run_in_executor(None, sending.wait, TIME_LIMIT)
            task.cancel()
            await asyncio.wait([task])

        with ScriptedServer() as server:
            client = SlowClient(app_id="app", is_production=False, event_api_base_url=server.url)
            reference = weakref.ref(client, lambda _: died_on.append(threading.current_thread()))
            asyncio.run(cancel_a_send(client))
            del client
            gc.collect()
            self.assertIsNotNone(reference())
            release.set()
            wait_until(lambda: reference() is None)
            wait_until(lambda: died_on[0] not in threading.enumerate())
        self.assertIsNot(died_on[0], threading.main_thread())
