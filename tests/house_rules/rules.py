"""The house rules. Each takes a Project and yields one line for every place that breaks it."""

import ast
import hashlib
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import awaitables
import coroutine_forms
from cpp_source import CppSource

MODULES = {"runtime": {"runtime"}, "net": {"runtime", "net"}, "tls": {"runtime", "net", "tls"}}
USERS = {"tools", "bench", "examples", "tests"}
FILE_LINES, FUNCTION_LINES, FOLDER_DEPTH = 600, 70, 3
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


class Project:
    """The text files of a project by path, either from a folder or, for examples, given directly."""

    def __init__(self, files, root=None):
        self.files, self.root = files, root

    @classmethod
    def from_folder(cls, root):
        files = {}
        for folder, folders, names in os.walk(root):
            folders[:] = [name for name in folders
                          if name not in (".git", ".cache", "__pycache__", "node_modules", "results")
                          and not name.startswith("bazel-") and not os.path.islink(os.path.join(folder, name))]
            for name in names:
                path = os.path.join(folder, name)
                try:
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = file.read()
                except (UnicodeDecodeError, OSError):
                    continue  # not a text
        return cls(files, root)

    @cached_property
    def cpp(self):
        return {path: text for path, text in self.files.items() if path.endswith((".hpp", ".cpp", ".cc", ".h"))}

    @cached_property
    def sources(self):
        return {path: CppSource(text) for path, text in self.cpp.items()}

    @cached_property
    def public_headers(self):
        return sorted(path for path in self.cpp
                      if re.fullmatch(rf"({'|'.join(MODULES)})/[^/]+\.hpp", path))

    def includes(self, path):
        return [(kind, name) for kind, name in _INCLUDE.findall(self.files[path])]

    def closure(self, path):
        """The project's own files that `path` includes, directly or through others, with itself."""
        found, waiting = {path}, [path]
        while waiting:
            for _, name in self.includes(waiting.pop()):
                inner = name.removeprefix("coil/")
                if inner in self.files and inner not in found:
                    found.add(inner)
                    waiting.append(inner)
        return found


def module_of(path):
    return path.split("/")[0]


def include_directions(project):
    """runtime <- net <- tls <- tools, bench, examples, tests; modules say <coil/MODULE/...>."""
    for path in project.cpp:
        allowed = MODULES.get(module_of(path))
        for kind, name in project.includes(path):
            target = name.split("/")[1] if name.startswith("coil/") else module_of(name)
            if allowed is None:
                continue
            if name.startswith("coil/") and target in MODULES and target not in allowed:
                yield f"{path}: includes <{name}>, which lies above {module_of(path)}"
            if kind == '"' or (target in USERS and not name.startswith("coil/")):
                yield f"{path}: includes \"{name}\"; only <coil/MODULE/...> and libraries"


def engine_knows_no_network(project):
    """The sans-I/O engine includes nothing of net, not even through others."""
    for path in ("tls/engine.hpp", "tls/engine.cpp"):
        if path in project.files:
            for inner in sorted(project.closure(path)):
                if module_of(inner) == "net":
                    yield f"{path}: reaches {inner}"


def liburing_only_in_ring(project):
    for path in project.cpp:
        for _, name in project.includes(path):
            if name.startswith("liburing") and not re.match(r"runtime/internal/(\w+_)?ring\b|tests/|bench/", path):
                yield f"{path}: includes <{name}>; only the ring in runtime/internal may"


# Where the kernel is called: the two implementations of the seam.
_BELOW_THE_SEAM = ("runtime/internal/ring/", "runtime/internal/simulation/")
_KERNEL_HEADERS = re.compile(r"(unistd|fcntl|poll|sched|dirent|ucontext|spawn|termios|asm/unistd)\.h|linux/io_uring\.h|"
                             r"sys/(epoll|eventfd|fcntl|file|inotify|ioctl|mman|poll|prctl|random|resource|select|sendfile|"
                             r"signalfd|stat|syscall|timerfd|uio|unistd|wait)\.h")
