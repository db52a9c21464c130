"""The commands as they are typed: arguments, options, and what they print."""
