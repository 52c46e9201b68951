"""tools/parity on small trees: what it finds wrong, and what it makes of results."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import parity  # pylint: disable=wrong-import-position
import test_labels  # pylint: disable=wrong-import-position
from requirement_rows import Page, State  # pylint: disable=wrong-import-position

PAGE = """# Names
## SNI: server names

| id | Node | coil | what it does |
|---|---|---|---|
| SNI-01 | `server.addContext()` | `server::add_context` | there |
| SNI-02 | `tls.connect({ servername })` | `server::names`; planned: `server::more` | in part |
| SNI-03 | `server.on('close')` | planned: `server::later` | not yet |
| SNI-04 | once | - | not mirrored: nobody needs it |
| SNI-05 | order | - | behaviour |

## Other names

| Node | coil | what it does |
|---|---|---|
| `tls.other` | - | |
"""
HEADER = "class server { void add_context(); void names(); };  // later\n"
TEST = """BOOST_AUTO_TEST_SUITE(a_test)
BOOST_AUTO_TEST_CASE(one, *boost::unit_test::label("SNI-01 F-07"))
{
}
BOOST_TEST_DECORATOR(*boost::unit_test::label("SNI-02"))
BOOST_DATA_TEST_CASE(two, data::make({1, 2}), number)
{
}
BOOST_AUTO_TEST_SUITE_END()
"""
CASES = ['<testcase assertions="1" classname="a_test" name="one"/>',
         '<testcase assertions="1" classname="a_test.two" name="_0"/><testcase assertions="2" classname="a_test.two" name="_1"/>']
PASSED = f"<testsuite>{''.join(CASES)}</testsuite>"
FAILED = PASSED.replace('name="_1"/>', 'name="_1"><failure/></testcase>')


class Tree:
    """A project of a page, a header and a test, and the results of that."""

    def __init__(self, root, page=PAGE, header=HEADER, test=TEST, results=None):
        self.root = root
        self.write("docs/node_mapping.md", page)
        self.write("tls/server.hpp", header)
        self.write("tests/tls/a_test.cpp", test)
        if results is not None:
            self.write("bazel-testlogs/tests/tls/a_test/test.xml", results)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def parity(self, *arguments):
        """Exit code, standard output and what went to stderr."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = parity.main(["--root", self.root, *arguments])
        return code, output.getvalue(), errors.getvalue()

    def rows(self, *arguments):
        """Outcomes by id, and the exit code."""
        path = os.path.join(self.root, "out.json")
        code, _, _ = self.parity("--no-run", "--json", path, *arguments)
        with open(path, encoding="utf-8") as file:
            return {row["id"]: row["outcome"] for row in json.load(file)["rows"]}, code

    def problems(self):
        return parity.check(self.root)[2]


class TreeTest(unittest.TestCase):
    """Makes trees that go with the test."""

    def tree(self, **parts):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return Tree(folder.name, **parts)


