"""Middleware: hooks around the sending of events, from both ``send`` and ``send_sync``."""

import asyncio
import functools
import gc
import logging
import unittest
import warnings
from unittest import mock

from tests.helpers.library import inngest
from tests.helpers.servers import ScriptedServer, client_for


def refuse(peer):
    """A server's script: no key is known."""
    peer.read()
    peer.answer(401, {"status": 401, "error": "Event key not found"})


def accept_first(peer):
    """A server's script: only the first event of a request is accepted."""
    peer.read()
    peer.answer(400, {"ids": ["FIRST"], "status": 400, "error": "event name is empty"})


def hooks(before=None, after=None):
    """Return a factory of objects with these functions, of one argument each, for hooks."""

    class Hooks:
        def __init__(self, client, raw_request):
            pass

    if before is not None:
        Hooks.before_send_events = lambda self, events: before(events)
    if after is not None:
        Hooks.after_send_events = lambda self, result: after(result)
    return Hooks


def raising(error):
    """Return a function of one argument that raises ``error``."""

    def hook(_):
        raise error

    return hook


class Recorder:
    """A factory whose objects note what they are called with, in a list that they share."""

    def __init__(self, notes, label):
        self.notes = notes
        self.label = label
        self.made = []

    def __call__(self, client, raw_request):
        self.made.append((client, raw_request))
        notes, label = self.notes, self.label

        class Hooks:
            def before_send_events(self, events):
                notes.append(f"before {label}")

            def after_send_events(self, result):
                notes.append(f"after {label}")

        return Hooks()


class MiddlewareTest(unittest.TestCase):
    def serve(self, *scripts):
        server = ScriptedServer(*scripts)
        self.addCleanup(server.close)
        return server

    def client(self, server, *middleware, **options):
        client = client_for(server, middleware=list(middleware), **options)
        self.addCleanup(client.close)
        return client

    def send_with(self, *middleware, events=None):
        """Send an event through this middleware; return the names of the events that arrived, in order."""
        server = self.serve()
        self.client(server, *middleware).send_sync(inngest.Event("sent") if events is None else events)
        return [event["name"] for request in server.requests for event in request.events]


