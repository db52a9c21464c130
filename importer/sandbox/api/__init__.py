"""The two APIs as the stand-in serves them."""
