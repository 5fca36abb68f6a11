"""The edge component: `spec` (plain values), `component` (what users call), one module per DNS provider."""
