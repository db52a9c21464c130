"""CSV files to rows of text."""
