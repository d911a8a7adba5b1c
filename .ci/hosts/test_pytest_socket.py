"""pytest-socket: what it refuses comes through as it is, and what it allows is sent."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from cases import KEY, ClientTest

TESTS = """
import inngest_send as inngest
import pytest, pytest_socket

def send(url):
    with inngest.Inngest(app_id="test", event_key={key!r}, event_api_base_url=url) as client:
        return client.send_sync(inngest.Event(name="a"))

def test_sockets_are_refused(socket_disabled):
    with pytest.raises(pytest_socket.SocketBlockedError):
        send({url!r})

@pytest.mark.allow_hosts(["127.0.0.1"])
def test_an_allowed_host(socket_enabled):
    assert len(send({url!r})) == 1

@pytest.mark.allow_hosts(["127.0.0.1"])
def test_another_host():
    with pytest.raises(pytest_socket.SocketConnectBlockedError):
        send("http://127.0.0.2:1/")
"""


class PytestSocketTest(ClientTest):
    def test_in_a_run_of_pytest(self):
        server = self.server()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "test_it.py").write_text(TESTS.format(key=KEY, url=server.url))
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("3 passed", done.stdout)
        self.assertEqual(len(server.events), 1)


if __name__ == "__main__":
    unittest.main()
