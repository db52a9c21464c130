"""Each command from end to end: its stages in order. Prints nothing."""
