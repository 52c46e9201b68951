"""Runs the test lanes one after another and counts test cases; started by tools/test."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LOG_LINES = 150
PYTHON_TESTS = ["tests/house_rules", "tests/bench/lockstep"]
FOLDERS = ["runtime", "net", "tls", "tools", "bench", "examples", "tests"]
FALLBACK_TARGETS = ["//tests/runtime/...", "//tests/net/...", "//tests/tls/..."]
# What runs on a loop of its own, or runs a program that does. The simulation has a ring of its own, the benchmark coil-epoll.
EPOLL_TARGETS = FALLBACK_TARGETS + ["//tests/conformance/...", "//tests/interop/...", "//tests/tools/..."]
ALL_CAPABILITIES = ("restrictions,single_issuer,defer_taskrun,coop_taskrun,submit_all,provided_buffers,multishot_accept,"
                    "multishot_receive,messages,quiet_sends")

# name, title, options of `bazel test`
BAZEL_LANES = [
    ("asan", "g++, address and undefined behaviour sanitizers", ["--config=asan", "--build_tests_only"]),
    ("clang", "clang 19, optimised", ["--config=opt", "--config=clang"]),  # and all programs
    # these two are built already by the lane before
    ("fallback", "clang 19, optimised, a kernel without new features",
     ["--config=opt", "--config=clang", "--test_env=COIL_RING_WITHOUT=" + ALL_CAPABILITIES]),
    ("epoll", "clang 19, optimised, on epoll", ["--config=opt", "--config=clang", "--test_env=COIL_BACKEND=epoll"]),
    ("tsan", "g++, thread sanitizer", ["--config=tsan", "--build_tests_only", "--test_tag_filters=threads"]),
]

# Lanes that run only a part of the suite -> where that is
PARTS = {"fallback": FALLBACK_TARGETS, "epoll": EPOLL_TARGETS}


def say(text=""):
    print(text, flush=True)


class Progress:
    """One moving line on a terminal; elsewhere a line now and then."""

    def __init__(self, title):
        self.title, self.start, self.shown = title, time.monotonic(), time.monotonic()
        self.moving = sys.stdout.isatty()
        say(f"== {title}")

    def show(self, text):
        now = time.monotonic()
        if self.moving:
            print(f"\r\033[K{text[:110]}", end="", flush=True)
        elif now - self.shown >= 20:
            self.shown = now
            say(f"   {now - self.start:4.0f} s  {text[:110]}")

    def end(self):
        if self.moving:
            print("\r\033[K", end="", flush=True)
        return time.monotonic() - self.start


class Lane:
    """What one lane found."""

    def __init__(self, title):
        self.title, self.passed, self.failures, self.output, self.seconds = title, 0, [], [], 0.0

    def fail(self, name, output=""):
        self.failures.append(name)
        if output:
            self.output.append(output)

    def report(self):
        for text in self.output:
            say(text.rstrip())
        for name in self.failures:
            say(f"   FAILED: {name}")
        say(f"   {self.passed} passed, {len(self.failures)} failed, {self.seconds:.0f} s")


def run_bazel(arguments, progress, directory=ROOT):
    """Runs bazel, showing what it does; returns its exit code and what it said apart from progress."""
    command = ["bazel", *arguments[:1], "--color=no", "--curses=no", "--show_progress_rate_limit=1", *arguments[1:]]
    said = []
    with subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        for line in process.stdout:
            if line.startswith(("[", "Analyzing:", "Loading:")):
                progress.show(line.strip())
            elif line.strip() and not line.startswith(("INFO:", "DEBUG:", "There were tests whose", "Use --")):
                said.append(line)
    return process.returncode, "".join(said)


def tail(path):
    with open(path, errors="replace") as file:
        lines = file.readlines()
    return "".join(lines[-LOG_LINES:])


def path_of(uri):
    return urllib.parse.unquote(urllib.parse.urlparse(uri).path)


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None:
        return "skipped"
    return "checked nothing" if case.get("assertions") == "0" else "passed"


def read_cases(report):
    """Names and outcomes of the cases in a JUnit file; None if it is not a whole one."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return None
    return [(f"{case.get('classname')}.{case.get('name')}", outcome_of(case)) for case in cases]


def count_cases(report):
    """Passed cases and names of failed ones in a JUnit file; None if it is not a whole one."""
    cases = read_cases(report)
    if cases is None:
        return None
    passed, failed = 0, []
    for name, outcome in cases:
        if outcome == "passed":
            passed += 1
        elif outcome != "skipped":
            failed.append(name if outcome == "failed" else f"{name} {outcome}")
    return passed, failed


def add_test_result(lane, label, result):
    outputs = {output["name"]: path_of(output["uri"]) for output in result.get("testActionOutput", [])}
    passed = result["status"] == "PASSED"
    cases = count_cases(outputs.get("test.xml", ""))
    if cases:
        lane.passed += cases[0]
        for name in cases[1]:
            lane.fail(f"{label} {name}")
    if not passed:
        if not (cases and cases[1]):  # it ended some other way: a signal, a sanitizer, a timeout
            lane.fail(f"{label} {result['status']}")
        log = outputs.get("test.log")
        lane.output.append(f"-- {label}\n{tail(log) if log and os.path.exists(log) else ''}")
    elif not cases or cases[0] + len(cases[1]) == 0:
        lane.fail(f"{label} ran no test case")


