"""Rows that repeat or rotate, to their shifts."""
