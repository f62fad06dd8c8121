"""The part files of an output and their columns."""
