"""Settings that nothing looks at beside the others: what their table says of it, and what sizing does."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orders.domain.decision.settings import SETTINGS, LatePolicy, MinLotsPolicy, Settings
from orders.domain.sizing.modes import Basis, ContractSize, Funds, Mode, Sizing, allocate
from orders.domain.sizing.rates import SAME
from orders.domain.sizing.rounding import SymbolSpec

OTHERWISE: dict[str, Any] = {
    "multiplier": Decimal(3), "lots": Decimal("0.7"), "fixed_master_base": Decimal(777),
    "fixed_follower_base": Decimal(888), "contract_size": ContractSize.IGNORE,
}  # fmt: skip


def spec(contract_size: int) -> SymbolSpec:
    step = Decimal("0.01")
    return SymbolSpec(
        name="EURUSD", digits=5, contract_size=Decimal(contract_size), lots_min=step, lots_step=step,
        lots_max=Decimal(100),
    )  # fmt: skip


def lots(**told: Any) -> Decimal:
    funds = Funds("USD", Decimal(10_000), Decimal(9_000))
    basis = Basis(
        master_lots=Decimal(1), master=funds, follower=funds, rate=SAME, now=datetime(2026, 1, 1, tzinfo=UTC),
        stale_after=timedelta(minutes=1), master_spec=spec(100_000), follower_spec=spec(50_000),
    )  # fmt: skip
    return allocate(Sizing(**{"lots": Decimal("0.1"), "contract_size": ContractSize.CONVERT, **told}), basis)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("name", OTHERWISE)
def test_a_setting_is_idle_in_the_modes_in_which_it_changes_no_lots(mode: Mode, name: str) -> None:
    typed = {name: OTHERWISE[name]}
    idle = name in dict(SETTINGS.idle(Settings(mode=mode, **typed)))
    assert idle is (lots(mode=mode, **typed) == lots(mode=mode))


def test_what_is_as_by_default_is_never_idle() -> None:
    for mode in Mode:
        assert list(SETTINGS.idle(Settings(mode=mode))) == []


def test_policies_that_are_not_chosen_leave_their_bounds_idle() -> None:
    bounds: dict[str, Any] = {"late_seconds": 77, "max_risk_multiple": Decimal(9)}
    expected = [("late_seconds", "late_policy"), ("max_risk_multiple", "min_lots_policy")]
    assert list(SETTINGS.idle(Settings(**bounds))) == expected
    chosen = Settings(late_policy=LatePolicy.PENDING_AT_MASTER_PRICE, min_lots_policy=MinLotsPolicy.FORCE_MIN, **bounds)
    assert list(SETTINGS.idle(chosen)) == []
