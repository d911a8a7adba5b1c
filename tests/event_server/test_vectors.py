"""The stand-in server answers every recorded request as the real server did."""

import http.client
import json
import re
import unittest

from tests.helpers import vectors
from tests.helpers.library import TIME_LIMIT, module

EventServer = module("testing").EventServer
ULID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")


class ReplayTest(unittest.TestCase):
    """One kept-alive connection to each kind of server, as the recording had."""

    def setUp(self):
        self.servers = {}
        self.connections = {}
        for needs_key in (False, True):
            server = EventServer(event_key=vectors.KEY if needs_key else None).start()
            self.addCleanup(server.close)
            connection = http.client.HTTPConnection(server.host, server.port, timeout=TIME_LIMIT)
            self.addCleanup(connection.close)
            self.servers[needs_key] = server
            self.connections[needs_key] = connection

    def test_every_recorded_request_is_answered_as_recorded(self):
        recorded = vectors.load()
        self.assertGreater(len(recorded), 60)
        for vector in recorded:
            with self.subTest(vector.case):
                self.replay(vector)

    def replay(self, vector):
        server = self.servers[vector.needs_key]
        server.clear()
        connection = self.connections[vector.needs_key]
        connection.request(vector.method, vector.path, vector.body.encode(), vector.headers)
        response = connection.getresponse()
        body = response.read()
        expected = vector.response
        self.assertEqual(response.status, expected["status"])
        self.assertEqual(response.headers.get("Content-Type"), expected["content_type"])
        self.assertEqual(response.headers.get("Connection"), expected["connection"])
        self.assertEqual(response.headers.get("Location"), expected.get("location"))
        if "text" in expected:
            self.assertEqual(body.decode(), expected["text"])
            self.assertEqual(server.events, [])
            return
        content = json.loads(body.decode())
        ids = content.pop("ids", [])
        expected_ids = expected["json"].pop("ids", [])
        self.assertEqual(content, expected["json"])
        self.assertEqual(len(ids), expected.get("id_count", 0))
        for id, wanted in zip(ids, expected_ids[:3]):
            if wanted == "<ULID>":
                self.assertTrue(ULID.fullmatch(id), id)
            else:
                self.assertEqual(id, wanted)
        self.assertEqual([event.internal_id for event in server.events], [id for id in ids if id])
