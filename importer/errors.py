"""The exceptions: why a run cannot go on. A row that failed is not an error but an outcome (`statuses.Status`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


class ImporterError(Exception):
    """One sentence for the user: what happened, to which thing; `hint` says what to do next, and is never empty."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ImporterError):
    """An option or argument that is not valid."""


class SettingsError(ImporterError):
    """A setting, a token or a base URL that is missing or not valid."""


class SourceError(ImporterError):
    """A source that cannot be read, or holds nothing to import. Nothing was sent."""


class SourcesError(SourceError):
    """Several sources that cannot be read, reported together."""

    def __init__(self, errors: Sequence[SourceError]) -> None:
        super().__init__("; ".join(error.message for error in errors), hint=errors[0].hint)
        self.errors = tuple(errors)


class JournalError(ImporterError):
    """A run's journal that is too new, in use or cannot be written."""


class DamagedError(JournalError):
    """A run's journal that is damaged. Its report may still be good."""


class TargetError(ImporterError):
    """A target that did not give a usable answer to a question."""


class ReportError(ImporterError):
    """A report that could not be written. The journal still holds every outcome."""


class InterruptedReadingError(ImporterError):
    """The user ended the command while it only read: before it sent anything, or after all was sent."""

    def __init__(
        self, message: str = "interrupted while reading; nothing was sent", *, hint: str = "Start it again."
    ) -> None:
        super().__init__(message, hint=hint)


class UnexpectedError(ImporterError):
    """A bug of ours. What was sent is in the run's journal."""


class UnverifiedError(ImporterError):
    """A run that sent everything, and could not be verified."""


def errors_of(group: BaseExceptionGroup[ImporterError]) -> Iterator[ImporterError]:
    """Yield the errors of a group, and of groups within it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from errors_of(error)
        else:
            yield error
