"""A client may be shared, so a copy is the same one; and it does not travel between processes."""

import copy
import pickle
import unittest

from tests.helpers.library import inngest
from tests.helpers.servers import KEY, ScriptedServer, client_context, client_for


class CopyTest(unittest.TestCase):
    def test_a_copy_is_the_same_client(self):
        with ScriptedServer() as server, client_for(server) as client:
            self.assertIs(copy.copy(client), client)
            self.assertIs(copy.deepcopy({"client": client})["client"], client)

    def test_pickling_one_says_to_make_one_in_each_process(self):
        for options in ({}, {"event_api_base_url": "https://localhost", "ssl_context": client_context()}):
            with ScriptedServer() as server, client_for(server, **options) as client:
                for when in ("fresh", "used"):
                    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                        with self.subTest(when, protocol=protocol, **options):
                            with self.assertRaisesRegex(TypeError, "Inngest.*make a client in each process") as caught:
                                pickle.dumps(client, protocol)
                            self.assertNotIn(KEY, str(caught.exception))
                    if not options:
                        client.send_sync(inngest.Event(name="test/event"))
