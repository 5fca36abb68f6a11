"""Does the gateway answer as V10 does? Every endpoint is asked on both sides, and what differs is told by field."""
