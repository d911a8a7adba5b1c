"""The small changes of a module that some test should notice.

A change replaces one piece of the source by its position, so that all other bytes and all numbers of lines stay as
they are. What people read is left alone: docstrings, annotations, messages.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPARISONS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
OPERATORS = {
    "+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*", "<<": ">>", ">>": "<<", "&": "|", "|": "&",
}  # fmt: skip
COMPARISON = re.compile(r"<=|>=|==|!=|<|>|not\s+in\b|in\b|is\s+not\b|is\b")
OPERATOR = re.compile(r"\*\*|//|<<|>>|[-+*/%&|]")
KEY = re.compile(r"[\w./:%*;=,\-\[\]{}\r\n]{0,24}")  # what is longer, or has spaces, is read by people

FOR_PEOPLE = {"help", "metavar", "description", "usage", "prog"}  # arguments of argparse
NOT_CODE = {"__all__", "__slots__", "__version__", "TYPE_CHECKING"}

Change = tuple[int, int, str]  # first byte, byte after the last, what stands there instead


class Mutant(NamedTuple):
    """A module with one change; ``lines`` are those of its statement, one of which runs when it is reached."""

    id: str
    file: str
    line: int
    lines: range
    is_at_import: bool
    change: Change

    def apply(self, source: bytes) -> bytes:
        """Return the changed source."""
        start, end, new = self.change
        return source[:start] + new.encode() + source[end:]


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Return the changes of a module, in the order of its lines."""
    tree = ast.parse(source)
    finder = _Finder(source)
    found: dict[Change, Mutant] = {}
    for line, lines, is_at_import, change in finder.find(tree):
        start, end, new = change
        text = source[start:end].decode()
        name = hashlib.sha1(f"{start} {text} {new}".encode()).hexdigest()[:6]
        mutant = Mutant(f"{file}:{line}:{name}", file, line, lines, is_at_import, change)
        with contextlib.suppress(SyntaxError):
            ast.parse(mutant.apply(source))
            found[change] = mutant
    return sorted(found.values(), key=lambda mutant: (mutant.line, mutant.change))