class CallsTest(MiddlewareTest):
    def test_before_hooks_run_in_order_and_after_hooks_in_reverse(self):
        notes = []
        self.send_with(*[Recorder(notes, label) for label in "abc"])
        self.assertEqual(notes, ["before a", "before b", "before c", "after c", "after b", "after a"])

    def test_one_instance_is_made_for_each_call_with_the_client_and_no_request(self):
        recorder = Recorder([], "a")
        server = self.serve()
        client = self.client(server, recorder)
        client.send_sync(inngest.Event("one"))
        client.send_sync([inngest.Event("two"), inngest.Event("three")])
        self.assertEqual(recorder.made, [(client, None), (client, None)])

    def test_both_hooks_of_a_call_are_those_of_one_instance(self):
        class Numbered(inngest.MiddlewareSync):
            def before_send_events(self, events):
                self.count = len(events)

            def after_send_events(self, result):
                counts.append((self.count, self.client, self.raw_request))

        counts = []
        client = self.client(self.serve(), Numbered)
        client.send_sync(inngest.Event("one"))
        client.send_sync([inngest.Event("two"), inngest.Event("three")])
        self.assertEqual(counts, [(1, client, None), (2, client, None)])

    def test_hooks_run_once_a_call_however_many_requests_it_takes(self):
        notes = []
        names = self.send_with(Recorder(notes, "a"), events=[inngest.Event("sent")] * 5001)
        self.assertEqual((len(names), notes), (5001, ["before a", "after a"]))

    def test_a_factory_may_be_a_function_and_its_object_may_have_one_hook_or_none(self):
        seen = []

        def factory(client, raw_request):
            return hooks(before=lambda events: seen.append("before"))(client, raw_request)

        factories = (factory, hooks(after=lambda result: seen.append("after")), lambda client, raw_request: object())
        logger = mock.Mock()
        self.client(self.serve(), *factories, logger=logger).send_sync(inngest.Event("sent"))
        self.assertEqual((seen, logger.warning.mock_calls), (["before", "after"], []))

    def test_what_a_factory_that_is_an_object_has_besides_is_no_hook(self):
        class Factory:
            def __call__(self, client, raw_request):
                return object()

            async def before_send_events(self, events):
                raise AssertionError

        self.assertEqual(self.send_with(Factory()), ["sent"])

    def test_the_base_class_does_nothing(self):
        self.assertEqual(self.send_with(inngest.MiddlewareSync), ["sent"])

    def test_hooks_can_be_skipped(self):
        notes = []
        server = self.serve()
        client = self.client(server, Recorder(notes, "a"))
        client.send_sync(inngest.Event("sync"), skip_middleware=True)
        asyncio.run(client.send(inngest.Event("async"), skip_middleware=True))
        self.assertEqual((notes, len(server.requests)), ([], 2))

    def test_send_runs_the_same_hooks(self):
        notes = []
        client = self.client(self.serve(), Recorder(notes, "a"), Recorder(notes, "b"))
        asyncio.run(client.send(inngest.Event("sent")))
        self.assertEqual(notes, ["before a", "before b", "after b", "after a"])

    def test_middleware_can_be_added_later_and_comes_last(self):
        notes = []
        client = self.client(self.serve(), Recorder(notes, "a"))
        client.add_middleware(Recorder(notes, "b"))
        client.send_sync(inngest.Event("sent"))
        self.assertEqual(notes, ["before a", "before b", "after b", "after a"])

    def test_the_list_given_to_the_constructor_stays_the_callers_own(self):
        factories = [inngest.MiddlewareSync]
        client = inngest.Inngest(app_id="app", is_production=False, middleware=factories)
        client.add_middleware(inngest.MiddlewareSync)
        self.assertEqual(factories, [inngest.MiddlewareSync])

    def test_a_hook_may_send_with_the_same_client(self):
        def before(events):
            client.send_sync(inngest.Event("nested"), skip_middleware=True)

        server = self.serve()
        client = self.client(server, hooks(before=before), max_concurrency=1)
        client.send_sync(inngest.Event("sync"))
        asyncio.run(client.send(inngest.Event("async")))
        names = [request.events[0]["name"] for request in server.requests]
        self.assertEqual(names, ["nested", "sync", "nested", "async"])


