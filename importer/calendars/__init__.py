"""Who is on call when, as every system renders it: intervals, read from API answers and calendar files. Pure."""
