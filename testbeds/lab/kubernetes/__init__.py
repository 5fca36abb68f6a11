"""The stand-in for Kubernetes."""
