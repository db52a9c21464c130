"""Each command from end to end: knows the order of the stages, prints nothing."""
