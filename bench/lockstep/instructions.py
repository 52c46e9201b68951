#!/usr/bin/env python3
"""Counts the instructions that a server of bench/lockstep executes in user space for each operation, with callgrind.

Each count is the difference of two runs that differ in the number of operations only, so that start-up falls out of it, and
nothing is counted while the clients have their turn. Used alone it prints the counts of one program, by object.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

# The one function through which a server reaches its clients.
CLIENTS = "bench::lockstep::clients::turn()"
# Scenario: the two numbers of cycles. What follows of random lengths and of growth at the start is small beside the difference.
CYCLES = {"echo-64-1": (100, 1600), "echo-64-32": (10, 110), "echo-4096-32": (10, 70), "http-32": (10, 110),
          "handshake-13-ecdsa": (2, 22), "resume-13": (2, 42), "download-256-1": (1, 4), "upload-256-1": (1, 4)}
PROGRAM = "program"


class Failure(Exception):
    """Why there is no count; the text is for people."""


def objects(lines, program):
    """Instructions of each object in a callgrind file of uncompressed names and positions, those of `program` as PROGRAM."""
    counts, current, is_call = Counter(), "unknown", False
    for line in lines:
        if line.startswith("ob="):
            path = line[3:].strip()
            name = os.path.basename(path)
            current = (PROGRAM if name == os.path.basename(program)
                       else "unknown" if name == "???" else re.sub(r"\.so\b.*", "", name))
        elif line.startswith("calls="):
            is_call = True  # the next line is what the called function cost
        elif line[:1].isdigit():
            if not is_call:
                counts[current] += int(line.split()[1])
            is_call = False
    return counts


def per_operation(few, many):
    """The cost of one operation by object, of two pairs (counts, operations)."""
    operations = many[1] - few[1]
    if operations <= 0:
        raise Failure("both runs did the same number of operations")
    names = set(few[0]) | set(many[0])
    return {name: (many[0][name] - few[0][name]) / operations for name in names}


def count(program, system, scenario, cycles):
    """One run: its instructions by object, and its operations."""
    with tempfile.TemporaryDirectory() as folder:
        profile, result = os.path.join(folder, "profile"), os.path.join(folder, "result.json")
        outcome = subprocess.run(
            ["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no",
             # In this order: to name a function that toggles also sets that nothing is collected at the start.
             f"--toggle-collect={CLIENTS}", "--collect-atstart=yes", f"--callgrind-out-file={profile}", program, "--system", system, "--scenario",
             scenario, "--rounds", "1", "--cycles", str(cycles), "--json", result],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if outcome.returncode != 0:
            said = [line for line in outcome.stderr.splitlines() if line and not line.startswith("==")]
            raise Failure(f"{scenario} under valgrind: {said[-1] if said else f'exit code {outcome.returncode}'}")
        with open(result, encoding="utf-8") as file:
            operations = json.load(file)["scenarios"][0]["systems"][0]["rounds"][0]["operations"]
        with open(profile, encoding="utf-8", errors="replace") as file:
            return objects(file, program), operations


def measure(program, system, scenario):
    """Instructions for each operation, by object."""
    few, many = CYCLES[scenario]
    return per_operation(count(program, system, scenario, few), count(program, system, scenario, many))


def table(counts):
    """Lines of a Markdown table of {scenario: {object: count}}; an object without a thousandth of anything is left out."""
    names = {name for split in counts.values() for name, value in split.items() if value >= sum(split.values()) / 1000}
    order = sorted(names, key=lambda name: -sum(split.get(name, 0) for split in counts.values()))
    yield "| scenario | all | " + " | ".join(order) + " |"
    yield "|---|" + "---|" * (len(order) + 1)
    for scenario, split in counts.items():
        cells = [sum(split.values())] + [split.get(name, 0) for name in order]
        yield f"| {scenario} | " + " | ".join(f"{value:,.0f}" for value in cells) + " |"


def spread(totals):
    """How far the counts of repeated measurements lie apart, in percent of the least."""
    return 100 * (max(totals) - min(totals)) / min(totals)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="bazel-bin/bench/lockstep/lockstep, built with --config=opt")
    parser.add_argument("--system", default="coil", help="the server (coil)")
    parser.add_argument("--scenario", action="append", choices=CYCLES, help="only this one; may be given several times")
    parser.add_argument("--repeat", type=int, default=1, help="measurements of each, to see how far they lie apart (1)")
    arguments = parser.parse_args()
    wanted = [name for name in CYCLES if not arguments.scenario or name in arguments.scenario]
    counts, complete = {}, True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {name: [pool.submit(measure, arguments.program, arguments.system, name)
                          for _ in range(max(1, arguments.repeat))] for name in wanted}
        for name, futures in running.items():
            try:
                repeated = [future.result() for future in futures]
            except (Failure, OSError) as reason:
                print(f"instructions: {reason}", file=sys.stderr)
                complete = False
                continue
            totals = [sum(split.values()) for split in repeated]
            counts[name] = min(repeated, key=lambda split: sum(split.values()))
            print(f"{name}: " + ", ".join(f"{total:,.0f}" for total in totals) +
                  (f"; {spread(totals):.2f} % apart" if len(totals) > 1 else ""), file=sys.stderr)
    if counts:
        print("\n".join(table(counts)))
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
