"""Every "no" and every "nothing to do" of a decision, in one enum, with the sentence a page shows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final


class Code(StrEnum):
    SUBSCRIPTION_CLOSE_ONLY = "subscription_close_only"
    FOLLOWER_NOT_READY = "follower_not_ready"
    NETTING_UNSUPPORTED = "netting_unsupported"
    MASTER_NETTING_UNSUPPORTED = "master_netting_unsupported"
    FIFO_UNSUPPORTED = "fifo_unsupported"
    ALREADY_CLOSED = "already_closed"
    TOMBSTONED = "tombstoned"
    COPY_NOT_RELAYED = "copy_not_relayed"
    FILTERS_UNREADABLE = "filters_unreadable"
    FILTERED_SYMBOL = "filtered_symbol"
    FILTERED_SIDE = "filtered_side"
    FILTERED_ORDER_TYPE = "filtered_order_type"
    FILTERED_MAGIC = "filtered_magic"
    FILTERED_COMMENT = "filtered_comment"
    FILTERED_LOTS = "filtered_lots"
    OUTSIDE_TRADING_HOURS = "outside_trading_hours"
    STOP_LOSS_REQUIRED = "stop_loss_required"
    TAKE_PROFIT_REQUIRED = "take_profit_required"
    SIGNAL_TOO_OLD = "signal_too_old"
    PRICE_DEVIATION = "price_deviation"
    SYMBOL_NOT_FOUND = "symbol_not_found"
    SYMBOL_AMBIGUOUS = "symbol_ambiguous"
    ALLOCATION_DATA_MISSING = "allocation_data_missing"
    ALLOCATION_DATA_STALE = "allocation_data_stale"
    ALLOCATION_BASE_UNUSABLE = "allocation_base_unusable"
    ALLOCATION_RATE_UNCLEAR = "allocation_rate_unclear"
    CONTRACT_SIZES_DIFFER = "contract_sizes_differ"
    BELOW_MINIMUM_LOTS = "below_minimum_lots"
    ABOVE_MAXIMUM_LOTS = "above_maximum_lots"
    ABOVE_CEILING = "above_ceiling"
    MAX_OPEN_POSITIONS = "max_open_positions"
    COPY_NUMBERS_EXHAUSTED = "copy_numbers_exhausted"
    # Nothing to do: no denial, but recorded all the same.
    NOT_COPIED = "not_copied"
    COPY_GONE = "copy_gone"
    ALREADY_COPIED = "already_copied"
    FILLS_AT_OWN_BROKER = "fills_at_own_broker"
    OPENS_AT_MARKET = "opens_at_market"
    PARTIAL_CLOSE_DEFERRED = "partial_close_deferred"
    COPY_STILL_WORKING = "copy_still_working"
    COPY_ON_ITS_WAY = "copy_on_its_way"
    # A fault of the gateway, contained to one subscription.
    INTERNAL = "internal"


SENTENCES: Final[Mapping[Code, str]] = {
    Code.SUBSCRIPTION_CLOSE_ONLY: "The subscription is paused: nothing that adds exposure is copied.",
    Code.FOLLOWER_NOT_READY: "The follower's terminal has not told its symbols yet (no InitRequest).",
    Code.NETTING_UNSUPPORTED: "The follower's account nets its positions; copying to such accounts is not built yet.",
    Code.MASTER_NETTING_UNSUPPORTED: "The master's account nets its positions; copying from it is not built yet.",
    Code.FIFO_UNSUPPORTED: "The follower's account closes first in, first out; copying to it is not built yet.",
    Code.ALREADY_CLOSED: "The master's close of this position came before its open.",
    Code.TOMBSTONED: "The copy was closed by hand; it is not opened again.",
    Code.COPY_NOT_RELAYED: "The master's order is a copy itself; its strategy does not relay copies.",
    Code.FILTERS_UNREADABLE: "The subscription's filters cannot be read; store them again.",
    Code.FILTERED_SYMBOL: "The subscription's filters leave this symbol out.",
    Code.FILTERED_SIDE: "The subscription's filters leave this side out.",
    Code.FILTERED_ORDER_TYPE: "The subscription's filters leave this kind of order out.",
    Code.FILTERED_MAGIC: "The subscription's filters leave this magic number out.",
    Code.FILTERED_COMMENT: "The subscription's filters leave orders with such a comment out.",
    Code.FILTERED_LOTS: "The master's lots lie outside what the subscription's filters let through.",
    Code.OUTSIDE_TRADING_HOURS: "The signal came outside the subscription's trading hours.",
    Code.STOP_LOSS_REQUIRED: "The master's order has no stop loss, which the subscription requires.",
    Code.TAKE_PROFIT_REQUIRED: "The master's order has no take profit, which the subscription requires.",
    Code.SIGNAL_TOO_OLD: "The signal was older than the subscription's limit when it was decided.",
    Code.PRICE_DEVIATION: "The follower's market is further from the master's price than allowed.",
    Code.SYMBOL_NOT_FOUND: "The follower's broker has no such symbol; add it to the symbol map.",
    Code.SYMBOL_AMBIGUOUS: "Several symbols of the follower fit; add the right one to the symbol map.",
    Code.ALLOCATION_DATA_MISSING: "A figure that the lots depend on is not known yet.",
    Code.ALLOCATION_DATA_STALE: "The figures that the lots depend on are too old.",
    Code.ALLOCATION_BASE_UNUSABLE: "An equity that the lots depend on is below a tenth of its account's balance.",
    Code.ALLOCATION_RATE_UNCLEAR: "Two pairs put the rate between the accounts' currencies more than 2 % apart.",
    Code.CONTRACT_SIZES_DIFFER: "One lot is far from the same quantity at both brokers: `contract_size` says.",
    Code.BELOW_MINIMUM_LOTS: "The lots are below the follower's smallest lot size.",
    Code.ABOVE_MAXIMUM_LOTS: "The lots would need more orders than allowed at the follower's largest lot size.",
    Code.ABOVE_CEILING: "The trade would be too large for the follower's equity, or beside the master's lots.",
    Code.MAX_OPEN_POSITIONS: "The follower already holds as many positions as its limit allows.",
    Code.COPY_NUMBERS_EXHAUSTED: "The account has used up its 16,777,215 copy numbers.",
    Code.NOT_COPIED: "The position was never copied to this follower.",
    Code.COPY_GONE: "The copy is closed already.",
    Code.ALREADY_COPIED: "The position has been copied already.",
    Code.FILLS_AT_OWN_BROKER: "The copied pending order fills at the follower's own broker.",
    Code.OPENS_AT_MARKET: "The copied pending order was dropped by its broker: it is opened at market.",
    Code.PARTIAL_CLOSE_DEFERRED: "The part is smaller than the follower can close; the final close closes it.",
    Code.COPY_STILL_WORKING: "The copied pending order has not filled: it is reduced when it has.",
    Code.COPY_ON_ITS_WAY: "Orders of the copy are still on their way: it is reduced when all of them are reported.",
    Code.INTERNAL: "The gateway failed to decide for this subscription; an operator has been called.",
}


class Denied(Exception):
    """One step of the decision says no; `evidence` is what it looked at."""

    def __init__(self, code: Code, **evidence: Any) -> None:
        super().__init__(code.value)
        self.code = code
        self.evidence = evidence
