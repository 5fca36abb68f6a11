"""What every target must do (`failover.model.Target`), by the same tests on each: the seam that failover stands on.

In memory here; on real processes by tests/e2e/test_target_conformance.py.
"""
