"""A cutover, played in minutes on this machine: real proxies, counting servers, load, people with keys of the hour."""
