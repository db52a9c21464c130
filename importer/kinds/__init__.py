"""What a record kind is, in one file each: its columns, its record, its request, how answers are read, its words.

A new kind is a new file here that ends in a `RecordKind`; `registry` finds it. docs/targets.md says what else it needs.
"""
