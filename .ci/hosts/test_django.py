"""Django: ``transaction.on_commit`` sends after the commit, and not at all after a rollback."""

import unittest

import django
from django.conf import settings
from django.db import transaction

from cases import EVENT, ClientTest

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()


class DjangoTest(ClientTest):
    def setUp(self):
        self.event_server = self.server()
        client = self.client(self.event_server.url)
        self.send = lambda: client.send_sync(EVENT, timeout=5000)  # as the README has it

    def test_after_the_commit_the_event_is_sent(self):
        with transaction.atomic():
            transaction.on_commit(self.send)
            self.assertEqual(self.event_server.requests, [])
        self.assertEqual([event.name for event in self.event_server.events], [EVENT.name])

    def test_after_a_rollback_it_is_not(self):
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(self.send)
            raise ZeroDivisionError
        self.assertEqual(self.event_server.requests, [])


if __name__ == "__main__":
    unittest.main()
