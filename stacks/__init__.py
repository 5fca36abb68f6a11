"""The stacks of the fleet: their configuration, their order, and the program that `pulumi up` runs."""
