"""Read a source, file or DataFrame, as sheets of rows of text; the only package that knows pandas and calamine."""
