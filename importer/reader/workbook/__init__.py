"""Workbooks to rows of text, parsed by a child process."""
