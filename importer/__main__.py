"""The entry point of `python -m importer` and of the command `oncall-importer`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; an interrupt while it is being imported also ends it with exit status 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from importer.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
