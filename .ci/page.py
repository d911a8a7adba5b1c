"""The page of ``serve`` in a real Chromium, which is driven over a pipe.

Run in a clone: ``PYTHONPATH=. python .ci/page.py -v``.
"""

import fcntl
import http.client
import itertools
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from tests.helpers.commands import environment, start

TIME_LIMIT = 60  # seconds; only a failing test waits so long
HOSTILE = [
    "<script>window.hacked = 1</script>",
    "</bdi></b></summary></details></li></ol><script>window.hacked = 2</script>",
    "\"'><img src=x onerror='window.hacked = 3'>",
    "</pre></style></script><svg onload='window.hacked = 4'>",
    "<a href='javascript:window.hacked = 5'>&lt;script>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1/'><base href='http://127.0.0.1:1/'>",
    "\u202e\u0007\u2028<!--",
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
]


class Browser:
    """A Chromium. It reads commands from descriptor 3 and writes to descriptor 4, each JSON text ended by a zero."""

    def __init__(self, profile):
        for_it, self._to = os.pipe()
        self._from, by_it = os.pipe()

        def take_descriptors():
            copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (for_it, by_it)]
            for copy, descriptor in zip(copies, (3, 4)):
                os.dup2(copy, descriptor)
                os.close(copy)

        with open(os.path.join(profile, "log"), "wb") as log:
            self.process = subprocess.Popen(
                ["chromium", *FLAGS, f"--user-data-dir={profile}"],
                stdout=log,
                stderr=log,
                close_fds=False,  # Python's own are not inherited anyway
                preexec_fn=take_descriptors,
                start_new_session=True,
            )
        os.close(for_it)
        os.close(by_it)
        self._numbers = itertools.count(1)
        self._read = b""
        self.events = []

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method, session=None, **params):
        """Return the result of a command; what happened meanwhile is in ``events``."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            while b"\0" not in self._read:
                if not select.select([self._from], [], [], max(0, deadline - time.monotonic()))[0]:
                    raise AssertionError(f"the browser does not answer to {method}")
                data = os.read(self._from, 1 << 20)
                if not data:
                    raise AssertionError("the browser has ended")
                self._read += data
            message, _, self._read = self._read.partition(b"\0")
            message = json.loads(message.decode())
            if message.get("id") != number:
                self.events.append(message)
            elif "error" in message:
                raise AssertionError(f"{method}: {message['error']['message']}")
            else:
                return message["result"]


class PageTest(unittest.TestCase):
    """Each test has a server and a tab of its own."""

    @classmethod
    def setUpClass(cls):
        profile = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, profile, ignore_errors=True)
        cls.browser = Browser(profile)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.server = start("serve", "--port", "0", env=environment(PYTHONUNBUFFERED="1"))
        self.addCleanup(self.server.__exit__, None, None, None)
        self.addCleanup(self.server.kill)
        self.url = re.search(r"http://\S+", self.server.stdout.readline()).group()
        self.browser.events.clear()
        tab = self.browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.browser.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def send(self, *events):
        """Send events, or what is none, as any program might."""
        connection = http.client.HTTPConnection(self.url.split("/")[2], timeout=TIME_LIMIT)
        connection.request("POST", "/e/test", json.dumps(events).encode())
        connection.getresponse().read()
        connection.close()

    def open(self):
        self.call("Page.navigate", url=self.url)
        self.wait_for("document.readyState", "complete")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        self.assertNotIn("exceptionDetails", result)
        return result["result"].get("value")

    def wait_for(self, expression, value):
        deadline = time.monotonic() + TIME_LIMIT
        while self.evaluate(expression) != value:
            self.assertLess(time.monotonic(), deadline, f"{expression}: {self.evaluate(expression)!r}, not {value!r}")
            time.sleep(0.02)

    def texts(self, selector):
        return self.evaluate(f"[...document.querySelectorAll({selector!r})].map(element => element.textContent)")

    def happened(self, *methods):
        """Return what the browser told of these events."""
        self.evaluate("0")
        return [event["params"] for event in self.browser.events if event["method"] in methods]

    def test_events_and_refusals_are_shown(self):
        self.send({"name": "app/one", "data": {"x": [1, "\xe9"]}, "id": "mine", "ts": 1700000000000})
        self.send({"name": "app/two"}, {"name": "inngest/x"})
        self.open()
        self.assertEqual(self.texts("#events b"), ["app/two", "app/one"])
        self.assertEqual(json.loads(self.texts("#events pre")[1]), {"x": [1, "\xe9"]})
        self.assertIn("id mine \xb7 ts 1700000000000 (2023-11-14T22:13:20Z)", self.texts("#events p"))
        reason = "event name is reserved for internal use: inngest/x (1 event before it accepted)"
        self.assertEqual(self.texts("#refusals b"), [reason])
        self.assertEqual(self.texts("#event-count, #refusal-count"), ["2 events received", "1 request refused"])

    def test_hostile_names_and_data_do_nothing(self):
        for text in HOSTILE:
            self.send({"name": text, "id": text, "data": {text: text}})
            self.send({"name": f"inngest/{text}"})
        self.open()
        self.send({"name": HOSTILE[2], "data": {"x": HOSTILE[3]}})  # and when it arrives while the page is looked at
        self.wait_for("document.querySelectorAll('#events li').length", len(HOSTILE) + 1)
        self.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        self.assertIsNone(self.evaluate("window.hacked"))
        self.assertEqual(self.evaluate("location.href"), self.url)
        self.assertEqual(self.texts("#events b")[1:], HOSTILE[::-1])
        self.assertEqual(self.evaluate("document.querySelectorAll('img, svg, a[href^=javascript], base').length"), 0)
        self.assertEqual(self.evaluate("document.scripts.length"), 1)
        self.assertEqual(self.happened("Log.entryAdded", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"), [])
        requested = {event["request"]["url"] for event in self.happened("Network.requestWillBeSent")}
        self.assertEqual({url for url in requested if not url.startswith("data:")}, {self.url})

    def test_what_arrives_is_added_and_what_was_unfolded_stays(self):
        self.send({"name": "app/one"}, {"name": "app/two"})
        self.open()
        self.evaluate("window.kept = document.querySelector('#events li:last-child details'); kept.open = true")
        self.send({"name": "app/three"}, {"name": ""})
        self.wait_for("document.querySelector('#refusals li') !== null", True)
        self.send({"name": "app/four"})
        self.wait_for("document.getElementById('event-count').textContent", "4 events received")
        self.assertEqual(self.texts("#events b"), ["app/four", "app/three", "app/two", "app/one"])
        self.assertEqual(self.texts("#refusals b"), ["event name is empty (1 event before it accepted)"])
        self.assertTrue(self.evaluate("kept.isConnected && kept.open"))
        self.assertEqual(self.evaluate("document.querySelectorAll('[open]').length"), 1)
        self.assertEqual(self.texts("#state"), ["live"])
        self.server.kill()
        self.wait_for("document.getElementById('state').textContent", "the server does not answer")

    def test_it_works_without_javascript(self):
        self.send({"name": "app/one", "data": {"x": 1}})
        self.call("Emulation.setScriptExecutionDisabled", value=True)
        self.call("Page.navigate", url=self.url)
        self.wait_for("document.readyState", "complete")
        self.assertEqual(self.texts("#state"), ["reload to see what comes"])
        self.assertEqual(self.evaluate("document.querySelector('pre').checkVisibility()"), False)
        box = self.evaluate("JSON.parse(JSON.stringify(document.querySelector('summary').getBoundingClientRect()))")
        for kind in ("mousePressed", "mouseReleased"):
            where = {"x": box["x"] + 20, "y": box["y"] + 10}
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)
        self.wait_for("document.querySelector('pre').checkVisibility()", True)

    def test_it_reads_well_on_a_phone_and_in_the_dark(self):
        self.send({"name": "app/" + "long" * 100, "id": "id" * 300, "data": {"x" * 500: "y" * 20000}})
        self.send({"name": "inngest/" + "x" * 500})
        self.call("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=2, mobile=True)
        brightness = []
        for scheme in ("light", "dark"):
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            self.open()
            self.evaluate("document.querySelector('details').open = true")
            self.assertEqual(self.evaluate("document.documentElement.scrollWidth"), 320)
            for element in ("body", "pre", "summary b", ".refusal i"):
                color = self.evaluate(f"getComputedStyle(document.querySelector({element!r})).color")
                brightness.append(sum(map(int, re.findall(r"\d+", color)[:3])) > 382)
        self.assertEqual(brightness, [False] * 4 + [True] * 4)


if __name__ == "__main__":
    unittest.main()
