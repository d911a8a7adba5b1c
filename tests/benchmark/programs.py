"""Whole programs, each sample a new process: what it takes is what its interpreter's start, run and end take."""

import os
import subprocess
import sys
import time

from tests.benchmark.contestants import HEADERS, KEY, MAX_BATCH, PATH
from tests.benchmark.events import NAME, small_data
from tests.helpers.library import NAME as LIBRARY
from tests.helpers.library import ROOT

# wait4() reports at least the peak of the process that started the program, so each program tells its own.
_TELL = """
import atexit, os
def tell(text):
    os.write({}, text)
def tell_peak():
    try:
        with open("/proc/self/status", "rb") as status:
            tell(status.read())
    except OSError:
        pass  # not Linux
atexit.register(tell_peak)
"""

_IMPORT = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import {name}
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
tell("wall: {{}}\\ncpu: {{}}\\n".format(wall, cpu).encode())
"""

_CLIENT = """
import {package} as inngest
client = inngest.Inngest(app_id="benchmark", event_key={key!r}, event_api_base_url={url!r}, is_production=True)
"""

_SEND_ONE = """
client.send_sync(inngest.Event(name={name!r}, data={data!r}))
"""

_URLOPEN = """
import json, urllib.request
events = [{{"name": {name!r}, "data": {data!r}}}]
request = urllib.request.Request({url!r}, json.dumps(events).encode(), {headers!r})
with urllib.request.urlopen(request) as response:
    ids = json.loads(response.read().decode())["ids"]
"""

_DATACLASS = """
import dataclasses
@dataclasses.dataclass
class Event:
    name: str
    data: dict
    id: str = ""
    ts: int = 0
event = Event(name={name!r}, data={data!r})
"""

_HTTP_CLIENT = """
import http.client, json
connection = http.client.HTTPConnection({host!r})
connection.request("POST", {path!r}, json.dumps([{{"name": {name!r}, "data": {data!r}}}]).encode(), {headers!r})
ids = json.loads(connection.getresponse().read().decode())["ids"]
"""

# What a program that has only the official SDK would do with a file of events.
_SEND_FILE = """
import itertools, json
with open({path!r}, encoding="utf-8") as file:
    while True:
        events = [inngest.Event(**json.loads(line)) for line in itertools.islice(file, {batch})]
        if not events:
            break
        print("\\n".join(client.send_sync(events)))
"""

_COMMAND = """
import runpy, sys
sys.argv[1:] = {arguments!r}
runpy.run_module({package!r}, run_name="__main__", alter_sys=True)
"""


def importing(name):
    """Return a program that times no more than an import: what its interpreter takes to start is left out."""
    return _IMPORT.format(name=name)


def sending(package, url):
    """Return a program that makes a client and sends one event."""
    return _CLIENT.format(package=package, key=KEY, url=url) + _SEND_ONE.format(name=NAME, data=small_data(1))


def sending_with_urlopen(url):
    """Return what people write today."""
    return _URLOPEN.format(url=url + PATH, name=NAME, data=small_data(1), headers=HEADERS)


def sending_with_dataclass(url):
    """Return the same behind a dataclass."""
    return _DATACLASS.format(name=NAME, data=small_data(1)) + sending_with_urlopen(url)


def sending_with_http_client(url):
    """Return the least that sends an event."""
    host = url.split("/")[2]
    return _HTTP_CLIENT.format(host=host, path="/" + PATH, name=NAME, data=small_data(1), headers=HEADERS)


def sending_file(package, url, path):
    """Return a program that sends a file of events, one a line, in lists as long as a request may be."""
    return _CLIENT.format(package=package, key=KEY, url=url) + _SEND_FILE.format(path=path, batch=MAX_BATCH)


def command(arguments):
    """Return a program that is the command line with ``arguments``."""
    return _COMMAND.format(package=LIBRARY, arguments=list(arguments))


def environment(more=()):
    """Return the environment of a process that is timed: this one's, and byte code kept, as it is once installed."""
    return {name: value for name, value in {**os.environ, **dict(more)}.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(python, code, more):
    """Return the sample of a program that runs ``code``, with ``more`` in its environment.

    Wall and CPU time, in seconds, are those of the whole process unless it tells its own; peak memory is in bytes.
    """
    reading, writing = os.pipe()
    started = time.perf_counter()
    process = subprocess.Popen(
        [python, "-c", _TELL.format(writing) + code],
        cwd=ROOT,
        env=environment(more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[writing],
    )
    os.close(writing)
    with open(reading, "rb") as pipe, process.stderr:
        problem = process.stderr.read()
        told = dict(line.split(":", 1) for line in pipe.read().decode().splitlines())
    _, process.returncode, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError("a program failed:\n" + problem.decode())
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if "VmHWM" in told:
        peak = int(told["VmHWM"].split()[0]) * 1024
    return {
        "wall": float(told.get("wall", wall)),
        "cpu": float(told.get("cpu", usage.ru_utime + usage.ru_stime)),
        "peak": peak,
    }
