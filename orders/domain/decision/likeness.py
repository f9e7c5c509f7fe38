"""Which followers of one intent are decided alike, so that one decision serves them all."""

from collections.abc import Hashable

from orders.domain.decision.inputs import Case
from orders.domain.risk.limits import may_run_out
from orders.domain.wire.intents import ADDS_EXPOSURE


def likeness(case: Case) -> Hashable:
    """What of a case differs between the followers of one intent, within one batch; None if it stands for itself.

    Two cases of one intent with the same likeness have the same decision, evidence included. Rules and terminals are
    compared by identity: equal ones are made to be one object where they are read.
    """
    told = (id(case.rules), id(case.follower), tuple(case.legs))
    # A close or a change of stops asks for nobody's funds.
    if case.intent.action not in ADDS_EXPOSURE:
        return told
    # A market changes with every tick of its own broker.
    if case.quotes:
        return None
    funds, exposure = case.follower_funds, case.exposure
    stale = funds.as_of is not None and case.now - funds.as_of > case.stale_after
    return (
        *told,
        (funds.currency, funds.balance, funds.equity, funds.free_margin),
        # The age of fresh figures changes nothing; that of stale ones stands in the evidence.
        funds.as_of if stale else None,
        exposure.open_positions,
        exposure.notional,
        # Every follower has another number; it decides something only where numbers run out.
        exposure.next_copy_no if may_run_out(exposure) else 0,
    )
