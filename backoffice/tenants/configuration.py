"""What is set for this tenant and its accounts, who says so, and changing it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.forms import BoundField
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy

from backoffice.audit import configured
from backoffice.templatetags.outside import said
from backoffice.tenants.pages import Visit, found, listed, member_act, member_page
from sessions_app.domain.configuration import (
    BY_NAME,
    CHAIN,
    OF_ACCOUNTS,
    Found,
    Setting,
    Switch,
    Unfit,
    Values,
    Whole,
    checked,
    digest_of,
)
from sessions_app.domain.liveness import TIMEOUT_PER_INTERVAL
from sessions_app.domain.said import translated
from sessions_app.models import BrokerAccount, SettingChange, Tenant
from sessions_app.services.operations import configuration
from sessions_app.services.operations.configuration import ConfigurationChanged

CHANGES: Final = 10
_INSTEAD: Final = "instead-of:"
_INHERIT: Final = [("", gettext_lazy("as it is above")), ("on", gettext_lazy("on")), ("off", gettext_lazy("off"))]
_NUMBER: Final = forms.TextInput(attrs={"inputmode": "numeric", "spellcheck": "false"})


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as the page shows it: what holds, and who says so."""

    setting: Setting
    found: Found

    @property
    def title(self) -> str:
        return gettext(self.setting.title)

    @property
    def value(self) -> str:
        unit = "" if isinstance(self.setting.kind, Switch) else f" {gettext(self.setting.kind.unit)}"
        return configured(self.found.value) + unit


class ConfigurationForm(forms.Form):
    """A field for each setting, empty where what stands above holds. `seen`: what the level said when it was shown."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=1000)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=255)

    def __init__(self, sent: Any, *, chain: Sequence[Setting], said: Values, above: Mapping[str, Found]) -> None:
        """`chain`: what this level may set; `said`: by itself; `above`: what holds where it says nothing."""
        initial = {"seen": digest_of(said), **{name: _typed(value) for name, value in said.items()}}
        super().__init__(sent, initial=initial)
        self._chain, self._above = chain, above
        for row in chain:
            self.fields[row.name] = _field(row, Line(row, above[row.name]))

    def clean(self) -> dict[str, Any]:
        """The values, as `wanted`; each mistake at its field."""
        sent = super().clean() or self.cleaned_data
        self.wanted: dict[str, int | bool] = {}
        for row in self._chain:
            text = str(sent.get(row.name) or "").strip()
            if not text:
                continue
            try:
                self.wanted[row.name] = checked(row, _read(row, text))
            except Unfit as why:
                self.add_error(row.name, translated(why.message, gettext))
        interval, timeout = (self._holds(name) for name in ("heartbeat_interval", "heartbeat_timeout"))
        if timeout < interval * TIMEOUT_PER_INTERVAL:
            self.add_error(
                "heartbeat_timeout",
                gettext("%(timeout)s is less than three intervals of %(interval)s seconds.")
                % {"timeout": timeout, "interval": interval},
            )
        return sent

    def _holds(self, name: str) -> int:
        return int(self.wanted.get(name, self._above[name].value))

    def lines(self) -> Iterator[BoundField]:
        """The fields of settings."""
        return (self[row.name] for row in self._chain)


def _typed(value: int | bool) -> str:
    """A value as its field sends it, which is no word of a language."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _read(row: Setting, text: str) -> object:
    if isinstance(row.kind, Switch):
        return {"on": True, "off": False}.get(text, text)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _bounds(kind: Whole) -> str:
    return gettext("%(least)s to %(most)s %(unit)s") % {
        "least": f"{kind.least:,}", "most": f"{kind.most:,}", "unit": gettext(kind.unit),
    }  # fmt: skip


def _field(row: Setting, above: Line) -> forms.Field:
    told = gettext("%(help)s Empty: %(value)s (%(source)s).") % {
        "help": gettext(row.help), "value": above.value, "source": said(above.found.source),
    }  # fmt: skip
    common: dict[str, Any] = {"label": above.title, "required": False}
    if isinstance(row.kind, Switch):
        return forms.ChoiceField(choices=_INHERIT, help_text=told, **common)
    return forms.CharField(max_length=40, widget=_NUMBER, help_text=f"{told} {_bounds(row.kind)}.", **common)