def add_events(lane, events):
    """Adds the outcome of every test target and every target that could not be built."""
    not_built = set()
    for line in events:
        event = json.loads(line)
        identity = event["id"]
        if "testResult" in identity and "testResult" in event:
            add_test_result(lane, identity["testResult"]["label"], event["testResult"])
        elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
            not_built.add(identity["targetCompleted"]["label"])
    for label in sorted(not_built):
        lane.fail(f"{label} was not built")


def bazel_lane(title, options, targets):
    lane, progress = Lane(title), Progress(title)
    with tempfile.NamedTemporaryFile(mode="r", suffix=".json") as events:
        code, said = run_bazel(["test", "--config=ci", *options, "--keep_going", "--test_output=summary",
                                "--test_summary=none", f"--build_event_json_file={events.name}", *targets], progress)
        add_events(lane, events)
    if code not in (0, 3, 4) or lane.failures:  # 3: tests failed; 4: no test asked for
        lane.output.insert(0, said)
        if not lane.failures:
            lane.fail(f"bazel ended with {code}")
    lane.seconds = progress.end()
    lane.report()
    return lane


def consumer_lane():
    """The workspace of a stranger: it has to build, and its echo server has to answer."""
    lane, progress = Lane("a workspace that depends on coil"), Progress("a workspace that depends on coil")
    directory = os.path.join(ROOT, "tests", "consumer")
    for verb in ("build", "test"):
        code, said = run_bazel([verb, "//..."], progress, directory)
        if code == 0:
            lane.passed += 1
        else:
            lane.fail(f"tests/consumer: bazel {verb} ended with {code}", said)
            break
    lane.seconds = progress.end()
    lane.report()
    return lane


def house_rules_lane():
    lane, progress = Lane("house rules and tools"), Progress("house rules and tools")
    suite = unittest.TestSuite(unittest.TestLoader().discover(os.path.join(ROOT, folder), pattern="*_test.py")
                               for folder in PYTHON_TESTS)
    result = unittest.TestResult()
    suite.run(result)
    for test, trace in result.failures + result.errors:
        lane.fail(str(test), trace)
    lane.passed = result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)
    lane.seconds = progress.end()
    lane.report()
    return lane


def all_targets():
    """Folder by folder, because //... would also follow the links that Bazel leaves beside them."""
    return [f"//{folder}/..." for folder in FOLDERS
            if any("BUILD.bazel" in names for _, _, names in os.walk(os.path.join(ROOT, folder)))]


def targets_matching(name):
    """Labels of the test targets with `name` in them; tsan runs those of them that are tagged `threads`."""
    return [label for label in query("tests({})") if name in label]


def targets_of(key, only):
    """What the lane builds and runs. @param only  a part of the names of its test targets, or None."""
    if key in PARTS:
        tests = labels_of(f"tests({' + '.join(PARTS[key])})")
        return [label for label in tests if not only or only in label]
    if only:
        return targets_matching(only)
    return programs() if key == "clang" else all_targets()


def programs():
    """Tests and binaries. Libraries come along; asked for by themselves they would be compiled in a second form."""
    return query("kind('(_binary|_test) rule', {})")


def query(expression):
    return labels_of(expression.format(" + ".join(all_targets())))


def labels_of(expression):
    command = ["bazel", "query", "--keep_going", expression]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False).stdout.split()


def run(name, part):
    keys = [key for key, _, _ in BAZEL_LANES]
    only = part if name in keys else None if name in (None, "consumer", "house_rules") else name
    lanes = []
    if only and not targets_matching(only):
        print(f"tools/test: no lane ({', '.join(keys)}, consumer, house_rules) "
              f"and no test target has {only} in its name", file=sys.stderr)
        sys.exit(2)
    for key, title, options in BAZEL_LANES:
        if name in (None, key) or (only and name not in keys):
            targets = targets_of(key, only)
            if targets:
                lanes.append(bazel_lane(title, options, targets))
    if name in (None, "consumer"):
        lanes.append(consumer_lane())
    if name in (None, "house_rules"):
        lanes.append(house_rules_lane())
    return lanes


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description="Builds and runs every test and check of coil.",
                                     epilog="The last line is `N passed, M failed`, counting test cases of all lanes.")
    parser.add_argument("name", nargs="?", metavar="NAME",
                        help="a lane (asan, clang, fallback, epoll, tsan, consumer, house_rules) or a part of test target names")
    parser.add_argument("part", nargs="?", metavar="PART", help="after a lane: a part of test target names")
    arguments = parser.parse_args()
    lanes = run(arguments.name, arguments.part)
    if len(lanes) > 1:
        say()
        for lane in lanes:
            say(f"{lane.title:50} {lane.passed:5} passed {len(lane.failures):4} failed {lane.seconds:6.0f} s")
    failed = sum(len(lane.failures) for lane in lanes)
    say(f"{sum(lane.passed for lane in lanes)} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
