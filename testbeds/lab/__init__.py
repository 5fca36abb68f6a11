"""The lab: stand-in Pulumi providers and the world that they change. No cloud account, never a measured RTO."""
