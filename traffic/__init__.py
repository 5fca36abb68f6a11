"""One way to steer traffic, used by failover and migration."""
