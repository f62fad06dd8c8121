"""What stands in DST, and how it gets there."""
