"""A child process that answers in lines and never outlives its use. Knows nothing of workbooks."""

from __future__ import annotations

import os
import selectors
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

_PIPE = 1 << 16  # bytes that a pipe holds
_LAST_WORDS = 4096  # bytes of stderr's end
_LEAVING = 10.0  # seconds to exit after the last line
_ROOT = Path(__file__).parents[2]  # where the package `importer` stands; the current folder could hold another one
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")


class Child:
    """One child process; leaving the context kills and reaps it. `seconds` bounds the time waited for its lines."""

    def __init__(self, command: Sequence[str], *, descriptors: Sequence[int] = (), seconds: float) -> None:
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._seconds = seconds
        try:
            self.process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                pass_fds=descriptors,
                cwd=_ROOT,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the parent, which ends the child in its own time
            )
        except BaseException:
            self._stderr.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self._output):
            with suppress(BrokenPipeError):  # what was told last may still be on its way
                pipe.close() if pipe else None
        self._stderr.close()

    @property
    def _output(self) -> IO[bytes]:
        if self.process.stdout is None:
            raise RuntimeError("the child was started without a pipe")
        return self.process.stdout

    def tell(self, line: bytes) -> None:
        """Answer the child; one that has died is noticed when its lines end."""
        if self.process.stdin is None:
            raise RuntimeError("the child was started without a pipe")
        with suppress(BrokenPipeError):
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines as they come, without their ends; a last one that is not ended is left out.

        Raises:
            TimeoutError: The child was waited for too long, in all.
        """
        begun: list[bytes] = []
        for block in self._blocks():
            *ended, rest = block.split(b"\n")
            for piece in ended:
                yield b"".join([*begun, piece])
                begun = []
            begun.append(rest)

    def _blocks(self) -> Iterator[bytes]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while block := self._next_block(selector):
                yield block

    def _next_block(self, selector: selectors.BaseSelector) -> bytes:
        """Wait for output. The time in which the caller works on what it has does not count."""
        began = time.monotonic()
        is_ready = selector.select(max(0.0, self._seconds))
        self._seconds -= time.monotonic() - began
        if not is_ready:
            raise TimeoutError
        return os.read(self._output.fileno(), _PIPE)

    def end(self) -> tuple[int, str]:
        """Give the exit status, negative for a signal, and what stood last on stderr."""
        try:
            status = self.process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _LAST_WORDS))
        return status, self._stderr.read().decode("utf-8", "backslashreplace").strip()


def _environment() -> dict[str, str]:
    """Leave the tokens out: who parses foreign files need not have them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(("PYTHON", "LC_", "VIRTUAL_ENV"))
    }
