"""Reading a subscription's settings from the file: each by its own row of the table."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from orders.domain.decision.setting_table import Amount, Choice, Content, Setting, SettingTable, Switch, Text, Whole
from orders.domain.decision.settings import Settings, contradictions
from orders.domain.provisioning.entries import Mistake, Node
from sessions_app.domain.decimals import plain

BESIDE: Final = ("follower", "state")
"""What a subscription's object says besides its settings."""
_S = TypeVar("_S", bound=Settings)


def read_settings(node: Node, table: SettingTable[_S]) -> _S:
    """The settings in a subscription's object; what is left out has its default, what is unknown is a mistake."""
    node.only(*BESIDE, *(row.name for row in table.rows))
    settings = table.read(lambda row: _read(node, row))
    for name, message in contradictions(settings):
        if not node.wrong(name):
            node.mistake(name, message)
    return settings


def settings_of(document: object, table: SettingTable[_S]) -> tuple[_S, list[Mistake]]:
    """Settings that are written by themselves, and what is wrong with them: read as those of a file."""
    mistakes: list[Mistake] = []
    return read_settings(Node(document, "", mistakes), table), mistakes


def written(settings: Settings, table: SettingTable[Any]) -> dict[str, Any]:
    """The settings as a file would say them, without those that are switched off."""
    values = {row.name: getattr(settings, row.name) for row in table.rows}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, StrEnum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


def _read(node: Node, row: Setting) -> Any:
    match row.kind:
        case Choice(names):
            return node.choice(row.name, names, row.default)
        case Whole(least, most):
            return node.integer(row.name, least=least, most=most, default=row.default)
        case Amount(decimal, least):
            return node.positive(row.name, decimal, row.default, least=least)
        case Text(most):
            return node.text(row.name, most=most, default=row.default)
        case Switch():
            return node.value(row.name, bool, row.default)
        case Content(check):
            return node.content(row.name, check, row.default)
