"""What did this EA say and hear? How the session came and went, its frames, and the commands that it got."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from backoffice.foreign import foreign
from backoffice.staff import short_words
from backoffice.staff.panels.panel import Panel, badge, linked, linked_to, list_of, may_see
from backoffice.templatetags.outside import NOTHING, instant, lots, moment, outside, words
from backoffice.templatetags.spoken import in_english
from backoffice.terminals import Terminal
from orders.models import Command, Intent, Report
from sessions_app.domain.lifecycle import LIVING, SessionStatus
from sessions_app.models import EaSession, InboundFrame, SessionEvent
from sessions_app.models.fields import first_id
from sessions_app.queries import clock
from sessions_app.services.ingest.batches import MAX_FOREIGN_REPORTS

LATEST: Final = 25
LOOKED_AT: Final = 200
"""Commands of the account among which those of the session are sought: older ones are in the list."""
_why: Final = short_words.shower(SessionEvent, "reason", on_page=True)


def for_page(rows: QuerySet[EaSession]) -> QuerySet[Any]:
    """Sessions with the time, their account and what they rest on."""
    return rows.select_related("account__tenant", "key__account", "grant__account").annotate(now=clock())


def of_session(request: HttpRequest, session: Any) -> Iterator[Panel]:
    """Everything about a session that the person may see, in a read for each panel."""
    events = list(session.events.order_by("id")[:LATEST]) if may_see(request, SessionEvent) else []
    yield _state(session, events)
    yield _bounds(session)
    yield from _said(request, session)
    if may_see(request, Command):
        yield _heard(session)
    if events:
        rows = [
            (moment(one.at), f"{in_english(one.from_state) or 'new'} to {in_english(one.to_state)}", _why(one.reason),
             outside(one.actor), outside(one.note))
            for one in events
        ]  # fmt: skip
        yield Panel("Its life", ("When", "What", "Why", "By", "Note"), rows)


def _state(session: Any, events: list[SessionEvent]) -> Panel:
    terminal = Terminal.of(session, session.now)
    living = session.state in LIVING
    facts: list[tuple[str, Any]] = [
        ("State", badge(session.state)),
        ("Account", linked(session.account)),
        ("Last heard", format_html("{}, {}", moment(session.last_heartbeat_at), terminal.heard)),
        ("Program", format_html("{} {}", session.platform, outside(session.ea_version))),
        ("Address", outside(session.remote_address)),
        ("Rests on", linked(session.key or session.grant)),
    ]
    if living and session.state != SessionStatus.AUTHENTICATED:
        facts.insert(1, ("Now", terminal.standing))
    if not living:
        end = next((one for one in reversed(events) if one.to_state == session.state), None)
        by = format_html(" by {}", foreign(end.actor)) if end is not None else ""
        note = format_html(": {}", foreign(end.note)) if end is not None and end.note else ""
        why = _why(session.close_reason)
        facts.insert(1, ("Ended", format_html("{}{}. {}{}", moment(session.closed_at), by, why, note)))
    return Panel("What did this EA say and hear?", facts=facts)


def _bounds(session: Any) -> Panel:
    """What a session may use, and what it has used."""
    facts: list[tuple[str, Any]] = [
        ("Heartbeats", f"every {session.heartbeat_interval} s; silent after {session.heartbeat_timeout} s"),
        ("Frames stored", f"up to number {session.stored_seq}"),
        ("Sockets and exchanges", session.links),
        ("Foreign reports", f"{session.foreign_reports} of {MAX_FOREIGN_REPORTS} that end it"),
    ]
    if session.state == SessionStatus.PENDING:
        facts.insert(2, ("While it waits", f"at most {settings.GATEWAY['pending_frames']} frames are kept for it"))
    return Panel("Bounds, and what it used", facts=facts)


def _said(request: HttpRequest, session: Any) -> Iterator[Panel]:
    """Its latest durable frames, each with what came of it. No frame has a secret in it."""
    frames = list(InboundFrame.objects.filter(session=session).defer("content", "digest").order_by("-seq")[:LATEST])
    ids = [one.frame_id for one in frames]
    became: dict[UUID, Any] = {}
    for table in (Intent, Report):
        if ids and may_see(request, table):
            found: Any = table._default_manager.filter(account=session.account, frame_id__in=ids)
            became |= {one.frame_id: linked(one, _told(one)) for one in found}
    rows = []
    for one in frames:
        kept = badge("waits" if one.quarantined else "stored")
        state = format_html('<span class="state error">refused: {}</span>', words(one.refusal)) if one.refusal else kept
        rows.append((one.seq, one.kind, state, became.get(one.frame_id, NOTHING), instant(one.received_at)))
    heads = ("Number", "Frame", "State", "What it told", "Received")
    yield Panel("What it said, the latest first", heads, rows, none="It has sent no durable frame.")


def _told(row: Any) -> str:
    if isinstance(row, Intent):
        return f"{in_english(row.action)} {row.symbol} {lots(row.lots)}"
    return f"{in_english(row.status)} {row.ticket or ''}".rstrip()


def _heard(session: Any) -> Panel:
    """The latest commands that were sent while it lived, among those that were decided before its end."""
    decided = Command.objects.filter(account=session.account)
    if session.closed_at is not None:
        decided = decided.filter(id__lt=first_id(session.closed_at))
    latest = decided.order_by("-id")[:LOOKED_AT]
    sent = [one for one in latest if one.pushed_at is not None and one.pushed_at >= session.created_at]
    rows = [
        (
            one.seq,
            linked_to(Command, one.pk, f"{in_english(one.action)} {one.symbol}"),
            badge(one.state),
            lots(one.lots),
            instant(one.pushed_at),
            instant(one.acked_at),
            instant(one.reported_at),
        )
        for one in sent[:LATEST]
    ]
    on = ("Every command of its account", list_of(Command, account__id__exact=session.account_id))
    heads = ("Number", "Command", "State", "Lots", "Sent", "Acknowledged", "Reported")
    return Panel("What it heard, the latest first", heads, rows, none="No command was sent to it.", on=on)
