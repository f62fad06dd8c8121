"""Formats in which boxes come and are written; each is one module, and all are found by themselves."""
