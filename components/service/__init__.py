"""The service component: `spec` (plain values), `component` (what users call), one module per cloud."""
