"""Limits on what adds exposure."""

from decimal import Decimal

import pytest

from orders.domain.risk.limits import Exposure, Limits, cap_lots, check_guards
from orders.domain.sizing.rounding import MAX_LEGS
from orders.domain.states.denials import Code, Denied
from orders.domain.wire.commands import MAX_COPY_NO


def test_max_lots_reduce_to_fit() -> None:
    assert cap_lots(Decimal(3), Limits(max_lots=Decimal(2))) == 2
    assert cap_lots(Decimal(1), Limits(max_lots=Decimal(2))) == 1
    assert cap_lots(Decimal(3), Limits()) == 3


def test_without_a_limit_no_number_of_positions_is_told_for_nobody_has_counted_them() -> None:
    assert check_guards(Limits(), Exposure(open_positions=2)) == {"limit": None}


def test_the_last_allowed_position_may_be_opened_and_no_more() -> None:
    limits = Limits(max_open_positions=3)
    assert check_guards(limits, Exposure(open_positions=2))["open_positions_after"] == 3
    with pytest.raises(Denied) as caught:
        check_guards(limits, Exposure(open_positions=3))
    assert caught.value.code is Code.MAX_OPEN_POSITIONS
    assert caught.value.evidence == {"after": 4, "limit": 3}


def test_a_limit_of_zero_opens_nothing() -> None:
    with pytest.raises(Denied):
        check_guards(Limits(max_open_positions=0), Exposure())


def test_without_limits_anything_may_be_opened() -> None:
    assert check_guards(Limits(), Exposure(open_positions=10_000))["limit"] is None


def test_an_account_out_of_copy_numbers_opens_nothing_more() -> None:
    assert check_guards(Limits(), Exposure(next_copy_no=MAX_COPY_NO - MAX_LEGS))
    with pytest.raises(Denied) as caught:
        check_guards(Limits(), Exposure(next_copy_no=MAX_COPY_NO - MAX_LEGS + 1))
    assert caught.value.code is Code.COPY_NUMBERS_EXHAUSTED
