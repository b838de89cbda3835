"""Sample scripts that `builtin:NAME` in tasks.toml means; plain programs, free to copy.

Each stands alone: it imports nothing of this package, asks for no input, ends in seconds, needs no
rights beyond its user's, and says so in a line where something it would look at is not there.
"""
