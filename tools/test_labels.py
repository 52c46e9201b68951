"""The labels of test cases: which case of which file says that it proves which requirement."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

# Labels of these families have no rows: faults that were found, and behaviours that several rows share.
OTHER_FAMILIES = {"B", "F"}

_SKIPPED = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<number>\b\d(?:[\w.]|'(?=\w))*)
      | (?P<raw>R"(?P<delimiter>[^()\s\\]*)\(.*?\)(?P=delimiter)")
      | (?P<string>"(?:\\.|[^"\\\n])*")
      | (?P<character>'(?:\\.|[^'\\\n])+')""",
    re.VERBOSE | re.DOTALL,
)
_MACRO = re.compile(r"\bBOOST_(?:(?P<case>(?:AUTO|DATA|FIXTURE|FIXTURE_DATA)_TEST_CASE(?:_F|_TEMPLATE)?)"
                    r"|(?P<suite>(?:AUTO|FIXTURE)_TEST_SUITE)|(?P<end>AUTO_TEST_SUITE_END)"
                    r"|(?P<decorator>TEST_DECORATOR))\s*\(")
_LABEL = re.compile(r"\*\s*(?:boost::unit_test::)?label\s*\(")
_STRINGS = re.compile(r'\s*(?:"((?:\\.|[^"\\\n])*)"\s*)+')
_ID = re.compile(r"([A-Z]+)-(\d+)")


@dataclass(frozen=True)
class Case:
    """A test case with labels."""

    path: str
    line: int
    name: str  # with its suites: "engine_test.a_handshake_survives"
    ids: tuple[str, ...]

    @property
    def folder(self) -> str:
        return os.path.dirname(self.path)

    @property
    def target(self) -> str:
        """The Bazel target: a test X_test is made of X_test.cpp."""
        return f"//{self.folder}:{os.path.splitext(os.path.basename(self.path))[0]}"


class Labels:
    """The labelled cases of a tree of tests, and what is wrong with labels in it."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.problems: list[str] = []

    @classmethod
    def of_tree(cls, root: str) -> "Labels":
        """@param root  the folder that holds `tests`."""
        labels = cls()
        for path in cpp_files(root, "tests"):
            with open(os.path.join(root, path), encoding="utf-8") as file:
                labels.add_file(path, file.read())
        return labels

    def add_file(self, path: str, text: str) -> None:
        code, shape = _blanked(text)
        suites: list[str] = []
        decorated: list[tuple[int, int]] = []  # decorators that wait for their case
        claimed: set[int] = set()
        for macro in _MACRO.finditer(shape):
            begin, end = macro.end(), _closing(shape, macro.end())
            name = re.split(r"\W", code[begin:end].strip())[0]
            if macro["suite"]:
                suites.append(name)
            elif macro["end"] and suites:
                suites.pop()
            elif macro["decorator"]:
                decorated.append((begin, end))
            elif macro["case"]:
                line = text.count("\n", 0, macro.start()) + 1
                ids: list[str] = []
                for first, last in [*decorated, (begin, end)]:
                    ids += self._ids_between(f"{path}:{line}", code, first, last, claimed)
                decorated = []
                if ids:
                    self.cases.append(Case(path, line, ".".join([*suites, name]), tuple(dict.fromkeys(ids))))
        for label in _LABEL.finditer(shape):
            if label.start() not in claimed:
                self.problems.append(f"{path}:{text.count(chr(10), 0, label.start()) + 1}: a label of no test case")

    def _ids_between(self, where: str, code: str, begin: int, end: int, claimed: set[int]) -> list[str]:
        ids: list[str] = []
        for label in _LABEL.finditer(code, begin, end):
            claimed.add(label.start())
            literal = _STRINGS.match(code, label.end())
            if not literal or code[literal.end():literal.end() + 1] != ")":
                self.problems.append(f"{where}: a label is not spelled out, so that nobody can look for it")
                continue
            text = "".join(re.findall(r'"((?:\\.|[^"\\\n])*)"', literal.group()))
            try:
                ids += ids_of(text)
            except ValueError as error:
                self.problems.append(f"{where}: label \"{text}\": {error}")
        return ids


def ids_of(label: str) -> list[str]:
    """The ids in a label such as "A-01 A-03" or "C-34 to C-62"; none in one that is made of other words.

    Throws: ValueError for a label that has both, or a range that is none.
    """
    words = [word for word in re.split(r"[\s,]+", label) if word]
    if not any(_ID.fullmatch(word) for word in words):
        return []
    ids: list[str] = []
    i = 0
    while i < len(words):
        first = _ID.fullmatch(words[i])
        if not first:
            raise ValueError(f"\"{words[i]}\" is no id")
        if words[i + 1:i + 2] == ["to"]:
            last = _ID.fullmatch(words[i + 2]) if i + 2 < len(words) else None
            if not last or last[1] != first[1] or int(last[2]) <= int(first[2]):
                raise ValueError(f"\"{' '.join(words[i:i + 3])}\" is no range")
            width = len(first[2])
            ids += [f"{first[1]}-{number:0{width}}" for number in range(int(first[2]), int(last[2]) + 1)]
            i += 3
        else:
            ids.append(words[i])
            i += 1
    return ids


def cpp_files(root: str, folder: str) -> Iterator[str]:
    """Paths of the C++ files of a folder and those below it, relative to `root`, sorted."""
    for where, folders, names in os.walk(os.path.join(root, folder)):
        folders[:] = sorted(name for name in folders if not name.startswith("bazel-"))
        for name in sorted(names):
            if name.endswith((".cpp", ".hpp")):
                yield os.path.relpath(os.path.join(where, name), root)


def _blanked(text: str) -> tuple[str, str]:
    """The text without comments, and without what strings hold either; all places stay where they are."""
    def blank(found: str) -> str:
        return re.sub(r"[^\n]", " ", found)

    def code(match: re.Match[str]) -> str:
        return blank(match.group()) if match["comment"] else match.group()

    def shape(match: re.Match[str]) -> str:
        return match.group() if match["number"] else blank(match.group())

    return _SKIPPED.sub(code, text), _SKIPPED.sub(shape, text)


def _closing(shape: str, position: int) -> int:
    """Where the bracket is closed that was opened right before `position`."""
    depth = 1
    while position < len(shape) and depth:
        depth += {"(": 1, ")": -1}.get(shape[position], 0)
        position += 1
    return position - 1
