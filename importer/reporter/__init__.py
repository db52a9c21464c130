"""The run's lines -> the files that the user gets, and back again. Knows nothing of where the lines are kept."""
