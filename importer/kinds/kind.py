"""What describes a record kind: data and small pure functions. Knows no kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.records import Key, TargetName
    from importer.targets.target import Found, Page, Request


@dataclass(frozen=True, slots=True)
class Removal:
    """How the target's objects of a kind are looked at and deleted, one by one."""

    read: Callable[[Any], Found | None]  #: the object in the answer to a GET or DELETE; None where there is none
    is_missing: Callable[[Any], bool]  #: whether a 404's JSON says that there is no such object, not only no such path
    span: Callable[[Key], tuple[int, int]]  #: when it begins and ends; epoch seconds
    is_shortened: Callable[[Key, Key], bool]  #: whether it only ends earlier now than was sent
    differences: Callable[[Key, Key], str]  #: which values are others now than were sent


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record: all that the other rooms need to know of it."""

    name: str  #: as `import_kind` and the column `kind` say it, such as "schedule"
    named: str  #: one of them, in a sentence: "a schedule"
    plural: str  #: "schedules"
    target: TargetName  #: the API that takes it
    position: int  #: where it stands among the kinds, wherever they are listed
    scope: Callable[[Key], str]  #: what one question covers: records of one scope are asked about together
    request: Callable[[Key], Request]  #: ValueError where a part cannot stand in a path
    read_created: Callable[[Any], Found | None]  #: the object in the answer to a POST; None where there is none
    object_path: Callable[[str], str]  #: of the object with this id; ValueError where it cannot stand in a path
    list_path: Callable[[str], str]  #: the first page of what a scope holds
    read_page: Callable[[Any, str], Page]  #: the answer's JSON, the scope; ValueError where it is no page
    removal: Removal | None = None  #: None: the API cannot delete what it created

    @property
    def able_to_remove(self) -> Removal:
        """How its objects are deleted.

        Raises:
            ValueError: the API cannot delete them; nothing of the kind may be planned to be deleted.
        """
        if self.removal is None:
            raise ValueError(f"{self.target} cannot delete {self.plural}")
        return self.removal
