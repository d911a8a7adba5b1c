"""``send --unsent`` on disks that are full, and in folders where a file cannot be replaced: no line is lost."""

import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import unittest

from tests.helpers.commands import CommandTest, finish, lines, numbered
from tests.helpers.library import TIME_LIMIT

ONE_BY_ONE = ("--batch-size", "1", "--concurrency", "1")
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def can_mount():
    """Return whether this process may mount file systems that no other sees."""
    if not (IS_ROOT and shutil.which("unshare")):
        return False
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, timeout=TIME_LIMIT).returncode == 0


def mounted(*commands):
    """Return a program that runs another which sees mounts; commands, each a list of words, make them."""
    making = [" ".join(map(shlex.quote, words)) for words in commands]
    return ["unshare", "-m", "sh", "-c", f'{" && ".join(making)} && exec "$@"', "sh"]


def limited(blocks):
    """Return a program that runs another which can write files of no more than so many blocks, as on a full disk."""
    return ["sh", "-c", f'ulimit -f {blocks}; PYTHONDONTWRITEBYTECODE=1 exec "$@"', "sh"]


class DiskTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.left = self.path("left")

    def stop_after_one(self, count, *arguments, **options):
        """Send so many events, of which all but the first are left; return exit code and standard error."""
        self.server.fail_next("idle_close")
        self.server.fail_next(status=400)
        path = self.write("events", numbered(count))
        code, output, errors = self.send("--file", path, "--unsent", self.left, *ONE_BY_ONE, *arguments, **options)
        self.assertEqual(len(output.split()), 1, errors)
        return code, errors

    def assert_no_temporary_file(self, errors, *others):
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(["events", "left", *others]))
        self.assertNotIn(".left.", errors)


@unittest.skipUnless(os.name == "posix", "needs ulimit")
class FullDiskTest(DiskTest):
    def test_it_is_noticed_before_anything_is_sent(self):
        earlier = lines(numbered(1))
        self.write("left", earlier)
        paths = ["--file", self.left, "--file", self.write("events", numbered(3))]
        code, output, errors = self.send(*paths, "--unsent", self.left, before=limited(0))
        self.assertEqual((code, output, errors.count("\n"), self.server.requests), (2, "", 1, []), errors)
        self.assert_left(earlier, errors)

    def test_a_disk_that_is_full_later_leaves_the_file_as_it_was_and_the_line_to_go_on_from(self):
        earlier = lines(numbered(2))
        self.write("left", earlier)
        path = self.write("events", numbered(100))
        self.server.fail_next("idle_close", times=2)
        self.server.fail_next(status=400)
        paths = ["--file", self.left, "--file", path, "--unsent", self.left]
        code, output, errors = self.send(*paths, *ONE_BY_ONE, before=limited(4))
        self.assertEqual((code, len(output.split())), (1, 2))
        self.assertIn(f"inngest_send: cannot write {self.left}: File too large\n", errors)
        files = f"--file {shlex.quote(self.left)} --file {shlex.quote(path)}"
        self.assertIn(f" send {files} --id-seed ", errors.splitlines()[-1])
        self.assert_left(earlier, errors)

    def test_what_came_through_a_pipe_is_kept_as_far_as_it_fits_and_named(self):
        for count in (30, 3000):  # with fewer lines than a buffer holds, the disk is found to be full at the end
            with self.subTest(count=count):
                self.server.fail_next("idle_close")
                self.server.fail_next(status=400)
                arguments = ["--file", "-", "--unsent", self.left, *ONE_BY_ONE]
                code, output, errors = self.send(*arguments, input=lines(numbered(count)), before=limited(4))
                self.assertEqual((code, len(output.split())), (1, 1))
                problem = "cannot write {}: File too large; ([0-9]+) lines of what is left could be written to (.*)\n"
                kept, place = re.search(problem.format(re.escape(self.left)), errors).groups()
                self.assertEqual(self.numbers(self.read(place)), list(range(2, int(kept) + 2)))
                self.assertIn("give <stdin> the same input again; go on with:\n", errors)
                self.assertFalse(os.path.exists(self.left))  # nothing was put there

    def test_of_a_bad_line_that_does_not_fit_nothing_is_kept_and_the_run_stops_there(self):
        bad = self.write("bad", "an earlier one\n")
        path = self.write("events", lines(numbered(1)) + "x" * 100000 + "\n" + lines(numbered(3)[2:]))
        code, _, errors = self.send("--file", path, "--skip-bad", "--bad", bad, before=limited(4))
        with open(bad) as file:
            self.assertEqual((code, self.numbers(), file.read()), (1, [1], "an earlier one\n"), errors)
        self.assertIn(f"cannot write {bad}: File too large\n", errors)
        self.assertIn(" --resume-from 2 ", errors.splitlines()[-1])

    @unittest.skipUnless(can_mount(), "needs root, and unshare")
    def test_a_full_file_system_keeps_what_was_there(self):
        os.mkdir(self.path("disk"))
        self.left = self.path("disk/left")
        before = mounted(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.path("disk")])
        code, errors = self.stop_after_one(3000, before=before)
        self.assertEqual(code, 1)
        self.assertIn(f"cannot write {self.left}: No space left on device\n", errors)
        self.assertIn(" --resume-from 2 --id-seed ", errors.splitlines()[-1])

    def assert_left(self, content, errors):
        with open(self.left) as file:
            self.assertEqual(file.read(), content)
        self.assert_no_temporary_file(errors)


