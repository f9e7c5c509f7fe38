"""Subscriptions are made and changed here: settings, a preview on the last trades, versions and the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy, ngettext

from backoffice.foreign import legible
from backoffice.one_trade import sizing
from backoffice.tenants.pages import Visit, found, listed, member_act, member_page
from backoffice.tenants.setting_form import SettingsForm
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.decision.symbols import MAX_SYMBOL
from orders.domain.provisioning.settings import written
from orders.domain.states.denials import SENTENCES
from orders.models import Decision, Strategy, Subscription, SubscriptionVersion
from orders.services.subscriptions import lifecycle, preview, symbols, versions
from orders.services.subscriptions.preview import Previewed
from sessions_app.models import BrokerAccount
from sessions_app.services.operations.history import Actor

MOST: Final = 500
"""Accounts that a list offers; one beyond is named in the address."""
NAMED: Final = 5
"""Lines of a symbol map that one sentence names."""
# A preview needs no reason, so the browser must not ask for one; who saves is told that it is needed.
_REASON: Final = forms.TextInput(attrs={"aria-required": "true"})


class EditForm(SettingsForm):
    """`version`: the one that was looked at."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=255,
        required=False,
        widget=_REASON,
        help_text=gettext_lazy("Kept with the version. A preview needs none."),
    )


