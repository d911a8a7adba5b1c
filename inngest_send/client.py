"""What a program works with: the client, and the base of what hooks into it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from .call import default_logger
from .errors import Error
from .event import Event
from .middleware import Hooks, SendEventsResult, check_factory, middleware_list
from .typecheck import qualified_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import timedelta
    from ssl import SSLContext
    from typing import Any
else:  # what typing.get_type_hints finds, as these modules are not loaded for the sake of their names
    Any = SSLContext = timedelta = object


class Inngest:
    """Sends events to Inngest. Safe to use from many threads, tasks and event loops, and after a fork.

    ``app_id``: the app's name, as in the official SDK.
    ``event_key``: default ``INNGEST_EVENT_KEY``. Needed in cloud mode.
    ``env``: the branch environment; default ``INNGEST_ENV``, ``RAILWAY_GIT_BRANCH``, ``RENDER_GIT_BRANCH``,
    ``VERCEL_GIT_COMMIT_REF``.
    ``is_production``: True for cloud mode, False for dev mode; default: dev mode if ``INNGEST_DEV`` is true or a URL.
    ``event_api_base_url``: default ``INNGEST_EVENT_API_BASE_URL``, ``INNGEST_BASE_URL``, ``INNGEST_DEV`` if it is a
    URL, ``https://inn.gs/`` in cloud mode, ``http://127.0.0.1:8288/`` in dev mode.
    ``request_timeout``: bounds one attempt as a whole, but for the look-up of the host name; milliseconds as int, or
    a timedelta; default 30 s.
    ``max_attempts``: how often a request is tried in all.
    ``max_concurrency``: how many threads ``send`` uses at most; as many idle connections are kept.
    ``logger``: default ``logging.getLogger("inngest_send.client")``.
    ``middleware``: factories ``(client, raw_request) -> object`` of objects like MiddlewareSync.
    ``ssl_context``: default one that verifies against the system's trust store, or ``SSL_CERT_FILE``.
    ``api_base_url``, ``app_version``, ``serializer``, ``signing_key``: for the official SDK only; not used.

    Raises TypeError for an argument of a wrong type, and an Error that is also a ValueError for a value that cannot
    work, in an argument or in the environment; URLInvalidError is one of these.
    """

    def __init__(
        self,
        *,
        app_id: str,
        event_key: str | None = None,
        env: str | None = None,
        is_production: bool | None = None,
        event_api_base_url: str | None = None,
        request_timeout: int | timedelta | None = None,
        max_attempts: int = 5,
        max_concurrency: int = 64,
        logger: Any = None,
        middleware: Sequence[Callable[[Inngest, object], object]] | None = None,
        ssl_context: SSLContext | None = None,
        api_base_url: object = None,
        app_version: object = None,
        serializer: object = None,
        signing_key: object = None,
    ) -> None:
        # Loaded now, in a Lambda's start-up phase, neither on import nor by the first send.
        try:
            from .config import Settings
            from .sender import Sender
        except ImportError as err:  # at the interpreter's end nothing can be imported any more
            raise Error(f"cannot make a client: {err}") from err

        self.set_logger(logger)
        self._settings = Settings(
            os.environ,
            app_id=app_id,
            event_key=event_key,
            env=env,
            is_production=is_production,
            event_api_base_url=event_api_base_url,
            request_timeout=request_timeout,
            max_attempts=max_attempts,
            max_concurrency=max_concurrency,
            ssl_context=ssl_context,
        )
        self._middleware = [check_factory(factory) for factory in middleware_list(middleware)]
        self._sender = Sender(self._settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(app_id={self.app_id!r}, event_api_origin={self.event_api_origin!r})"

    def __copy__(self) -> Inngest:
        return self  # it may be shared

    def __deepcopy__(self, _: object) -> Inngest:
        return self

    def __reduce__(self) -> str:
        raise TypeError(f"cannot pickle {qualified_name(self)}: make a client in each process")

    def __enter__(self) -> Inngest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Inngest:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def app_id(self) -> str:
        """The app's name."""
        return self._settings.app_id

    @property
    def env(self) -> str | None:
        """The branch environment, or None."""
        return self._settings.env

    @property
    def event_api_origin(self) -> str:
        """The base URL of the Event API, with its path and a slash at the end."""
        return self._settings.event_api_origin

    @property
    def event_key(self) -> str | None:
        """The event key, or None."""
        return self._settings.event_key

    @property
    def is_production(self) -> bool:
        """True in cloud mode, False in dev mode."""
        return self._settings.is_production

    @property
    def logger(self) -> Any:
        """Where retries are logged at WARNING and successes at DEBUG, without the event key and the event data."""
        return default_logger() if self._logger is None else self._logger

    def set_logger(self, logger: Any) -> None:
        """Log to ``logger`` from now on; None is the default one. Raises TypeError for what has no ``warning``."""
        try:
            is_logger = logger is None or all(callable(getattr(logger, level)) for level in ("debug", "warning"))
        except Exception:  # noqa: BLE001  # whatever it is, it is no logger
            is_logger = False
        if not is_logger:
            raise TypeError(f"logger: expected a logging.Logger or the like, got {qualified_name(logger)}")
        self._logger = logger

    def add_middleware(self, middleware: Callable[[Inngest, object], object]) -> None:
        """Add a factory after those there are.

        Raises TypeError for what is none, AsyncUnsupportedError when its hooks are coroutine functions.
        """
        self._middleware = [*self._middleware, check_factory(middleware)]

    def send_sync(
        self,
        events: Event | Iterable[Event],
        *,
        skip_middleware: bool = False,
        env: str | None = None,
        timeout: int | timedelta | None = None,
    ) -> list[str]:
        """Send one event, or any iterable of them, and return their ids, in order.

        A list or a tuple is validated whole before anything is sent, and goes out in as few requests as it can; a
        generator is consumed as it is sent, unless there is middleware.

        ``env``: a branch environment for this call. ``timeout``: bounds the call with all its attempts and waits;
        milliseconds as int, or a timedelta.

        Raises SendEventsError, which says what was accepted and what was not; before anything is sent
        EventInvalidError, EventKeyUnspecifiedError, AsyncUnsupportedError, and TypeError for what is no event.
        """
        factories = () if skip_middleware else self._middleware
        hooks = Hooks(factories, self) if factories else None
        return self._sender.send(events, hooks, env, timeout, self._logger)

    async def send(
        self,
        events: Event | Iterable[Event],
        *,
        skip_middleware: bool = False,
        env: str | None = None,
        timeout: int | timedelta | None = None,
    ) -> list[str]:
        """Do what ``send_sync`` does, on a thread of the client's own, and return the same.

        Cancelling the task ends the call: its waits end, no further attempt is made, and its connection is shut
        down. What was being sent then may have been accepted or not.
        """
        send_sync = partial(self.send_sync, events, skip_middleware=skip_middleware, env=env, timeout=timeout)
        return await self._sender.send_on_thread(send_sync, events, timeout)

    def close(self) -> None:
        """Close all connections and end the threads; a later send is an Error. It may be called more than once.

        Calls that are under way end soon, with a SendEventsError. In a forked child its parent's go on.
        """
        self._sender.close()


class MiddlewareSync:
    """A base for middleware: each hook does nothing. One instance is made for each call.

    ``client`` is the client that sends; ``raw_request`` is None here, and there for the official SDK's sake.
    """

    def __init__(self, client: Inngest, raw_request: object) -> None:
        self.client = client
        self.raw_request = raw_request

    def before_send_events(self, events: list[Event]) -> None:
        """Called before the events are validated and sent; may change the list and the events in place.

        What it raises ends the call with a SendEventsError, and nothing is sent.
        """

    def after_send_events(self, result: SendEventsResult) -> None:
        """Called after the events were sent, also after a failure. What it raises is logged."""
