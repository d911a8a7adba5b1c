"""Sends at the end of the interpreter: they go out, or the error says why they cannot."""

import unittest

from tests.helpers.environments import counts_references
from tests.helpers.library import NAME
from tests.helpers.processes import run_program
from tests.helpers.servers import ScriptedServer
from tests.helpers.waiting import side_by_side

PROGRAM = """
import asyncio, atexit, importlib, os, sys, threading, weakref
inngest = importlib.import_module(sys.argv[1])
client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2], max_attempts=2)
vars(importlib.import_module(sys.argv[1] + ".retry")).update(BASE_DELAY=0, MAX_JITTER=0)
asyncio.log.logger.setLevel("ERROR")  # in debug mode it warns of what takes long on a busy machine

async def send(event, client=client):
    return await client.send(event)

class Late:
    # Everything that it needs is an attribute: the names of a module may be gone by then.
    def __init__(self, place, how, status):
        self.__dict__.update(place=place, how=how, client=client, coroutine=send, run=asyncio.run)
        self.__dict__.update(event=inngest.Event(name=status), write=os.write, error=inngest.Error)

    def send(self):
        try:
            if self.how == "sync":
                told = f"sent {self.client.send_sync(self.event)[0]}"
            elif self.how == "driven":  # asyncio.run cannot do it any more
                self.client.send(self.event).send(None)
            else:
                told = f"sent {self.run(self.coroutine(self.event))[0]}"
        except self.error as err:
            told = str(err)
        except BaseException as err:
            told = f"{err!r} came out"
        self.write(1, f"{self.place} {self.how} {self.event.name}: {told}\\n".encode())

class Deleted(Late):
    def __del__(self):
        self.send()

def wait_and_send(late):
    threading.main_thread().join()
    late.send()

kept = []
for argument in sys.argv[3:]:
    place, how, status = argument.split()
    if place in ("del", "cycle"):
        late = Deleted(place, how, status)
        kept.append(late)
        if place == "cycle":
            late.itself = late
        continue
    late = Late(place, how, status)
    if place == "now":
        late.send()
    elif place == "atexit":
        atexit.register(late.send)
    elif place == "finalize":
        kept.append(type("Kept", (), {})())
        weakref.finalize(kept[-1], late.send)
    elif place == "thread":
        threading.Thread(target=wait_and_send, args=(late,)).start()
late = None
"""


def by_name(peer):
    """A script that answers an event with what its name says."""
    for request in iter(peer.read, None):
        status = request.events[0]["name"]
        if status == "200":
            peer.answer(200, {"ids": ["ID"], "status": 200})
        else:
            peer.answer(int(status), b"<html>so it is</html>", {"Retry-After": "0"})


@counts_references  # PyPy runs no __del__ at its end
class EndTest(unittest.TestCase):
    def told_by(self, *sends):
        with ScriptedServer(then=by_name) as server:
            code, output, errors = run_program(PROGRAM, NAME, server.url, *sends)
        self.assertEqual((code, errors), (0, ""))
        told = dict(line.split(": ", 1) for line in output.splitlines())
        self.assertEqual(set(told), set(sends))
        return told

    def told_by_each(self, how, *places):
        """Return what each of several programs told that send once, at different places."""
        told = side_by_side(self, self.told_by, {place: [f"{place} {how}"] for place in places})
        return [pair for each in told.values() for pair in each.items()]

    def check(self, send, told, *ways_out):
        status = send.split()[-1]
        expected = ("sent ID",) if status == "200" else (f"HTTP {status}: <html>so it is</html>",)
        self.assertTrue(any(words in told for words in (*expected, *ways_out)), f"{send}: {told}")

    def test_send_sync_as_the_first_use_of_a_client(self):
        for send, told in self.told_by_each("sync 200", "del", "cycle", "atexit", "finalize", "thread"):
            self.check(send, told)

    def test_send_sync_later_on_whatever_the_server_answers(self):
        places = ("now", "del", "cycle", "atexit", "finalize", "thread")
        sends = [f"{place} sync {status}" for place in places for status in (200, 401, 503)]
        for send, told in self.told_by(*sends).items():
            self.check(send, told)

    def test_send_as_the_first_use_of_a_client(self):
        for send, told in self.told_by_each("async 200", "atexit", "finalize", "thread"):
            self.check(send, told, "no thread to send on: the interpreter is ending; send_sync")

    def test_send_later_on_whatever_the_server_answers(self):
        places = ("now", "atexit", "finalize", "thread")
        sends = [f"{place} async {status}" for place in places for status in (200, 401, 503)]
        for send, told in self.told_by(*sends).items():
            self.check(send, told, "no thread to send on: the interpreter is ending; send_sync")

    def test_send_when_nothing_can_be_imported_any_more(self):
        told = self.told_by("now async 200", "del driven 200")
        self.check("del driven 200", told["del driven 200"], "no thread to send on: ")

    def test_a_client_cannot_be_made_any_more(self):
        program = """
import importlib, os, sys
inngest = importlib.import_module(sys.argv[1])

class Late:
    def __del__(self, make=inngest.Inngest, error=inngest.Error, write=os.write):
        try:
            make(app_id="test", event_key="key")
        except error as err:
            write(1, str(err).encode())

late = Late()
"""
        code, output, errors = run_program(program, NAME)
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(output, "^cannot make a client: ")
