"""What is measured: for each measure its contestants, its rounds, and the bars it is held against."""

import functools
import os
import subprocess

from tests.benchmark import package, programs
from tests.benchmark.bench import Measure, each
from tests.benchmark.contestants import HTTP_CLIENT, KEY, OURS, PACKAGES, PEER, URLOPEN
from tests.benchmark.events import NAME, write_csv, write_file, write_rows
from tests.benchmark.figures import Bar
from tests.benchmark.growth import growth_in_count, growth_in_size
from tests.benchmark.server import DELAY, ROUND_TRIP
from tests.helpers.library import ROOT

DATACLASSES = "dataclasses"
TRUSTED = 140  # certificates of authorities, as systems have them
ID_SIZE = 120  # bytes at most for a returned id: 80 for the str, the rest for its place in a list that has room to grow
HEAVY = ("asyncio", "urllib.request", "http.client", "ssl", "email", "logging", "typing", "argparse")


def imports(bench):
    """``import``, as a program sees it."""
    runs = {name: bench.program(programs.importing(PACKAGES[name])) for name in bench.names()}
    runs[DATACLASSES] = bench.program(programs.importing(DATACLASSES))
    bars = [
        Bar("wall", OURS, DATACLASSES, at_most=1.25),
        Bar("cpu", OURS, DATACLASSES, at_most=1.25),
        Bar("wall", OURS, PEER, at_most=0.1),
        Bar("cpu", OURS, PEER, at_most=0.1),
    ]
    return Measure("import", "import in a new process, less a bare start", "", bench.rounds(25), runs, bars)


def modules(bench):
    """What ``import`` loads."""

    def run(name):
        code = f"import sys; bare = set(sys.modules); import {PACKAGES[name]}; print(*set(sys.modules) - bare)"
        loaded = subprocess.check_output([bench.python, "-c", code], cwd=ROOT).decode().split()
        return {"modules": len(loaded), "heavy": sum(name in loaded for name in HEAVY)}

    runs = {name: functools.partial(run, name) for name in bench.names()}
    title = "modules that import loads; heavy are " + ", ".join(HEAVY)
    return Measure("modules", title, "", 1, runs, [Bar("heavy", OURS, at_most=0)])


def cold(bench):
    """A new process that sends one event."""
    url = bench.urls["plain"]
    runs = {name: bench.program(programs.sending(PACKAGES[name], url)) for name in bench.names()}
    runs[URLOPEN] = bench.program(programs.sending_with_urlopen(url))
    runs[HTTP_CLIENT] = bench.program(programs.sending_with_http_client(url))
    bars = [
        Bar("cpu", OURS, URLOPEN, at_most=1.25),
        Bar("cpu", OURS, PEER, at_most=0.25),
        Bar("peak", OURS, URLOPEN, at_most=1.15),
        Bar("peak", OURS, PEER, at_most=0.6),
    ]
    return Measure("cold", "cold send: new process, client, one event accepted", "", bench.rounds(25), runs, bars)


def _one_by_one(bench, name, title, listener, count, rounds, bars):
    runs = {
        name: bench.warm("one_by_one", name, url=bench.urls[listener], count=count)
        for name in bench.names(URLOPEN, HTTP_CLIENT)
    }
    return Measure(name, title, "send", rounds, runs, bars)


def warm_http(bench):
    """One send after another."""
    bars = [
        Bar("wall", OURS, HTTP_CLIENT, at_least=0.8),
        Bar("wall", OURS, PEER, at_least=3),
    ]
    title = "warm send, http: one event of about 250 bytes after another"
    return _one_by_one(bench, "warm http", title, "plain", bench.count(500, 20), bench.rounds(21), bars)


def warm_tls(bench):
    """One send after another over TLS."""
    bars = [
        Bar("wall", OURS, HTTP_CLIENT, at_least=0.8),
        Bar("wall", OURS, PEER, at_least=2.5),
        Bar("wall", OURS, URLOPEN, at_least=8),
    ]
    title = "warm send, TLS: the same over TLS"
    return _one_by_one(bench, "warm TLS", title, "tls", bench.count(300, 10), bench.rounds(15), bars)


