"""A run's screen as an SVG: what it shows half way, and what it shows at its end. Loads no font from anywhere."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from .terminal import screens

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = 80
_BAR = re.compile(r"rootly +[━─].* ([\d,]+)/([\d,]+)")
_FONTS = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace'


def draw(command: str, sent: str) -> str:
    """Draw a command, its screen half way, and what its end adds."""
    seen = list(screens(sent))
    half, end = min(seen, key=_distance_to_half), seen[-1]
    messages = sum(one == other for one, other in zip(half, end, strict=False))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), color_system="truecolor", force_terminal=True)
    console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
    _print(console, half)
    console.print()
    console.print(Text(" at its end ".center(COLUMNS, "·"), style="bright_black"))
    console.print()
    _print(console, end[messages:])
    return _without_fonts(console.export_svg(title="oncall-importer", unique_id="console"))


def _plain(line: str) -> str:
    return Text.from_ansi(line).plain


def _distance_to_half(lines: Sequence[str]) -> float:
    """Tell how far a screen is from showing a bar that is half full."""
    match = next(filter(None, map(_BAR.match, map(_plain, lines))), None)
    if match is None:
        return 1.0
    done, total = (int(number.replace(",", "")) for number in match.groups())
    return abs(done / total - 0.5)


def _print(console: Console, lines: Sequence[str]) -> None:
    """Print lines as a terminal does: what is too long goes on in the next row, wherever that is."""
    texts = [Text.from_ansi(line) for line in lines]
    while texts and not texts[-1].plain.strip():
        texts.pop()
    for text in texts:
        for part in text.divide(range(COLUMNS, len(text.plain), COLUMNS)):
            console.print(part, no_wrap=True, overflow="crop")


def _without_fonts(svg: str) -> str:
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip() + "\n"