class EventsTest(MiddlewareTest):
    def test_hooks_get_a_list_of_the_calls_own(self):
        event = inngest.Event("sent")
        for events in (event, [event], (event,), (event for _ in range(1))):
            with self.subTest(type=type(events).__name__):
                got = []

                def before(hook_events, got=got):
                    got.append((type(hook_events), list(hook_events)))
                    hook_events.append(inngest.Event("added"))

                self.assertEqual(self.send_with(hooks(before=before), events=events), ["sent", "added"])
                self.assertEqual(got, [(list, [event])])
                if isinstance(events, list):
                    self.assertEqual(events, [event])

    def test_hooks_may_remove_replace_and_change_events(self):
        def before(events):
            del events[0]
            events[0] = inngest.Event("replaced")
            events[1].name = "changed"

        names = self.send_with(hooks(before=before), events=[inngest.Event(name) for name in "abc"])
        self.assertEqual(names, ["replaced", "changed"])

    def test_a_later_hook_sees_what_an_earlier_one_changed(self):
        seen = []
        self.send_with(
            hooks(before=lambda events: events.append(inngest.Event("added"))),
            hooks(before=lambda events: seen.extend(event.name for event in events)),
        )
        self.assertEqual(seen, ["sent", "added"])

    def test_when_hooks_remove_every_event_nothing_is_sent(self):
        results = []
        server = self.serve()
        client = self.client(server, hooks(before=list.clear, after=results.append))
        self.assertEqual(client.send_sync(inngest.Event("sent")), [])
        self.assertEqual(results, [inngest.SendEventsResult(ids=[], error=None)])
        self.assertEqual(server.connections, 0)

    def test_what_hooks_changed_is_validated(self):
        cases = [
            ("a bad name", lambda events: setattr(events[1], "name", ""), inngest.EventInvalidError, "events[1].name"),
            ("bad data", lambda events: events[0].data.update(x={1}, y=b""), inngest.EventInvalidError, "data.y"),
            ("no event", lambda events: events.append({"name": "dict"}), TypeError, "events[2]"),
        ]
        for label, before, kind, text in cases:
            with self.subTest(label):
                server, results = self.serve(), []
                client = self.client(server, hooks(before=before, after=results.append))
                with self.assertRaises(kind) as caught:
                    client.send_sync([inngest.Event("first"), inngest.Event("second")])
                self.assertIn(text, str(caught.exception))
                self.assertEqual(results, [inngest.SendEventsResult(ids=[], error=str(caught.exception))])
                self.assertEqual(server.connections, 0)

    def test_an_event_is_named_by_its_place_where_there_may_be_several(self):
        bad, good = inngest.Event("bad"), inngest.Event("good")
        bad.data = {"k": b"s3cr3t"}
        another = hooks(before=lambda events: events.append(bad))
        for events, middleware, path in (
            (bad, inngest.MiddlewareSync, "data.k"),
            ([bad], inngest.MiddlewareSync, "events[0].data.k"),
            ([good, bad], inngest.MiddlewareSync, "events[1].data.k"),
            (good, another, "events[1].data.k"),
        ):
            with self.subTest(path), self.assertRaises(inngest.EventInvalidError) as caught:
                self.send_with(middleware, events=events)
            self.assertEqual(caught.exception.path, path)

    def test_a_generator_is_made_a_list_and_what_it_raises_comes_through(self):
        def generator():
            yield inngest.Event("first")
            raise KeyError("broken")

        notes = []
        server = self.serve()
        with self.assertRaises(KeyError):
            self.client(server, Recorder(notes, "a")).send_sync(generator())
        self.assertEqual(server.connections, 0)


class ResultTest(MiddlewareTest):
    def send(self, *scripts, events=None):
        """Send to a server of these scripts; return the result that an after-hook got, and ids or the error."""
        results = []
        client = self.client(self.serve(*scripts), hooks(after=results.append), max_attempts=1)
        try:
            outcome = client.send_sync(events or [inngest.Event("first"), inngest.Event("second")])
        except inngest.Error as err:
            outcome = err
        (result,) = results
        self.assertIsInstance(result, inngest.SendEventsResult)
        return result, outcome

    def test_after_a_success_it_has_the_ids(self):
        result, ids = self.send()
        self.assertEqual((result.ids, result.error), (ids, None))
        self.assertEqual(len(ids), 2)

    def test_after_a_failure_it_has_the_error(self):
        result, error = self.send(refuse)
        self.assertEqual((result.ids, result.error), ([], str(error)))

    def test_after_a_partial_success_it_has_both(self):
        result, error = self.send(accept_first)
        self.assertEqual((result.ids, result.error), (["FIRST"], str(error)))
        self.assertEqual(error.ids, ["FIRST"])

    def test_changing_it_changes_nothing_of_the_call(self):
        server = self.serve()
        client = self.client(server, hooks(after=lambda result: result.ids.clear()))
        self.assertEqual(len(client.send_sync(inngest.Event("sent"))), 1)

    def test_it_can_be_made_by_hand(self):
        empty = inngest.SendEventsResult()
        self.assertEqual((empty.ids, empty.error), ([], None))
        self.assertIsNot(empty.ids, inngest.SendEventsResult().ids)


