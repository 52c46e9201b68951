"""What the public headers let users await, found by the types of their functions."""

import re

_NAME = re.compile(r"[A-Za-z_]\w*$")
_NO_FUNCTION = {"requires", "noexcept", "decltype", "explicit", "alignas", "sizeof", "concept"}


class Headers:
    """The classes, aliases and functions that the headers of a project declare."""

    def __init__(self, project, modules):
        self.awaitable_types, self.aliases, self.bases = {}, {}, {}
        self.functions = []
        self.types = []  # not those within classes: they are what the functions of these return
        for path, source in sorted(project.sources.items()):
            if path.endswith(".hpp") and path.split("/")[0] in modules:
                self._walk(_Place(source, path, "/" not in path.split("/", 1)[1]), 0, len(source.tokens), (), False)
        for name, bases in self.bases.items():
            self.awaitable_types.setdefault(name, False)
            self.aliases.setdefault(name, bases)

    def is_awaitable(self, scope, type_name, seen=()):
        """Whether the type that `type_name`, a tuple, names within `scope` can be awaited."""
        for length in range(len(scope), -1, -1):
            full = scope[:length] + type_name
            if full in self.awaitable_types or full in self.aliases:
                return full not in seen and (self.awaitable_types.get(full, False) or any(
                    self.is_awaitable(full[:-1], other, (*seen, full)) for other in self.aliases.get(full, ())))
        return False

    def awaitables(self):
        """(path, line, name without coil::) of everything public; the name is None where no type is spelled out."""
        for path, line, scope, name, type_name in self.functions:
            if type_name == ("auto",):
                yield path, line, None
            elif self.is_awaitable(scope, type_name):
                yield path, line, "::".join((*scope, name)[1:])
        for path, line, full in self.types:
            if self.is_awaitable(full[:-1], full[-1:]):
                yield path, line, "::".join(full[1:])

    def _walk(self, place, i, end, scope, hidden):
        source, access = place.source, None
        while i < end:
            token = source.at(i)
            if token in ("public", "private", "protected") and source.at(i + 1) == ":":
                access, i = token, i + 2
                continue
            start = i
            i, head, block = _declaration(source, i, end)
            kind = next((word for word in head if word in ("namespace", "class", "struct", "enum", "using", "friend")), None)
            if kind == "namespace" and block is not None:
                names = tuple(word for word in head if _NAME.match(word) and word not in ("inline", "namespace"))
                self._walk(place, block + 1, source.partner[block], scope + names, hidden or "internal" in names)
            elif kind in ("class", "struct") and block is not None and not _is_function(head):
                self._add_class(place, start, block, scope, hidden or access in ("private", "protected"))
            elif kind == "using" and "=" in head:
                target = _type_at(head, head.index("=") + 1)
                self.aliases[(*scope, head[head.index("=") - 1])] = [target]
            elif kind is None and not hidden and place.public and access not in ("private", "protected"):
                self._add_function(place, start, head, scope)

    def _add_class(self, place, start, block, scope, hidden):
        source = place.source
        head = _without_template(source.tokens[start:block])
        name, colon = None, len(head)
        for j, word in enumerate(head):
            if word == ":":
                colon = j
                break
            if _NAME.match(word) and word not in ("class", "struct", "final", "nodiscard", "alignas") and name is None:
                name = word
        if name is None or "::" in head[:colon]:
            return  # has no name, or specialises what lies elsewhere
        full = (*scope, name)
        body = _direct_tokens(source, block)
        self.awaitable_types[full] = self.awaitable_types.get(full, False) or "await_suspend" in body or any(
            a == "operator" and b == "co_await" for a, b in zip(body, body[1:]))
        self.bases[full] = [_type_at(head, j + 1) for j in range(colon, len(head)) if head[j] in (":", ",", "public")]
        if place.public and not hidden and scope not in self.bases:
            self.types.append((place.path, source.lines[start], full))
        default = "private" if "class" in head[:2] else "public"
        self._walk_members(place, block, full, hidden, default)

    def _walk_members(self, place, block, scope, hidden, default):
        source, first, end = place.source, block + 1, place.source.partner[block]
        cut = first
        while cut < end and not (source.at(cut) in ("public", "private", "protected") and source.at(cut + 1) == ":"):
            cut = source.partner[cut] + 1 if cut in source.partner and source.partner[cut] > cut else cut + 1
        self._walk(place, first, cut, scope, hidden or default == "private")
        self._walk(place, cut, end, scope, hidden)

    def _add_function(self, place, start, head, scope):
        position = _function_name(head)
        if position is None or head[position - 1] == "operator":
            return
        type_name = _type_before(head, position)
        if type_name == ("auto",) and "->" in head:
            type_name = _type_at(head, head.index("->") + 1)
        if type_name:
            self.functions.append((place.path, place.source.lines[start], scope, head[position], type_name))


