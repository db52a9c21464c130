"""What surrounds a run that writes: control, lifecycle, endpoints, the target lock."""
