"""`python -m importer`, and what the command `oncall-importer` starts."""

from __future__ import annotations

from importer.cli import main

if __name__ == "__main__":
    main()
