"""The table that both sample platforms serve from, and the protos made from it."""

from collections import Counter

from testbeds.local.platforms import protos
from testbeds.local.platforms.acts import ACTS
from testbeds.local.platforms.fields import Kind, fits, from_text
from testbeds.local.platforms.messages import BLOCK, TRANSACTION
from testbeds.local.platforms.operations import OPERATIONS, SERVICES


def test_the_protos_are_current() -> None:
    """What lies in `proto/` is what the table makes; else: python -m testbeds.local.platforms.protos."""
    there = {str(file.relative_to(protos.FOLDER)): file.read_text() for file in protos.FOLDER.rglob("*.proto")}
    assert there == protos.render()


def test_there_are_fifty_endpoints_and_more_over_nine_areas() -> None:
    """Each of the areas has its share, each endpoint is one of its own, and each act has a function."""
    assert len(OPERATIONS) >= 50
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    assert min(Counter(each.service for each in OPERATIONS)[service] for service in SERVICES) >= 5
    assert {each.act for each in OPERATIONS} == set(ACTS)


def test_whole_numbers_of_64_bits_are_read_to_the_last_bit() -> None:
    """The greatest is one, one more is none; a yes is no number."""
    amount = TRANSACTION.field("amount")
    assert fits(amount, 2**63 - 1)
    assert not fits(amount, 2**63)
    assert not fits(amount, True)  # noqa: FBT003
    assert from_text(BLOCK.field("height"), str(2**63 - 1)) == 2**63 - 1
    assert amount.kind is Kind.INT64
