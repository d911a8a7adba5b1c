"""Gateways that are reloaded, killed and restarted, or that fail on purpose, while events flow through them.

Run in a clone: ``PYTHONPATH=.:.ci python .ci/stress.py``. For some seconds threads and tasks of two processes, one
the other's fork, send as fast as they can. Then what they were told is compared with what is stored; an event that is
lost, doubled, or was told a wrong id, fails the run.
"""

import contextlib
import logging
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from cases import any_host_context, by_way_of_proxy
from gateway import Gateway, free_ports
from tests.faults import Child, Run, StandIn, compare
from tests.helpers.library import inngest, module
from tests.helpers.proxies import proxied

DURATION = 8  # seconds
FIRST_OF_CHILD = 1000000  # the number of the first event of the forked process
PAUSE = 0.4  # seconds from one disturbance to the next
REQUEST_TIMEOUT = 1000  # milliseconds

NGINX = """
daemon off;
user root;
pid $folder/pid;
error_log $folder/errors;
worker_processes 2;
events {}
http {
    access_log off;
    client_body_temp_path $folder/bodies;
    proxy_temp_path $folder/proxied;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $certificates/server.pem;
        ssl_certificate_key $certificates/server.key;
        location / { proxy_pass http://127.0.0.1:$upstream; }
    }
}
"""

# A response that is denied was stored before.
HAPROXY = """
defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s
frontend events
    bind 127.0.0.1:$port
    http-request early-hint Link "</style.css>; rel=preload" if { rand(100) lt 30 }
    http-request silent-drop if { rand(1000) lt 10 }
    http-response deny deny_status 503 if { rand(100) lt 10 }
    http-response deny deny_status 500 if { rand(100) lt 5 }
    http-response silent-drop if { rand(1000) lt 10 }
    default_backend server
backend server
    server server 127.0.0.1:$upstream
"""

STUNNEL = """
foreground = yes
pid =
[events]
accept = 127.0.0.1:$port
connect = 127.0.0.1:$upstream
cert = $certificates/server.pem
key = $certificates/server.key
"""

SQUID = """
http_port 127.0.0.1:$port
pid_filename $folder/pid
access_log none
cache_log $folder/errors
coredump_dir $folder
cache deny all
shutdown_lifetime 0 seconds
http_access allow all
"""

TINYPROXY = """
Listen 127.0.0.1
Port $port
PidFile "$folder/pid"
LogFile "$folder/errors"
LogLevel Critical
MaxClients 100
"""


class Scenario:
    """A gateway, the way through it, and what happens to it all the time."""

    COMMAND = ()
    TEMPLATE = ""
    IS_PROXY = False
    IS_TLS = False  # at the client's end

    def client(self, gateway, server):
        """Return a client that sends by way of the gateway."""
        scheme = "https" if self.IS_TLS else "http"
        variables = {f"{scheme}_proxy": f"http://127.0.0.1:{gateway.port}"} if self.IS_PROXY else {}
        with proxied(**variables):
            return inngest.Inngest(
                app_id="stress",
                event_key="key",
                event_api_base_url=by_way_of_proxy(server) if self.IS_PROXY else f"{scheme}://127.0.0.1:{gateway.port}",
                ssl_context=any_host_context(),
                request_timeout=REQUEST_TIMEOUT,
            )

    def disturb(self, gateway, rng):
        """Do to the gateway what may happen to it. Afterwards it runs."""


class NginxReloadedAndKilled(Scenario):
    """Its workers are replaced when they are done, or one is killed in the middle of its work."""

    COMMAND = ("nginx", "-c")
    TEMPLATE = NGINX
    IS_TLS = True

    def disturb(self, gateway, rng):
        workers = gateway.workers()
        if workers and rng.random() < 0.5:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
        else:
            gateway.send_signal(signal.SIGHUP)


class HaproxyThatFails(Scenario):
    """Its configuration says what goes wrong."""

    COMMAND = ("haproxy", "-q", "-f")
    TEMPLATE = HAPROXY


class StunnelKilled(Scenario):
    """It is killed, and started again after a moment."""

    COMMAND = ("stunnel4",)
    TEMPLATE = STUNNEL
    IS_TLS = True

    def disturb(self, gateway, rng):
        gateway.stop(signal.SIGKILL)
        time.sleep(rng.random() * PAUSE)
        gateway.start()