class RaisingTest(MiddlewareTest):
    def assert_nothing_sent(self, cause, *middleware):
        """Send; see that it fails as it must when ``cause`` was raised before anything was sent."""
        events = [inngest.Event("first"), inngest.Event("second")]
        server = self.serve()
        with self.assertRaises(inngest.SendEventsError) as caught:
            self.client(server, *middleware).send_sync(list(events))
        error = caught.exception
        self.assertIs(error.__cause__, cause)
        self.assertEqual((error.ids, error.unsent, error.maybe_delivered), ([], events, False))
        self.assertEqual(server.connections, 0)
        return error

    def test_a_before_hook_that_raises_ends_the_call(self):
        causes = [
            ValueError("secret"),
            inngest.EventInvalidError("expected another", "data"),
            inngest.SendEventsError("a nested send", ["ID"], unsent=[inngest.Event("nested")], maybe_delivered=True),
        ]
        for cause in causes:
            with self.subTest(type(cause).__name__):
                error = self.assert_nothing_sent(cause, hooks(before=raising(cause)))
                self.assertNotIn("secret", str(error))

    def test_a_factory_that_raises_ends_the_call(self):
        cause = ValueError()
        self.assert_nothing_sent(cause, lambda client, raw_request: raising(cause)(None))

    def test_the_hooks_after_one_that_raises_do_not_run(self):
        notes, results = [], []
        cause = ValueError()
        middleware = [
            hooks(after=results.append),
            Recorder(notes, "a"),
            hooks(before=raising(cause), after=lambda result: notes.append("the raising one")),
            Recorder(notes, "b"),
        ]
        error = self.assert_nothing_sent(cause, *middleware)
        self.assertEqual(notes, ["before a", "after a"])
        self.assertEqual(results, [inngest.SendEventsResult(ids=[], error=str(error))])

    def test_events_that_a_hook_removed_before_it_raised_are_still_unsent(self):
        cause = ValueError()

        def before(events):
            events.pop()
            raise cause

        self.assert_nothing_sent(cause, hooks(before=before))

    def test_an_after_hook_that_raises_is_logged_and_the_ids_are_returned(self):
        notes = []
        logger = logging.getLogger("tests.middleware")
        middleware = [Recorder(notes, "a"), hooks(after=raising(ValueError("secret")))]
        client = self.client(self.serve(), *middleware, logger=logger)
        with self.assertLogs(logger, "WARNING") as logs:
            ids = client.send_sync(inngest.Event("sent"))
        self.assertEqual(len(ids), 1)
        (record,) = logs.records
        self.assertIn("after_send_events", record.getMessage())
        self.assertIn("ValueError", record.getMessage())
        self.assertNotIn("secret", record.getMessage())
        self.assertEqual(notes, ["before a", "after a"])

    def test_an_after_hook_that_raises_hides_no_failure(self):
        logger = logging.getLogger("tests.middleware")
        client = self.client(self.serve(refuse), hooks(after=raising(ValueError())), logger=logger)
        with self.assertLogs(logger, "WARNING"), self.assertRaises(inngest.SendEventsError) as caught:
            client.send_sync(inngest.Event("sent"))
        self.assertEqual(caught.exception.status, 401)

    def test_an_interrupted_call_is_no_success_for_after_hooks(self):
        results = []
        middleware = [hooks(after=results.append), hooks(before=raising(KeyboardInterrupt()))]
        server = self.serve()
        with self.assertRaises(KeyboardInterrupt):
            self.client(server, *middleware).send_sync(inngest.Event("sent"))
        self.assertEqual([(result.ids, bool(result.error)) for result in results], [([], True)])
        self.assertEqual(server.connections, 0)


async def coroutine_hook(self, argument):
    """A hook as it must not be."""


class AsyncCall:
    """An object that is called as a coroutine function is."""

    async def __call__(self, *arguments):
        """Do nothing."""


