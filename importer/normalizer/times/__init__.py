"""Texts of times, zones and durations."""
