"""What people did: one list, the newest first, of the histories in which each act is a row, written with its deed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, gettext_lazy

from backoffice import spreadsheets
from backoffice.permissions import SEE_ACTS
from backoffice.templatetags.outside import said
from backoffice.templatetags.spoken import in_words, setting_name
from orders.models import DifferenceEvent, SubscriptionEvent, SubscriptionVersion
from orders.services.subscriptions import versions
from sessions_app.domain.people import PersonAct
from sessions_app.models import PersonEvent, SessionEvent, SettingChange, VaultUse
from sessions_app.models.fields import OF_PEOPLE, first_id

MOST_TEXT: Final = 128
VERSIONS_ON_A_PAGE: Final = 50
_YEARS: Final = (2000, 2200)
_SHOWN: Final = 150
"""Letters of a value: a map of symbols may have thousands."""

KINDS: Final[Mapping[str, Any]] = {
    "account": gettext_lazy("account"), "alert": gettext_lazy("alert"), "client": gettext_lazy("OAuth client"),
    "difference": gettext_lazy("difference"), "grant": gettext_lazy("grant"), "group": gettext_lazy("group of staff"),
    "key": gettext_lazy("key"), "log-in": gettext_lazy("log-in"), "maintenance": gettext_lazy("maintenance"),
    "member": gettext_lazy("member"), "policy": gettext_lazy("policy of approvals"), "secret": gettext_lazy("secret"),
    "session": gettext_lazy("session"), "setting": gettext_lazy("configuration"),
    "settings": gettext_lazy("settings of a subscription"), "subscription": gettext_lazy("subscription"),
    "tenant": gettext_lazy("tenant"), "token": gettext_lazy("management token"),
}  # fmt: skip
"""On what people act, by the name that programs and addresses have."""


class Rows(Protocol):
    """Whose histories: those of a tenant, or of all."""

    def session_events(self) -> QuerySet[SessionEvent]: ...
    def subscription_events(self) -> QuerySet[SubscriptionEvent]: ...
    def versions(self) -> QuerySet[SubscriptionVersion]: ...
    def setting_changes(self) -> QuerySet[SettingChange]: ...
    def difference_events(self) -> QuerySet[DifferenceEvent]: ...
    def person_events(self) -> QuerySet[PersonEvent]: ...
    def vault_uses(self) -> QuerySet[VaultUse]: ...


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person, or a program of his, did: when, who, from where, on what, what, and why."""

    id: UUID
    at: datetime
    actor: str
    address: str
    kind: str
    subject: str
    what: str
    why: str
    tenant: str = ""
    version: "Version | None" = None
    about: "About | None" = None

    @property
    def kind_in_words(self) -> str:
        return str(KINDS[self.kind])


@dataclass(frozen=True, slots=True)
class Version:
    """Where the settings of a subscription stand that an act has made."""

    subscription_id: UUID
    number: int
    page: int


@dataclass(frozen=True, slots=True)
class About:
    """The row that an act was done to: its page for staff, and for members that of its account or subscription."""

    page: str
    row: UUID
    account: UUID | None = None
    subscription: UUID | None = None


# What is asked -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which acts; what is empty narrows nothing. `day`: of UTC, for everybody."""

    tenant: str = ""
    who: str = ""
    kind: str = ""
    day: date | None = None
    text: str = ""
    subscription: UUID | None = None