# Pages ----------------------------------------------------------------------------------------------------------------


@member_page
def shown(visit: Visit) -> HttpResponseBase:
    """What holds for the tenant; and which of its accounts have something otherwise."""
    tenant = visit.scope.tenant
    page = listed(visit.request, visit.scope.accounts().order_by("account_id"))
    accounts = [(row, _own_lines(tenant, row)) for row in page.rows]
    return visit.show(
        "configuration",
        gettext("What is set, and who says so?"),
        lines=_lines(tenant, None),
        accounts=accounts,
        page=page,
        repairs=sorted(tenant.repairs.items()),
        methods=tenant.auth_methods,
        may_change=visit.may("tenants:configure_tenant"),
        changes=_changes(visit),
    )


def _changes(visit: Visit) -> list[tuple[SettingChange, str, str]]:
    """The latest, from what to what, for those who may read the audit log, where all of them stand."""
    if not visit.may("tenants:audit"):
        return []
    latest = visit.scope.setting_changes().select_related("account").order_by("-id")[:CHANGES]
    return [(row, configured(row.before), configured(row.after)) for row in latest]


@member_act
def of_tenant(visit: Visit) -> HttpResponseBase:
    tenant = visit.scope.tenant
    above = {name: configuration.found(name, tenant=None) for name in BY_NAME}
    return _changed(visit, gettext("Change the configuration of all accounts"), tenant, above)


@member_act
def of_account(visit: Visit, account_id: UUID) -> HttpResponseBase:
    account: BrokerAccount = found(visit.scope.accounts(), account_id)
    above = {name: configuration.found(name, tenant=visit.scope.tenant) for name in BY_NAME}
    return _changed(visit, gettext("Change the configuration of an account"), account, above)


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Somebody has changed the level meanwhile: the latest act, from what to what saving would change it now, and what
    the button sends that says so all the same."""

    latest: SettingChange | None
    changes: Sequence[tuple[str, str, str]]
    sent: str


def _changed(visit: Visit, title: str, row: Tenant | BrokerAccount, above: Mapping[str, Found]) -> HttpResponseBase:
    account = row if isinstance(row, BrokerAccount) else None
    chain = OF_ACCOUNTS if account else CHAIN
    form = ConfigurationForm(visit.request.POST or None, chain=chain, said=configuration.said_by(row), above=above)
    back = visit.address("tenants:configuration")
    overtaken: Overtaken | None = None
    if form.is_valid():
        try:
            changes = configuration.change(
                tenant=visit.scope.tenant,
                account_id=account.pk if account else None,
                seen=_seen(visit, form),
                wanted=form.wanted,
                by=visit.actor,
                reason=form.cleaned_data["reason"],
            )
        except ConfigurationChanged:
            overtaken = _overtaken(visit, row, form)
        else:
            messages.success(visit.request, gettext("Settings that were changed: %(count)s.") % {"count": len(changes)})
            return redirect(back)
    return visit.show("configure", title, form=form, account=account, overtaken=overtaken, back=back)


def _seen(visit: Visit, form: ConfigurationForm) -> str:
    """What the level said when the form was shown; or, of who was told what somebody else has made of it, that."""
    save = visit.request.POST.get("save", "")
    return save.removeprefix(_INSTEAD) if save.startswith(_INSTEAD) else str(form.cleaned_data["seen"])


def _overtaken(visit: Visit, row: Tenant | BrokerAccount, form: ConfigurationForm) -> Overtaken:
    row.refresh_from_db()
    now = configuration.said_by(row)
    account = row.pk if isinstance(row, BrokerAccount) else None
    latest = visit.scope.setting_changes().filter(account_id=account).order_by("-id").first()
    changes = [
        (name, configured(now.get(name)), configured(form.wanted.get(name)))
        for name in BY_NAME
        if now.get(name) != form.wanted.get(name)
    ]
    return Overtaken(latest, changes, _INSTEAD + digest_of(now))


def _lines(tenant: Tenant, account: BrokerAccount | None) -> list[Line]:
    return [Line(row, configuration.found(row.name, tenant=tenant, account=account)) for row in CHAIN]


def _own_lines(tenant: Tenant, account: BrokerAccount) -> list[Line]:
    own = configuration.said_by(account)
    return [line for line in _lines(tenant, account) if line.setting.name in own]
