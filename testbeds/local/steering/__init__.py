"""The bed of the traffic drivers: counting servers, load with a ledger, and the real proxies between them."""
