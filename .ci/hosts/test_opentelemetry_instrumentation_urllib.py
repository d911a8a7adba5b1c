"""OpenTelemetry's instrumentation of urllib, which wraps what opens requests: spans, without the event key."""

# Also needs: opentelemetry-sdk

import unittest

from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cases import EVENT, KEY, ClientTest
from tests.helpers.library import inngest
from tests.helpers.servers import failure_of


class OpenTelemetryTest(ClientTest):
    def setUp(self):
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        URLLibInstrumentor().instrument(tracer_provider=provider)
        self.addCleanup(URLLibInstrumentor().uninstrument)

    def check_spans(self, server):
        """Compare the spans with the requests: each went out with its span's id, and none holds the key."""
        spans = self.exporter.get_finished_spans()
        sent = [request.headers["traceparent"].split("-")[1:3] for request in server.requests]
        self.assertEqual(sent, [[f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"] for span in spans])
        for span in spans:
            self.assertNotIn("s3cr3t", span.to_json())
            urls = [span.attributes[name] for name in ("http.url", "url.full") if name in span.attributes]
            self.assertEqual(urls, [server.url + "e/***"])
        return [span.attributes["http.status_code"] for span in spans]

    def test_a_send_returns_its_ids(self):
        server = self.server()
        self.check_accepted(server, self.client(server.url).send_sync([EVENT, EVENT]))
        self.assertEqual(self.check_spans(server), [200])

    def test_a_503_is_tried_again(self):
        server = self.server()
        server.fail_next("status", status=503)
        self.check_accepted(server, self.client(server.url).send_sync(EVENT))
        self.assertEqual(self.check_spans(server), [503, 200])

    def test_a_400_tells_what_was_accepted(self):
        server = self.server()
        server.fail_next("status", status=400, body='{"ids": [], "status": 400, "error": "no"}')
        self.assertEqual(failure_of(self.client(server.url), EVENT).status, 400)
        self.assertEqual(self.check_spans(server), [400])

    def test_a_refused_connection_is_an_error_of_the_library(self):
        server = self.server()
        client = self.client(server.url, max_attempts=1)
        server.close()
        error = failure_of(client, EVENT)
        self.assertIsInstance(error, inngest.SendEventsError)
        (span,) = self.exporter.get_finished_spans()
        self.assertNotIn(KEY, span.to_json())


if __name__ == "__main__":
    unittest.main()
