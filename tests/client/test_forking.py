"""Forked, frozen and thawed: each process has its own connections and threads, and ids that belong."""

import os
import signal
import unittest

from tests.helpers import library
from tests.helpers.processes import finish, run, start
from tests.helpers.servers import ScriptedServer, name_ids

PREFORK = """
import asyncio, importlib, os, signal, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks is what is tested
inngest = importlib.import_module(sys.argv[1])
client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2])
is_over = threading.Event()

def send(who):
    for number in range(10):
        name = f"{who} {number}"
        ids = client.send_sync(inngest.Event(name=name))
        assert ids == ["id of " + name], ids

async def gather(who):
    names = [f"{who} async {number}" for number in range(10)]
    ids = await asyncio.gather(*[client.send(inngest.Event(name=name)) for name in names])
    assert ids == [["id of " + name] for name in names], ids

def work(who):
    send(who)
    asyncio.run(gather(who))

def keep_sending(number):
    while not is_over.is_set():
        send(f"thread {number}")

def fork(who):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.alarm(60)  # seconds; one that waits for a lock of its parent's is killed
        work(who)
        if who.startswith("closing"):
            client.close()
        elif not who.startswith("grandchild"):
            code = os.waitpid(fork("grandchild of " + who), 0)[1]
        else:
            code = 0
        code = 0 if who.startswith("closing") else code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code and 1)

work("before")
threads = [threading.Thread(target=keep_sending, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
children = [fork("child 1"), fork("closing child 2"), fork("child 3"), fork("closing child 4")]
work("parent")
statuses = [os.waitpid(child, 0)[1] for child in children]
is_over.set()
for thread in threads:
    thread.join()
work("after")
client.close()
print(statuses)
"""

FROZEN = """
import importlib, os, signal, sys
inngest = importlib.import_module(sys.argv[1])
client = inngest.Inngest(app_id="test", event_key="key", event_api_base_url=sys.argv[2], max_attempts=1)
print(*client.send_sync(inngest.Event(name="before")))
os.kill(os.getpid(), signal.SIGSTOP)
print(*client.send_sync(inngest.Event(name="after")))
client.close()
"""


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class ForkTest(unittest.TestCase):
    def test_a_client_made_before_the_fork_serves_parent_and_children_at_once(self):
        with ScriptedServer(then=name_ids) as server:
            code, output, errors = run(["-c", PREFORK, library.NAME, server.url])
        self.assertEqual((code, output, errors), (0, "[0, 0, 0, 0]\n", ""))


@unittest.skipUnless(hasattr(signal, "SIGSTOP"), "needs processes that can be stopped")
class FrozenTest(unittest.TestCase):
    def test_the_server_may_close_the_connection_while_the_process_stands_still(self):
        def end_after_one(peer):
            peer.accept(peer.read())

        with ScriptedServer(end_after_one) as server:
            program = start(["-c", FROZEN, library.NAME, server.url])
            _, status = os.waitpid(program.pid, os.WUNTRACED)
            self.assertTrue(os.WIFSTOPPED(status), status)
            os.kill(program.pid, signal.SIGCONT)
            code, output, errors = finish(program)
            self.assertEqual((code, len(output.splitlines()), errors), (0, 2, ""))
            self.assertEqual((server.connections, len(server.requests)), (2, 2))