def new_clients(bench):
    """A process's clients for https: to read the certificates that are trusted takes most of the first one's time."""
    order = {f"{OURS}, the first": 0, f"{OURS}, the second": 1}
    runs = {
        name: bench.fresh("new_client", OURS, url=bench.urls["tls"], before=before, trusted=TRUSTED)
        for name, before in order.items()
    }
    first, second = order
    title = f"new client, TLS: client, and one event accepted, {TRUSTED} certificates being trusted"
    bars = [Bar("cpu", second, first, at_most=0.2)]  # half of the wall time is the server's handshake
    return Measure("new clients", title, "", bench.rounds(11), runs, bars)


def far_away(bench):
    """One send after another, each round trip taking long."""

    def in_round_trips(run):
        def counted():
            sample = run()
            return dict(sample, trips=sample["wall"] / ROUND_TRIP)

        return counted

    title = f"far away: the same, {ROUND_TRIP * 1000:.0f} ms added to each round trip"
    measure = _one_by_one(bench, "far away", title, "far", bench.count(10, 2), bench.rounds(7), [])
    measure.runs = {name: in_round_trips(run) for name, run in measure.runs.items()}
    measure.bars = [Bar("trips", OURS, at_most=1.25)]  # a second one would make it 2
    return measure


def _gathered(bench, name, title, listener, at_least):
    count = bench.count(500, 20)
    runs = {}
    for contestant in bench.names():
        for state in ("warm", "cold"):
            run = bench.warm(
                "gathered", contestant, url=bench.urls[listener], count=count, is_warm=state == "warm"
            )
            runs[f"{contestant}, {state}"] = bench.connections(run, listener)
    ours, cold_ours = OURS + ", warm", OURS + ", cold"
    bars = [Bar("wall", ours, PEER + ", warm", at_least=at_least), Bar("wall", cold_ours, ours, at_most=1.5)]
    title = f"concurrent: gather of {count} sends, {title}"
    return Measure(name, title, "send", bench.rounds(7), runs, bars)


def concurrent(bench):
    """Many sends at once, answered at once."""
    return _gathered(bench, "concurrent", "answered at once", "plain", 5)


def concurrent_slow(bench):
    """Many sends at once, answered after a while."""
    return _gathered(bench, "concurrent slow", f"answered after {DELAY * 1000:.0f} ms", "slow", 3)


def fan_out(bench):
    """Very many sends at once. The official SDK delivered nothing of 2,000 in 276 s, and is not waited for."""
    few, many = bench.count(2000, 100), bench.count(10000, 500)
    names = {count: f"{OURS}, {count:,}" for count in (few, many)}
    runs = {
        name: bench.fresh("gathered", OURS, url=bench.urls["plain"], count=count, is_warm=False)
        for count, name in names.items()
    }
    bars = [Bar("wall", names[many], names[few], at_most=1.25)]  # a send takes as long among many
    return Measure("fan-out", "fan-out: gather of very many, in a new process", "send", bench.rounds(5), runs, bars)


def threads(bench):
    """Many threads, one client. The floor has a connection for each: it shows what the threads alone cost."""
    count, sends = 32, bench.count(200, 5)
    runs = {}
    for name in bench.names(HTTP_CLIENT):
        for label, shape in (("one thread", (1, count * sends)), (f"{count} threads", (count, sends))):
            run = bench.warm("threads", name, url=bench.urls["plain"], count=shape[0], sends=shape[1])
            runs[f"{name}, {label}"] = bench.connections(run, "plain")
    ours = f"{OURS}, {count} threads"
    bars = [Bar("wall", ours, OURS + ", one thread", at_most=1), Bar("connections", ours, at_most=count)]
    title = f"threads: {count} x {sends} send_sync with one client, and as many on one thread"
    return Measure("threads", title, "send", bench.rounds(7), runs, bars)


