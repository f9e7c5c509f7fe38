"""What a paper terminal tells the gateway about itself."""

from collections.abc import Collection, Mapping

from eagateway_sdk.frames import InitRequest, SymbolSpec
from eagateway_sdk.paper.recording import AccountInfo


def init_request(
    account: AccountInfo,
    *,
    suffix: str = "",
    rename: Mapping[str, str] | None = None,
    symbols: Collection[str] | None = None,
    history_from: str = "1970-01-01T00:00:00.000Z",
) -> InitRequest:
    """The InitRequest for a recorded account, its symbols renamed if told; `symbols` (recorded names) picks some.

    The paper broker keeps its whole history.
    """
    chosen = {name for name in account.symbols if symbols is None or name in symbols}
    names = rename or {}
    specs = [
        SymbolSpec(
            name=names.get(name, name) + suffix, digits=info.digits, contract_size=info.contract_size,
            lots_min=info.lots_min, lots_step=info.lots_step, lots_max=info.lots_max,
        )
        for name, info in account.symbols.items()
        if name in chosen
    ]  # fmt: skip
    return InitRequest(
        currency=account.currency,
        money_decimals=account.money_decimals,
        leverage=account.leverage,
        trade_allowed=True,
        symbols=specs,
        history_from=history_from,
    )
