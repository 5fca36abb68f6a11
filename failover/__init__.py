"""Losing a region, getting the service back, and measuring it."""