def bulk(bench):
    """Very many events in one call."""
    url, count = bench.urls["plain"], bench.count(100000, 2000)
    form_of = {OURS: "a list", HTTP_CLIENT: "lists of 5,000", PEER: "lists of 5,000"}
    runs = {
        f"{name}, {form_of[name]}": bench.fresh("bulk", name, url=url, count=count, form="list")
        for name in bench.names(HTTP_CLIENT)
    }
    tenth = bench.fresh("bulk", OURS, url=url, count=count // 10, form="generator")
    whole = bench.fresh("bulk", OURS, url=url, count=count, form="generator")

    def generator():
        less, sample = tenth(), whole()
        return dict(sample, growth=(sample["peak"] - less["peak"]) / (count - count // 10))

    stream, theirs = OURS + ", a generator", PEER + ", lists of 5,000"
    runs[stream] = generator
    bars = [
        Bar("wall", OURS + ", a list", theirs, at_least=2),
        Bar("wall", stream, theirs, at_least=2),
        Bar("growth", stream, at_most=ID_SIZE),
    ]
    title = f"bulk: {count:,} events made and sent, in a new process"
    return Measure("bulk", title, "event", bench.rounds(5), runs, bars)


def command_line(bench):
    """A file of events."""
    count, many = bench.count(100000, 1000), bench.count(1000000, 2000)
    url = bench.urls["plain"]
    environment = {"INNGEST_EVENT_KEY": KEY, "INNGEST_EVENT_API_BASE_URL": url}

    def ours(number):
        path = os.path.join(bench.folder, f"events-{number}.ndjson")
        write_file(path, number)
        run = bench.program(programs.command(["send", "--file", path]), **environment)
        return each(run, number), path

    few, _ = ours(count // 10)
    some, path = ours(count)
    runs = {OURS: some, f"{OURS}, {count // 10:,}": few}
    for form, suffix, write in (("rows", "ndjson", write_rows), ("CSV", "csv", write_csv)):
        rows = os.path.join(bench.folder, f"rows.{suffix}")
        write(rows, count)
        run = bench.program(programs.command(["send", "--as", NAME, "--file", rows]), **environment)
        runs[f"{OURS}, {form}"] = each(run, count)
    if bench.has_peer:
        runs[PEER] = each(bench.program(programs.sending_file(PACKAGES[PEER], url, path)), count)
    large = f"{OURS}, {many:,}"
    runs[large] = functools.lru_cache(maxsize=None)(ours(many)[0])  # it takes long, and once shows it
    bars = [
        Bar("wall", OURS, PEER, at_least=2),
        Bar("peak", large, f"{OURS}, {count // 10:,}", at_most=1.2),
    ]
    title = f"command line: send --file of {count:,} small events"
    return Measure("command line", title, "event", bench.rounds(3), runs, bars)


def making(bench):
    """An event from values, which validates them."""
    runs = {name: bench.warm("make", name, count=bench.count(2000, 20)) for name in bench.names()}
    bars = [Bar("wall", OURS, PEER, at_most=1)]
    return Measure("validation", "validation: Event(...) with 25 values", "event", bench.rounds(21), runs, bars)


def encoding(bench):
    """An event from values, and the bytes from it."""
    runs = {
        name: bench.warm("make_and_encode", name, count=bench.count(2000, 20)) for name in bench.names(HTTP_CLIENT)
    }
    bars = [Bar("wall", OURS, PEER, at_most=1)]
    title = "validation and encoding: the same, and what goes out for it"
    return Measure("encoding", title, "event", bench.rounds(21), runs, bars)


def packages(bench):
    """What an installation brings."""
    runs = {OURS: package.own_size}
    if bench.has_peer:
        runs[PEER] = functools.partial(package.installed_size, bench.python, PACKAGES[PEER])
    bars = [Bar("size", OURS, at_most=60 * 1024), Bar("distributions", OURS, at_most=1)]
    title = "package: this one's wheel; the official SDK as installed, with all that it needs"
    return Measure("package", title, "", 1, runs, bars)


MEASURES = (
    imports,
    modules,
    cold,
    warm_http,
    warm_tls,
    new_clients,
    far_away,
    concurrent,
    concurrent_slow,
    fan_out,
    threads,
    bulk,
    command_line,
    making,
    encoding,
    packages,
    growth_in_count,
    growth_in_size,
)
