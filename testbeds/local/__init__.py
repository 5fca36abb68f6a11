"""Three regions of real processes on one machine."""
