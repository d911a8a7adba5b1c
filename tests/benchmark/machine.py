"""What the figures were taken on, and how fast the server is that they were taken with."""

import json
import os
import platform
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

from tests.benchmark.contestants import OURS, PACKAGES, PATH, PEER
from tests.benchmark.events import NAME
from tests.benchmark.figures import figure
from tests.helpers.library import NAME as LIBRARY
from tests.helpers.library import ROOT, inngest

_EVENT_SERVER = """
import sys
from {}.testing import EventServer
with EventServer(keep=1000) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def machine(python, has_peer):
    """Return a description of it as plain data."""
    found = {
        "python": _ask(python, "import platform; print(platform.python_version())"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        OURS: inngest.__version__,
    }
    if has_peer:
        code = f"import importlib.metadata; print(importlib.metadata.version({PACKAGES[PEER]!r}))"
        found[PEER] = _ask(python, code)
    return found


def servers(server, requests):
    """Return how fast the server is, and for comparison the library's own, as plain data."""
    before = server.totals()["cpu"]
    per_second = raw_requests_per_second(server.urls["plain"], requests)
    cpu = (server.totals()["cpu"] - before) / requests
    return {
        "server": {"requests_per_second": per_second, "cpu_per_request": cpu},
        "event_server": {"requests_per_second": _event_server_speed(requests)},
    }


def _ask(python, code):
    return subprocess.check_output([python, "-c", code]).decode().strip()


def text(found):
    """Return the description as lines."""
    lines = [
        f"{OURS} {found[OURS]} on CPython {found['python']}, {found['system']}",
        f"{found['processor']}, {found['cores']} cores",
    ]
    if PEER in found:
        lines.append(f"{PEER} {found[PEER]}, on the same interpreter")
    if "valgrind" in found:
        lines.append(f"instructions, counted by {found['valgrind']}")
    if "server" in found:
        server, stand_in = found["server"], found["event_server"]
        lines += [
            f"server: {server['requests_per_second']:,.0f} requests/s from one raw socket,"
            f" {server['cpu_per_request'] * 1e6:.0f} us of CPU each",
            f"(the stand-in EventServer, not used here: {stand_in['requests_per_second']:,.0f} requests/s)",
        ]
    return "\n".join(lines)


def raw_requests_per_second(url, requests):
    """Return how many requests a second a server answers to one socket that does nothing else; the median of five."""
    body = json.dumps([{"name": NAME, "data": {"text": "x" * 200}}]).encode()
    head = f"POST /{PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    parts = urlsplit(url)
    rates = []
    with socket.create_connection((parts.hostname, parts.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(5):
            started = time.perf_counter()
            for _ in range(requests // 5):
                sock.sendall(head + body)
                sock.recv(65536)
            rates.append(requests // 5 / (time.perf_counter() - started))
    return figure(rates).median


def _event_server_speed(requests):
    with subprocess.Popen(
        [sys.executable, "-c", _EVENT_SERVER.format(LIBRARY)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            return raw_requests_per_second(process.stdout.readline().decode().strip(), requests)
        finally:
            process.stdin.close()


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