class CheckTest(TreeTest):
    def assert_one_problem(self, tree, *parts):
        problems = tree.problems()
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])
        self.assertEqual(tree.parity("--check")[0], 1)

    def test_what_fits_together_is_no_problem(self):
        self.assertEqual(self.tree().problems(), [])
        self.assertEqual(self.tree().parity("--check")[0], 0)

    def test_a_label_that_no_row_knows_is_a_problem(self):
        self.assert_one_problem(self.tree(test=TEST.replace("SNI-01", "SNI-99")), "tests/tls/a_test.cpp:2", "SNI-99")
        self.assert_one_problem(self.tree(test=TEST.replace("SNI-01", "SNL-01")), "SNL-01")

    def test_labels_that_are_no_ids_are_left_alone(self):
        self.assertEqual(self.tree(test=TEST.replace("SNI-01 F-07", "stop model")).problems(), [])

    def test_a_planned_row_that_has_a_test_is_a_problem(self):
        self.assert_one_problem(self.tree(test=TEST.replace("SNI-02", "SNI-03")), "SNI-03", "planned")

    def test_a_name_that_no_header_has_is_a_problem(self):
        self.assert_one_problem(self.tree(header=HEADER.replace("add_context", "later_renamed")), "SNI-01", "add_context")

    def test_names_in_comments_of_headers_do_not_count(self):
        self.assert_one_problem(self.tree(header="class server { void names(); };  // add_context\n"), "add_context")

    def test_rows_stand_once_under_their_heading_with_all_their_cells(self):
        row = "| SNI-05 | order | - | behaviour |"
        self.assert_one_problem(self.tree(page=PAGE.replace(row, f"{row}\n{row}")), "SNI-05 is there twice")
        self.assert_one_problem(self.tree(page=PAGE.replace(row, "| ERR-05 | order | - | behaviour |")), "another heading")
        self.assert_one_problem(self.tree(page=PAGE.replace(row, "| SNI-05 | order | - | |")), "SNI-05", "cells")

    def test_a_label_that_is_not_spelled_out_or_belongs_to_no_case_is_a_problem(self):
        self.assert_one_problem(self.tree(test=TEST.replace('"SNI-02"', "second_id")), "spelled out")
        self.assert_one_problem(self.tree(test=TEST + 'auto d = *boost::unit_test::label("SNI-01");\n'), "no test case")

    def test_a_label_in_a_comment_or_a_text_is_none(self):
        text = '// BOOST_AUTO_TEST_CASE(x, *label("SNI-77"))\nauto s = R"(BOOST_AUTO_TEST_CASE(x, *label("SNI-77")))";\n'
        self.assertEqual(self.tree(test=text + "int n = 1'000 + '\"';\n" + TEST).problems(), [])


class LabelTest(unittest.TestCase):
    def test_ids_of_a_label(self):
        for label, ids in (("SNI-01", ["SNI-01"]), ("SNI-01 ERR-02, F-3", ["SNI-01", "ERR-02", "F-3"]),
                           ("ERR-08 to ERR-10 B-001", ["ERR-08", "ERR-09", "ERR-10", "B-001"]), ("stop model", [])):
            self.assertEqual(test_labels.ids_of(label), ids)

    def test_labels_that_are_half_ids_or_wrong_ranges_are_refused(self):
        for label in ("SNI-01 and more", "SNI-01 to", "SNI-01 to ERR-02", "SNI-05 to SNI-05", "SNI-05 to SNI-02"):
            with self.assertRaises(ValueError):
                test_labels.ids_of(label)

    def test_names_hold_all_suites_and_labels_several_texts_and_decorators(self):
        labels = test_labels.Labels()
        labels.add_file("tests/tls/a_test.cpp", """BOOST_AUTO_TEST_SUITE(a_test)
BOOST_FIXTURE_TEST_SUITE(inner, fixture)
BOOST_AUTO_TEST_CASE(one,
                     *label("SNI-01 "
                            "SNI-02") * label("SNI-03") * boost::unit_test::disabled()) {}
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_CASE(two) {}
BOOST_FIXTURE_TEST_CASE(three, fixture, *label("SNI-01")) {}
BOOST_AUTO_TEST_SUITE_END()
""")
        self.assertEqual(labels.problems, [])
        self.assertEqual([(case.name, case.ids, case.line, case.target) for case in labels.cases],
                         [("a_test.inner.one", ("SNI-01", "SNI-02", "SNI-03"), 3, "//tests/tls:a_test"),
                          ("a_test.three", ("SNI-01",), 8, "//tests/tls:a_test")])


class PageTest(unittest.TestCase):
    def test_the_row_says_how_much_of_it_is_there(self):
        self.assertEqual([row.state for row in Page(PAGE).rows.values()],
                         [State.THERE, State.IN_PART, State.PLANNED, State.NOT_MIRRORED, State.THERE])

    def test_names_of_node_are_those_of_all_tables(self):
        self.assertEqual(Page(PAGE).node_names,
                         {"server.addContext", "tls.connect({ servername })", "server.on('close')", "tls.other"})