class NewForm(SettingsForm):
    """Who copies what, too."""

    strategy = forms.ChoiceField()
    follower = forms.ChoiceField()
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=255,
        required=False,
        widget=_REASON,
        help_text=gettext_lazy("Kept with the version. A preview needs none."),
    )

    def __init__(
        self, *args: Any, strategies: Sequence[Strategy], followers: Sequence[BrokerAccount], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self.fields["strategy"] = forms.ChoiceField(
            label=gettext("Strategy"), choices=[(str(one.pk), legible(one.name)) for one in strategies]
        )
        self.fields["follower"] = forms.ChoiceField(
            label=gettext("Follower"), choices=[(str(one.pk), legible(one.claimed_as)) for one in followers]
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A trade in the preview: what it was, and what it would have become."""

    previewed: Previewed
    before: Decision | None

    @property
    def outcome(self) -> str:
        return self.previewed.decided.outcome.value if self.previewed.decided else "unknown"

    @property
    def why(self) -> str:
        decided = self.previewed.decided
        if decided is None:
            return gettext("What is stored of it cannot be read.")
        return gettext(SENTENCES[decided.code]) if decided.code else sizing(decided.steps)

    @property
    def was(self) -> str:
        return sizing(self.before.steps) if self.before else ""


# Making one -----------------------------------------------------------------------------------------------------------


@member_act
def subscribe(visit: Visit) -> HttpResponseBase:
    scope, request = visit.scope, visit.request
    strategies = list(scope.strategies().select_related("master").order_by("name")[:MOST])
    followers = list(scope.accounts().order_by("account_id")[:MOST])
    asked = request.GET.get("strategy", ""), request.GET.get("follower", "")
    form = NewForm(
        request.POST or None, strategies=strategies, followers=followers,
        initial={"strategy": asked[0], "follower": asked[1]},
    )  # fmt: skip
    shown: list[Shown] | None = None
    warnings: list[str] = []
    if form.is_valid():
        strategy = next(one for one in strategies if str(one.pk) == form.cleaned_data["strategy"])
        follower = next(one for one in followers if str(one.pk) == form.cleaned_data["follower"])
        if "save" in request.POST:
            row = _subscribed(visit, form, strategy, follower)
            if row is not None:
                messages.success(
                    request,
                    gettext("%(follower)s copies %(strategy)s from now on.")
                    % {"follower": follower.claimed_as, "strategy": strategy.name},
                )
                _warn(visit, follower, form)
                return redirect(visit.address("tenants:subscription", row.pk))
        else:
            shown = _preview(visit, strategy, follower, form.wanted, None)
            warnings = _warnings(follower, form)
    back = visit.address("tenants:subscriptions")
    nothing = not strategies or not followers
    context = {
        "form": form,
        "shown": shown,
        "back": back,
        "verb": gettext("Subscribe"),
        "nothing": nothing,
        "warnings": warnings,
    }
    return visit.show("settings_form", gettext("Who copies what, and how?"), **context)


def _subscribed(visit: Visit, form: NewForm, strategy: Strategy, follower: BrokerAccount) -> Subscription | None:
    if not _has_reason(form):
        return None
    note = form.cleaned_data["reason"]
    try:
        return lifecycle.subscribe(
            strategy=strategy, follower=follower, wanted=form.wanted, by=_actor(visit), note=note
        )
    except lifecycle.AlreadySubscribed:
        form.add_error("follower", gettext("It copies this strategy already: change its subscription."))
    except lifecycle.OwnMaster:
        form.add_error("follower", gettext("It is the master of this strategy."))
    except lifecycle.CopyCycle as cycle:
        form.add_error(None, gettext("Not possible: %(cycle)s.") % {"cycle": cycle})
    return None


# Changing one ---------------------------------------------------------------------------------------------------------


@member_act
def edit(visit: Visit, subscription_id: UUID) -> HttpResponseBase:
    request = visit.request
    row: Subscription = found(
        visit.scope.subscriptions().select_related("strategy__master", "follower"), subscription_id
    )
    missing = request.GET.get("map", "")[:MAX_SYMBOL]
    form = EditForm(
        request.POST or None, document=_begins_with(visit, row), initial={"version": row.version},
        at=request.GET.get("at", ""), missing=missing,
        meant=request.GET.get("to", "")[:MAX_SYMBOL],
    )  # fmt: skip
    if missing:
        _suggest(row, form, missing)
    shown: list[Shown] | None = None
    changed: Sequence[versions.Change] = ()
    warnings: list[str] = []
    overtaken: SubscriptionVersion | None = None
    if form.is_valid():
        if "save" in request.POST:
            try:
                if _changed(visit, row, form):
                    _warn(visit, row.follower, form)
                    return redirect(visit.address("tenants:subscription", row.pk))
            except lifecycle.SettingsChanged:
                overtaken = _latest(visit, row)
        else:
            shown = _preview(visit, row.strategy, row.follower, form.wanted, row)
            warnings = _warnings(row.follower, form)
        changed = versions.changes(written(row.settings, SETTINGS), written(form.wanted, SETTINGS))
    context = {
        "form": form,
        "shown": shown,
        "changed": changed,
        "warnings": warnings,
        "subscription": row,
        "overtaken": overtaken,
        "goes_back_to": _former(visit, row),
        "back": visit.address("tenants:subscription", row.pk),
        "verb": gettext("Save"),
    }
    return visit.show("settings_form", gettext("What shall be copied, and how?"), **context)


def _latest(visit: Visit, row: Subscription) -> SubscriptionVersion:
    """The version of now, of which `row` is brought up to date; a first one has no row until a second one is made."""
    row.refresh_from_db()
    latest: SubscriptionVersion | None = visit.scope.versions().filter(subscription=row, number=row.version).first()
    return latest or SubscriptionVersion(number=row.version, actor=gettext("somebody"))


def _begins_with(visit: Visit, row: Subscription) -> Mapping[str, Any]:
    """The settings of now; or those of the version that the address names, to go back to."""
    old = _former(visit, row)
    return written(row.settings, SETTINGS) if old is None else versions.restored(old) or {}


def _former(visit: Visit, row: Subscription) -> SubscriptionVersion | None:
    """The version that the address names."""
    asked = _number(visit.request.GET.get("version", ""))
    if asked is None:
        return None
    old: SubscriptionVersion | None = visit.scope.versions().filter(subscription=row, number=asked).first()
    return old


def _number(text: str) -> int | None:
    """A version's number as somebody has sent it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _changed(visit: Visit, row: Subscription, form: EditForm) -> bool:
    """:raises SettingsChanged: somebody was first."""
    if not _has_reason(form):
        return False
    # Sent once more it would undo what somebody else has just done; who has read what that was may say so.
    instead = _number(visit.request.POST["save"].partition("instead-of-")[2])
    after = lifecycle.change_settings(
        subscription_id=row.pk,
        wanted=form.wanted,
        version=instead or form.cleaned_data["version"],
        by=_actor(visit),
        note=form.cleaned_data["reason"],
    )
    said = (
        gettext("Version %(version)s holds from now on.") % {"version": after.version}
        if after.version != row.version
        else gettext("Nothing was different.")
    )
    messages.success(visit.request, said)
    return True


def _has_reason(form: forms.Form) -> bool:
    if form.cleaned_data["reason"].strip():
        return True
    form.add_error("reason", gettext("Say why: it is kept with the version."))
    return False


def _preview(
    visit: Visit, strategy: Strategy, follower: BrokerAccount, wanted: Settings, row: Subscription | None
) -> list[Shown]:
    found = preview.last_trades(strategy=strategy, follower=follower, wanted=wanted)
    ids = [one.intent.pk for one in found]
    rows = visit.scope.decisions().filter(subscription=row, intent_id__in=ids) if row else []
    before = {one.intent_id: one for one in rows}
    return [Shown(one, before.get(one.intent.pk)) for one in found]


def _suggest(row: Subscription, form: SettingsForm, symbol: str) -> None:
    """Say beside the symbol map what the missing symbol may be called at the follower."""
    now = symbols.named([row], [(row.pk, symbol)])[row.pk, symbol]
    if now.name:
        return
    said = {"symbol": legible(symbol), "names": ", ".join(map(legible, now.suggestions))}
    hint = (
        gettext("For %(symbol)s the follower's terminal has: %(names)s.")
        if now.suggestions
        else gettext("The follower's terminal has told no symbol whose name is like %(symbol)s.")
    )
    form.fields["symbol_map"].help_text += f" {hint % said}"


def _untold(follower: BrokerAccount, wanted: Settings) -> str:
    """What is to be said of a symbol map that names what the follower's terminal may not have: it may tell it yet."""
    pairs = symbols.untold(follower, wanted)
    if not pairs:
        return ""
    names = ", ".join(f"{legible(symbol)} = {legible(name)}" for symbol, name in pairs[:NAMED])
    said = {"count": len(pairs), "names": f"{names}, …" if len(pairs) > NAMED else names}
    words = ngettext(
        "%(count)d line of the symbol map names a symbol that the follower's terminal has not told: %(names)s. "
        "Its trades are not copied until it does.",
        "%(count)d lines of the symbol map name symbols that the follower's terminal has not told: %(names)s. "
        "Their trades are not copied until it does.",
        len(pairs),
    )
    return words % said


def _warnings(follower: BrokerAccount, form: SettingsForm) -> list[str]:
    """What is no mistake, and may not be what was meant."""
    return list(filter(None, [*form.idle.values(), _untold(follower, form.wanted)]))


def _warn(visit: Visit, follower: BrokerAccount, form: SettingsForm) -> None:
    for words in _warnings(follower, form):
        messages.warning(visit.request, words)


def _actor(visit: Visit) -> Actor:
    return visit.actor


# Versions -------------------------------------------------------------------------------------------------------------


@member_page
def history(visit: Visit, subscription_id: UUID) -> HttpResponseBase:
    row = found(visit.scope.subscriptions().select_related("strategy", "follower"), subscription_id)
    page = listed(visit.request, visit.scope.versions().filter(subscription=row).order_by("-number"))
    rows = list(page.rows)
    # What the last one on this page changed is told by the one before it, which is on the next.
    last = rows[-1].number if rows else 1
    older = visit.scope.versions().filter(subscription=row, number__lt=last).order_by("-number").first()
    shown = [(one, _since(one, before)) for one, before in zip(rows, [*rows[1:], older], strict=False)]
    may_edit = visit.may("tenants:edit_subscription")
    context = {"subscription": row, "shown": shown, "page": page, "may_edit": may_edit}
    return visit.show("versions", gettext("What were the settings, and who changed them?"), **context)


def _since(one: SubscriptionVersion, before: SubscriptionVersion | None) -> Sequence[versions.Change]:
    return versions.changes(before.settings, one.settings) if before else ()
