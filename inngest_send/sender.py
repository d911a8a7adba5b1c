"""Carries a call out: checks what it was given, runs its middleware, and sees to its thread and its end.

``send`` does all the work, on the thread that calls it. ``send_on_thread``, for coroutines, hands the client's public
``send_sync``, which a subclass may override, to a thread of the executor. The two are tied by a Cancellation, which
``send`` finds in the context that goes along: when the task is cancelled, or its time is over, the call on the thread
ends its waits, and its connection is shut down. A call that is still queued by then is never begun. What a hook or a
generator sends within a call is part of it, and ends with it. ``close`` cancels whatever is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import copy_context
from functools import partial

from .batching import Batcher, not_an_event
from .call import Call
from .config import DEV_MODE, environment_name, seconds, unit_hint
from .delivery import Delivery
from .errors import AsyncUnsupportedError, Error, EventKeyUnspecifiedError
from .event import Event
from .http.cancellation import CURRENT, Cancellation
from .http.problem import duration
from .http.transport import Transport
from .protocol import event_url
from .runtime.process import PerProcess
from .runtime.signals import raise_if_from_signal_handler
from .send_error import SendEventsError, safe_message, send_error
from .typecheck import is_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .config import Duration, Settings
    from .executor import SendExecutor
    from .middleware import Hooks

_CLOSED = "the client is closed"


class Sender:
    """Sends with one client's settings."""

    def __init__(self, settings: Settings) -> None:
        self._needs_key = settings.is_production and settings.event_key is None
        self._transport = Transport(
            event_url(settings.event_api_origin, settings.event_key),
            ssl_context=settings.ssl_context,
            max_idle=settings.max_concurrency,
        )
        self._delivery = Delivery(self._transport, settings)
        self._executor = PerProcess(partial(_make_executor, settings.max_concurrency))
        self._is_closed = False
        self._under_way: set[Cancellation] = set()

    def send(
        self,
        events: object,
        hooks: Hooks | None,
        env: str | None,
        timeout: Duration | None,
        logger: Any,
    ) -> list[str]:
        """Send what a caller passed as ``events``, and return the ids. See Inngest.send_sync."""
        cancellation = CURRENT.get()
        if cancellation is None or cancellation.is_over:
            cancellation = Cancellation()
        began_at = cancellation.begin()
        is_outermost = cancellation not in self._under_way  # else a hook of that call makes this one
        self._under_way.add(cancellation)
        try:
            limit = None if timeout is None else seconds(timeout, "timeout")
            call = Call(cancellation, began_at, limit, unit_hint(timeout), environment_name(env, "env"), logger)
            source = _iterable(events)
            if self._needs_key:
                raise EventKeyUnspecifiedError(f"no event key: pass event_key, or set INNGEST_EVENT_KEY; {DEV_MODE}")
            if self._is_closed or cancellation.is_cancelled:
                _refuse(events, _CLOSED if self._is_closed else "cancelled")
            if limit is not None and limit <= 0:
                _refuse(events, "no time: the timeout is zero or less")
            if hooks is not None:
                return self._send_with(hooks, list(source), events is source, call)
            return self._delivery.deliver(Batcher(source, name_index=events is source), call)
        finally:
            if is_outermost:
                self._under_way.discard(cancellation)

    def _send_with(self, hooks: Hooks, events: list[Event], name_index: bool, call: Call) -> list[str]:
        ids: list[str] = []
        problem: str | None = None
        given = list(events)
        try:
            try:
                hooks.before(events)
            except AsyncUnsupportedError:
                raise
            except Exception as err:
                raise_if_from_signal_handler(err)
                raise send_error(f"middleware: {safe_message(err)}", [], given) from err
            batcher = Batcher(events, name_index=name_index or len(events) != 1, may_be_changed=True)
            ids = self._delivery.deliver(batcher, call)
            return ids
        except SendEventsError as err:
            ids, problem = err.ids, str(err)
            raise
        except BaseException as err:
            problem = str(err) if isinstance(err, TypeError) else safe_message(err)
            raise
        finally:
            hooks.after(ids, problem, lambda err: call.report(f"middleware: after_send_events: {safe_message(err)}"))

    async def send_on_thread(
        self, send_sync: Callable[[], list[str]], events: object, timeout: Duration | None
    ) -> list[str]:
        """Await ``send_sync``, which ends in ``send``, on a thread of this sender's own. See Inngest.send."""
        limit = None if timeout is None else seconds(timeout, "timeout")
        if self._is_closed:
            _refuse(events, _CLOSED)
        cancellation = Cancellation()
        context = copy_context()  # so that middleware and loggers see the variables of the task
        context.run(CURRENT.set, cancellation)
        try:
            import asyncio

            loop = _running_loop()
            future = loop.run_in_executor(self._executor.get(), context.run, partial(_run, send_sync, cancellation))
        except Error:
            raise
        except Exception as err:  # what cannot be imported or started: memory, threads or descriptors ran out
            raise_if_from_signal_handler(err)
            cancellation.cancel()  # where it is queued all the same
            problem = f"no thread to send on: {err}; send_sync needs none"
            has_begun = cancellation.has_begun
            raise send_error(problem, [], _known(events), maybe_delivered=has_begun, is_retriable=True) from err
        try:
            if limit is not None and limit > 0:
                done, _ = await asyncio.wait({future}, timeout=limit)
                if not done and not cancellation.has_begun:
                    cancellation.cancel()
                    if not cancellation.has_begun:  # still queued, so it will never start
                        future.cancel()
                        problem = f"no thread was free within {duration(limit)}{unit_hint(timeout)}"
                        raise send_error(problem, [], _known(events), is_retriable=True)
            return await future
        except BaseException:
            if future.done() and not future.cancelled():
                future.exception()  # it may be what is raised here, or come too late for that: nobody else asks for it
            else:
                cancellation.cancel()
                future.cancel()
            raise

    def close(self) -> None:
        """See Inngest.close."""
        self._is_closed = True
        for cancellation in tuple(self._under_way):
            cancellation.cancel()
        executor = self._executor.pop()
        if executor is not None:
            executor.shutdown()
        self._transport.close()


def _make_executor(max_workers: int) -> SendExecutor:
    from .executor import SendExecutor

    return SendExecutor(max_workers)


def _running_loop() -> AbstractEventLoop:
    import asyncio

    try:
        return asyncio.get_running_loop()
    except RuntimeError as err:
        raise_if_from_signal_handler(err)
        problem = "send needs a running event loop of asyncio's; elsewhere run send_sync on a thread"
        raise Error(f"{problem}, as with trio: await trio.to_thread.run_sync(client.send_sync, events)") from None


def _run(send_sync: Callable[[], list[str]], cancellation: Cancellation) -> list[str]:
    try:
        return send_sync()
    finally:
        cancellation.is_over = True


def _iterable(events: Any) -> Iterable[Event]:
    """Return ``events`` as an iterable, a single one as a list. Raises TypeError for what cannot be one."""
    if is_instance(events, Event):
        return [events]
    if is_instance(events, (str, bytes, Mapping)) or not is_instance(events, Iterable):
        raise TypeError(f"{not_an_event(events, 'events')}; pass one, or a list or other iterable of them")
    iterable: Iterable[Event] = events
    return iterable


def _known(events: Any) -> list[Event]:
    """Return the events that a caller passed, as far as they can be had without consuming anything."""
    if is_instance(events, Event):
        return [events]
    return [event for event in events if is_instance(event, Event)] if is_instance(events, (list, tuple)) else []


def _refuse(events: object, problem: str) -> NoReturn:
    raise send_error(problem, [], _known(events))