class SquidRestarted(Scenario):
    """It is ended as an operator would, and started again."""

    COMMAND = ("squid", "-N", "-f")
    TEMPLATE = SQUID
    IS_PROXY = True

    def disturb(self, gateway, rng):
        gateway.stop()
        gateway.start()


class TinyproxyRestarted(SquidRestarted):
    """As squid, but with tunnels."""

    COMMAND = ("tinyproxy", "-d", "-c")
    TEMPLATE = TINYPROXY
    IS_TLS = True


class TimedRun(Run):
    """Sends the events from number ``first`` on, from threads and tasks, until its time is up."""

    WAYS = ("_in_loop", "_here")

    def __init__(self, client, first, deadline):
        super().__init__(client, None, random.Random(first))
        self._first = first
        self._deadline = deadline

    def next_numbers(self):
        count = self._rng.randint(1, 200) if time.monotonic() < self._deadline else 0
        return range(self._first + self.count, self._first + self.count + count)


def disturb(scenario, gateway, rng, deadline):
    """Disturb the gateway until time is up; return how often it was."""
    count = 0
    time.sleep(PAUSE)
    while time.monotonic() < deadline:
        scenario.disturb(gateway, rng)
        count += 1
        time.sleep(PAUSE)
    return count


def stress(scenario, seed):
    """Send through a gateway; return the columns of its row, and what does not agree.

    The fork comes before the threads: OpenSSL's locks may be held for ever in a child of a process that is at work.
    """
    # A gateway speaks plain HTTP to the server; a tunnel hands TLS on to it.
    with StandIn(seed, rate=0, is_tls=scenario.IS_PROXY and scenario.IS_TLS) as server:
        upstream = server.url.rstrip("/").rpartition(":")[2]
        with Gateway(scenario.COMMAND, scenario.TEMPLATE, *free_ports(1), upstream=upstream) as gateway:
            client = scenario.client(gateway, server)
            (first,) = client.send_sync(inngest.Event("n", {"n": 0}))  # so that there is a connection to inherit
            deadline = time.monotonic() + DURATION
            run, forked = (TimedRun(client, number, deadline) for number in (1, FIRST_OF_CHILD))
            child = Child(lambda: [*forked().report(), forked.count])
            with ThreadPoolExecutor(1) as executor:
                disturbing = executor.submit(disturb, scenario, gateway, random.Random(seed), deadline)
                ledger = run()
            disturbances = disturbing.result()
            *report, count = child.result() or ([], [], ["the child died"], {}, 0)
    ledger.add(*report)
    ledger.add({0: first}, [], [], {})
    numbers = [*range(run.count + 1), *range(FIRST_OF_CHILD, FIRST_OF_CHILD + count)]
    problems, counts = compare(ledger, server.report, numbers)
    columns = {
        "events": len(numbers),
        "accepted": len(ledger.accepted),
        "unknown": len(ledger.unknown),
        "stored": len(server.report["stored"]),
        "requests": len(server.report["seeds"]),
        "retries": len(server.report["seeds"]) - len(set(server.report["seeds"])),
        "disturbed": disturbances,
        "errors": sum(ledger.errors.values()),
        "lost": counts["lost"],
        "doubled": counts["doubled"],
        "wrong ids": counts["wrong"],
    }
    return columns, problems


def main():
    """Run all; print the table, and what is wrong. Return the exit code."""
    logging.getLogger(module("client").__name__).addHandler(logging.NullHandler())
    totals = Counter()
    all_problems = []
    for scenario in (NginxReloadedAndKilled, HaproxyThatFails, StunnelKilled, SquidRestarted, TinyproxyRestarted):
        name = re.sub("([A-Z])", r" \1", scenario.__name__).strip().lower()
        columns, problems = stress(scenario(), seed=1)
        if not totals:
            print(f"| {'':26}", *[f"{column:>9}" for column in columns])
        print(f"| {name:26}", *[f"{count:>9,}" for count in columns.values()], flush=True)
        totals.update(columns)
        all_problems += [f"{name}: {problem}" for problem in problems]
    print(*all_problems[:20], sep="\n")
    counts = ", ".join(f"{totals[column]:,} {column}" for column in ("events", "lost", "doubled", "wrong ids"))
    print(f"{counts}, {len(all_problems)} problems")
    return 1 if all_problems else 0


if __name__ == "__main__":
    sys.exit(main())
