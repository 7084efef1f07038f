"""Text to batches: reading, tokens on disk, the order of windows, and the DataModules."""
