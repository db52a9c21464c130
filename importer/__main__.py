"""`python -m importer`, and what the command `oncall-importer` starts."""

from importer.cli import main

if __name__ == "__main__":
    main()
