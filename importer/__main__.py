"""`python -m importer`, and what the command `oncall-importer` starts."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported ends it as any other does: with 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from importer.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