@unittest.skipUnless(os.name == "posix", "needs POSIX")
class ModeTest(DiskTest):
    def test_a_new_file_follows_the_umask(self):
        for mask, mode in (("022", 0o644), ("077", 0o600)):
            code, errors = self.stop_after_one(3, before=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
            self.assertEqual((code, stat.S_IMODE(os.stat(self.left).st_mode)), (1, mode), errors)
            os.remove(self.left)

    def test_mode_and_group_of_a_file_stay(self):
        self.write("left", "")
        os.chmod(self.left, 0o640)
        groups = [group for group in os.getgroups() if group != os.getegid()]
        if IS_ROOT:
            os.chown(self.left, 12345, 23456)
        elif groups:
            os.chown(self.left, -1, groups[0])
        before = os.stat(self.left)
        code, errors = self.stop_after_one(3)
        after = os.stat(self.left)
        kept = [(status.st_mode, status.st_uid, status.st_gid) for status in (before, after)]
        self.assertEqual((code, kept[1], self.numbers(self.read("left"))), (1, kept[0], [2, 3]), errors)
        self.assertNotEqual(after.st_ino, before.st_ino)  # it was replaced in one step

    def test_a_link_stays_a_link(self):
        os.mkdir(self.path("elsewhere"))
        os.symlink("elsewhere/left", self.left)
        code, errors = self.stop_after_one(3)
        self.assertEqual((code, os.path.islink(self.left), self.numbers(self.read("left"))), (1, True, [2, 3]))
        self.assertEqual(os.listdir(self.path("elsewhere")), ["left"])


@unittest.skipUnless(can_mount(), "needs root, and unshare")
class NotReplaceableTest(DiskTest):
    """The file can be written, and no other be put in its place."""

    def test_a_bind_mount_is_written_in_place(self):
        self.write("outside", "")
        self.write("left", "")
        before = mounted(["mount", "--bind", self.path("outside"), self.left])
        self.go_on(before, "outside")

    def test_a_bind_mount_in_a_folder_that_is_read_only_too(self):
        os.mkdir(self.path("closed"))
        self.write("outside", "")
        self.write("closed/left", "")
        self.left = self.path("closed/left")
        before = mounted(
            ["mount", "-t", "tmpfs", "tmpfs", self.path("closed")],
            ["touch", self.left],
            ["mount", "-o", "remount,ro", self.path("closed")],
            ["mount", "--bind", self.path("outside"), self.left],
        )
        self.go_on(before, "outside")

    @unittest.skipUnless(shutil.which("setpriv"), "needs setpriv")
    def test_another_user_s_file_in_a_sticky_folder_is_written_in_place(self):
        os.chmod(self.folder, 0o1777)
        self.write("left", "")
        os.chown(self.left, 12345, 23456)
        os.chmod(self.left, 0o666)
        os.chown(self.folder, 12345, -1)
        self.go_on(["setpriv", "--bounding-set", "-fowner,-chown"], "left")  # as one who is not root
        self.assertEqual(os.stat(self.left).st_uid, 12345)

    @unittest.skipUnless(shutil.which("setpriv"), "needs setpriv")
    def test_another_user_s_file_stays_theirs_where_it_could_be_replaced(self):
        self.write("left", "")
        os.chown(self.left, 12345, 23456)
        os.chmod(self.left, 0o666)
        code, errors = self.stop_after_one(3, before=["setpriv", "--bounding-set", "-fowner,-chown"])
        self.assertEqual((code, self.numbers(self.read("left"))), (1, [2, 3]), errors)
        self.assertEqual(os.stat(self.left).st_uid, 12345)

    def go_on(self, before, name):
        """Leave something in the file, and send it, as another user or with another view of the disk."""
        code, errors = self.stop_after_one(30, before=before)
        self.assertEqual((code, self.numbers(self.read(name))), (1, list(range(2, 31))), errors)
        self.assertIn(f"\n29 lines left in {self.left}; go on with:\n", errors)
        self.assertNotIn("cannot", errors)
        self.server.fail_next("idle_close", times=9)
        self.server.fail_next(status=400)
        arguments = ["--file", self.left, "--unsent", self.left, "--quiet"]
        code, output, errors = self.send(*arguments, *ONE_BY_ONE, before=before)
        self.assertEqual((code, self.numbers(self.read(name))), (1, list(range(11, 31))), errors)  # shorter now
        self.assertEqual(self.send(*arguments, before=before)[::2], (0, ""))
        self.assertEqual((self.read(name), self.numbers(self.server.runs)), ([], list(range(1, 31))))
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".")], [])

    def test_where_even_that_fails_the_lines_stay_and_are_named(self):
        self.write("outside", "")
        self.write("left", "")
        # In place nothing can be written: the file is on another file system, which is full.
        os.mkdir(self.path("disk"))
        before = mounted(
            ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", self.path("disk")],
            ["touch", self.path("disk/left")],
            ["mount", "--bind", self.path("disk/left"), self.left],
        )
        code, errors = self.stop_after_one(3000, before=before)
        self.assertEqual(code, 1)
        pattern = f"cannot write {re.escape(self.left)}: No space left on device; what is left is in (.*)\n"
        (place,) = re.findall(pattern, errors)
        self.assertEqual(self.numbers(self.read(place)), list(range(2, 3001)))
        self.assertIn(f"\n2,999 lines left in {place}; go on with:\n", errors)
        self.assertIn(f" send --file {shlex.quote(place)} ", errors.splitlines()[-1])

    def test_a_pipe_loses_nothing_either(self):
        self.write("outside", "")
        self.write("left", "")
        before = mounted(["mount", "--bind", self.path("outside"), self.left])
        process = self.start("--file", "-", "--unsent", self.left, before=before)
        process.stdin.write(lines(numbered(3)))
        process.stdin.flush()
        self.server.wait_for(3, TIME_LIMIT)
        process.send_signal(signal.SIGTERM)
        code, _, errors = finish(process, lines(numbered(9)[3:]))
        self.assertEqual((code, self.numbers(self.read("outside"))), (143, list(range(4, 10))), errors)
