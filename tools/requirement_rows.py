"""The rows of docs/node_mapping.md: what is required of coil, by id, and the names of Node's on that page."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

PAGE = "docs/node_mapping.md"
_ID = re.compile(r"[A-Z]+-\d+")
_HEADING = re.compile(r"## ([A-Z]+): (.+)")
_CODE = re.compile(r"`([^`]+)`")


class State(Enum):
    """How much of a row coil has, by what the row itself says."""

    THERE = "there"
    IN_PART = "in part"
    PLANNED = "planned"
    NOT_MIRRORED = "not mirrored"


@dataclass(frozen=True)
class Row:
    """One requirement."""

    identity: str
    line: int
    node: str
    coil: str
    text: str

    @property
    def section(self) -> str:
        return self.identity.split("-")[0]

    @property
    def state(self) -> State:
        if self.text.startswith("not mirrored:"):
            return State.NOT_MIRRORED
        if self.coil.startswith("planned:"):
            return State.PLANNED
        return State.IN_PART if "planned:" in self.coil else State.THERE

    @property
    def present_names(self) -> list[str]:
        """The names in the coil column that are said to be in the headers today."""
        return _CODE.findall(self.coil.split("planned:")[0])


class Page:
    """What the page says, and what is wrong with it."""

    def __init__(self, text: str):
        self.rows: dict[str, Row] = {}
        self.titles: dict[str, str] = {}
        self.problems: list[str] = []
        self._node_cells: list[str] = []
        for number, line in enumerate(text.splitlines(), 1):
            heading = _HEADING.fullmatch(line)
            if heading:
                self.titles[heading[1]] = heading[2]
            elif line.startswith("|"):
                self._add(number, [cell.strip() for cell in line.strip().strip("|").split("|")])

    def _add(self, number: int, cells: list[str]) -> None:
        if not _ID.fullmatch(cells[0]):
            if len(cells) == 3:  # a row of a table without ids
                self._node_cells.append(cells[0])
            return
        where = f"{PAGE}:{number}: {cells[0]}"
        if len(cells) != 4 or not all(cells):
            self.problems.append(f"{where} has {len(cells)} cells, of which none may be empty; there should be 4")
            return
        row = Row(cells[0], number, *cells[1:])
        if row.section != list(self.titles or [""])[-1]:
            self.problems.append(f"{where} stands under another heading")
        if row.identity in self.rows:
            self.problems.append(f"{where} is there twice")
        self.rows[row.identity] = row
        self._node_cells.append(row.node)

    @cached_property
    def node_names(self) -> set[str]:
        """The names of Node's that the page lists, as `tls.connect`, `tls.connect({ host })`, `server.on('close')`."""
        codes = (code for cell in self._node_cells for code in _CODE.findall(cell))
        return {code.removesuffix("()") for code in codes}


def unknown_names(page: Page, headers: str) -> list[str]:
    """The names that rows say to be there and that no header has. @param headers  the text of all public headers."""
    words = set(re.findall(r"\w+", re.sub(r"//[^\n]*", "", headers)))
    found = []
    for row in page.rows.values():
        for name in row.present_names:
            if name.startswith("<"):  # a header, which building the tests proves
                continue
            missing = [word for word in re.findall(r"\w+", name) if word not in words]
            if missing:
                found.append(f"{PAGE}:{row.line}: {row.identity} says that there is {name}, but no public header has "
                             f"{', '.join(missing)}")
    return found
