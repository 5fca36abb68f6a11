"""One module per target: the local bed, later each cloud."""
