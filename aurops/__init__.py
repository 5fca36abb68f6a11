"""The core of aurops: no cloud, no SDK, no terminal. See docs/ARCHITECTURE.md."""

__version__ = "0.1.0"
