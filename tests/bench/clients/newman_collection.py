"""newman: `newman_collection ORIGIN CSV FOLDER` writes a collection and its data, then becomes newman.

One request, once for each row, one after the other: newman knows no other way, and no retries.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from .bodies import headers, read_requests

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_TEST = 'pm.test("created", () => pm.response.to.have.status(201));'


def write_collection(origin: str, source: Path, folder: Path) -> list[str]:
    """Write both files; give newman's command."""
    data = [{"path": request.path, "body": request.body.decode()} for request in read_requests(source)]
    files = {"collection.json": _collection(origin), "data.json": data}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    collection, rows = (str(folder / name) for name in files)
    report = str(folder / "newman.json")
    return ["newman", "run", collection, "-d", rows, "--reporters", "json", "--reporter-json-export", report]


def _collection(origin: str) -> dict[str, Any]:
    request = {
        "method": "POST",
        "header": [{"key": name, "value": value} for name, value in headers().items()],
        "url": origin + "{{path}}",
        "body": {"mode": "raw", "raw": "{{body}}"},
    }
    event = {"listen": "test", "script": {"type": "text/javascript", "exec": [_TEST]}}
    item = {"name": "shadow", "request": request, "event": [event]}
    return {"info": {"name": "shadows", "schema": _SCHEMA}, "item": [item]}


if __name__ == "__main__":
    words = write_collection(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    os.execvp(words[0], words)
