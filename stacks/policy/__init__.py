"""Policy: rules over what a stack declares, judged in this process or by the engine's own policy host. Pure."""
