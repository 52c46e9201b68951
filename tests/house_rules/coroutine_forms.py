"""The coroutine forms that g++ 12 compiles wrongly. Each check yields (line, what is wrong)."""


def _without_lambda_bodies(source, start, end):
    i = start
    while i < end:
        yield i
        if source.at(i) == "{" and i in source.partner and source.is_lambda_body(i):
            i = source.partner[i]
        i += 1


def _holds_a_copy(source, i):
    """The capture list that begins at i captures something by value other than `this`."""
    captures, depth = [[]], 0
    for j in range(i + 1, source.partner[i]):
        token = source.at(j)
        depth += (token in "([{") - (token in ")]}")
        if token == "," and depth == 0:
            captures.append([])
        else:
            captures[-1].append(token)
    return any(capture and capture[0] != "&" and capture != ["this"] for capture in captures)


def _check_expression(source, start, end):
    for i in _without_lambda_bodies(source, start, end):
        token = source.at(i)
        if token == "?":
            yield source.lines[i], "?: in an expression with co_await; use if, or name the operand first"
        elif token == "{" and not source.is_lambda_body(i):
            yield source.lines[i], "braces in an expression with co_await; name the object first"
        elif token == "[" and i in source.partner and source.is_lambda_introducer(i) and _holds_a_copy(source, i):
            yield source.lines[i], "a lambda that captures by value in an expression with co_await; name it first"


def _begins_function(source, control):
    opening = control - 1
    return source.at(opening) == "{" and source.is_function_body(opening)


def _has_initialiser(source, control):
    """`if (declaration; condition)`, which is compiled rightly."""
    opening = control + 1
    depth = 0
    for i in range(opening + 1, source.partner[opening]):
        depth += (source.at(i) in "([{") - (source.at(i) in ")]}")
        if source.at(i) == ";" and depth == 0:
            return source.at(control) in ("if", "switch")
    return False


def check(source):
    seen = set()
    for i, token in enumerate(source.tokens):
        if token != "co_await" or source.at(i - 1) == "operator":
            continue
        start, end, control = source.expression_around(i)
        if control is not None and _begins_function(source, control) and not _has_initialiser(source, control):
            yield source.lines[i], (f"a coroutine begins with {source.at(control)} (co_await ...); "
                                    "declare a local before it")
        if start not in seen:
            seen.add(start)
            yield from _check_expression(source, start, end)
