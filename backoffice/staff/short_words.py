"""The short words that rows keep, such as `heartbeat_timeout`: on the staff's lists as words, on the page of a row as a
sentence. The short word itself is always there to be found: documents, logs and programs have it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import Model
from django.utils.html import format_html

from backoffice.foreign import foreign
from orders.domain.states.denials import SENTENCES
from orders.domain.states.reasons import (
    CLOSE_CAUSES,
    COMMAND_REASONS,
    DIFFERENCE_REASONS,
    REPORT_FLAGS,
    WAIT_CODES,
    WAIT_REASONS,
)
from orders.domain.wire.intents import Cause
from orders.models import Command, Copy, Decision, Difference, DifferenceEvent, FillWait, Report, SubscriptionEvent
from sessions_app.domain.lifecycle import SESSION_REASONS, SnapshotReason
from sessions_app.models import AccountGrant, BrokerAccount, EaSession, SessionEvent

Sentences = Mapping[str, str]

_METHODS: Final[Sentences] = {
    "account_session_key": "by a key of the account's own",
    "bearer_token": "by a token of the deployment's issuer",
    "oauth_client_credentials": "by the access token of an OAuth client",
}
_CAUSES: Final[Sentences] = {cause.value: "" for cause in Cause}
_SNAPSHOTS: Final[Sentences] = {reason.value: "" for reason in SnapshotReason}
_STATES: Final[Sentences] = {}  # of whatever has states
_DENIALS: Final[Sentences] = {code.value: text for code, text in SENTENCES.items()}

_KNOWN: Final[Mapping[tuple[type[Model], str], Sentences]] = {
    (AccountGrant, "method"): _METHODS,
    (BrokerAccount, "snapshot_reason"): _SNAPSHOTS,
    (EaSession, "auth_method"): _METHODS,
    (EaSession, "close_reason"): {reason.value: text for reason, text in SESSION_REASONS.items()},
    (SessionEvent, "reason"): {reason.value: text for reason, text in SESSION_REASONS.items()},
    (Command, "reason"): {reason.value: text for reason, text in COMMAND_REASONS.items()},
    (Copy, "close_cause"): {**_CAUSES, **{cause.value: text for cause, text in CLOSE_CAUSES.items()}},
    (Copy, "wait_reason"): {reason.value: text for reason, text in WAIT_REASONS.items()},
    (Decision, "code"): _DENIALS,
    (Difference, "reason"): {reason.value: text for reason, text in DIFFERENCE_REASONS.items()},
    (DifferenceEvent, "reason"): {reason.value: text for reason, text in DIFFERENCE_REASONS.items()},
    (FillWait, "code"): {**_DENIALS, **{code.value: text for code, text in WAIT_CODES.items()}},
    (Report, "cause"): _CAUSES,
    (Report, "flag"): {flag.value: text for flag, text in REPORT_FLAGS.items()},
    **{
        (table, name): _STATES
        for table in (SessionEvent, DifferenceEvent, SubscriptionEvent)
        for name in ("from_state", "to_state")
    },
}


def holds(table: type[Model], name: str) -> bool:
    """Whether short words stand in this column."""
    return (table, name) in _KNOWN


def shower(table: type[Model], name: str, *, on_page: bool) -> Callable[[Any], Any]:
    """How this column is shown, in lists or on the page of a row. People's own reasons may stand in it too, and stay as
    they are."""
    sentences = _KNOWN[table, name]

    def show(value: str) -> Any:
        if sentences is not _STATES and value not in sentences:
            return foreign(value)
        sentence = sentences.get(value, "")
        if on_page and sentence:
            return format_html("{} <code>{}</code>", sentence.replace("`", ""), value)
        words = value.replace("_", " ")
        if not sentence and words == value:
            return words
        return format_html('<span title="{}">{}</span>', f"{value}: {sentence}" if sentence else value, words)

    return show
