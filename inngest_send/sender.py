"""Carries one call of the client out: what it was given, its middleware, its thread, and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from .batching import Batcher, not_an_event
from .call import Call
from .config import DEV_MODE, environment_name, seconds
from .delivery import Delivery
from .errors import AsyncUnsupportedError, EventKeyUnspecifiedError
from .event import Event
from .http.cancellation import CURRENT, Cancellation
from .http.transport import Transport
from .middleware import SendEventsResult
from .protocol import event_url
from .runtime.process import PerProcess
from .send_error import SendEventsError, safe_message, send_error
from .typecheck import is_instance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, List, NoReturn, Optional, Set

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
        self._under_way: Set[Cancellation] = set()

    def send(
        self,
        events: object,
        hooks: Optional[Hooks],
        env: Optional[str],
        timeout: Optional[Duration],
        logger: Any,
    ) -> List[str]:
        """Send what a caller passed as ``events``, and return the ids. See Inngest.send_sync."""
        cancellation = CURRENT.get()
        if cancellation is None or cancellation.is_over:
            cancellation = Cancellation()
        began_at = cancellation.begin()
        is_outermost = cancellation not in self._under_way  # else a hook of that call makes this one
        self._under_way.add(cancellation)
        try:
            limit = None if timeout is None else seconds(timeout, "timeout")
            call = Call(cancellation, began_at, limit, environment_name(env, "env"), logger)
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

    def _send_with(self, hooks: Hooks, events: List[Event], name_index: bool, call: Call) -> List[str]:
        result = SendEventsResult()
        given = list(events)
        try:
            try:
                hooks.before(events)
            except AsyncUnsupportedError:
                raise
            except Exception as err:
                raise send_error(f"middleware: {safe_message(err)}", [], given) from err
            result.ids = self._delivery.deliver(Batcher(events, name_index=name_index or len(events) != 1), call)
            return list(result.ids)
        except SendEventsError as err:
            result.ids, result.error = list(err.ids), str(err)
            raise
        except BaseException as err:
            result.error = str(err) if isinstance(err, TypeError) else safe_message(err)
            raise
        finally:
            hooks.after(result, lambda err: call.warning("middleware: after_send_events: %s", safe_message(err)))

    async def send_on_thread(
        self, send_sync: Callable[[], List[str]], events: object, timeout: Optional[Duration]
    ) -> List[str]:
        """Await ``send_sync``, which ends in ``send``, on a thread of this sender's own. See Inngest.send."""
        import asyncio
        from contextvars import copy_context

        limit = None if timeout is None else seconds(timeout, "timeout")
        if self._is_closed:
            _refuse(events, _CLOSED)
        cancellation = Cancellation()
        context = copy_context()  # so that middleware and loggers see the variables of the task
        context.run(CURRENT.set, cancellation)
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._executor.get(), context.run, partial(_run, send_sync, cancellation))
        except RuntimeError as err:
            raise send_error(f"no thread to send on: {err}", [], _known(events), is_retriable=True) from err
        try:
            if limit is not None and limit > 0:
                done, _ = await asyncio.wait({future}, timeout=limit)
                if not done and not cancellation.has_begun:
                    cancellation.cancel()
                    if not cancellation.has_begun:  # still queued, so it will never start
                        future.cancel()
                        problem = f"no thread was free within {limit:.3g} s"
                        raise send_error(problem, [], _known(events), is_retriable=True)
            return await future
        except BaseException:
            if future.cancelled() or not future.done():  # else it is the call's own error
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


def _run(send_sync: Callable[[], List[str]], cancellation: Cancellation) -> List[str]:
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


def _known(events: Any) -> List[Event]:
    """Return the events that a caller passed, as far as they can be had without consuming anything."""
    if is_instance(events, Event):
        return [events]
    return [event for event in events if is_instance(event, Event)] if is_instance(events, (list, tuple)) else []


def _refuse(events: object, problem: str) -> NoReturn:
    raise send_error(problem, [], _known(events))
