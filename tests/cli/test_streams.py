"""The command line's streams, in whatever state they were handed on: non-blocking, unbuffered, short, or very many."""

import gzip
import json
import os
import struct
import subprocess
import sys
import time
import unittest
from unittest import mock

from tests.helpers.commands import CommandTest, finish, lines, numbered
from tests.helpers.library import TIME_LIMIT, module

try:
    import fcntl
    import resource
    import termios
except ImportError:  # Windows
    fcntl = None

LIMITED = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def no_blocking(descriptor):
    """Set a descriptor to non-blocking, for everybody who has it."""
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)


def waiting(reader):
    """Return how many bytes a pipe holds."""
    return struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0]


@unittest.skipUnless(fcntl, "needs POSIX")
class NonBlockingTest(CommandTest):
    def pipe(self):
        """Return both ends of a pipe whose descriptors are closed when the test ends."""
        reader, writer = os.pipe()
        reader, writer = open(reader, "rb", buffering=0), open(writer, "wb", buffering=0)
        self.addCleanup(reader.close)
        self.addCleanup(writer.close)
        return reader, writer

    def read_late(self, reader, before):
        """Return what comes out of a pipe that nobody reads before ``before()`` returns."""
        before()
        return b"".join(iter(lambda: reader.read(65536), b"")).decode()

    def wait_until_full(self, reader):
        deadline = time.monotonic() + TIME_LIMIT
        held = None
        while held is None or held != waiting(reader) or not held:
            self.assertLess(time.monotonic(), deadline)
            held = waiting(reader)
            time.sleep(0.1)

    def test_every_id_is_written_to_a_pipe_that_is_read_late(self):
        path = self.write("events", numbered(9000))  # whose ids are more than a pipe takes
        for unbuffered in ("", "1"):
            with self.subTest(PYTHONUNBUFFERED=unbuffered):
                self.server.clear()
                reader, writer = self.pipe()
                no_blocking(writer.fileno())
                process = self.start("--file", path, stdout=writer, env={**self.env, "PYTHONUNBUFFERED": unbuffered})
                writer.close()
                output = self.read_late(reader, lambda: self.server.wait_for(4000, timeout=TIME_LIMIT))
                code, _, errors = finish(process)
                self.assertEqual((code, len(set(output.split())), output.count("\n")), (0, 9000, 9000), errors)

    def test_one_id_is_written_to_a_pipe_that_is_full_at_first(self):
        reader, writer = self.pipe()
        no_blocking(writer.fileno())
        for size in (1000, 1):
            while writer.write(b"x" * size):
                pass
        process = self.start("a", stdout=writer)
        writer.close()
        self.server.wait_for(1, timeout=TIME_LIMIT)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(0.3)
        output = reader.read().decode()
        self.assertEqual(finish(process)[0], 0)
        self.assertEqual(output.strip("x"), self.server.events[0].internal_id + "\n")

    def test_every_message_is_written_to_a_pipe_that_is_read_late(self):
        path = self.write("events", "{}\n" * 5000)
        reader, writer = self.pipe()
        no_blocking(writer.fileno())
        process = self.start("--file", path, "--check", stderr=writer)
        writer.close()
        errors = self.read_late(reader, lambda: self.wait_until_full(reader))
        self.assertEqual((finish(process)[0], errors.count(": name: missing\n")), (2, 5000))

    def test_the_library_s_log_too(self):
        path = self.write("events", numbered(1000))
        reader, writer = self.pipe()
        no_blocking(writer.fileno())
        process = self.start("--file", path, "--verbose", "--batch-size", "1", stderr=writer)
        writer.close()
        errors = self.read_late(reader, lambda: self.wait_until_full(reader))
        self.assertEqual((finish(process)[0], errors.count("DEBUG 1 event accepted")), (0, 1000))

    def test_standard_input_is_read_to_its_end(self):
        reader, writer = self.pipe()
        no_blocking(reader.fileno())
        process = self.start("--file", "-", stdin=reader)
        reader.close()
        content = lines(numbered(3000)).encode()
        writer.write(content[:1000])
        self.server.wait_for(20, TIME_LIMIT)  # what came, while it waits for more
        writer.write(content[1000:])
        writer.close()
        code, output, errors = finish(process)
        self.assertEqual((code, len(output.split())), (0, 3000), errors)

    def test_data_and_key_are_waited_for_on_standard_input(self):
        started = []
        for arguments in (["a", "--data", "-"], ["b", "--event-key-file", "-"]):
            reader, writer = self.pipe()
            no_blocking(reader.fileno())
            started.append((self.start(*arguments, stdin=reader), writer))
            reader.close()
        for process, writer in started:
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.3)
            writer.write(b'{"x":')
            writer.write(b" 1}\n")
            writer.close()
            code, _, errors = finish(process)
            self.assertEqual(code, 0, errors)
        self.assertEqual(self.server.events[0].data, {"x": 1})