def asked_in(sent: QueryDict) -> Asked:
    """What an address asks for; what makes no sense narrows nothing."""

    def text(name: str) -> str:
        return "".join(letter for letter in sent.get(name, "")[:MOST_TEXT].strip() if letter.isprintable())

    return Asked(
        tenant=text("tenant"),
        who=text("who"),
        kind=text("kind") if text("kind") in KINDS else "",
        day=_day(text("day")),
        text=text("q"),
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _YEARS[0] <= found.year <= _YEARS[1] else None


def before_in(sent: QueryDict) -> UUID | None:
    """Before which act an address goes on."""
    try:
        return UUID(sent.get("before", ""))
    except ValueError:
        return None


# Where acts stand ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    """One table: its rows of people, which kinds of acts they are, and where its columns say what."""

    permission: str
    rows: Callable[[Rows], QuerySet[Any]]
    kinds: Mapping[str, Q]
    tenant: str
    subjects: Sequence[str]
    why: str
    act: Callable[[Any], Act]
    related: Sequence[str] = ()
    subscription: str = ""

    def found(self, rows: Rows, asked: Asked, before: UUID | None) -> QuerySet[Any] | None:
        """The rows that were asked for; None where they cannot be in this table."""
        if (asked.kind and asked.kind not in self.kinds) or (asked.subscription and not self.subscription):
            return None
        wanted = self.kinds[asked.kind] if asked.kind else Q()
        if asked.subscription:
            wanted &= Q(**{self.subscription: asked.subscription})
        if asked.tenant:
            wanted &= Q(**{f"{self.tenant}__name__istartswith": asked.tenant})
        if asked.who:
            wanted &= Q(actor__icontains=asked.who)
        if asked.text:
            places = (self.why, *self.subjects)
            wanted &= Q(*(Q(**{f"{place}__icontains": asked.text}) for place in places), _connector=Q.OR)
        # Ids begin with the moment at which they were made.
        if asked.day is not None:
            wanted &= Q(id__gte=first_id(_begins(asked.day)), id__lt=first_id(_begins(asked.day + timedelta(days=1))))
        if before is not None:
            wanted &= Q(id__lt=before)
        return self.rows(rows).filter(wanted).select_related(self.tenant, *self.related).order_by("-id")


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _on_account(row: SessionEvent) -> Act:
    kind = "session" if row.session_id else "key" if row.key_id else "grant" if row.grant_id else "account"
    what = _moved(row.from_state, row.to_state)
    page, of = next(((page, of) for page, of in _pages_of(row) if of is not None), ("brokeraccount", row.account_id))
    about = About(f"admin:sessions_app_{page}_change", of, account=row.account_id)
    return _act(row, kind, row.account.claimed_as, what, row.note, row.account.tenant, about=about)


def _pages_of(row: SessionEvent) -> Iterator[tuple[str, UUID | None]]:
    yield "easession", row.session_id
    yield "authkey", row.key_id
    yield "accountgrant", row.grant_id


def _on_a_subscription(subscription_id: UUID) -> About:
    return About("admin:orders_subscription_change", subscription_id, subscription=subscription_id)


def _on_subscription(row: SubscriptionEvent) -> Act:
    what = _moved(row.from_state, row.to_state)
    about = _on_a_subscription(row.subscription_id)
    return _act(row, "subscription", _pair(row), what, row.note, row.subscription.strategy.tenant, about=about)


def _on_settings(row: Any) -> Act:
    """A version of a subscription's settings, with those `former` to it."""
    page = (row.subscription.version - row.number) // VERSIONS_ON_A_PAGE + 1
    version = Version(row.subscription_id, row.number, page)
    what = differing(row.former, row.settings) or gettext("version %(number)s") % {"number": row.number}
    links = {"version": version, "about": _on_a_subscription(row.subscription_id)}
    return _act(row, "settings", _pair(row), what, row.note, row.subscription.strategy.tenant, **links)


def _on_configuration(row: SettingChange) -> Act:
    of = gettext("all accounts") if row.account is None else row.account.claimed_as
    what = f"{setting_name(row.name)}: {configured(row.before)} → {configured(row.after)}"
    return _act(row, "setting", of, what, row.reason, row.tenant)


def _on_difference(row: DifferenceEvent) -> Act:
    subject = f"{row.difference.account.claimed_as}, {row.difference.subject}"
    what = _moved(row.from_state, row.to_state)
    about = About("admin:orders_difference_change", row.difference_id, account=row.difference.account_id)
    return _act(row, "difference", subject, what, row.reason, row.difference.account.tenant, about=about)


def _on_person(row: PersonEvent) -> Act:
    kind = _KIND_OF[PersonAct(row.act)]
    return _act(row, kind, row.person.removeprefix("token "), said(row.act), row.note, row.tenant)


def _on_secret(row: VaultUse) -> Act:
    return _act(row, "secret", f"{row.name} v{row.version}", said(row.act), row.purpose, row.tenant)


def _act(row: Any, kind: str, subject: str, what: str, why: str, tenant: Any, **links: Any) -> Act:
    of = tenant.name if tenant is not None else ""
    return Act(row.id, row.at, row.actor, row.address, kind, subject, what, why, of, **links)


def _pair(row: SubscriptionEvent | SubscriptionVersion) -> str:
    names = {"follower": row.subscription.follower.claimed_as, "strategy": row.subscription.strategy.name}
    return gettext("%(follower)s copies %(strategy)s") % names


def _moved(before: str, after: str) -> str:
    return f"{said(before) if before else gettext('new')} → {said(after)}"


def configured(value: object) -> str:
    """A value of the configuration as people read it."""
    if isinstance(value, bool):
        return gettext("on") if value else gettext("off")
    return gettext("as above") if value is None else _short(in_words(value))


def differing(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """What differs between the settings of two versions; empty where the former is not known."""
    if before is None:
        return ""
    return "; ".join(
        f"{setting_name(one.name)}: {_short(in_words(one.before))} → {_short(in_words(one.after))}"
        for one in versions.changes(dict(before), dict(after))
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _changed_settings(rows: Rows) -> QuerySet[Any]:
    """Each with the settings `former` to it. The first version comes with its subscription; those that nobody made have
    no actor."""
    before = rows.versions().filter(subscription=OuterRef("subscription"), number=OuterRef("number") - 1)
    made = rows.versions().filter(OF_PEOPLE, number__gt=1).exclude(actor="")
    return made.annotate(former=Subquery(before.values("settings")[:1]))


_OF_PERSONS: Final[Mapping[str, Collection[PersonAct]]] = {
    "alert": (PersonAct.ALERT_ACKNOWLEDGED,),
    "client": (PersonAct.CLIENT_REGISTERED, PersonAct.CLIENT_SECRET_RENEWED, PersonAct.CLIENT_REVOKED),
    "group": (PersonAct.GROUP_MADE, PersonAct.GROUP_CHANGED, PersonAct.GROUP_DELETED),
    "maintenance": (PersonAct.MAINTENANCE_ANNOUNCED, PersonAct.MAINTENANCE_CANCELLED),
    "member": (
        PersonAct.INVITED, PersonAct.INVITATION_WITHDRAWN, PersonAct.INVITATION_ACCEPTED, PersonAct.ROLE_CHANGED,
        PersonAct.MEMBER_ADDED, PersonAct.MEMBER_REMOVED,
    ),
    "policy": (
        PersonAct.WINDOW_OPENED, PersonAct.WINDOW_CLOSED, PersonAct.FINGERPRINT_APPROVED,
        PersonAct.FINGERPRINT_WITHDRAWN,
    ),
    "tenant": (PersonAct.TENANT_SUSPENDED, PersonAct.TENANT_SUSPENSION_LIFTED),
    "token": (PersonAct.TOKEN_MADE, PersonAct.TOKEN_REVOKED),
}  # fmt: skip
_OTHERS: Final = {act: kind for kind, acts in _OF_PERSONS.items() for act in acts}
_KIND_OF: Final = {act: _OTHERS.get(act, "log-in") for act in PersonAct}
_HISTORIES: Final = (
    _History(
        permission="sessions_app.view_sessionevent",
        rows=lambda rows: rows.session_events().filter(OF_PEOPLE),
        kinds={
            "session": Q(session__isnull=False),
            "key": Q(session__isnull=True, key__isnull=False),
            "grant": Q(session__isnull=True, key__isnull=True, grant__isnull=False),
            "account": Q(session__isnull=True, key__isnull=True, grant__isnull=True),
        },
        tenant="account__tenant", subjects=("account__claimed_as",), why="note", act=_on_account,
    ),
    _History(
        permission="orders.view_subscriptionevent",
        rows=lambda rows: rows.subscription_events().filter(OF_PEOPLE),
        kinds={"subscription": Q()},
        tenant="subscription__strategy__tenant",
        subjects=("subscription__follower__claimed_as", "subscription__strategy__name"),
        why="note", act=_on_subscription, related=("subscription__follower",), subscription="subscription",
    ),
    _History(
        permission="orders.view_subscription",
        rows=_changed_settings,
        kinds={"settings": Q()},
        tenant="subscription__strategy__tenant",
        subjects=("subscription__follower__claimed_as", "subscription__strategy__name"),
        why="note", act=_on_settings, related=("subscription__follower",), subscription="subscription",
    ),
    _History(
        permission="sessions_app.view_settingchange",
        rows=lambda rows: rows.setting_changes(),
        kinds={"setting": Q()},
        tenant="tenant", subjects=("account__claimed_as", "name"), why="reason", act=_on_configuration,
        related=("account",),
    ),
    _History(
        permission="orders.view_differenceevent",
        rows=lambda rows: rows.difference_events().filter(OF_PEOPLE),
        kinds={"difference": Q()},
        tenant="difference__account__tenant", subjects=("difference__account__claimed_as", "difference__symbol"),
        why="reason", act=_on_difference,
    ),
    _History(
        permission="sessions_app.view_personevent",
        rows=lambda rows: rows.person_events(),
        kinds={kind: Q(act__in=[act for act in PersonAct if _KIND_OF[act] == kind]) for kind in _KIND_OF.values()},
        tenant="tenant", subjects=("person",), why="note", act=_on_person,
    ),
    _History(
        permission="sessions_app.view_vaultuse",
        rows=lambda rows: rows.vault_uses(),
        kinds={"secret": Q()},
        tenant="tenant", subjects=("name",), why="purpose", act=_on_secret,
    ),
)  # fmt: skip


# Reading it ----------------------------------------------------------------------------------------------------------


def acts(
    rows: Rows, most: int, before: UUID | None = None, asked: Asked | None = None, *, sees: Collection[str] = SEE_ACTS
) -> list[Act]:
    """The latest acts, the newest first; `before`: those that were written before the one with this id."""
    histories = [one for one in _HISTORIES if one.permission in sees]
    found = ((one, one.found(rows, asked or Asked(), before)) for one in histories)
    read = [one.act(row) for one, some in found if some is not None for row in some[:most]]
    return sorted(read, key=lambda act: act.id, reverse=True)[:most]


def kinds(sees: Collection[str] = SEE_ACTS) -> list[tuple[str, str]]:
    """What a list may be narrowed to, by what it is called."""
    names = {kind for one in _HISTORIES if one.permission in sees for kind in one.kinds}
    return sorted(((name, str(KINDS[name])) for name in names), key=lambda one: one[1].lower())


@dataclass(frozen=True, slots=True)
class Page:
    """Some acts of a list, and the ways on: what is asked stays in their addresses."""

    acts: Sequence[Act]
    asked: Asked
    kinds: Sequence[tuple[str, str]]
    query: str
    earlier: str
    latest: str

    @property
    def narrowed(self) -> bool:
        return self.asked != Asked()


def page(rows: Rows, sent: QueryDict, most: int, *, sees: Collection[str] = SEE_ACTS) -> Page:
    """The page of acts that an address asks for."""
    asked, before = asked_in(sent), before_in(sent)
    found = acts(rows, most + 1, before, asked, sees=sees)
    kept = sent.copy()
    kept.pop("before", None)
    query = kept.urlencode()
    on = f"?{query}{'&' if query else ''}before="
    return Page(
        acts=found[:most],
        asked=asked,
        kinds=kinds(sees),
        query=query,
        earlier=f"{on}{found[most - 1].id}" if len(found) > most else "",
        latest=f"?{query}" if before is not None else "",
    )


_HEADINGS: Final = ("when", "who", "from", "kind", "on what", "what", "why")


def exported(rows: Rows, asked: Asked, *, tenants: bool = True, sees: Collection[str] = SEE_ACTS) -> HttpResponseBase:
    """These acts as a file, the newest first; `tenants`: with a column that says whose."""

    def cells(act: Act) -> list[Any]:
        told = [act.at, act.actor, act.address, act.kind, act.subject, act.what, act.why]
        return [*told, act.tenant] if tenants else told

    def pieces() -> Iterator[list[list[Any]]]:
        before: UUID | None = None
        while piece := acts(rows, spreadsheets.PIECE, before, asked, sees=sees):
            before = piece[-1].id
            yield [cells(act) for act in piece]

    return spreadsheets.sent("audit", [*_HEADINGS, "tenant"] if tenants else _HEADINGS, pieces())
