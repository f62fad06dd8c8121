"""Bytes and paths: what is read from and written to the disk, and nothing of what is done with it."""
