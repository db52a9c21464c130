"""What a target says about deleting what it created."""

from __future__ import annotations

import pytest

from importer.kinds.schedule import KIND as SCHEDULE_KIND
from importer.kinds.shadow import KIND as SHADOW


def test_opal_cannot_delete() -> None:
    assert SCHEDULE_KIND.removal is None


@pytest.mark.parametrize("id_", ["", ".", "..", "../../users", "a/b", "a%2fb", "a?b", "ä", "a" * 200])
def test_an_odd_id_never_comes_into_a_path(id_: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a URL"):
        SHADOW.object_path(id_)


@pytest.mark.parametrize("payload", [{"error": "Not Found"}, {}, None, [], "not found"], ids=str)
def test_only_the_form_of_an_object_that_is_missing_proves_that_it_is(payload: object) -> None:
    assert SHADOW.removal is not None
    assert SHADOW.removal.is_missing({"errors": [{"title": "not found", "status": "404"}]})
    assert not SHADOW.removal.is_missing(payload)