class CoroutineHooksTest(MiddlewareTest):
    def test_hooks_that_are_coroutine_functions_are_refused_when_added(self):
        for name in ("before_send_events", "after_send_events"):
            for kind, hook in (
                ("function", coroutine_hook),
                ("static method", staticmethod(coroutine_hook)),
                ("class method", classmethod(coroutine_hook)),
                ("partial", staticmethod(functools.partial(coroutine_hook, None))),
                ("object", AsyncCall()),
            ):
                middleware = type("Middleware", (inngest.MiddlewareSync,), {name: hook})
                with self.subTest(hook=name, kind=kind):
                    self.assert_refused(middleware)
                with self.subTest(hook=name, kind=kind, factory="partial"):
                    self.assert_refused(functools.partial(middleware))

    def test_factories_that_are_coroutine_functions_are_refused_when_added(self):
        for factory in (coroutine_hook, functools.partial(coroutine_hook), AsyncCall(), AsyncCall().__call__):
            with self.subTest(type(factory).__name__):
                self.assert_refused(factory)

    def assert_refused(self, factory):
        with self.assertRaises(inngest.AsyncUnsupportedError):
            inngest.Inngest(app_id="app", is_production=False, middleware=[factory])
        client = inngest.Inngest(app_id="app", is_production=False)
        with self.assertRaises(inngest.AsyncUnsupportedError):
            client.add_middleware(factory)

    def test_what_only_a_call_shows_is_refused_then_and_nothing_is_sent(self):
        class OnInstance:
            def __init__(self, client, raw_request):
                self.before_send_events = functools.partial(coroutine_hook, self)

        class AfterOnInstance:
            def __init__(self, client, raw_request):
                self.after_send_events = functools.partial(coroutine_hook, self)

        class ReturnsCoroutine:
            def __init__(self, client, raw_request):
                pass

            def before_send_events(self, events):
                return coroutine_hook(self, events)

        def of_function(client, raw_request):
            return OnInstance(client, raw_request)

        async def make():
            """Make nothing."""

        def of_coroutine(client, raw_request):
            return make()

        for factory in (OnInstance, AfterOnInstance, ReturnsCoroutine, of_function, of_coroutine):
            with self.subTest(factory.__name__), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                server = self.serve()
                client = self.client(server, factory)
                with self.assertRaises(inngest.AsyncUnsupportedError):
                    client.send_sync(inngest.Event("sent"))
                gc.collect()
                self.assertEqual([str(warning.message) for warning in caught], [])
                self.assertEqual(server.connections, 0)

    def test_the_message_names_what_returned_an_awaitable_of_whatever_kind(self):
        class Awaitable:
            def __await__(self):
                yield

        def factory(client, raw_request):
            return Awaitable()

        class Hooks:
            def before_send_events(self, events):
                return Awaitable()

        for middleware, name in ((factory, "factory"), (lambda client, raw_request: Hooks(), "before_send_events")):
            with self.assertRaises(inngest.AsyncUnsupportedError) as caught:
                self.send_with(middleware)
            problem = f"middleware: {name} returned an awaitable; make it a plain function"
            self.assertEqual(str(caught.exception), problem)

    def test_an_object_whose_class_cannot_be_asked_for_is_treated_as_what_it_is(self):
        class Opaque:
            @property
            def __class__(self):
                raise KeyError("opaque")

        class Factory(Opaque):
            def __call__(self, client, raw_request):
                return result

        result = Opaque()
        self.assertEqual(self.send_with(Factory()), ["sent"])
        self.assertEqual(self.send_with(hooks(before=lambda events: result)), ["sent"])
        for middleware in (Opaque(), [Opaque()]):
            with self.assertRaises(TypeError):
                inngest.Inngest(app_id="app", middleware=middleware)

    def test_what_is_no_factory_is_a_type_error(self):
        for middleware in ("text", inngest.MiddlewareSync, [None], [3], [object()]):
            with self.subTest(middleware=middleware), self.assertRaises(TypeError):
                inngest.Inngest(app_id="app", middleware=middleware)
        with self.assertRaises(TypeError):
            inngest.Inngest(app_id="app").add_middleware(None)
