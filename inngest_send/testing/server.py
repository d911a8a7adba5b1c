"""The stand-in server: HTTP/1.1 on real sockets, one thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter, deque

from .api import EventApi
from .faults import Fault, RandomFaults
from .hosts import normalize_names
from .http import Connection, ReceivedRequest
from .store import Refusal, Store, StoredEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType


class EventServer:
    """A stand-in Event API. Use it in a ``with`` statement, or call ``start`` and ``close``.

    ``event_key``: None takes every key, as the Dev Server does; else any other is answered 401.
    ``host``, ``port``: where to listen; port 0 is a free one. Raises ValueError for what is no port.
    ``ssl_context``: a server's context, for https.
    ``keep``: how many of the newest events and requests to keep; None keeps all.
    ``on_event``, ``on_refusal``: called with each StoredEvent, and each Refusal, one at a time.
    ``allowed_hosts``: names under which a browser may look at events, besides IP addresses, ``host`` itself, localhost
    and names without a dot; under any other name that is refused with 403, since a web page elsewhere could read them.

    ``GET /v1/events`` and ``/v1/events/ID`` show what it stored, as a Dev Server does; ``GET /`` is a page for people.
    It answers as a real server of August 2026 was measured to do, with these differences:

    - names of fields are case-sensitive, and a field given twice counts the last time (Go: letter case is ignored);
    - a float in ``ts`` is quoted in the error in Python's notation, not as it was sent;
    - an int beyond 64 bits in ``ts`` is out of range (Go: cannot unmarshal);
    - events can be read at once, not some seconds later, and by ``limit`` as many as there are;
    - its page is its own, with nothing but what came; a sender with a wrong path gets a placeholder of the real one;
    - it has no other part of the Dev Server, and no ``/dev``, by which SDKs see whether functions can be registered.
    """

    def __init__(
        self,
        event_key: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ssl_context: ssl.SSLContext | None = None,
        keep: int | None = None,
        on_event: Callable[[StoredEvent], None] | None = None,
        on_refusal: Callable[[Refusal], None] | None = None,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        if not 0 <= port <= 65535:
            raise ValueError("port: expected 0 to 65535")
        self.host = host
        self.port = port
        self.faults: Counter[str] = Counter()  # how often each kind was played
        self._ssl_context = ssl_context
        self._store = Store(keep, on_event, on_refusal)
        self._api = EventApi(self._store, event_key, [host.lower(), *normalize_names(allowed_hosts)])
        self._requests: deque[ReceivedRequest] = deque(maxlen=keep)
        self._scripted: deque[Fault] = deque()
        self._random: RandomFaults | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._connections: dict[Connection, threading.Thread] = {}
        self._count = 0
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        state = self.url if self._listener is not None else "not started"
        return f"<EventServer {state}: {self._store.count} events in {self._count} connections>"

    def __enter__(self) -> EventServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The base URL, as ``http://127.0.0.1:49152/``. Raises RuntimeError before the server has a port."""
        if not self.port:
            raise RuntimeError("the server is not started: use it in a with statement, or call start()")
        scheme = "http" if self._ssl_context is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/"

    @property
    def events(self) -> list[StoredEvent]:
        """The events that are stored, in order; one may be stored more than once."""
        with self._store.changed:
            return list(self._store.events)

    @property
    def runs(self) -> list[StoredEvent]:
        """The events that would have started runs: one for each internal id, and each ``id`` within 24 hours."""
        with self._store.changed:
            return list(self._store.runs)

    @property
    def refusals(self) -> list[Refusal]:
        """The requests that were not taken, or not to their end, in order."""
        with self._store.changed:
            return list(self._store.refusals)

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The POST requests that were read, in order."""
        with self._lock:
            return list(self._requests)

    def start(self) -> EventServer:
        """Listen, unless it does already, and return the server itself. Raises OSError when it cannot."""
        if self._listener is not None:
            return self
        address = socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM, 0, socket.AI_PASSIVE)[0]
        listener = socket.socket(address[0], address[1])
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address[4])
            listener.listen(1024)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._closing.clear()
        self._thread = threading.Thread(target=self._accept, args=(listener,), name="EventServer", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop, and close every connection. What was received can still be looked at."""
        listener, self._listener = self._listener, None
        if listener is None or self._thread is None:
            return
        self._closing.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        listener.close()
        self._thread.join()
        with self._lock:
            connections = dict(self._connections)
        for connection, thread in connections.items():
            connection.shut_down()
            thread.join()

    def clear(self) -> None:
        """Forget what was received, and the faults that are still to come."""
        with self._lock:
            self._requests.clear()
            self._scripted.clear()
            self._random = None
            self.faults.clear()
        self._store.clear()

    def wait_for(self, count: int, timeout: float = 5.0) -> list[StoredEvent]:
        """Return the events once there are so many. Raises AssertionError after ``timeout`` seconds."""
        with self._store.changed:
            if not self._store.changed.wait_for(lambda: self._store.count >= count, timeout):
                raise AssertionError(f"{self._store.count} of {count} events came within {timeout:g} s")
            return list(self._store.events)

    def fail_next(
        self,
        kind: str = "status",
        *,
        times: int = 1,
        status: int = 500,
        body: str | bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = 0.05,
    ) -> None:
        """Play a fault on the next ``times`` requests, after those scripted before.

        ``kind`` is one of FAULTS; ``status``, ``body``, ``headers`` and ``seconds`` are for those that name them.
        Raises ValueError.
        """
        data = body.encode() if isinstance(body, str) else body
        fault = Fault(kind, status=status, body=data, headers=headers, seconds=seconds)
        with self._lock:
            self._scripted.extend([fault] * times)

    def fail_randomly(
        self, rate: float, *, seed: int, kinds: list[str] | None = None, seconds: float = 0.001
    ) -> None:
        """Play a random fault, of all or of some kinds, on a share of all requests, until ``clear``; 0 ends it too."""
        with self._lock:
            self._random = RandomFaults(rate, seed, kinds, seconds)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                if self._closing.is_set():
                    return
                time.sleep(0.01)  # out of file descriptors, perhaps: others must end first
                continue
            with self._lock:
                self._count += 1
                connection = Connection(
                    sock,
                    self._count,
                    self._api,
                    closing=self._closing,
                    next_fault=self._next_fault,
                    on_request=self._note,
                )
                thread = threading.Thread(target=self._serve, args=(connection,), name="EventServer", daemon=True)
                self._connections[connection] = thread
                thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve(self._ssl_context)
        except (OSError, ValueError):
            pass  # the client went away, or does not speak HTTP
        finally:
            connection.close()
            with self._lock:
                self._connections.pop(connection, None)

    def _note(self, request: ReceivedRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def _next_fault(self) -> Fault | None:
        with self._lock:
            if self._scripted:
                fault: Fault | None = self._scripted.popleft()
            else:
                fault = self._random.draw() if self._random is not None else None
            if fault is not None:
                self.faults[fault.kind] += 1
            return fault
