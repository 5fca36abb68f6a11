"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A busy machine must not fail a property: time is asserted in benchmarks and campaigns only.
settings.register_profile("aurops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aurops")
