"""Every setting: its declaration, its value, and where it was set."""