@unittest.skipUnless(fcntl, "needs POSIX")
class WaitingTest(unittest.TestCase):
    def test_a_pipe_is_waited_for_by_poll_and_where_there_is_none_by_select(self):
        wait_to_read = module("cli.descriptor_io").wait_to_read
        for can_poll in (True, False):
            with self.subTest(can_poll), mock.patch.object(module("cli.descriptor_io"), "_CAN_POLL", can_poll):
                reader, writer = os.pipe()
                with open(reader, "rb") as reader, open(writer, "wb", buffering=0) as writer:
                    began_at = time.monotonic()
                    self.assertIs(wait_to_read(reader.fileno(), 0.05), False)
                    self.assertGreater(time.monotonic() - began_at, 0.04)
                    writer.write(b"x")
                    self.assertIs(wait_to_read(reader.fileno(), TIME_LIMIT), True)
                    self.assertIs(wait_to_read(reader.fileno()), True)


@unittest.skipUnless(fcntl, "needs POSIX")
class ShortWriteTest(CommandTest):
    def test_ids_are_whole_or_the_run_says_that_they_could_not_be_written(self):
        path = self.write("events", numbered(3000))
        for unbuffered in ("", "1"):
            with self.subTest(PYTHONUNBUFFERED=unbuffered), open(self.path("ids"), "w+") as file:
                env = {**self.env, "PYTHONUNBUFFERED": unbuffered, "PYTHONDONTWRITEBYTECODE": "1"}
                before = [sys.executable, "-c", LIMITED, "10000"]
                code, _, errors = self.send("--file", path, stdout=file, env=env, before=before)
                self.assertEqual(code, 1)
                self.assertIn("inngest_send: cannot write to standard output: ", errors)
                self.assertIn("3,000 events accepted in ", errors)

    def test_a_signal_while_a_pipe_is_full_tears_no_id(self):
        reader, writer = os.pipe()
        path = self.write("events", numbered(20000))
        process = self.start("--file", path, stdout=writer, env={**self.env, "PYTHONUNBUFFERED": "1"})
        os.close(writer)
        with open(reader) as pipe:
            self.server.wait_for(4000, timeout=TIME_LIMIT)
            for _ in range(3):
                process.send_signal(28)  # SIGWINCH, which a program has no handler for
            process.terminate()
            output = pipe.read()
        code, _, errors = finish(process)
        self.assertEqual(code, 143, errors)
        self.assertEqual({len(line) for line in output.splitlines()}, {26})
        self.assertTrue(output.endswith("\n"))


