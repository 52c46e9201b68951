"""The comparison of two commits: how instructions are counted, what differs, and what the table shows."""

import os
import subprocess
import sys
import tempfile
import unittest

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


def result(**times):
    return {"scenarios": [{"name": name, "systems": [{"system": "coil", "best": best}]} for name, best in times.items()]}


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
        lines = list(comparison.table(["a", "b"], ({"a": 2000.0, "b": 1000.0}, {"a": 1000.0}),
                                      ({"a": {"x": 100.0, "y": 50.0}}, {"a": {"x": 100.0, "y": 25.0}})))
        self.assertEqual(["a", "2.00", "us", "1.00", "us", "0.500", "150", "125", "0.833"], lines[1].split())
        self.assertEqual(["y", "50", "25", "0.500"], lines[2].split())
        self.assertEqual(["b", "1.00", "us", "-", "-", "-", "-", "-"], lines[3].split())
        self.assertEqual(4, len(lines))


class OtherTree(unittest.TestCase):
    """How the benchmark gets into the tree of the other commit."""

    def test_our_benchmark_replaces_the_other_except_for_the_ring_between(self):
        with tempfile.TemporaryDirectory() as root, tempfile.TemporaryDirectory() as other:
            subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
            for folder, files in ((root, {"bench/a.cpp": "ours", against.SEAM[0]: "ours"}),
                                  (other, {"bench/gone.cpp": "theirs", against.SEAM[0]: "theirs", "net/b.cpp": "theirs"})):
                for path, text in files.items():
                    os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
                    with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                        file.write(text)
            against.put_programs_over(root, other)
            found = {}
            for folder, _, names in os.walk(other):
                for name in names:
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        found[os.path.relpath(os.path.join(folder, name), other)] = file.read()
        self.assertEqual({"bench/a.cpp": "ours", against.SEAM[0]: "theirs", "net/b.cpp": "theirs"}, found)

    def test_a_commit_that_does_not_exist_is_a_mistake_of_the_caller(self):
        with self.assertRaises(against.Stop) as stopped:
            against.check_out("no-such-commit")
        self.assertEqual(2, stopped.exception.code)


if __name__ == "__main__":
    unittest.main()
