"""The comparison of two commits: how instructions are counted, what differs, and what the table shows."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "bench", "lockstep"))
import against  # pylint: disable=wrong-import-position
import comparison  # pylint: disable=wrong-import-position
import instructions  # pylint: disable=wrong-import-position

PROFILE = """\
positions: line
events: Ir
summary: 1000

ob=/usr/lib/x86_64-linux-gnu/libssl.so.3
fl=???
fn=SSL_read
0 30
cob=/usr/lib/x86_64-linux-gnu/libcrypto.so.3
cfi=???
cfn=EVP_DecryptUpdate
calls=4 0
0 400

ob=/tmp/x/lockstep
fl=a.cpp
fn=main
12 5
13 7
calls=1 0
13 500

ob=???
fn=???
0 2
""".splitlines(keepends=True)


def result(system="coil", **times):
    return {"scenarios": [{"name": name, "systems": [{"system": system, "best": best}]} for name, best in times.items()]}


def columns(line):
    """What a line of the table has between wide gaps; a figure keeps its unit."""
    return re.split(r"\s{2,}", line.strip())


class Instructions(unittest.TestCase):
    """What is read from callgrind's files."""

    def test_only_what_a_function_does_itself_counts_for_its_object(self):
        self.assertEqual({"libssl": 30, "program": 12, "unknown": 2}, dict(instructions.objects(PROFILE, "/tmp/x/lockstep")))

    def test_what_both_runs_have_in_common_falls_out(self):
        few = instructions.Counter(libssl=1000, start=50), 10
        many = instructions.Counter(libssl=3000, start=50), 20
        self.assertEqual({"libssl": 200.0, "start": 0.0}, instructions.per_operation(few, many))

    def test_two_runs_of_the_same_length_tell_nothing(self):
        counts = instructions.Counter(libssl=1), 5.0
        with self.assertRaises(instructions.Failure):
            instructions.per_operation(counts, counts)

    def test_the_spread_is_relative_to_the_least(self):
        self.assertAlmostEqual(10.0, instructions.spread([110, 100, 105]))


class Comparison(unittest.TestCase):
    """What is shown of two commits."""

    def test_the_least_of_all_rounds_counts(self):
        self.assertEqual({"a": 2, "b": 7}, comparison.best([result(a=3, b=7), result(a=2, b=None), result(a=4)]))

    def test_only_the_system_that_is_asked_for_counts(self):
        self.assertEqual({"a": 3}, comparison.best([result(a=3), result(system="tcp", a=1)]))
        self.assertEqual({"a": 1}, comparison.best([result(a=3), result(system="tcp", a=1)], "tcp"))

    def test_the_floor_is_the_sum_of_the_least_of_its_parts(self):
        rounds = [result(system="openssl", a=5, b=5), result(system="openssl", a=4), result(system="tcp", a=10), result(a=1)]
        self.assertEqual({"a": 14}, comparison.floor(rounds))

    def test_better_and_worse_are_changes_beyond_the_noise(self):
        self.assertEqual("worse", comparison.verdict(100.0, 102.1, 2.0))
        self.assertEqual("better", comparison.verdict(100.0, 97.9, 2.0))
        self.assertEqual("same", comparison.verdict(100.0, 102.0, 2.0))
        self.assertEqual("same", comparison.verdict(100.0, 98.0, 2.0))

    def test_without_both_costs_and_the_noise_there_is_no_verdict(self):
        for unknown in ((None, 1.0, 1.0), (1.0, None, 1.0), (0.0, 1.0, 1.0), (1.0, 9.0, None)):
            self.assertEqual("-", comparison.verdict(*unknown))

    def test_the_noise_of_times_is_what_the_floor_has_changed_by_and_one_percent_at_least(self):
        self.assertAlmostEqual(10.0, comparison.noise_of_times((200.0, 220.0)))
        self.assertAlmostEqual(10.0, comparison.noise_of_times((200.0, 180.0)))
        self.assertAlmostEqual(1.0, comparison.noise_of_times((200.0, 200.0)))
        self.assertIsNone(comparison.noise_of_times((200.0, None)))
        self.assertIsNone(comparison.noise_of_times((None, 200.0)))

    def test_a_time_that_changes_no_more_than_the_floor_is_the_same(self):
        times, counts = ({"a": 1000.0}, {"a": 1080.0}), ({}, {})
        for floor, expected in ((500.0, "worse"), (545.0, "same"), (455.0, "same")):
            line = list(comparison.table(["a"], times, ({"a": 500.0}, {"a": floor}), counts))[1]
            self.assertEqual(expected, columns(line)[5])
        self.assertEqual("-", columns(list(comparison.table(["a"], times, ({"a": 500.0}, {}), counts))[1])[5])

    def test_what_one_side_has_not_is_named(self):
        self.assertEqual(["a: nothing after", "b: nothing before", "b: nothing after"],
                         comparison.left_out(["a", "b", "c"], ({"a": 1, "c": 1}, {"c": 1})))

    def test_objects_are_shown_from_a_change_of_more_than_one_percent(self):
        before = {"libssl": 1000.0, "libc": 1000.0, "program": 500.0}
        after = {"libssl": 1010.0, "libc": 1011.0, "program": 300.0}
        self.assertEqual([("program", 500.0, 300.0), ("libc", 1000.0, 1011.0)], comparison.changed_objects(before, after))

    def test_an_object_that_is_new_or_gone_is_shown(self):
        self.assertEqual([("new", 0.0, 90.0), ("old", 80.0, 0.0)],
                         comparison.changed_objects({"old": 80.0, "x": 900.0}, {"new": 90.0, "x": 900.0}))

    def test_what_does_not_show_in_the_sum_is_not_shown(self):
        self.assertEqual([], comparison.changed_objects({"x": 100_000.0, "y": 1.0}, {"x": 100_000.0, "y": 2.0}))

    def test_the_table_has_a_line_for_each_scenario_and_each_changed_object(self):
        lines = list(comparison.table(["a", "b"], ({"a": 2000.0, "b": 1000.0}, {"a": 1000.0}), ({"a": 900.0}, {"a": 909.0}),
                                      ({"a": {"x": 100.0, "y": 50.0}}, {"a": {"x": 100.0, "y": 25.0}})))
        self.assertEqual(["a", "2.00 us", "1.00 us", "0.500", "1.010", "better", "150", "125", "0.833", "better"],
                         columns(lines[1]))
        self.assertEqual(["y", "50", "25", "0.500"], columns(lines[2]))
        self.assertEqual(["b", "1.00 us", "-", "-", "-", "-", "-", "-", "-", "-"], columns(lines[3]))
        self.assertEqual(4, len(lines))


