"""What all our ModelAdmins share: they only read, they link the actions, and they stay fast with millions of rows."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import DataError, models
from django.db.models import Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.text import capfirst

from backoffice.actions.action import Action
from backoffice.actions.registry import ACTIONS
from backoffice.foreign import foreign, legible
from backoffice.own_clock import clock
from backoffice.permissions import may
from backoffice.staff import short_words
from backoffice.staff.narrowed import narrowed_to
from backoffice.staff.panels.panel import Panel, badge
from backoffice.templatetags.outside import lots, words
from backoffice.templatetags.spoken import in_english
from sessions_app.domain.decimals import plain
from sessions_app.models import BrokerAccount

COUNTED_ROWS: Final = 10_000
MOST_ACCOUNTS: Final = 500
"""Accounts whose rows are asked for by their ids. Of more, many rows are theirs: the newest are found at once."""
MOST_DIGITS: Final = 18
_BY_ACCOUNT: Final = "__account_id__startswith"

# Only the type checker knows these classes as generic.
if TYPE_CHECKING:
    _Paginator = Paginator[Any]
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _Paginator = Paginator
    _ModelAdmin = admin.ModelAdmin


Acted = tuple[Action, Any]


class CappedPaginator(_Paginator):
    """Counts up to COUNTED_ROWS: what lies beyond is reached by search and filters, not by page numbers."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:COUNTED_ROWS].count())