class _Place:
    """Where declarations are read from; `public`: from a header that users include."""

    def __init__(self, source, path, public):
        self.source, self.path, self.public = source, path, public


def _without_template(tokens):
    while tokens and tokens[0] == "template":
        tokens = tokens[_after_angles(tokens, 1):]
    return tokens


def _after_angles(tokens, i):
    """The place behind the `<...>` that begins at i."""
    depth = 0
    while i < len(tokens):
        depth += (tokens[i] == "<") - (tokens[i] == ">")
        i += 1
        if depth == 0:
            break
    return i


def _declaration(source, i, end):
    """(where the next one begins, the tokens of this one without blocks, where its last block begins or None)."""
    head, block = [], None
    while i < end:
        token = source.at(i)
        if token == ";":
            return i + 1, _without_template(head), block
        if token == "{" and i in source.partner:
            block, i = i, source.partner[i] + 1
            if source.at(i) == ";":
                return i + 1, _without_template(head), block
            initialises_member = ":" in head and source.at(i) in (",", "{")
            in_requires_clause = "requires" in head and not _is_function(_without_template(head))
            if not initialises_member and not in_requires_clause:
                return i, _without_template(head), block
            continue
        head.append(token)
        i += 1
    return end, _without_template(head), block


def _direct_tokens(source, block):
    """The tokens of a class body without those in further blocks."""
    found, i = [], block + 1
    while i < source.partner[block]:
        if source.at(i) == "{" and i in source.partner:
            i = source.partner[i]
        else:
            found.append(source.at(i))
        i += 1
    return found


def _function_name(head):
    """Where the name of the function stands that `head` declares; None if it declares none."""
    i = 0
    while i < len(head):
        if head[i] == "=" and head[i - 1] != "operator":
            return None
        if head[i] == "<" and i and _NAME.match(head[i - 1]) and head[i - 1] != "operator":
            i = _after_angles(head, i)
            continue
        if head[i] == "(":
            if i and _NAME.match(head[i - 1]) and head[i - 1] not in _NO_FUNCTION:
                return i - 1
            depth = 0
            while i < len(head):
                depth += (head[i] == "(") - (head[i] == ")")
                if depth == 0:
                    break
                i += 1
        i += 1
    return None


def _is_function(head):
    return _function_name(head) is not None


def _type_at(tokens, i):
    """The qualified name that begins at i, without template arguments."""
    name = []
    while i < len(tokens):
        if tokens[i] in ("typename", "const", "public", "private", "protected", "virtual", "::"):
            i += 1
        elif _NAME.match(tokens[i]):
            name.append(tokens[i])
            i += 1
            if i < len(tokens) and tokens[i] == "<":
                i = _after_angles(tokens, i)
            if i >= len(tokens) or tokens[i] != "::":
                break
        else:
            break
    return tuple(name)


def _type_before(head, position):
    """The qualified name of the type that ends before `position`, without template arguments."""
    name, i = [], position - 1
    while i >= 0 and head[i] in ("&", "*", "&&", "const"):
        i -= 1
    while i >= 0:
        if head[i] == ">":
            depth = 0
            while i >= 0:
                depth += (head[i] == ">") - (head[i] == "<")
                i -= 1
                if depth == 0:
                    break
        if i < 0 or not _NAME.match(head[i]):
            break
        name.insert(0, head[i])
        if i == 0 or head[i - 1] != "::":
            break
        i -= 2
    return tuple(name)
