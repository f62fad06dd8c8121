"""The operations on arrays in memory: batches, ragged lists, single images, and what belongs to them."""
