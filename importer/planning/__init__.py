"""A source, an earlier run or an undo to entries in the journal; sends nothing."""
