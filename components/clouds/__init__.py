"""What all components of one cloud share: naming, tags, provider."""
