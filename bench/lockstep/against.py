#!/usr/bin/env python3
"""Compares what a server on coil costs in this working tree and at another commit: `tools/dev bench --against REV`.

Both are measured by the programs of this working tree. Times are the least of interleaved rounds, beside the floor's, whose
change is the machine's; instructions are counted by callgrind and bear a busy machine.
Exit codes: 0 everything was compared, 1 something was left out, 2 usage.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import comparison
import instructions

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OTHER = os.path.join(ROOT, ".cache", "against")
TARGET, PROGRAM = "//bench/lockstep", os.path.join("bench", "lockstep", "lockstep")
# What knows coil's internals, or starts its servers, follows their interface, and so is taken from the commit that these are
# of. Where that has not all of these files, ours stand in.
SEAM = (*(f"bench/lockstep/{name}.{kind}" for name in ("turn_ring", "turn_loop") for kind in ("hpp", "cpp")),
        "bench/coil_listener.hpp", "bench/coil_listener.cpp", "bench/coil_server.cpp")


class Stop(Exception):
    """Why nothing can be compared, and the exit code."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Progress:
    """How far a long part is: one moving line on a terminal, elsewhere a line for each step."""

    def __init__(self, title, steps):
        self.title, self.steps, self.done = title, steps, 0
        self.moving = sys.stderr.isatty()

    def step(self, what):
        self.done += 1
        text = f"{self.title}, {self.done} of {self.steps}: {what}"
        if self.moving:
            print(f"\r\033[K{text[:110]}", end="" if self.done < self.steps else "\r\033[K", file=sys.stderr, flush=True)
        else:
            say(text)


def git(*words, folder=ROOT):
    return subprocess.run(["git", *words], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def check_out(revision):
    """Puts the commit into a worktree of its own, which stays for the next comparison. @return the commit's hash."""
    found = git("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
    if found.returncode != 0:
        raise Stop(f"there is no commit {revision}", 2)
    commit = found.stdout.strip()
    git("worktree", "prune")
    if not os.path.exists(os.path.join(OTHER, ".git")):
        shutil.rmtree(OTHER, ignore_errors=True)
        done = git("worktree", "add", "--detach", "--force", OTHER, commit)
    else:
        git("clean", "-fdq", folder=OTHER)
        done = git("checkout", "--quiet", "--force", "--detach", commit, folder=OTHER)
    if done.returncode != 0:
        raise Stop(f"cannot check out {revision}: {done.stderr.strip().splitlines()[-1]}", 1)
    return commit


def put_programs_over(root=ROOT, other=OTHER):
    """Replaces the benchmark of the other tree by ours, so that both are measured by the same program."""
    seam = {}
    for path in SEAM:
        if os.path.exists(os.path.join(other, path)):
            with open(os.path.join(other, path), encoding="utf-8") as file:
                seam[path] = file.read()
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "bench", folder=root).stdout
    shutil.rmtree(os.path.join(other, "bench"), ignore_errors=True)
    for path in filter(None, listed.split("\0")):
        source, target = os.path.join(root, path), os.path.join(other, path)
        if os.path.exists(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)
    for path, text in seam.items():
        with open(os.path.join(other, path), "w", encoding="utf-8") as file:
            file.write(text)


def build(folder, what, copy_to):
    """Builds the program and copies it, so that later builds leave it alone."""
    say(f"building {what}")
    command = ["bazel", "build", "--config=opt", "--color=no", "--curses=no", "--noshow_progress", TARGET]
    done = subprocess.run(command, cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "error:" in line] or \
                 [line for line in done.stdout.splitlines() if line.startswith("ERROR:")]
        raise Stop(f"{what} does not build: {errors[0] if errors else f'bazel ended with {done.returncode}'}", 1)
    shutil.copy2(os.path.join(folder, "bazel-bin", PROGRAM), copy_to)
    return copy_to


def run_round(program, scenarios):
    with tempfile.NamedTemporaryFile(mode="r", suffix=".json") as result:
        command = [program, "--rounds", "1", "--json", result.name]
        for name in (comparison.SERVER, *comparison.FLOOR):
            command += ["--system", name]
        for name in scenarios:
            command += ["--scenario", name]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, check=False)
        for line in done.stderr.splitlines():
            say(line)
        text = result.read()
        return json.loads(text) if text else {"scenarios": []}


