"""Sentry, which reports an error with the local variables of every frame: neither key nor data in the library's."""

import json
import unittest

import sentry_sdk
from sentry_sdk.transport import Transport

from cases import KEY, ClientTest
from tests.helpers.library import inngest
from tests.helpers.servers import ScriptedServer

DATA = "the-private-data"


class Recorder(Transport):
    """Keeps what would be sent to Sentry."""

    def __init__(self):
        super().__init__()
        self.envelopes = []

    def capture_envelope(self, envelope):
        """Take an envelope."""
        self.envelopes.append(envelope)


class SentryTest(ClientTest):
    def setUp(self):
        self.recorder = Recorder()
        sentry_sdk.init(dsn="http://public@127.0.0.1/1", transport=self.recorder, include_local_variables=True)
        self.addCleanup(sentry_sdk.init)

    def report(self, url, **options):
        """Send, report the error, and return what Sentry was told of the library's frames, and of all else."""
        client = self.client(url, max_attempts=2, request_timeout=300, **options)
        try:
            client.send_sync([inngest.Event("app/user.created", {"text": DATA}) for _ in range(3)])
        except inngest.SendEventsError as error:
            sentry_sdk.capture_exception(error)
        (envelope,) = self.recorder.envelopes
        report = envelope.items[0].payload.json
        inside = []
        for error in report["exception"]["values"]:
            # Taken out: in the frames of the program that sends, key and data are its own.
            frames = error.pop("stacktrace", {"frames": []})["frames"]
            inside += [frame for frame in frames if frame["module"].startswith("inngest_send.")]
        return inside, report

    def check(self, *arguments, **options):
        inside, around = self.report(*arguments, **options)
        self.assertTrue(any(frame["vars"] for frame in inside))
        for secret in (KEY, "s3cr3t", DATA):
            self.assertNotIn(secret, json.dumps(inside))
            self.assertNotIn(secret, json.dumps(around))

    def test_a_refused_connection(self):
        server = self.server()
        server.close()
        self.check(server.url)

    def test_a_timeout(self):
        self.check(self.silent_url())

    def test_a_status(self):
        for status in (400, 401, 503):
            with self.subTest(status=status):
                self.recorder.envelopes.clear()
                server = self.server()
                server.fail_next("status", status=status, times=2)
                self.check(server.url)

    def test_a_reset_and_a_cut_answer(self):
        for fault in ("reset", "stored_reset", "truncated", "page", "no_ids"):
            with self.subTest(fault=fault):
                self.recorder.envelopes.clear()
                server = self.server()
                server.fail_next(fault, times=4)
                self.check(server.url)

    def test_what_is_no_http(self):
        with ScriptedServer(then=lambda peer: peer.send(b"220 mail.example ESMTP\r\n")) as server:
            self.check(server.url)


if __name__ == "__main__":
    unittest.main()
