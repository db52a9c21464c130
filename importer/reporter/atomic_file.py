"""Replaces a file whole or not at all. The only module here that opens files."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from importer.errors import ReportError

#: What to do if a report could not be written.
JOURNAL_HINT = "Make room or access, then have the report made again: the run's journal still holds every outcome."
#: What to do if another file could not be written.
ROOM_HINT = "Make room or access, or name another file, and try again."
_NAMES = 100  # report.csv to report-100.csv: if all of these are locked, it is no accident


def replace_file(path: Path, write: Callable[[BinaryIO], object], *, hint: str = JOURNAL_HINT) -> Path:
    """Write a file beside `path`, readable by its owner only, then put it in its place; return its final path.

    If `path` is read-only, a folder, or locked by a program, the file becomes `report-2.csv` and so on. Whatever goes
    wrong, the older file is still there, and nothing else. A link stays, and its target is replaced. A device or a
    pipe that is being read is written to and never replaced.

    Raises:
        ReportError: the disk is full, the folder is missing or read-only, or the like; `hint` is its hint.
    """
    try:
        if is_special(path):
            return _write_into(path, write)
        if path.is_symlink():
            path = Path(os.path.realpath(path))
        descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=f"{path.suffix}.tmp", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
                file.flush()
                os.fsync(descriptor)
            written = _rename(Path(name), path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(f"{path} could not be written: {error.strerror or error}", hint=hint) from error
    _sync_folder(path.parent)
    return written


def is_special(path: Path) -> bool:
    """Return whether a path exists and is not a file that could be replaced: a device, a pipe, a socket."""
    is_device = path.is_absolute() and path.parts[1:2] in (("dev",), ("proc",))
    if is_device and path.parts[1:3] != ("dev", "shm"):  # /dev/stdout can be a file that is redirected
        return path.exists() and not path.is_dir()
    try:
        mode = path.stat().st_mode
    except OSError:  # not there; or a circular link, which renaming replaces
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_source(path: Path, source: str) -> bool:
    """Return whether a path is that of a source; standard input and tables in memory have none."""
    try:
        return source not in {"", "-"} and path.samefile(source)
    except (OSError, ValueError):  # one of them does not exist, or is not a file's name at all
        return False


def _write_into(path: Path, write: Callable[[BinaryIO], object]) -> Path:
    # A pipe that nobody reads is refused at once instead of being waited for.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "wb") as file:
        write(file)
    return path


def _rename(temporary: Path, path: Path) -> Path:
    """Rename the file to the first name that is possible."""
    refused: OSError | None = None
    for number in range(1, _NAMES + 1):
        candidate = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        if not _is_replaceable(candidate):
            continue
        try:
            return temporary.replace(candidate)
        except (PermissionError, IsADirectoryError) as error:
            refused = error
    raise refused or PermissionError(None, "it and all its other names are read-only or folders")


def _is_replaceable(path: Path) -> bool:
    """Return whether the file may be replaced: a rename checks only the folder, and would replace a read-only file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return True
    return not stat.S_ISDIR(mode) and bool(mode & stat.S_IWUSR)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, if the file system can."""
    # The file is complete and in its place: failing to sync the folder does not make it unwritten.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