class OtherTree(unittest.TestCase):
    """How the benchmark gets into the tree of the other commit."""

    @staticmethod
    def put_over(ours, theirs):
        """What the other tree holds afterwards: {path: whose}."""
        with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as other:
            subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
            for folder, files, text in ((root, ours, "ours"), (other, theirs, "theirs")):
                for path in files:
                    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                    with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                        file.write(text)
            against.put_programs_over(root, other)
            found = {}
            for folder, _, names in os.walk(other):
                for name in names:
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found[os.path.relpath(os.path.join(folder, name), other)] = file.read()
        return found

    def test_our_benchmark_replaces_the_other_except_for_what_knows_coils_internals(self):
        found = self.put_over(["bench/a.cpp", *against.SEAM], ["bench/gone.cpp", "net/b.cpp", *against.SEAM])
        self.assertEqual({"bench/a.cpp": "ours", "net/b.cpp": "theirs", **dict.fromkeys(against.SEAM, "theirs")}, found)

    def test_where_the_other_lacks_a_part_of_that_ours_stands_in(self):
        old, new = against.SEAM[:2], against.SEAM[2:]
        found = self.put_over(["bench/a.cpp", *against.SEAM], ["bench/b.cpp", *old])
        self.assertEqual({"bench/a.cpp": "ours", **dict.fromkeys(old, "theirs"), **dict.fromkeys(new, "ours")}, found)

    def test_every_file_that_includes_coils_internals_is_taken_from_the_other(self):
        folder = os.path.join(ROOT, "bench")
        for place, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(place, name)
                with open(path, encoding="utf-8", errors="replace") as file:
                    if re.search(r"#include <coil/.*internal/", file.read()):
                        self.assertIn(os.path.relpath(path, ROOT), against.SEAM)

    def test_a_commit_that_does_not_exist_is_a_mistake_of_the_caller(self):
        with self.assertRaises(against.Stop) as stopped:
            against.check_out("no-such-commit")
        self.assertEqual(2, stopped.exception.code)


class Valgrind(unittest.TestCase):
    """How the program that counts instructions gets here."""

    def test_it_is_installed_where_it_is_missing(self):
        with mock.patch("shutil.which", side_effect=[None, "/usr/bin/valgrind"]), mock.patch("subprocess.run") as run:
            self.assertTrue(against.has_valgrind())
        self.assertEqual([os.path.join(ROOT, "tools", "setup"), "valgrind"], run.call_args.args[0])

    def test_where_it_cannot_be_had_nothing_is_counted(self):
        with mock.patch("shutil.which", return_value=None), mock.patch("subprocess.run"):
            self.assertFalse(against.has_valgrind())

    def test_nothing_is_installed_where_it_is(self):
        with mock.patch("shutil.which", return_value="/usr/bin/valgrind"), mock.patch("subprocess.run") as run:
            self.assertTrue(against.has_valgrind())
        run.assert_not_called()


if __name__ == "__main__":
    unittest.main()
