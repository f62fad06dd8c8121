"""The box formats: how boxes are read and written."""
