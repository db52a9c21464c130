"""requests with threads: `requests_threads ORIGIN CSV THREADS` prints how many rows it takes for created.

As such scripts are: a session for each thread, a pool, three tries where the connection breaks or the answer is a 5xx.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import requests  # type: ignore[import-untyped, unused-ignore]  # only the benchmark needs it

from .bodies import headers, read_requests

if TYPE_CHECKING:
    from importer.targets.target import Request

_TRIES = 3
_own = threading.local()


def _post(origin: str, request: Request) -> bool:
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
        _own.session.headers.update(headers())
    for _ in range(_TRIES):
        try:
            answer = _own.session.post(origin + request.path, data=request.body, timeout=30)
        except requests.ConnectionError:
            continue
        if answer.status_code < 500:
            return bool(answer.ok)
    return False


if __name__ == "__main__":
    with ThreadPoolExecutor(int(sys.argv[3])) as pool:
        print(sum(pool.map(partial(_post, sys.argv[1]), read_requests(Path(sys.argv[2])))))
