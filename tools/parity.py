"""Tells what became of each requirement of docs/node_mapping.md; started by tools/parity."""

import argparse
import contextlib
import glob
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_lanes  # pylint: disable=wrong-import-position
from requirement_rows import PAGE, Page, Row, State, unknown_names  # pylint: disable=wrong-import-position
from test_labels import OTHER_FAMILIES, Case, Labels  # pylint: disable=wrong-import-position

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = ("runtime", "net", "tls")
LANES = [key for key, _, _ in test_lanes.BAZEL_LANES if key != "tsan"]  # which runs a part of the cases only
# A folder of one of several runs of a target, below that of the target.
_PART_OF_RUN = re.compile(r"(shard|run)_\d+_of_\d+.*|test_attempts|attempt_\d+.*")


class Outcome(Enum):
    """What became of a case, or of a row."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    NO_TEST = "no test"
    IN_PART = "in part"
    PLANNED = "planned"
    NOT_MIRRORED = "not mirrored"


@dataclass
class Results:
    """Outcomes of test cases."""

    outcomes: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)  # targets that ended before they told
    not_built: set[str] = field(default_factory=set)

    @classmethod
    def of_folder(cls, folder: str) -> "Results":
        """@param folder  with the test.xml of each target below it, as bazel-testlogs."""
        results = cls()
        for where, folders, names in os.walk(folder, followlinks=True):
            folders.sort()
            if "test.xml" in names:
                parts = os.path.relpath(where, folder).split(os.sep)
                while len(parts) > 2 and _PART_OF_RUN.fullmatch(parts[-1]):
                    parts.pop()
                results.add(f"//{'/'.join(parts[:-1])}:{parts[-1]}", os.path.join(where, "test.xml"))
        return results

    def add(self, target: str, report: str) -> None:
        """Adds the report of one run of a target."""
        cases = test_lanes.read_cases(report)
        folder = target.removeprefix("//").split(":")[0]
        if cases is None:
            self.broken.add(target)
        for name, outcome in cases or []:
            if name.startswith("None."):  # Bazel's own report of a program that left none
                if outcome == "failed":
                    self.broken.add(target)
                continue
            # A case of data or of types has a name for each of them below its own.
            for key in {name, name.rsplit(".", 1)[0], name.split("<")[0]}:
                self.outcomes.setdefault((folder, key), []).append(outcome)

    def of_case(self, case: Case) -> Outcome:
        found = self.outcomes.get((case.folder, case.name), [])
        if any(outcome in ("failed", "checked nothing") for outcome in found):
            return Outcome.FAILED
        if "passed" in found:
            return Outcome.PASSED
        return Outcome.FAILED if case.target in self.broken | self.not_built else Outcome.NOT_RUN


@dataclass
class Report:
    """What became of each row."""

    page: Page
    cases: dict[str, list[Case]]
    results: Results
    problems: list[str]

    def of_row(self, row: Row) -> Outcome:
        outcomes = [self.results.of_case(case) for case in self.cases.get(row.identity, [])]
        if Outcome.FAILED in outcomes:
            return Outcome.FAILED
        if row.state is not State.THERE:
            return Outcome(row.state.value)
        if not outcomes:
            return Outcome.NO_TEST
        return Outcome.PASSED if Outcome.PASSED in outcomes else Outcome.NOT_RUN

    def counts(self, rows: Iterable[Row]) -> dict[str, int]:
        counted = Counter(self.of_row(row) for row in rows)
        return {"rows": sum(counted.values())} | {outcome.value: counted[outcome] for outcome in Outcome}

    def sections(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self.page.rows.values():
            found.setdefault(row.section, []).append(row)
        return found


def check(root: str) -> tuple[Page, dict[str, list[Case]], list[str]]:
    """Reads page, labels and headers.

    @return the page, the cases of each id, and what does not fit together: one line each.
    """
    with open(os.path.join(root, PAGE), encoding="utf-8") as file:
        page = Page(file.read())
    labels = Labels.of_tree(root)
    problems = page.problems + labels.problems
    cases: dict[str, list[Case]] = {}
    for case in labels.cases:
        for identity in case.ids:
            if identity.split("-")[0] in OTHER_FAMILIES:
                continue
            cases.setdefault(identity, []).append(case)
            row = page.rows.get(identity)
            if row is None:
                problems.append(f"{case.path}:{case.line}: {identity} is no row of {PAGE}")
            elif row.state is State.PLANNED:
                problems.append(f"{case.path}:{case.line}: {identity} has a test, but {PAGE}:{row.line} says that it is "
                                "only planned")
    headers = []
    for path in sorted(path for module in MODULES for path in glob.glob(os.path.join(root, module, "*.hpp"))):
        with open(path, encoding="utf-8") as file:
            headers.append(file.read())
    return page, cases, problems + unknown_names(page, "\n".join(headers))


def run(lane: str, targets: list[str]) -> tuple[Results, list[str]]:
    """Builds and runs test targets in a lane of tools/test. Progress goes to stderr.

    @return what came of them, and what Bazel said where it could not do it.
    """
    options = next(options for key, _, options in test_lanes.BAZEL_LANES if key == lane)
    results = Results()
    with tempfile.NamedTemporaryFile(mode="r", suffix=".json") as events, contextlib.redirect_stdout(sys.stderr):
        progress = test_lanes.Progress(f"{len(targets)} test targets, {lane}")
        code, said = test_lanes.run_bazel(
            ["test", "--config=ci", *options, "--keep_going", "--test_output=summary", "--test_summary=none",
             f"--build_event_json_file={events.name}", *targets], progress)
        add_events(results, events)
        progress.end()
    return results, [] if code in (0, 3) and not results.not_built else [f"bazel ended with {code}", said.rstrip()]


def add_events(results: Results, events: Iterable[str]) -> None:
    for line in events:
        event = json.loads(line)
        identity = event["id"]
        if "testResult" in identity and "testResult" in event:
            outputs = {output["name"]: test_lanes.path_of(output["uri"])
                       for output in event["testResult"].get("testActionOutput", [])}
            results.add(identity["testResult"]["label"], outputs.get("test.xml", ""))
        elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
            results.not_built.add(identity["targetCompleted"]["label"])


def chosen_rows(page: Page, names: list[str]) -> set[str]:
    """The ids of the rows that `names`, ids or sections, stand for; all without names. Throws: KeyError."""
    if not names:
        return set(page.rows)
    chosen: set[str] = set()
    for name in names:
        found = {identity for identity, row in page.rows.items() if name in (identity, row.section)}
        if not found:
            raise KeyError(name)
        chosen |= found
    return chosen


def print_rows(report: Report, chosen: set[str]) -> None:
    for section, rows in report.sections().items():
        rows = [row for row in rows if row.identity in chosen]
        if rows:
            print(f"== {section}: {report.page.titles[section]}")
        for row in rows:
            print(f"{row.identity:8} {report.of_row(row).value:12} {row.node.replace('`', '')[:95]}")
            for case in report.cases.get(row.identity, []):
                print(f"{'':9}{report.results.of_case(case).value:8} {case.path}:{case.line} {case.name.split('.')[-1]}")


def print_counts(report: Report, chosen: set[str]) -> None:
    columns = ["rows"] + [outcome.value for outcome in Outcome]
    print(f"\n{'':30}" + "".join(f"{column:>13}" for column in columns))
    lines = [(f"{section:5} {report.page.titles[section]}"[:30], rows) for section, rows in report.sections().items()]
    for title, rows in [*lines, ("all", list(report.page.rows.values()))]:
        counts = report.counts(row for row in rows if row.identity in chosen)
        if counts["rows"]:
            print(f"{title:30}" + "".join(f"{counts[column] or '':>13}" for column in columns))
    without = [row.identity for row in report.page.rows.values()
               if row.identity in chosen and report.of_row(row) is Outcome.NO_TEST]
    if without:
        print(f"\nno test: {' '.join(without)}")


def as_json(report: Report, chosen: set[str]) -> dict[str, object]:
    rows = [row for row in report.page.rows.values() if row.identity in chosen]
    return {
        "rows": [{"id": row.identity, "section": row.section, "node": row.node, "coil": row.coil, "text": row.text,
                  "state": row.state.value, "outcome": report.of_row(row).value,
                  "cases": [{"path": case.path, "line": case.line, "name": case.name,
                             "outcome": report.results.of_case(case).value}
                            for case in report.cases.get(row.identity, [])]}
                 for row in rows],
        "sections": {section: report.counts(row for row in inner if row.identity in chosen)
                     for section, inner in report.sections().items()},
        "total": report.counts(rows),
        "problems": report.problems,
    }


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/parity", formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Tells for each row of {PAGE} which test cases carry its id as a label, and what became of them.",
        epilog="""Outcomes of a row:
  passed        all its cases that ran passed
  failed        one of them did not
  not run       it has cases, and none of them ran
  no test       the page says that it is there, and nothing proves it
  in part       the page says that a part of it is planned; its cases are listed all the same
  planned       it is not there yet
  not mirrored  it never will be, and the page says why