class OutcomeTest(TreeTest):
    def test_rows_have_the_outcome_of_their_cases(self):
        rows, code = self.tree(results=PASSED).rows()
        self.assertEqual(rows, {"SNI-01": "passed", "SNI-02": "in part", "SNI-03": "planned", "SNI-04": "not mirrored",
                                "SNI-05": "no test"})
        self.assertEqual(code, 0)

    def test_a_failure_shows_also_where_a_row_is_there_in_part(self):
        tree = self.tree(results=FAILED)
        rows, code = tree.rows()
        self.assertEqual((rows["SNI-01"], rows["SNI-02"], code), ("passed", "failed", 1))
        self.assertRegex(tree.parity("--no-run")[1], r"failed +tests/tls/a_test.cpp:6 two")

    def test_a_case_that_checked_nothing_is_a_failure(self):
        self.assertEqual(self.tree(results=PASSED.replace('assertions="1"', 'assertions="0"', 1)).rows()[0]["SNI-01"], "failed")

    def test_a_program_that_ended_before_it_told_fails_its_cases(self):
        bazels_own = '<testsuite><testcase name="tests/tls/a_test"><error message="exited"/></testcase></testsuite>'
        for results in ("", bazels_own):
            rows, code = self.tree(results=results).rows()
            self.assertEqual((rows["SNI-01"], code), ("failed", 1))

    def test_without_results_nothing_ran(self):
        tree = self.tree(results="<testsuite/>")
        self.assertEqual(tree.rows(), ({"SNI-01": "not run", "SNI-02": "in part", "SNI-03": "planned",
                                        "SNI-04": "not mirrored", "SNI-05": "no test"}, 0))
        self.assertEqual(tree.parity("--results", os.path.join(tree.root, "nowhere"))[0], 1)

    def test_runs_of_one_target_count_together(self):
        tree = self.tree()
        tree.write("logs/tests/tls/a_test/shard_1_of_2/test.xml", f"<testsuite>{CASES[0]}</testsuite>")
        tree.write("logs/tests/tls/a_test/shard_2_of_2/test.xml", FAILED.replace(CASES[0], ""))
        rows = tree.rows("--results", os.path.join(tree.root, "logs"))[0]
        self.assertEqual((rows["SNI-01"], rows["SNI-02"]), ("passed", "failed"))

    def test_strict_wants_a_test_for_what_is_there(self):
        tree = self.tree(results=PASSED)
        self.assertEqual(tree.rows("--strict")[1], 1)
        self.assertEqual(tree.rows("--strict", "SNI-01")[1], 0)

    def test_only_what_was_asked_for_is_shown_and_counted(self):
        code, output, _ = self.tree(results=FAILED).parity("--no-run", "SNI-01")
        self.assertEqual(code, 0)
        self.assertNotIn("SNI-02", output)
        self.assertRegex(output, r"all +1 +1\b")
        code, _, errors = self.tree().parity("--no-run", "XYZ")
        self.assertEqual(code, 2)
        self.assertIn("XYZ", errors)

    def test_counts_stand_by_section_and_in_total_and_rows_without_a_test_are_listed(self):
        output = self.tree(results=PASSED).parity("--no-run", "--counts")[1]
        self.assertRegex(output, r"SNI +server names +5 +1 +1 +1 +1 +1\n")
        self.assertRegex(output, r"all +5 +1 +1 +1 +1 +1\n")
        self.assertIn("no test: SNI-05", output)

    def test_what_bazel_tells_while_it_runs_is_read(self):
        tree = self.tree(results=FAILED)
        path = os.path.join(tree.root, "bazel-testlogs/tests/tls/a_test/test.xml")
        result = {"status": "FAILED", "testActionOutput": [{"name": "test.xml", "uri": f"file://{path}"}]}
        events = [{"id": {"testResult": {"label": "//tests/tls:a_test"}}, "testResult": result},
                  {"id": {"targetCompleted": {"label": "//tests/tls:b_test"}}}]
        results = parity.Results()
        parity.add_events(results, map(json.dumps, events))
        outcome = {case.name: results.of_case(case) for case in test_labels.Labels.of_tree(tree.root).cases}
        self.assertEqual(outcome, {"a_test.one": parity.Outcome.PASSED, "a_test.two": parity.Outcome.FAILED})
        self.assertEqual(results.not_built, {"//tests/tls:b_test"})


class ProgramTest(unittest.TestCase):
    def test_the_program_explains_itself(self):
        said = subprocess.run([os.path.join(ROOT, "tools", "parity"), "--help"], capture_output=True, text=True, check=True)
        for word in ("--check", "--no-run", "--results", "--strict", "--json", "no test", "planned"):
            self.assertIn(word, said.stdout)


if __name__ == "__main__":
    unittest.main()
