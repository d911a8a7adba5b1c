"""loguru: its logger takes the place of the standard one, though it formats text by braces."""

import unittest

from loguru import logger

from cases import EVENT, ClientTest
from tests.helpers.servers import failure_of, without_delays


class LoguruTest(ClientTest):
    def setUp(self):
        self.lines = []
        logger.remove()
        handler = logger.add(self.lines.append, level="DEBUG", format="{level} {message}")
        self.addCleanup(logger.remove, handler)

    def check_lines(self):
        text = "".join(self.lines)
        self.assertNotIn("%", text)
        self.assertNotIn("s3cr3t", text)
        return text

    def test_a_retry_and_its_success_are_logged(self):
        server = self.server()
        server.fail_next("status", status=503, body="{braces} and %d")
        with without_delays():
            self.client(server.url, logger=logger).send_sync(EVENT)
        self.assertTrue([line for line in self.lines if line.startswith("WARNING") and "HTTP 503" in line], self.lines)
        self.assertIn("attempt 1 of 5", "".join(self.lines))
        self.assertNotIn("%d of", "".join(self.lines))
        self.assertNotIn("s3cr3t", "".join(self.lines))

    def test_a_failure_is_logged_as_it_is_raised(self):
        server = self.server()
        server.fail_next("reset", times=5)
        with without_delays():
            error = failure_of(self.client(server.url, logger=logger, max_attempts=3), EVENT)
        self.assertEqual(error.attempts, 3)
        self.assertIn("attempt 2 of 3", self.check_lines())


if __name__ == "__main__":
    unittest.main()
