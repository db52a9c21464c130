"""Turn a source, an earlier run or an undo into entries in the journal; sends nothing."""
