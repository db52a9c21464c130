"""A company's network: a proxy, and an authority of its own that only a setting makes trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The authority's certificate as a company hands it out."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path
