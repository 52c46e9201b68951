"""A C++ file as tokens: enough structure to find functions, lambdas and the full expression around a co_await."""

import re

_TOKEN = re.compile(
    r"""(?P<skip>//[^\n]*|/\*.*?\*/|\s+|\\\n)
      | (?P<raw>(?:u8|u|U|L)?R"(?P<delimiter>[^()\s\\]*)\(.*?\)(?P=delimiter)")
      | (?P<string>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*")
      | (?P<char>(?:u8|u|U|L)?'(?:\\.|[^'\\\n])+')
      | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
      | (?P<number>\.?\d(?:[eEpP][+-]|'?[\w.])*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<punctuation>->\*?|::|\[\[|\]\]|&&|\|\||<=>|[-+*/%^&|=!<>]=|\.\.\.|.)""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_OPENING = {"(": ")", "[": "]", "{": "}", "[[": "]]"}
_CONTROL = {"if", "while", "for", "switch"}
_BLOCK_WORDS = {"else", "do", "try"}
_SPECIFIERS = {"const", "noexcept", "override", "final", "mutable", "constexpr", "requires", "&", "&&"}


class CppSource:
    """Tokens of a file with the partner of every bracket."""

    def __init__(self, text):
        self.tokens, self.lines, self.partner = [], [], {}
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            kind, token = match.lastgroup, match.group()
            if kind == "delimiter":
                kind = "raw"
            if kind not in ("skip", "directive"):
                self.tokens.append('""' if kind in ("raw", "string", "char") else token)
                self.lines.append(text.count("\n", 0, position) + 1)
            position = match.end()
        self._split_double_brackets()
        self._pair()

    def _split_double_brackets(self):
        # `]]` also ends a[b[i]] and `[[` never begins a lambda's subscript: keep them only as attributes.
        tokens, lines, depth = [], [], 0
        for token, line in zip(self.tokens, self.lines):
            if token == "[[":
                depth += 1
            elif token == "]]" and depth:
                depth -= 1
            elif token == "]]":
                tokens.append("]")
                lines.append(line)
                token = "]"
            tokens.append(token)
            lines.append(line)
        self.tokens, self.lines = tokens, lines

    def _pair(self):
        stack = []
        for i, token in enumerate(self.tokens):
            if token in _OPENING:
                stack.append(i)
            elif stack and token == _OPENING[self.tokens[stack[-1]]]:
                start = stack.pop()
                self.partner[start], self.partner[i] = i, start

    def at(self, i):
        return self.tokens[i] if 0 <= i < len(self.tokens) else ""

    def _before_trailing_return(self, i):
        """Steps back over `-> type` that ends before token i; returns the index of what stands before it, else None."""
        depth, j = 0, i - 1
        while j >= 0:
            token = self.tokens[j]
            if token == ">":
                depth += 1
            elif token == "<":
                depth -= 1
            elif token == "->" and depth == 0:
                return j - 1
            elif depth == 0 and not (re.match(r"[A-Za-z_]", token) or token in ("::", "&", "*", "&&")):
                return None
            elif token in ";{}":
                return None
            j -= 1
        return None

    def header_end(self, i):
        """The token that decides what block `{` at i is: specifiers and a trailing return type are stepped over."""
        j = i - 1
        trailing = self._before_trailing_return(i)
        if trailing is not None:
            j = trailing
        while j >= 0:
            if self.at(j) in _SPECIFIERS:
                j -= 1
            elif self.at(j) == ")" and self.at(self.partner.get(j, 0) - 1) in ("noexcept", "requires"):
                j = self.partner[j] - 2
            else:
                break
        return j

    def is_lambda_body(self, i):
        j = self.header_end(i)
        if self.at(j) == ")" and j in self.partner:
            j = self.partner[j] - 1
        if self.at(j) == ">":  # [](...) <template> lambdas
            while j >= 0 and self.at(j) != "<":
                j -= 1
            j -= 1
        return self.at(j) == "]" and j in self.partner and self.is_lambda_introducer(self.partner[j])

    def is_lambda_introducer(self, i):
        if self.at(i) != "[":
            return False
        before = self.at(i - 1)
        return before in ("return", "co_return", "co_await", "co_yield") or not (
            re.match(r'\w|"', before) or before in (")", "]"))

    def is_function_body(self, i):
        """`{` at i begins the body of a function (a test case macro looks like one) or of a lambda."""
        if self.at(i) != "{":
            return False
        if self.is_lambda_body(i):
            return True
        j = self.header_end(i)
        if self.at(j) == "try":
            j -= 1
        if self.at(j) != ")" or j not in self.partner:
            return self._ends_constructor_initialisers(j)
        word = self.at(self.partner[j] - 1)
        if word == "constexpr":
            return False
        return bool(re.match(r"[A-Za-z_>]|[\])]|[-+*/%^&|~!=<>,]", word)) and word not in _CONTROL | {"catch", "return"}

    def _ends_constructor_initialisers(self, j):
        # `: a_(x), b_{y} {`: the last initialiser is a name with brackets, before it a comma or a colon.
        if self.at(j) not in ("}", ")") or j not in self.partner:
            return False
        opening = self.partner[j]
        return bool(re.match(r"\w", self.at(opening - 1))) and self.at(opening - 2) in (",", ":")

    def is_block(self, i):
        """`{` at i begins a block of statements or declarations, not an initialiser."""
        before = self.at(i - 1)
        if before in (";", "{", "}", ":") or before in _BLOCK_WORDS or self.is_function_body(i):
            # `{{` and `, {` are initialisers when the outer brace is one
            return not (before == "{" and not self.is_block(i - 1))
        if before == ")" and i - 1 in self.partner:
            word = self.at(self.partner[i - 1] - 1)
            return word in _CONTROL or word in ("catch", "constexpr")
        j = i - 1  # struct X : Y {   namespace a::b {   enum class E {
        while j >= 0 and self.at(j) not in (";", "{", "}", "(", "=", "return"):
            if self.at(j) in ("struct", "class", "namespace", "enum", "union", "extern"):
                return True
            j -= 1
        return False

    def functions(self):
        """(line of the opening brace, line of the closing brace) of every function and lambda."""
        for i, token in enumerate(self.tokens):
            if token == "{" and i in self.partner and self.is_function_body(i):
                yield self.lines[i], self.lines[self.partner[i]]

    def expression_around(self, i):
        """(start, end, control) of the full expression with token i; control: where its if/while/for/switch is."""
        j, control = i - 1, None
        while j >= 0:
            token = self.at(j)
            if token == ";":
                break
            if token in (")", "]", "}", "]]") and j in self.partner:
                opening = self.partner[j]
                if token == "}" and self.is_block(opening) and not self.is_lambda_body(opening):
                    break
                if token == ")" and self.at(opening - 1) in _CONTROL:
                    break
                j = opening - 1
                continue
            if token == "{" and self.is_block(j):
                break
            if token == "(":
                word = j - 2 if self.at(j - 1) == "constexpr" else j - 1
                if self.at(word) in _CONTROL:
                    control = word
                    break
            j -= 1
        start = j + 1
        if control is None and self.at(j) == ";" and self._control_of(j) is not None:
            control = self._control_of(j)
        return start, self._expression_end(i), control

    def _control_of(self, j):
        """The control keyword in whose parentheses token j stands directly, if any."""
        while j >= 0:
            token = self.at(j)
            if token in (")", "]", "}") and j in self.partner:
                j = self.partner[j]
            elif token == "(":
                return j - 1 if self.at(j - 1) in _CONTROL else None
            elif token == "{":
                return None
            j -= 1
        return None

    def _expression_end(self, i):
        j = i + 1
        while j < len(self.tokens):
            token = self.at(j)
            if token == ";" or (token == "}" and self.is_block(self.partner.get(j, -1))):
                return j
            if token == ")" and self.at(self.partner.get(j, 0) - 1) in _CONTROL:
                return j
            if token in _OPENING and j in self.partner:
                if token == "{" and self.is_block(j) and not self.is_lambda_body(j):
                    return j
                j = self.partner[j]
            j += 1
        return j
