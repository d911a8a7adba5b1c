"""gunicorn with ``preload_app``: a client is made and used before the workers are forked, and again in each."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from cases import KEY, TIME_LIMIT, ClientTest
from gateway import free_ports

APP = """
import asyncio, json, os
import inngest_send as inngest

client = inngest.Inngest(app_id="test")
async def send(event):
    return await client.send(event)

first = client.send_sync(inngest.Event(name="preloaded")) + asyncio.run(send(inngest.Event(name="preloaded")))

def app(environ, start_response):
    event = inngest.Event(name="served", data={"path": environ["PATH_INFO"]})
    ids = asyncio.run(send(event)) if environ["PATH_INFO"] == "/async" else client.send_sync(event)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"ids": ids, "first": first, "pid": os.getpid()}).encode()]
"""
CONFIGURATION = """
preload_app = True
workers = 3
worker_class = "gthread"
threads = 4
control_socket_disable = True
"""


class GunicornTest(ClientTest):
    def test_workers_send_with_the_client_that_was_made_before_they_were_forked(self):
        server = self.server()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {"app.py": APP, "gunicorn.conf.py": CONFIGURATION}.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(text)
            environment = {**os.environ, "INNGEST_EVENT_KEY": KEY, "INNGEST_EVENT_API_BASE_URL": server.url}
            environment["PYTHONPATH"] = os.getcwd()
            (port,) = free_ports(1)
            gunicorn = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:app"],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            try:
                self.check(server, f"http://127.0.0.1:{port}")
                gunicorn.send_signal(signal.SIGTERM)
                self.assertEqual(gunicorn.wait(TIME_LIMIT), 0)  # the client's threads do not hold it up
            finally:
                gunicorn.kill()
                output, _ = gunicorn.communicate()
            self.assertNotIn("Traceback", output)

    def check(self, server, url):
        """Let all workers send; what they say must be what is stored."""
        deadline = time.monotonic() + TIME_LIMIT
        while True:
            try:
                answers = [self.ask(url + "/sync")]
                break
            except (urllib.error.URLError, ConnectionError):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        with ThreadPoolExecutor(16) as executor:
            answers += executor.map(self.ask, [url + "/sync", url + "/async"] * 100)
        self.assertGreater(len({answer["pid"] for answer in answers}), 1)
        ids = answers[0]["first"] + [id for answer in answers for id in answer["ids"]]
        self.assertEqual(sorted(ids), sorted(event.internal_id for event in server.events))

    @staticmethod
    def ask(url):
        with urllib.request.urlopen(url, timeout=TIME_LIMIT) as response:
            return json.load(response)


if __name__ == "__main__":
    unittest.main()
