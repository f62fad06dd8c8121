"""How an output lies on disk: its images, shards, tables and documents."""
