"""Words of machines as people read them: outcomes, states, steps of a decision and values of settings. The word itself
stays at hand as a title, for documents, exports and programs have it."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from backoffice.templatetags.outside import NOTHING, SAID, STATES, outside, said, words
from backoffice.written.entries import in_entries
from orders.domain.copies.repair_policies import Policy
from orders.domain.decision.inputs import Outcome
from orders.domain.decision.settings import SETTINGS, LatePolicy, MinLotsPolicy
from orders.domain.sizing.modes import ContractSize, Mode
from orders.domain.states.commands import CommandState
from orders.domain.states.copies import CopyState
from orders.domain.states.denials import SENTENCES, Code
from orders.domain.states.differences import DifferenceState
from orders.domain.states.reasons import CommandReason, ReportFlag
from orders.domain.states.subscriptions import SubscriptionState
from orders.domain.wire.intents import Action, OrderType
from orders.domain.wire.reports import ReportStatus
from orders.domain.wire.snapshots import DifferenceKind
from sessions_app.domain.configuration import CHAIN, Level
from sessions_app.domain.decimals import plain
from sessions_app.domain.lifecycle import AccountState, GrantState, KeyState, Reason, SessionStatus
from sessions_app.domain.mailing import MessageState
from sessions_app.domain.people import PersonAct
from sessions_app.models import VaultAct

register = template.Library()
_TABLES: Final[tuple[type[StrEnum], ...]] = (
    Policy, LatePolicy, MinLotsPolicy, ContractSize, Mode, Code, CommandReason, SubscriptionState, Action, OrderType,
    DifferenceKind,
)  # fmt: skip
_OURS: Final = frozenset(item.value for table in _TABLES for item in table)
"""Names that we have given. A symbol or an account may have an underscore too, which stays."""
_SPOKEN: Final[tuple[type[StrEnum], ...]] = (
    Outcome, CopyState, CommandState, SubscriptionState, DifferenceState, DifferenceKind, KeyState, SessionStatus,
    GrantState, AccountState, Mode, ContractSize, LatePolicy, MinLotsPolicy, Policy, Level, PersonAct, VaultAct,
    MessageState, Reason, CommandReason, ReportFlag, ReportStatus,
)  # fmt: skip
NAMES: Final = frozenset(SAID.get(item.value, words(item.value)) for table in _SPOKEN for item in table) | {"new"}
"""States, and what else of ours pages say in each language; catalogues mark them. Roles, actions and codes are the same
in all, as programs have them."""
_SENTENCES: Final[Mapping[str, str]] = {code.value: sentence for code, sentence in SENTENCES.items()}
_TITLES: Final[Mapping[str, str]] = {row.name: row.title for table in (CHAIN, SETTINGS.rows) for row in table}
_PASSED: Final = "ok"


@register.filter
def named(value: str) -> str:
    """A state or an outcome in words, with itself as its title."""
    return _titled(value, said(value))


@register.filter
def why(code: str) -> str:
    """What a decision's code means, as a sentence."""
    return _titled(code, re.sub("`([^`]*)`", r"\1", gettext(_SENTENCES[code]))) if code in _SENTENCES else words(code)


@register.filter
def result(value: Any) -> str:
    """What came of one step of a decision; a code briefly, for its sentence stands above the steps."""
    if value == _PASSED:
        return _titled(_PASSED, gettext("passed"))
    return named(value) if value in _OURS else outside(value)


@register.filter
def evident(value: Any) -> str:
    """What a step has looked at: names of ours as words, yes and no, and what came from outside as it is."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Mapping):
        return outside(", ".join(f"{name}: {one}" for name, one in value.items()))
    return named(value) if isinstance(value, str) and value in _OURS else outside(value)


@register.filter
def setting_name(name: str) -> str:
    """What a setting is called, of a subscription or of the configuration."""
    return gettext(_TITLES[name]) if name in _TITLES else words(name)


@register.filter
def setting(value: Any) -> str:
    """The value of a subscription's setting, as a document writes it or as it is stored."""
    return outside(in_words(value))


def in_words(value: Any) -> str:
    """The same as a text."""
    if value is None or isinstance(value, bool):
        return gettext("off") if value is None else gettext("yes") if value else gettext("no")
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        pairs = all(isinstance(one, str) for one in value.values())
        lines = (f"{name} = {one}" for name, one in value.items())
        return (", ".join(lines) if pairs else _filters(value)) or NOTHING
    text = str(value)
    return said(text) if text in _OURS else text


def _filters(value: Mapping[str, Any]) -> str:
    """As they are typed, in one line; JSON where that would not be read back as the same."""
    text = in_entries(value)
    return json.dumps(value, ensure_ascii=False) if text.startswith("{") else "; ".join(text.splitlines())


def in_english(value: str) -> str:
    """A state or an outcome on the staff's pages, where names are English."""
    return STATES.get(value, value.replace("_", " "))


@register.filter
def fact(value: Any) -> str:
    """A fact of an action's preview: what is made for a page already stays, a name of ours becomes words."""
    return value if isinstance(value, SafeString) else evident(value)


def _titled(value: str, text: str) -> str:
    return text if text in (value, NOTHING) else format_html('<span title="{}">{}</span>', value, text)
