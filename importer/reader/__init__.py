"""A source, file or DataFrame -> sheets of rows of text; the only package that knows pandas and python_calamine."""
