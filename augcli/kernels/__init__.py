"""Pixels: backends that apply steps to images and know nothing of operations, labels or files."""
