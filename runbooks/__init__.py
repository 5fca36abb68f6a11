"""Typer commands and nothing else: parse, observe, plan, print, confirm, execute."""