_TAKEN_FOR_THEIR_NAMES = {
    ("runtime/directory.cpp", "sys/stat.h"): "the types of files",
    ("runtime/file.cpp", "fcntl.h"): "the flags of an open",
    ("runtime/file.cpp", "sys/stat.h"): "the types of files, and what a status is read into",
    ("runtime/standard_stream.cpp", "poll.h"): "the events of a poll",
    ("runtime/internal/fiber_stack.cpp", "sys/mman.h"): "stacks are memory, which is no business of the seam",
}
# What headers declare that are taken for their types.
_CALLS = re.compile(r"(?<![\w>:])::(accept4?|bind|connect|f?l?stat|fstatat|getpeername|getsockname|getsockopt|listen|open(at)?|"
                    r"poll|recv(from|msg)?|send(to|msg)?|setsockopt|shutdown|socket(pair)?|statx|syscall)\(")


def kernel_is_called_below_the_seam(project):
    """What runs on a simulation, or on another backend, calls the kernel through ring and system only."""
    used = set()
    for path, text in project.cpp.items():
        if module_of(path) not in MODULES or path.startswith(_BELOW_THE_SEAM):
            continue
        for _, name in project.includes(path):
            used.add((path, name))
            if _KERNEL_HEADERS.fullmatch(name) and (path, name) not in _TAKEN_FOR_THEIR_NAMES:
                yield f"{path}: includes <{name}>, to call the kernel; only {' and '.join(_BELOW_THE_SEAM)} may"
        for match in _CALLS.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}…) calls the kernel past the seam"
    for path, name in _TAKEN_FOR_THEIR_NAMES.keys() - used:
        if path in project.files:
            yield f"tests/house_rules/rules.py: {path} does not include <{name}> any more"


def openssl_only_in_tls(project):
    for path in project.cpp:
        for _, name in project.includes(path):
            if name.startswith("openssl/") and module_of(path) not in USERS | {"tls"}:
                yield f"{path}: includes <{name}>; OpenSSL is seen only inside tls/"


def public_headers_hide_libraries(project):
    for path in project.public_headers:
        for inner in sorted(project.closure(path)):
            for _, name in project.includes(inner):
                if name.startswith(("openssl/", "liburing")):
                    yield f"{path}: shows <{name}> to its users through {inner}"


def file_length(project):
    for path, text in project.files.items():
        if path.endswith((".hpp", ".cpp", ".cc", ".py", ".bzl")) or module_of(path) == "tools":
            lines = text.count("\n")
            if lines > FILE_LINES:
                yield f"{path}: {lines} lines, at most {FILE_LINES}"


def function_length(project):
    for path, source in project.sources.items():
        for first, last in source.functions():
            if last - first + 1 > FUNCTION_LINES:
                yield f"{path}:{first}: a function of {last - first + 1} lines, at most {FUNCTION_LINES}"
    for path, text in project.files.items():
        if path.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno + 1 > FUNCTION_LINES:
                    yield f"{path}:{node.lineno}: a function of {node.end_lineno - node.lineno + 1} lines"


def folder_depth(project):
    for path in project.files:
        if path.count("/") > FOLDER_DEPTH:
            yield f"{path}: more than {FOLDER_DEPTH} folders deep"


def file_names(project):
    """snake_case, named after the noun they define."""
    for path in project.cpp:
        name = os.path.basename(path).rsplit(".", 1)[0]
        if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name):
            yield f"{path}: not snake_case"
        if re.search(r"(^|_)(utils?|helpers?|managers?|common|misc)(_|$)", name):
            yield f"{path}: a name that says nothing"


def public_header_has_test(project):
    for path in project.public_headers:
        test = "tests/" + path.removesuffix(".hpp") + "_test.cpp"
        if test not in project.files:
            yield f"{path}: has no {test}"


# Header, and why the check that is the same for all awaitables says nothing about it.
_DO_NOT_CONFORM = {
    "this_task::stop_token": ("runtime/task.hpp", "never waits"),
    "this_task::yield": ("runtime/yield.hpp", "is over in a moment, stopped or not"),
    "worker::stats": ("runtime/cluster.hpp", "takes what was last known of a worker that does not answer"),
}


