"""The Markdown pages of the repository, cut into what can be checked: examples, headings, links, pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PATHS = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n\n?```text\n(.*?)^```$)?", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]*)\)")


class Example(NamedTuple):
    """A block of code of a page."""

    page: str
    language: str
    code: str
    shown: str  #: the block of text right behind it: what it prints; empty where there is none


class Link(NamedTuple):
    """A link, or a picture, of a page."""

    page: Path
    is_picture: bool
    text: str
    target: str


def read(name: str) -> str:
    """Read a page by its name, such as `docs/columns.md`."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """Take the blocks of code out of a page."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def examples(language: str) -> list[Example]:
    """Find the examples of a language, over all pages."""
    names = [str(path.relative_to(ROOT)) for path in PATHS]
    found = [Example(name, *match.groups("")) for name in names for match in _BLOCK.finditer(read(name))]
    return [example for example in found if example.language == language]


def links() -> list[Link]:
    """Find the links and pictures of all pages."""
    texts = {path: prose(path.read_text(encoding="utf-8")) for path in PATHS}
    return [Link(path, bool(mark), *rest) for path, text in texts.items() for mark, *rest in _LINK.findall(text)]


def anchors(path: Path) -> set[str]:
    """Give what stands behind the # of links to a page's headings, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", prose(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(name: str, heading: str) -> str:
    """Give what stands below a heading of the second level."""
    _, found, rest = read(name).partition(f"\n## {heading}\n")
    assert found, f"{name} has no {heading}"
    return rest.partition("\n## ")[0]


def unlike(shown: str, printed: str) -> str:
    """Give the first line that a page shows and the command did not print, in this order; `...` stands for anything."""
    lines = iter(printed.splitlines())
    for line in filter(str.strip, shown.splitlines()):
        pattern = re.escape(line.rstrip()).replace(re.escape("..."), ".*")
        if not any(re.fullmatch(pattern, one.rstrip()) for one in lines):
            return line
    return ""
