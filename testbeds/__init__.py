"""Stand-ins for clouds: the lab (plans and call shapes) and the local bed (real processes)."""