def awaitables_conform(project):
    """What the public headers let users await is named by a test: awaitable_conformance<...>::check("file::read")."""
    claims = {}
    for path, text in project.cpp.items():
        if path.startswith("tests/"):
            for match in re.finditer(r"\bawaitable_conformance<[^;]*>::check\(([^;]*)\);", text):
                for name in re.findall(r'"([^"]+)"', match[1]):
                    claims[name] = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
    found = set()
    for path, line, name in awaitables.Headers(project, MODULES).awaitables():
        if name is None:
            yield f"{path}:{line}: spell out what it returns, so that it is seen whether that can be awaited"
        elif name not in claims and name not in _DO_NOT_CONFORM:
            yield f"{path}:{line}: no test calls awaitable_conformance<...>::check(\"{name}\")"
        found.add(name)
    for name in sorted(set(claims) - found):
        yield f"{claims[name]}: {name} is nothing that the public headers let users await"
    for name, (header, _) in _DO_NOT_CONFORM.items():
        if header in project.files and (name not in found or name in claims):
            yield f"tests/house_rules/rules.py: {name} is no exception any more"


def pragma_once(project):
    for path, text in project.cpp.items():
        if path.endswith((".hpp", ".h")) and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield f"{path}: has no #pragma once"


def safe_coroutine_forms(project):
    for path, source in project.sources.items():
        if not path.startswith("tests/toolchain/"):  # which shows what the compiler makes of them
            for line, what in coroutine_forms.check(source):
                yield f"{path}:{line}: {what}"


_REJECTED_WORDS = [
    (r"\b(TODO|FIXME|XXX|HACK)\b", "unfinished work"),
    (r"\bSSL_set_retry_verify\b", "on a server it accepts a certificate unchecked"),
    (r"\busing namespace std;", "names the whole of std"),
]


def rejected_words(project):
    for path, text in project.files.items():
        if path.startswith(("tests/house_rules/", "docs/")):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in _REJECTED_WORDS:
                if re.search(pattern, line):
                    yield f"{path}:{number}: {line.strip()[:80]} ({why})"


def requirement_ids_stay_in_tests(project):
    """And on the page that lists them, and where contributors read of labels."""
    for path, text in project.files.items():
        if module_of(path) in {*MODULES, "tools", "bench", "examples", "docs", "README.md"} and path != "docs/node_mapping.md":
            for match in re.finditer(r"\b(?!RFC|SHA|AES|TLS|UTF|ISO|MD|FIPS|POLY|CVE)[A-Z]{2,5}-\d{2}\b", text):
                yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"


def nothing_is_downloaded(project):
    """What builds, installs or tests names no host but this machine and documentation's example names."""
    local = r"localhost|127\.|\[::1\]|example\.|[^/\s]*\.example|\$|\{|%|\"|'|HOST"
    for path, text in project.files.items():
        if path.startswith("tests/house_rules/"):
            continue
        builds = module_of(path) in ("tools", ".ci") or path.endswith((".bzl", "BUILD.bazel", "WORKSPACE", ".bazelrc"))
        for number, line in enumerate(text.splitlines(), 1):
            if (builds and re.search(rf"\bhttps?://(?!{local})", line)) or re.search(r"\bregistry\.[a-z]+\.", line):
                yield f"{path}:{number}: {line.strip()[:80]}"


def readme_shows_the_echo_server(project):
    """The program in the README is the one that tests/consumer builds and runs."""
    if project.files["tests/consumer/echo_server.cc"].strip() not in project.files["README.md"]:
        yield "README.md: does not hold tests/consumer/echo_server.cc word for word"


def _compile(project, path):
    """None if the header compiles on its own; answers are remembered by the content of all that it includes."""
    flags = project.files["compile_flags.txt"].split()
    key = hashlib.sha256(" ".join([path, *flags, _compiler_version()]).encode())
    for inner in sorted(project.closure(path)):
        key.update(inner.encode() + b"\0" + project.files[inner].encode())
    stamp = os.path.join(project.root, ".cache", "house_rules", key.hexdigest())
    if os.path.exists(stamp):
        return None
    result = subprocess.run(["g++", *flags, "-Werror", "-fsyntax-only", "-x", "c++", "-"], cwd=project.root, text=True,
                            input=f"#include <coil/{path}>\n#include <coil/{path}>\n", capture_output=True, check=False)
    if result.returncode != 0:
        return f"{path}: does not compile on its own\n{result.stderr[:2000]}"
    os.makedirs(os.path.dirname(stamp), exist_ok=True)
    with open(stamp, "w", encoding="utf-8"):
        return None


def _compiler_version():
    return subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()


def public_headers_compile_alone(project):
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from filter(None, pool.map(lambda path: _compile(project, path), project.public_headers))
