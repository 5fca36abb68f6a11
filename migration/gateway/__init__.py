"""The gateway: V11's gRPC served as V10's REST, by an Envoy whose configuration is generated from V11's protos."""
