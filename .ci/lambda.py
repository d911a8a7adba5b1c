"""The README's handler, and an async one, in AWS Lambda: its real runtime client, and a runtime API played on loopback.

Run in a clone by a Python that has ``awslambdaric``: ``PYTHONPATH=. python .ci/lambda.py -v``.
"""

import contextlib
import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from tests.helpers import library
from tests.helpers.environments import copy_library
from tests.helpers.readme_text import Readme
from tests.helpers.servers import ScriptedServer, silent

TIME_LIMIT = 20  # seconds; only a failing test waits so long
IDLE_TIME = 0.2  # seconds, after which the server closes a connection
AT_ONCE = 0.5  # seconds; far less than a freeze, or a retry and its wait on a slow machine
ASYNC_HANDLER = """
import asyncio
import inngest_send as inngest

client = inngest.Inngest(app_id="my_app", max_attempts=1)

async def send(context):
    events = [inngest.Event(name="a"), inngest.Event(name="b"), inngest.Event(name="c")]
    timeout = context.get_remaining_time_in_millis() - 500
    return await asyncio.gather(*[client.send(event, timeout=timeout) for event in events])

def lambda_handler(event, context):
    return asyncio.run(send(context))
"""


def readme_handler():
    """Return the README's handler, the only block of its section."""
    with open(os.path.join(library.ROOT, "README.rst"), encoding="utf-8") as file:
        (block,) = [block for block in Readme(file.read()).blocks if "lambda_handler" in block.text]
    return block.text


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Lambda's side of the runtime: hands out one invocation at a time, and takes what became of it.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), RuntimeRequest)
        self.is_asked = threading.Semaphore(0)  # the runtime waits for an invocation: now Lambda may freeze it
        self.invocations = queue.Queue()
        self.outcomes = queue.Queue()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def invoke(self, milliseconds):
        """Hand out an invocation with so much time; it takes effect when the runtime asks for it."""
        self.invocations.put(int(time.time() * 1000) + milliseconds)

    def outcome(self):
        """Return ``response`` or ``error``, and its document."""
        return self.outcomes.get(timeout=TIME_LIMIT)


class RuntimeRequest(http.server.BaseHTTPRequestHandler):
    """A request of the runtime's."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer the question for the next invocation."""
        self.server.is_asked.release()
        deadline = self.server.invocations.get()
        self.answer(200, {"Lambda-Runtime-Aws-Request-Id": "request", "Lambda-Runtime-Deadline-Ms": str(deadline)})

    def do_POST(self):
        """Take the outcome of an invocation, or of the start."""
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.outcomes.put((self.path.rpartition("/")[2], document))
        self.answer(202, {})

    def answer(self, status, headers):
        """Send an answer whose body is an empty event."""
        self.send_response(status)
        for name, value in {"Content-Length": "2", "Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        """Say nothing."""


class ImpatientServer(ScriptedServer):
    """An Event API that closes connections which are idle for a moment; ``has_closed`` counts them."""

    def __init__(self):
        self.has_closed = threading.Semaphore(0)
        super().__init__(then=self.serve)

    def serve(self, peer):
        """Accept requests until none came for a while."""
        peer.socket.settimeout(IDLE_TIME)
        with contextlib.suppress(OSError):
            peer.serve()
        peer.close()
        self.has_closed.release()


class Function:
    """A Lambda function: a folder with its handler and a copy of the library, run by the runtime client."""

    def __init__(self, code, api, server):
        self.folder = tempfile.TemporaryDirectory()
        copy_library(self.folder.name, "inngest_send")
        with open(os.path.join(self.folder.name, "app.py"), "w", encoding="utf-8") as file:
            file.write(code)
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_LOG_LEVEL": "WARN",
            "LAMBDA_TASK_ROOT": self.folder.name,
            "INNGEST_EVENT_API_BASE_URL": server.url,
            "INNGEST_EVENT_KEY": "key",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "app.lambda_handler"],
            cwd=self.folder.name,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )

    def freeze(self):
        """Stop the process, as Lambda does between invocations, and wait until it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def thaw(self):
        """Let the process go on."""
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        """End the process; return what it wrote to its log."""
        self.process.kill()
        output, _ = self.process.communicate()
        self.folder.cleanup()
        return output


class LambdaTest(unittest.TestCase):
    """Cold, warm, frozen and thawed, and out of time."""

    def start(self, code, server):
        """Start a function that sends to this server, and wait until it is ready."""
        self.api = RuntimeApi()
        self.addCleanup(self.api.server_close)
        self.addCleanup(self.api.shutdown)
        self.function = Function(code, self.api, server)
        self.addCleanup(self.function.process.wait)
        self.addCleanup(self.function.process.kill)
        self.wait_until_ready()

    def wait_until_ready(self):
        """Wait until the runtime asks for an invocation."""
        if not self.api.is_asked.acquire(timeout=TIME_LIMIT):
            self.fail(self.function.end())

    def invoke(self, milliseconds=10000):
        """Invoke the function; return what became of it, the document and the seconds it took."""
        began = time.monotonic()
        self.api.invoke(milliseconds)
        kind, document = self.api.outcome()
        return kind, document, time.monotonic() - began

    def check_succeeds_without_a_word(self, code, events):
        """Invoke cold, warm, and after a freeze in which the server closes the connection."""
        with ImpatientServer() as server:
            self.start(code, server)
            for invocation in ("cold", "warm", "thawed"):
                if invocation == "thawed":
                    self.function.freeze()
                    for _ in range(server.connections):
                        self.assertTrue(server.has_closed.acquire(timeout=TIME_LIMIT))
                    self.function.thaw()
                kind, document, seconds = self.invoke()
                self.assertEqual(kind, "response", document)
                self.assertLess(seconds, AT_ONCE if invocation == "thawed" else TIME_LIMIT)
                self.wait_until_ready()
            log = self.function.end()
        self.assertEqual(sum(len(request.events) for request in server.requests), 3 * events)
        self.assertGreater(server.connections, events if events == 1 else 0)
        self.assertNotIn("attempt", log)  # as a warning about a retry has it

    def test_the_readmes_handler_sends_cold_warm_and_thawed(self):
        self.check_succeeds_without_a_word(readme_handler(), 1)

    def test_an_async_handler_with_a_loop_for_each_invocation_does_so_too(self):
        self.check_succeeds_without_a_word(ASYNC_HANDLER, 3)

    def check_ends_before_its_deadline(self, code):
        with ScriptedServer(then=silent) as server:
            self.start(code, server)
            for _ in range(2):
                kind, document, seconds = self.invoke(milliseconds=1500)
                self.assertEqual((kind, document["errorType"]), ("error", "SendEventsError"))
                self.assertIn("timed out", document["errorMessage"])
                self.assertLess(seconds, 1.5)
                self.wait_until_ready()

    def test_the_readmes_handler_ends_before_its_deadline_when_the_event_api_is_silent(self):
        self.check_ends_before_its_deadline(readme_handler())

    def test_an_async_handler_does_so_too(self):
        self.check_ends_before_its_deadline(ASYNC_HANDLER)

    def test_without_time_it_fails_at_once_and_sends_nothing(self):
        with ScriptedServer() as server:
            self.start(readme_handler(), server)
            kind, document, _ = self.invoke(milliseconds=400)
        self.assertEqual((kind, document["errorType"]), ("error", "SendEventsError"))
        self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