def function_lines(source: bytes) -> set[int]:
    """Return the numbers of the lines that do not run while the module is imported."""
    nodes = ast.walk(ast.parse(source))
    functions = [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {line for node in functions for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


class _Finder:
    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._lines = range(0)
        self._depth = 0  # of functions
        self._conditions: set[ast.AST] = set()  # are made True and False, so that to turn them adds nothing
        self._texts = 0  # how many nodes around this one are for people

    def find(self, node: ast.AST) -> Iterator[tuple[int, range, bool, Change]]:
        """Yield line, lines of the statement, whether it runs at import, and change, for this node and those within."""
        if _is_for_nobody(node):
            return
        if isinstance(node, ast.stmt):
            first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])
            body = getattr(node, "body", None)
            last = max(first, body[0].lineno - 1) if body else node.end_lineno or first
            self._lines = range(first, last + 1)
        changes = getattr(self, "_of_" + type(node).__name__.lower(), None)
        for change in changes(node) if changes else ():
            yield getattr(node, "lineno", self._line(change[0])), self._lines, not self._depth, change
        is_text = isinstance(node, (ast.Raise, ast.JoinedStr)) or _is_logging(node)
        is_text = is_text or (isinstance(node, ast.keyword) and node.arg in FOR_PEOPLE)
        self._texts += is_text
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            is_inner = name == "body" and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            self._depth += is_inner
            lines = self._lines
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.find(child)
            self._lines = lines
            self._depth -= is_inner
        self._texts -= is_text

    def _line(self, offset: int) -> int:
        return self._source.count(b"\n", 0, offset) + 1

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _between(
        self, left: ast.AST, right: ast.AST, pattern: re.Pattern[str], new: dict[str, str]
    ) -> Iterator[Change]:
        """Replace the operator between two nodes, where only it, brackets and blanks stand."""
        start, end = self._span(left)[1], self._span(right)[0]
        found = pattern.search(self._source[start:end].decode("latin-1"))
        if found and " ".join(found[0].split()) in new:
            yield start + found.start(), start + found.end(), new[" ".join(found[0].split())]

    def _of_compare(self, node: ast.Compare) -> Iterator[Change]:
        operands = [node.left, *node.comparators]
        for operator, left, right in zip(node.ops, operands, operands[1:]):
            is_order = isinstance(operator, (ast.Lt, ast.LtE, ast.Gt, ast.GtE))
            if is_order or node not in self._conditions:
                yield from self._between(left, right, COMPARISON, COMPARISONS)

    def _of_boolop(self, node: ast.BoolOp) -> Iterator[Change]:
        for left, right in zip(node.values, node.values[1:]):
            yield from self._between(left, right, re.compile(r"\b(and|or)\b"), {"and": "or", "or": "and"})

    def _of_unaryop(self, node: ast.UnaryOp) -> Iterator[Change]:
        if isinstance(node.op, ast.Not) and node not in self._conditions:
            yield (*self._span(node), f"bool({self._text(node.operand)})")

    def _of_binop(self, node: ast.BinOp) -> Iterator[Change]:
        if not any(_is_string(side) for side in (node.left, node.right)):  # a TypeError says nothing about tests
            yield from self._between(node.left, node.right, OPERATOR, OPERATORS)

    def _of_augassign(self, node: ast.AugAssign) -> Iterator[Change]:
        if not _is_string(node.value):
            yield from self._between(node.target, node.value, OPERATOR, OPERATORS)

    def _condition(self, node: ast.expr, *values: str) -> Iterator[Change]:
        self._conditions.add(node)
        for value in values:
            yield (*self._span(node), value)

    def _of_if(self, node: ast.If | ast.IfExp) -> Iterator[Change]:
        yield from self._condition(node.test, "True", "False")

    _of_ifexp = _of_if

    def _of_while(self, node: ast.While) -> Iterator[Change]:
        yield from self._condition(node.test, "False")

    def _of_comprehension(self, node: ast.comprehension) -> Iterator[Change]:
        for test in node.ifs:
            yield from self._condition(test, "True", "False")

    def _of_constant(self, node: ast.Constant) -> Iterator[Change]:
        value = node.value
        if isinstance(value, bool):
            yield (*self._span(node), str(not value))
        elif isinstance(value, (int, float)):
            yield (*self._span(node), str(value + 1))
        elif isinstance(value, (str, bytes)) and not self._texts:
            text = value if isinstance(value, str) else value.decode("latin-1")
            if KEY.fullmatch(text):
                yield (*self._span(node), repr("XX" + value if isinstance(value, str) else b"XX" + value))

    def _of_expr(self, node: ast.Expr) -> Iterator[Change]:
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            yield (*self._span(node), "pass")

    def _of_return(self, node: ast.Return) -> Iterator[Change]:
        if node.value and not isinstance(node.value, ast.Constant):
            yield (*self._span(node.value), "None")

    def _of_break(self, node: ast.Break) -> Iterator[Change]:
        yield (*self._span(node), "continue")

    def _of_continue(self, node: ast.Continue) -> Iterator[Change]:
        yield (*self._span(node), "break")

    def _of_call(self, node: ast.Call) -> Iterator[Change]:
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in FOR_PEOPLE:
                start, end = self._span(keyword)
                comma = re.compile(rb"\s*,\s*").match(self._source, end)
                # The lines stay as many as they were.
                gone = self._source[start : comma.end() if comma else end]
                yield start, start + len(gone), "\n" * gone.count(b"\n")


def _is_for_nobody(node: ast.AST) -> bool:
    """Return whether no program runs by this: docstrings, what only a type checker reads, lists of names."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    targets = node.targets if isinstance(node, ast.Assign) else ()
    return any(isinstance(target, ast.Name) and target.id in NOT_CODE for target in targets)


def _is_logging(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id.lower().strip("_") in ("log", "logger")


def _is_string(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)))
