"""What is compared: this library, the official SDK, and the two floors. Each sends lists of its own kind of event.

Loaded by each interpreter that takes part, so nothing here imports what only some of them have.
"""

import http.client
import importlib
import json
import urllib.request
from urllib.parse import urlsplit

from tests.helpers.library import NAME

OURS = NAME
PEER = "official SDK"
URLOPEN = "urlopen"
HTTP_CLIENT = "http.client"

PACKAGES = {OURS: NAME, PEER: "inngest"}

KEY = "the-event-key"
PATH = "e/" + KEY
HEADERS = {"Content-Type": "application/json"}
MAX_BATCH = 5000  # events that the server takes in a request; all but this library leave that to their caller


class Client:
    """A client of the library's or of the official SDK: the same calls fit both."""

    def __init__(self, name, url):
        self._package = importlib.import_module(PACKAGES[name])
        self.event = self._package.Event
        self.name = name
        self._new_client = lambda: self._package.Inngest(
            app_id="benchmark", event_key=KEY, event_api_base_url=url, is_production=True
        )
        self.renew()

    def renew(self):
        """Begin anew, with no connection."""
        self.client = self._new_client()
        self.send, self.send_async = self.client.send_sync, self.client.send

    def send_one(self, name, data):
        return self.send(self.event(name=name, data=data))

    def close(self):
        close = getattr(self.client, "close", None)  # the official SDK has none
        if close is not None:
            close()


class _Floor:
    """What sends without either: events are plain dicts, as json takes them."""

    def event(self, name, data):
        return {"name": name, "data": data}

    def send_one(self, name, data):
        return self.send([self.event(name, data)])

    def close(self):
        pass


class Urlopen(_Floor):
    """What people do today: a request and its connection for each call."""

    def __init__(self, url):
        self._url = url + PATH

    def send(self, events):
        request = urllib.request.Request(self._url, json.dumps(events).encode(), HEADERS)
        with urllib.request.urlopen(request) as response:
            return json.loads(response.read().decode())["ids"]


class HttpClient(_Floor):
    """As fast as the standard library goes: one connection, and nothing that is not needed."""

    def __init__(self, url):
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port)

    def send(self, events):
        self._connection.request("POST", "/" + PATH, json.dumps(events).encode(), HEADERS)
        return json.loads(self._connection.getresponse().read().decode())["ids"]

    def close(self):
        self._connection.close()


def contestant(name, url):
    """Return a new contestant that sends to ``url``."""
    if name == URLOPEN:
        return Urlopen(url)
    if name == HTTP_CLIENT:
        return HttpClient(url)
    return Client(name, url)
