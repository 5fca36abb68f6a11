"""Moving from the old platform (V10: REST) to the new one (V11: gRPC): gateway, and later canary, sync and cutover."""
