"""Sample platforms: V10 (REST, RocksDB) and V11 (gRPC, PostgreSQL), as real processes on loopback.

V10 stands in for an original in TypeScript: what clients and a gateway can see of it is as there (how it prints 64-bit
integers, its error bodies, what it does with unknown paths and parameters); what is inside is Python.
"""