Ends with 1 if a case failed, or labels, page and headers do not fit together: a label that no row has, a planned row
that has a test, a name that no header has.""")
    parser.add_argument("names", nargs="*", metavar="ID", help="ids or sections: run and show only these")
    parser.add_argument("--check", action="store_true", help="only whether labels, page and headers fit together; no test runs")
    parser.add_argument("--no-run", action="store_true", help="take the results of the last run, which bazel-testlogs has")
    parser.add_argument("--results", metavar="DIR", help="take the results in DIR, a folder as bazel-testlogs")
    parser.add_argument("--lane", choices=LANES, default="asan", help="how tests are built and run; default: asan")
    parser.add_argument("--strict", action="store_true", help="end with 1 also where a row has no test or none that ran")
    parser.add_argument("--counts", action="store_true", help="print the counts only")
    parser.add_argument("--json", metavar="FILE", help="write everything to FILE too")
    parser.add_argument("--root", default=ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def results_for(arguments: argparse.Namespace, targets: list[str]) -> tuple[Results, list[str]]:
    folder = arguments.results or (os.path.join(arguments.root, "bazel-testlogs") if arguments.no_run else None)
    if folder is None:
        return run(arguments.lane, targets) if targets else (Results(), [])
    return Results.of_folder(folder), [] if os.path.isdir(folder) else [f"there is no folder {folder}"]


def show(report: Report, chosen: set[str], options: argparse.Namespace) -> bool:
    """Prints and writes what was asked for. @return whether it is as it should be."""
    if not options.counts:
        print_rows(report, chosen)
    print_counts(report, chosen)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(as_json(report, chosen), file, indent=1)
    bad = {Outcome.FAILED} | ({Outcome.NO_TEST, Outcome.NOT_RUN} if options.strict else set())
    return not any(report.of_row(report.page.rows[identity]) in bad for identity in chosen)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(arguments)
    page, cases, problems = check(options.root)
    good = True
    if options.check:
        if not problems:
            print(f"{len(page.rows)} rows, {len(cases)} of them with tests; labels, page and headers fit together")
    else:
        try:
            chosen = chosen_rows(page, options.names)
        except KeyError as error:
            print(f"tools/parity: {PAGE} has no row and no section {error.args[0]}", file=sys.stderr)
            return 2
        targets = sorted({case.target for identity in chosen for case in cases.get(identity, [])})
        results, trouble = results_for(options, targets)
        problems = problems + trouble
        good = show(Report(page, cases, results, problems), chosen, options)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 0 if good and not problems else 1


if __name__ == "__main__":
    sys.exit(main())