def compare_times(programs, scenarios, rounds):
    """(before, after), each a list of results; the programs take turns."""
    progress = Progress("rounds", rounds)
    results = ([], [])
    for number in range(rounds):
        progress.step("before and after")
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for side in order:
            results[side].append(run_round(programs[side], scenarios))
    return results


def compare_instructions(programs, scenarios):
    """(before, after), each {scenario: {object: instructions}}."""
    counts = ({}, {})
    wanted = [name for name in scenarios if name in instructions.CYCLES]
    progress = Progress("instructions", 2 * len(wanted))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [(side, name, pool.submit(instructions.measure, programs[side], comparison.SERVER, name))
                   for name in wanted for side in (0, 1)]
        for side, name, future in running:
            try:
                counts[side][name] = future.result()
            except (instructions.Failure, OSError) as reason:
                say(str(reason))
            progress.step(name)
    return counts


def has_valgrind():
    """Whether callgrind can be had; it is installed on demand."""
    if shutil.which("valgrind") is None:
        subprocess.run([os.path.join(ROOT, "tools", "setup"), "valgrind"], check=False)
    return shutil.which("valgrind") is not None


def scenarios_of(program):
    """All scenarios that the program knows, in its order."""
    text = subprocess.run([program, "--help"], text=True, stdout=subprocess.PIPE, check=True).stdout
    return next(line for line in text.splitlines() if line.startswith("scenarios:")).split()[1:]


def compare(arguments):
    """@return whether nothing was left out."""
    commit = check_out(arguments.against)
    put_programs_over()
    with tempfile.TemporaryDirectory() as folder:
        after = build(ROOT, "the working tree", os.path.join(folder, "after"))
        known = scenarios_of(after)
        for name in arguments.scenario:
            if name not in known:
                raise Stop(f"there is no scenario {name}", 2)
        before = build(OTHER, f"{arguments.against} ({commit[:12]})", os.path.join(folder, "before"))
        subprocess.run(["bazel", "shutdown"], cwd=OTHER, stderr=subprocess.DEVNULL, check=False)
        wanted = [name for name in known if not arguments.scenario or name in arguments.scenario]
        results, counts, missing = ([], []), ({}, {}), []
        if not arguments.only_instructions:
            results = compare_times((before, after), wanted, arguments.rounds)
        times, floors = [[what(side) for side in results] for what in (comparison.best, comparison.floor)]
        if not arguments.only_instructions:
            missing += comparison.left_out(wanted, times)
        if not has_valgrind():
            missing.append("all instructions: valgrind is missing and could not be installed")
        else:
            counts = compare_instructions((before, after), wanted)
            missing += comparison.left_out([name for name in wanted if name in instructions.CYCLES], counts)
    print(f"before: {arguments.against} ({commit[:12]}), after: the working tree; "
          f"the server's time and its instructions in user space, for each operation\n")
    print("\n".join(comparison.table(wanted, times, floors, counts)))
    print(f"\n{comparison.LEGEND}")
    for line in missing:
        say(f"left out: {line}")
    return not missing


def main():
    parser = argparse.ArgumentParser(prog="tools/dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("--against", required=True, metavar="REV", help="the commit to compare with")
    parser.add_argument("--scenario", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--rounds", type=int, default=10, help="rounds of the times, of which the best counts (10)")
    parser.add_argument("--only-instructions", action="store_true", help="leave the times out: a busy machine distorts them")
    arguments = parser.parse_args()
    if not 1 <= arguments.rounds <= 1000:
        parser.error("--rounds is not from 1 to 1000")
    try:
        sys.exit(0 if compare(arguments) else 1)
    except Stop as reason:
        say(str(reason))
        sys.exit(reason.code)


if __name__ == "__main__":
    main()
