"""Rows to records, or to all their problems with cells. Pure: reads no file, asks no target."""
