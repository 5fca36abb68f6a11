"""Finds what a killed engine may have created: which object belongs to a create that nobody saw finish."""
