from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.keys.spec import Purpose
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_one_rotated_key_per_purpose(home: Graph) -> None:
    """Each purpose has a key of its own, rotated, protected, deleted only after 30 days."""
    keys = {name: node for name, node in home.of("kms/key:Key").items() if name.startswith("pay-keys")}
    assert set(keys) == {f"pay-keys-{purpose}" for purpose in Purpose}
    for node in keys.values():
        assert (node.inputs["enableKeyRotation"], node.inputs["rotationPeriodInDays"]) == (True, 365)
        assert (node.inputs["deletionWindowInDays"], node.protect) == (30, True)


def test_only_the_log_service_of_this_account_may_use_the_log_key(home: Graph) -> None:
    """The service principal is bound to this account's log groups in this region."""
    document = json.loads(home.of("kms/key:Key")["pay-keys-logs"].inputs["policy"])
    service = document["Statement"][1]
    assert service["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    bound = service["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert bound == "arn:aws:logs:us-east-1:123456789012:*"


def test_a_key_that_exists_is_used_and_not_made() -> None:
    """With `existing`, that purpose's key is not made, the others are."""
    seen = []
    graph = run(lambda: seen.append(parts.keys(parts.place(), existing={"data": "arn:mine"})))
    assert "pay-keys-data" not in graph.of("kms/key:Key")
    assert len(graph.of("kms/key:Key")) == len(Purpose) - 1
    assert seen[0].by_purpose[Purpose.DATA] == "arn:mine"
