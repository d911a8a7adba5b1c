"""A README taken apart: its sections, code blocks, tables and links."""

import re
from collections import namedtuple

LITERAL = "literal"  # the language of a block that is announced by "::" alone

Block = namedtuple("Block", "file section language line text")
Table = namedtuple("Table", "section header rows")

_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1{2,}$")
_DIRECTIVE = re.compile(r"( *)\.\. ([\w-]+)::(?: (.*))?$")
_RULER = re.compile(r"=+(?: +=+)+$")


class Readme:
    """``blocks`` and ``tables`` in order, ``sections`` with their prose, and the whole prose without the blocks."""

    def __init__(self, text, file="README.rst"):
        self.file = file
        self.blocks = []
        self.tables = []
        self.sections = {}
        self._section = ""
        self._lines = text.expandtabs().splitlines()
        at = 0
        while at < len(self._lines):
            at = self._take(at)
        self.prose = "\n".join(self.sections.values())

    def _take(self, at):
        """Take what begins at a line, and return where it ends."""
        line = self._lines[at]
        following = self._lines[at + 1] if at + 1 < len(self._lines) else ""
        if line and line[0] != " " and len(following) >= len(line) and _UNDERLINE.match(following):
            if line in self.sections:
                raise ValueError(f"line {at + 1}: a second section {line!r}")
            self._section = line
            self.sections[line] = ""
            return at + 2
        if _RULER.match(line):
            return self._table(at)
        directive = _DIRECTIVE.match(line)
        if directive:
            indent, name, language = directive.groups()
            if name not in ("code-block", "code") or not language:
                raise ValueError(f"line {at + 1}: no test knows what to do with {line.strip()!r}")
            return self._block(at, len(indent), language)
        if line.lstrip().startswith(">>>"):
            raise ValueError(f"line {at + 1}: no test runs a doctest block; write a code block")
        if line.endswith("::"):
            self._add(line[:-1])
            return self._block(at, len(line) - len(line.lstrip()), LITERAL)
        self._add(line)
        return at + 1

    def _add(self, line):
        if self._section:
            self.sections[self._section] += line + "\n"

    def _block(self, at, indent, language):
        """Take the block that a line announces, and that is indented deeper than the line."""
        start = end = at + 1
        while end < len(self._lines) and (not self._lines[end] or self._lines[end].startswith(" " * (indent + 1))):
            end += 1
        while start < end and not self._lines[start]:
            start += 1
        lines = self._lines[start:end]
        if not lines:
            raise ValueError(f"line {at + 1}: an empty block")
        margin = min(len(line) - len(line.lstrip()) for line in lines if line)
        text = "\n".join(line[margin:] for line in lines).rstrip() + "\n"
        self.blocks.append(Block(self.file, self._section, language, start + 1, text))
        return end

    def _table(self, at):
        """Take a simple table: rulers around the header and after the rows; a row may go on where it begins empty."""
        spans = [match.span() for match in re.finditer("=+", self._lines[at])]
        spans[-1] = (spans[-1][0], None)
        rulers = [number for number in range(at, len(self._lines)) if _RULER.match(self._lines[number])][:3]
        cells = [[line[slice(*span)].strip() for span in spans] for line in self._lines[at : rulers[2]]]
        rows = []
        for row in cells[rulers[1] - at + 1 :]:
            if row[0] or not rows:
                rows.append(row)
            else:
                rows[-1] = [" ".join(filter(None, parts)) for parts in zip(rows[-1], row)]
        self.tables.append(Table(self._section, cells[1], rows))
        for row in cells:
            self._add("  ".join(row))
        return rulers[2] + 1


def literals(text):
    """Return what stands in ``double backquotes`` in a text, in order."""
    return [" ".join(literal.split()) for literal in re.findall(r"``(.+?)``", text, re.DOTALL)]


def links(prose):
    """Return the targets of all links: addresses, ``#anchor``, paths, and names of targets or sections."""
    prose = re.sub(r"``.+?``", "", prose, flags=re.DOTALL)
    targets = []
    for text in re.findall(r"`([^`]+)`__?", prose):
        address = re.search(r"<([^<>]+)>$", text)
        targets.append(" ".join((address.group(1) if address else text).split()))
    targets += re.findall(r"(?<![\w`./-])([A-Za-z][\w-]*)_(?![\w`])", re.sub(r"`[^`]+`__?", "", prose))
    return targets + re.findall(r"^\.\. _[^:]+: +(\S+)$", prose, re.MULTILINE)


def anchors(readme):
    """Return what a link inside the document can lead to: names of sections and targets, and their ``#anchors``."""
    names = [*readme.sections, *re.findall(r"^\.\. _([^:]+):", readme.prose, re.MULTILINE)]
    fragments = {"#" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names}
    return {name.lower() for name in names} | fragments
