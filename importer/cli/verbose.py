"""What -v shows: each request as one line on standard error, as it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from importer.log import REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable


class RequestLines(logging.Handler):
    """Gives a line for each request to whoever prints it."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show a request; everything else is told in other ways."""
        if getattr(record, "event", "") == REQUEST:
            self._show(_line(record))


def _line(record: logging.LogRecord) -> str:
    members = getattr(record, "members", {})
    attempt = f", attempt {members['attempt']}" if members["attempt"] > 1 else ""
    words = f"{record.getMessage()}, {members['ms']} ms{attempt}"
    return f"{getattr(record, 'target', '')} {members['method']} {members['path']}: {words}"
