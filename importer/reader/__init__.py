"""A source, file or DataFrame -> sheets of rows of text; the only package that knows pandas and python_calamine."""

from importer.reader.bounds import Bounds
from importer.reader.chunks import CHUNK_ROWS, Chunk
from importer.reader.physical import find_lines
from importer.reader.reading import Reading, read

__all__ = ["CHUNK_ROWS", "Bounds", "Chunk", "Reading", "find_lines", "read"]