@unittest.skipUnless(fcntl, "needs POSIX")
class ManyFilesTest(CommandTest):
    def test_there_may_be_more_files_than_descriptors(self):
        paths = [self.write(f"{number}.ndjson", numbered(1)) for number in range(300)]
        arguments = [f"--file={path}" for path in paths]
        code, output, errors = self.send(*arguments, before=["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"])
        self.assertEqual((code, len(output.split())), (0, 300), errors)

    def test_descriptors_may_be_above_1023(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest("needs 4,096 descriptors")
        os.mkfifo(self.path("pipe"))
        program = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (4096, int(sys.argv[1])));"
        program += "[os.set_inheritable(os.dup(0), True) for _ in range(1100)]; os.execvp(sys.argv[2], sys.argv[2:])"
        process = self.start("--file", self.path("pipe"), before=[sys.executable, "-c", program, str(hard)])
        with open(self.path("pipe"), "w") as pipe:
            pipe.write(lines(numbered(2)))
            pipe.flush()
            self.server.wait_for(2, TIME_LIMIT)
        code, output, errors = finish(process)
        self.assertEqual((code, len(output.split())), (0, 2), errors)

    def test_a_pipe_whose_writer_is_done_before_its_turn_is_read(self):
        os.mkfifo(self.path("pipe"))
        process = self.start("--file", "-", "--file", self.path("pipe"))
        with open(self.path("pipe"), "w") as pipe:
            pipe.write(lines(numbered(2)[1:]))
        code, _, errors = finish(process, lines(numbered(1)))
        self.assertEqual((code, sorted(self.numbers())), (0, [1, 2]), errors)

    def test_a_file_that_is_gone_when_its_turn_comes_is_where_the_run_stops(self):
        os.mkfifo(self.path("pipe"))
        last = self.write("last", numbered(2))
        process = self.start("--file", self.path("pipe"), "--file", last)
        with open(self.path("pipe"), "w") as pipe:
            pipe.write(lines(numbered(1)))
            pipe.flush()
            self.server.wait_for(1, TIME_LIMIT)
            os.remove(last)
        code, output, errors = finish(process)
        self.assertEqual((code, len(output.split())), (1, 1))
        self.assertIn("last:1: No such file or directory", errors)


class GzipTest(CommandTest):
    def test_what_stands_behind_the_compressed_data_is_left_out_with_a_word(self):
        packed = gzip.compress(lines(numbered(2)).encode())
        for surplus in (b"surplus", b"\0\0surplus" * 100000, b"\x1f"):
            with self.subTest(surplus[:9]):
                path = self.write("events.gz", packed + packed + surplus)
                code, output, errors = self.send("--file", path, "--unsent", self.path("left"))
                self.assertEqual((code, len(output.split())), (0, 4))
                self.assertIn(f"{path}: ignored what follows the compressed data\n", errors)
                self.assertNotIn("go on with", errors)
        code, _, errors = self.send("--file", self.write("padded.gz", packed + b"\0" * 9), "--quiet")
        self.assertEqual((code, errors), (0, ""))

    def test_of_a_file_that_is_cut_short_it_is_said_from_where_on(self):
        content = "".join(json.dumps({"name": os.urandom(20).hex()}) + "\n" for _ in range(5000)).encode()
        path = self.write("events.gz", gzip.compress(content)[:-20000])
        code, output, errors = self.send("--file", path)
        self.assertEqual(code, 1)
        place = f"{path}:{len(output.split()) + 1}"
        self.assertIn(f"{place}: the compressed data is cut short; it cannot be read from there on\n", errors)


class ResumeFromTest(CommandTest):
    def test_a_line_beyond_the_end_is_exit_2_and_nothing_is_sent(self):
        files = {"lines": "\n" + lines(numbered(2)) + "\n", "array": json.dumps(numbered(4))}
        for (name, content), size in zip(files.items(), ("4 lines", "4 items")):
            path = self.write(name, content)
            code, output, errors = self.send("--file", path, "--resume-from", "5")
            self.assertEqual((code, output), (0, ""), errors)  # nothing is left
            code, output, errors = self.send("--file", path, "--file", "-", "--resume-from", "6")
            self.assertEqual((code, output, self.server.requests), (2, "", []))
            self.assertIn(f"--resume-from 6: {path} has {size}, so nothing is there\n", errors)

    def test_a_line_that_was_given_back_is_the_next_one_and_is_then_behind(self):
        for content in (lines(numbered(3)), json.dumps(numbered(3))):
            source = module("cli.source").Source(self.write("events", content), None)
            places = []
            for number, text in source:
                source.unread(number, text)
                places.append(source.position)
                self.assertEqual(next(iter(source)), (number, text))
                places.append(source.position)
            source.close()
            self.assertEqual(places, [1, 2, 2, 3, 3, 4])
