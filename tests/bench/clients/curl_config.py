"""curl in parallel: `curl_config ORIGIN CSV CONCURRENCY FOLDER` writes its configuration, then becomes curl.

Three more tries, whatever happens; it prints the status of every transfer's last answer.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from .bodies import headers, read_requests

_RETRYING = "retry = 3\nretry-all-errors\nretry-delay = 1\n"


def write_config(origin: str, source: Path, folder: Path) -> Path:
    """Write a transfer for each row; what stands before a `next` counts for its own transfer only."""
    lines = "".join(f"header = {json.dumps(f'{name}: {value}')}\n" for name, value in headers().items())
    common = f'{lines}{_RETRYING}silent\noutput = "{os.devnull}"\nwrite-out = "%{{http_code}}\\n"\n'
    path = folder / "curl.conf"
    with path.open("w", encoding="utf-8") as file:
        for number, request in enumerate(read_requests(source)):
            file.write("next\n" if number else "")
            body = json.dumps(request.body.decode())
            file.write(f'url = "{origin}{request.path}"\ndata-binary = {body}\n{common}')
    return path


if __name__ == "__main__":
    made = write_config(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[4]))
    words = ["curl", "--parallel", "--parallel-immediate", "--parallel-max", sys.argv[3], "--config", str(made)]
    os.execvp(words[0], words)
