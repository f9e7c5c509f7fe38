"""The demo's cast: who takes part, and how each follower copies, in the demo's own words.

Nothing here knows of the gateway's code: what a book must show is computed from these figures and the recording.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from eagateway_sdk.paper.recording import AccountInfo, BrokenRecording, Recording

MIRRORED: Final = "mirrored"
RATIO: Final = "balance_ratio"
FIXED: Final = "fixed_lots"
FILE: Final = "cast.json"


@dataclass(frozen=True, slots=True)
class Copying:
    """How a follower copies: as many lots as the master, a ratio of two fixed sums of money, or always the same lots.

    `max_lots` cuts what is more; `lacks` are recorded symbols that the follower's broker does not list.
    """

    mode: str = MIRRORED
    master_base: Decimal = Decimal(1)
    follower_base: Decimal = Decimal(1)
    lots: Decimal = Decimal(0)
    max_lots: Decimal | None = None
    lacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Part:
    """One account of the demo. `rename`: its broker's names for the recorded symbols."""

    name: str
    account_id: str
    auth_key: str
    balance: Decimal | None
    rename: Mapping[str, str]
    copying: Copying = field(default_factory=Copying)

    def listed(self, account: AccountInfo) -> AccountInfo:
        """The recorded account with the symbols that this part's broker lists, by their recorded names."""
        kept = {name: spec for name, spec in account.symbols.items() if name not in self.copying.lacks}
        return replace(account, symbols=kept)


def part(name: str, account_id: str, balance: Decimal | None, rename: Mapping[str, str], copying: Copying) -> Part:
    """A part with a key of its own."""
    return Part(name, account_id, secrets.token_urlsafe(32), balance, rename, copying)


def with_extras(parts: Sequence[Part], recording: Recording) -> Sequence[Part]:
    """The followers with what the recording's own `cast.json` says of them, if it has one.

    :raises BrokenRecording: the file is not what docs/recording.md says
    """
    extras = _read(recording)
    unknown = sorted(extras.keys() - {one.name for one in parts})
    if unknown:
        raise BrokenRecording(f"there is no follower {unknown[0]!r}", file=FILE)
    return [_with(one, extras.get(one.name, {}), recording.account) for one in parts]


def _with(one: Part, extra: Mapping[str, Any], account: AccountInfo) -> Part:
    unknown = sorted(extra.keys() - {"max_lots", "lacks"})
    if unknown:
        raise BrokenRecording(f"{one.name}: unknown field {unknown[0]!r}", file=FILE)
    lacks = extra.get("lacks", [])
    if not isinstance(lacks, list) or not set(lacks) <= account.symbols.keys():
        raise BrokenRecording(f"{one.name}: lacks is no list of symbols of account.json", file=FILE)
    most = one.copying.max_lots
    if "max_lots" in extra:
        most = _lots(one.name, extra["max_lots"])
    return replace(one, copying=replace(one.copying, max_lots=most, lacks=frozenset(lacks)))


def _lots(name: str, text: object) -> Decimal:
    try:
        lots = Decimal(text) if isinstance(text, str) else Decimal(0)
    except InvalidOperation:
        lots = Decimal(0)
    if not lots.is_finite() or lots <= 0:
        raise BrokenRecording(f"{name}: max_lots is no decimal above 0 in quotes", file=FILE)
    return lots


def _read(recording: Recording) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(recording.source, Path) or not (recording.source.parent / FILE).exists():
        return {}
    try:
        content = json.loads((recording.source.parent / FILE).read_text(encoding="utf-8"))
    except ValueError as error:
        raise BrokenRecording(f"not JSON: {error}", file=FILE) from error
    if not isinstance(content, dict) or not all(isinstance(extra, dict) for extra in content.values()):
        raise BrokenRecording("not an object of followers", file=FILE)
    return content
