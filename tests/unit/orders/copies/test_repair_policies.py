"""What is done about a difference of each kind, as settings say and as they may."""

from typing import Any

import pytest

from orders.domain.copies.repair_policies import DEFAULTS, Policy, policy_for
from orders.domain.wire.snapshots import DifferenceKind


@pytest.mark.parametrize("kind", DifferenceKind)
def test_by_default_only_stops_are_set_again(kind: DifferenceKind) -> None:
    assert policy_for(kind) is (Policy.REPAIR if kind is DifferenceKind.STOPS_DRIFT else Policy.NOTIFY)
    assert policy_for(kind) is DEFAULTS[kind]


@pytest.mark.parametrize(
    ("settings", "policy"),
    [
        ([{"extra": "repair"}, {"extra": "flatten"}], Policy.REPAIR),
        ([{}, {"extra": "flatten"}], Policy.FLATTEN),
        ([{"extra": "explode"}, {"extra": "flatten"}], Policy.FLATTEN),
        ([{"missing": "repair"}], Policy.NOTIFY),
        ([], Policy.NOTIFY),
    ],
)
def test_the_first_setting_that_names_an_allowed_policy_counts(settings: list[dict[str, Any]], policy: Policy) -> None:
    assert policy_for(DifferenceKind.EXTRA, *settings) is policy


def test_what_is_missing_is_never_opened_again() -> None:
    assert policy_for(DifferenceKind.MISSING, {"missing": "repair"}, {"missing": "flatten"}) is Policy.NOTIFY
