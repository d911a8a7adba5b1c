"""Whole programs, each sample a new process: what it takes is what its interpreter's start, run and end take."""

import os
import subprocess
import sys
import time

from tests.benchmark.contestants import HEADERS, KEY, OURS, PATH
from tests.benchmark.events import NAME, small_data
from tests.library import ROOT

# wait4() reports at least the peak of the process that started the program, so each program tells its own.
_TELL_PEAK = """
import atexit, os
def tell_peak():
    try:
        with open("/proc/self/status", "rb") as status:
            os.write({}, status.read())
    except OSError:
        pass  # not Linux
atexit.register(tell_peak)
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


def sending(package, url):
    """Return a program that makes a client and sends one event."""
    return _CLIENT.format(package=package, key=KEY, url=url) + _SEND_ONE.format(name=NAME, data=small_data(1))


def sending_with_urlopen(url):
    """Return what people write today."""
    return _URLOPEN.format(url=url + PATH, name=NAME, data=small_data(1), headers=HEADERS)


def sending_with_http_client(url):
    """Return the least that sends an event."""
    host = url.split("/")[2]
    return _HTTP_CLIENT.format(host=host, path="/" + PATH, name=NAME, data=small_data(1), headers=HEADERS)


def sending_file(package, url, path, batch):
    """Return a program that sends a file of events, one a line, in lists of ``batch``."""
    return _CLIENT.format(package=package, key=KEY, url=url) + _SEND_FILE.format(path=path, batch=batch)


def command(arguments):
    """Return a program that is the command line with ``arguments``."""
    return _COMMAND.format(package=OURS, arguments=list(arguments))


def environment(more=()):
    """Return the environment of a process that is timed: this one's, and byte code kept, as it is once installed."""
    return {name: value for name, value in {**os.environ, **dict(more)}.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(python, code, more):
    """Return the sample of a program that runs ``code``: wall and CPU time in seconds, peak memory in bytes."""
    reading, writing = os.pipe()
    started = time.perf_counter()
    process = subprocess.Popen(
        [python, "-c", _TELL_PEAK.format(writing) + code],
        cwd=ROOT,
        env=environment(more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[writing],
    )
    os.close(writing)
    with open(reading, "rb") as told:
        status = told.read().decode()
    _, process.returncode, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError("a program failed; what it raised is above")
    peak = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
    if not peak:
        peak = [usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024]
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak[0]}