class ReadOnlyAdmin(_ModelAdmin):
    """Shows rows and changes none: its pages link the actions that are open to a person."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)
    actions = None
    searched_latest = 0
    """Of how many rows, the latest, a symbol is searched; 0: all. It has no index, which each trade would pay for."""
    folded = True
    """Whether its fields are folded below the panels of its page, where it has any."""
    page_related: Sequence[str] = ()
    """Rows that the page of one row names: read along with it."""
    change_list_template = "backoffice/list.html"
    change_form_template = "backoffice/row.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        title = capfirst(str(self.model._meta.verbose_name_plural))
        made = [(action, None) for action in ACTIONS.values() if action.noun is self.model and action.makes]
        filtered = frozenset(name for name in self.list_filter if isinstance(name, str))
        narrowed = list(narrowed_to(self.model, request.GET, filtered))
        context = {**(extra_context or {}), "title": title, "links": _links(request, made), "narrowed": narrowed}
        try:
            return super().changelist_view(request, context)
        except (DataError, OverflowError):  # a number in the address that no column holds
            return redirect(f"{request.path}?{ERROR_FLAG}=1")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            panels = list(self.panels(request, row))
            if panels:  # the question that a page answers is its title
                context["title"] = panels[0].title
            context |= {
                "panels": panels,
                "folded": panels and self.folded,
                "links": _links(request, self.actions_on(row)),
                **self.more_context(row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row of a page, with what the page says of it, in one statement."""
        try:
            return self.for_page(self.get_queryset(request)).get(pk=self.model._meta.pk.to_python(object_id))
        except (self.model.DoesNotExist, ValidationError, ValueError):
            return None

    def for_page(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with what a page of one of them needs besides."""
        return rows.select_related(*self.page_related)

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel]:
        """What stands on its page above the fields, which are folded then."""
        return ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By one kind of name at a time, each found by an index, while one condition over accounts, numbers and symbols
        together reads the whole table: rows of a position or ticket, then those of accounts, by how their names begin
        or by the login, which is all that somebody on the telephone tells; then by whatever else the page names."""
        text = search_term.strip()
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
        if number is not None:
            numbered = self.numbered(queryset, number)
            # Some brokers' symbols are numbers too.
            if numbered is not None:
                return numbered, False
        path = next((name.removesuffix(_BY_ACCOUNT) for name in self.search_fields if name.endswith(_BY_ACCOUNT)), "")
        if path and text:
            of_accounts = self._of_accounts(queryset, path, text, number)
            if of_accounts is not None:
                return of_accounts, False
        if self.searched_latest and search_term:
            pks = self.model._default_manager.order_by("-pk").values_list("pk", flat=True)
            oldest = pks[self.searched_latest : self.searched_latest + 1].first()
            queryset = queryset if oldest is None else queryset.filter(pk__gt=oldest)
        return super().get_search_results(request, queryset, search_term)

    def _of_accounts(self, rows: QuerySet[Any], path: str, text: str, number: int | None) -> QuerySet[Any] | None:
        """None where these accounts have no row here: the text may be another name that begins as one of theirs."""
        named = Q(account_id__startswith=text.lower())
        if number is not None:
            named |= Q(account_id__endswith=f":{number}")
        accounts = list(BrokerAccount.objects.filter(named).values_list("id", flat=True)[: MOST_ACCOUNTS + 1])
        if not 0 < len(accounts) <= MOST_ACCOUNTS:
            return None
        found = rows.filter(**{f"{path}__in": accounts})
        return found if found.order_by().exists() else None

    def numbered(self, rows: QuerySet[Any], number: int) -> QuerySet[Any] | None:
        """The rows of a position or ticket by the indexes of their accounts; None where there are none."""
        return None

    def actions_on(self, row: Any) -> Sequence[Acted]:
        """What its page links, each with the row that it acts on."""
        mine = (action for action in ACTIONS.values() if action.noun is self.model)
        return [(action, row) for action in mine if not (action.makes or action.many)]

    def more_context(self, row: Any) -> dict[str, Any]:
        """What else the template of its page shows."""
        return {}

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Filters by a literal enum of the domain say its names as words."""
        return [self._in_words(one) for one in super().get_list_filter(request)]

    def _in_words(self, one: Any) -> Any:
        fields = {item.name: item for item in self.model._meta.concrete_fields}
        return (one, InWords) if isinstance(one, str) and one in fields and fields[one].choices else one

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [column(self.model, name, on_page=False) for name in super().get_list_display(request)]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = self.fields or [item.name for item in self.model._meta.concrete_fields]
        return [column(self.model, name, on_page=True) for name in names]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)


# What is shown of which table.
Tables = Mapping[type[Model], type[ReadOnlyAdmin]]


def _links(request: HttpRequest, acted: Sequence[Acted]) -> list[tuple[Action, str]]:
    """Actions that the person may do and that their rows allow, with the addresses of their pages."""
    mine = [(action, row) for action, row in acted if may(request, action.permission)]
    return [(action, action.address(row)) for action, row in mine if not action.obstacle(row)]


class InWords(admin.ChoicesFieldListFilter):
    """Django's filter by the choices of a column: "close only" instead of "close_only"."""

    def choices(self, changelist: Any) -> Any:
        for choice in super().choices(changelist):
            yield {**choice, "display": in_english(str(choice["display"]))}


def one_of(field: str, names: Iterable[str]) -> type[admin.SimpleListFilter]:
    """A filter by one of these names: asking the table for its distinct values would read all of it."""
    choices = [(name, name.replace("_", " ")) for name in names]

    class OneOf(admin.SimpleListFilter):
        title = field.replace("_", " ")
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return choices

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    return OneOf


def column(model: type[Model], name: Any, *, on_page: bool) -> Any:
    """How a field is shown, in lists and on the page of a row; a path such as `intent__symbol` is titled by its last
    part.

    Moments to the second, plain decimals, readable JSON, states as badges, short words as words; anything else as
    Django shows it.
    """
    if isinstance(name, str) and LOOKUP_SEP in name:
        return _shown(name, name.rpartition(LOOKUP_SEP)[2].replace("_", " "), _text)
    item = next((item for item in model._meta.concrete_fields if item.name == name), None)
    chosen = item is not None and bool(item.choices)
    show = (
        _BADGES.get(name, words)
        if chosen
        else next((show for kind, show in _SHOWN.items() if isinstance(item, kind)), None)
    )
    if isinstance(item, models.DecimalField) and "lots" in item.name:
        show = lots
    if isinstance(name, str) and short_words.holds(model, name):
        show = short_words.shower(model, name, on_page=on_page)
    return name if item is None or show is None else _shown(item.name, titled(str(item.verbose_name)), show)


def titled(name: str) -> str:
    """The name of a column as people write it: "EA version", not "Ea version"."""
    name = name.replace("_", " ")
    return " ".join(_WRITTEN.get(word, word) for word in name.split(" "))


def _shown(path: str, title: str, show: Callable[[Any], Any]) -> Callable[[Any], Any]:
    read = attrgetter(path.replace(LOOKUP_SEP, "."))

    def shown(row: Any) -> Any:
        value = read(row)
        # Django's page of a row would say "None".
        return "-" if value is None else show(value)

    shown.__name__ = path
    return admin.display(shown, description=title.removesuffix(" at"), ordering=path)


def _readable(value: Any) -> str:
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    return format_html('<pre class="content" dir="ltr">{}</pre>', "\n".join(legible(line) for line in lines))


def _yes_or_no(value: bool) -> str:
    """Django draws a red cross for what is merely off."""
    return "yes" if value else "no"


def _text(value: Any) -> Any:
    """Mostly what EAs have said; of ours, text without anything that needs care."""
    return foreign(value) if isinstance(value, str) else str(value)


_BADGES: Final[dict[Any, Callable[[Any], Any]]] = dict.fromkeys(("state", "outcome", "status"), badge)
_SHOWN: Final[dict[type[Any], Callable[[Any], Any]]] = {
    models.DateTimeField: clock,
    models.DecimalField: plain,
    models.JSONField: _readable,
    models.BooleanField: _yes_or_no,
    models.CharField: _text,
    models.UUIDField: str,
}
_WRITTEN: Final = {"id": "ID", "ea": "EA", "seq": "number in its log", "no": "number"}
