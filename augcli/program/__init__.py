"""What a program of steps does to an image, as pure values: areas, steps, labels, boxes and masks."""
