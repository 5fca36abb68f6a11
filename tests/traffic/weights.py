"""Weights as properties draw them."""

from hypothesis import strategies as st

from tests.traffic.sites import SIDES
from traffic.driver import TOTAL_WEIGHT


@st.composite
def weights(draw: st.DrawFn, names: tuple[str, ...] = SIDES) -> dict[str, int]:
    """Weights that sum."""
    cuts = sorted(draw(st.lists(st.integers(0, TOTAL_WEIGHT), min_size=len(names) - 1, max_size=len(names) - 1)))
    ends = [0, *cuts, TOTAL_WEIGHT]
    return {name: ends[place + 1] - ends[place] for place, name in enumerate(names)}
