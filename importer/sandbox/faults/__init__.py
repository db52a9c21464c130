"""What goes wrong in the stand-in, by a plan."""
