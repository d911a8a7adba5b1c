"""What the tests of gateways and of host programs share: a stand-in server, a client, and a silent server."""

import socket
import unittest

from inngest_send.testing import EventServer
from tests.helpers.library import inngest
from tests.helpers.servers import client_context

TIME_LIMIT = 20  # seconds; only a failing test waits so long
KEY = "the-s3cr3t:key"
EVENT = inngest.Event(name="app/user.created")


class ClientTest(unittest.TestCase):
    """Makes servers and clients that are closed when a test ends."""

    def server(self, **options):
        """Start a stand-in server."""
        server = EventServer(KEY, **options).start()
        self.addCleanup(server.close)
        return server

    def client(self, url, **options):
        """Make a client."""
        settings = {"ssl_context": client_context(), "event_key": KEY, **options}
        client = inngest.Inngest(app_id="test", event_api_base_url=url, **settings)
        self.addCleanup(client.close)
        return client

    def silent_url(self):
        """Return the base URL of a server that accepts connections, and never says a word."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    def check_accepted(self, server, ids):
        """Compare the ids that a caller was told with those of the events that are stored."""
        self.assertEqual([event.internal_id for event in server.events], list(ids))


def by_way_of_proxy(server):
    """Return the server's base URL for a client behind a proxy.

    No proxy is asked for a loopback address; 0.0.0.0 leads to this machine, and is none.
    """
    return server.url.replace("127.0.0.1", "0.0.0.0")


def any_host_context():
    """Return a client's context that takes the tests' certificates for any host."""
    context = client_context()
    context.check_hostname = False
    return context
