"""dlt's custom destination: `dlt_destination ORIGIN CSV WORKERS` prints how many rows it takes for created.

One row a call, files of twenty rows so that its workers have something to share, and dlt's own retries.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from .bodies import headers, read_requests

_ROWS_OF_A_FILE = "20"


def _load(origin: str, rows: list[dict[str, str]], workers: str) -> int:
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "DLT_DATA_DIR": str(Path.cwd() / "dlt"),
        "LOAD__WORKERS": workers,
        "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": _ROWS_OF_A_FILE,
    }
    import dlt  # type: ignore[import-not-found, unused-ignore]  # only the benchmark needs it
    import requests  # type: ignore[import-untyped, unused-ignore]

    session = requests.Session()
    session.headers.update(headers())
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=int(workers)))
    created: list[str] = []

    def post(items: list[dict[str, Any]], table: Any) -> None:
        for item in items:
            answer = session.post(origin + item["path"], data=item["body"], timeout=30)
            answer.raise_for_status()
            created.append(answer.json()["data"]["id"])

    destination: Any = dlt.destination  # its types want a function whose arguments have no names
    rootly = destination(batch_size=1, name="rootly", loader_parallelism_strategy="parallel")(post)
    pipeline = dlt.pipeline("bench", destination=rootly, pipelines_dir=str(Path.cwd() / "dlt" / str(os.getpid())))
    pipeline.run(dlt.resource(rows, name="shadows"))
    return len(created)


if __name__ == "__main__":
    read = [{"path": request.path, "body": request.body.decode()} for request in read_requests(Path(sys.argv[2]))]
    print(_load(sys.argv[1], read, sys.argv[3]))
