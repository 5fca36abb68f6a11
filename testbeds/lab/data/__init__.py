"""Dated tables with their sources, and the scripts that write them."""
