"""What the input means: data sets as their samples, labels, masks and boxes."""
