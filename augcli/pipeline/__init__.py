"""A run: from listed samples to committed outputs."""
