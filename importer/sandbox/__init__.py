"""The embedded stand-in for the APIs."""
