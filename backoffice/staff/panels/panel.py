"""A panel, and its cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from backoffice.actions.action import Action
from backoffice.foreign import foreign
from backoffice.permissions import may
from backoffice.templatetags.outside import NOTHING
from backoffice.templatetags.spoken import in_english

Cell = Any
NUMBERS: Final = frozenset(
    {"Lots", "Price", "Stop loss", "Copied today", "Denied today", "Failed today", "Open copies", "p95 today, ms"}
)
"""Columns that stand at the right."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of `rows`, each with a cell for every one of `heads`; or facts, each with its name. `none`: what is said
    when there is nothing. `on`: where the rest is, in words, and its address."""

    title: str
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    facts: Sequence[tuple[str, Cell]] = ()
    none: str = ""
    on: tuple[str, str] = ("", "")
    acts: str = ""

    @property
    def lines(self) -> Iterator[list[tuple[str, Cell, bool]]]:
        """The rows, each cell with its head, and whether it is a number."""
        for row in self.rows:
            yield [(head, cell, head in NUMBERS) for head, cell in zip(self.heads, row, strict=True)]

    @property
    def columns(self) -> list[tuple[str, bool]]:
        return [(head, head in NUMBERS) for head in self.heads]


def may_see(request: HttpRequest, table: type[Model]) -> bool:
    """Whether the person may see the rows of this table: who may not sees no panel of it."""
    return may(request, f"{table._meta.app_label}.view_{table._meta.model_name}")


# Cells ---------------------------------------------------------------------------------------------------------------


def badge(value: str) -> SafeString:
    """A state of ours, in words, with itself as its title where they differ."""
    said = in_english(value)
    if said == value.replace("_", " "):
        return format_html('<span class="state {}">{}</span>', value, said)
    return format_html('<span class="state {}" title="{}">{}</span>', value, value, said)


def badges(troubles: Sequence[tuple[str, str]], calm: str) -> SafeString:
    """What is wrong, each at its level; or what is said when nothing is."""
    shown = troubles or [("ok", calm)]
    return format_html_join(" ", '<span class="state {}">{}</span>', shown)


def linked(row: Model | None, words: Any = None) -> Any:
    """The page of a row, by its name or in other words."""
    return NOTHING if row is None else linked_to(type(row), row.pk, row if words is None else words)


def linked_to(table: type[Model], pk: UUID, words: Any) -> SafeString:
    meta = table._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[pk])
    return format_html('<a href="{}">{}</a>', address, words if isinstance(words, SafeString) else foreign(words))


def list_of(table: type[Model], **asked: Any) -> str:
    """The address of the staff's list of a table, narrowed."""
    meta = table._meta
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asked.items()}
    return f"{reverse(f'admin:{meta.app_label}_{meta.model_name}_changelist')}?{urlencode(values)}"


def counted_in(table: type[Model], count: int, **asked: Any) -> SafeString:
    """A number that leads to what it counts."""
    return format_html('<a href="{}">{}</a>', list_of(table, **asked), count)


def acts_on(request: HttpRequest, acted: Sequence[tuple[Action, Any]]) -> SafeString:
    """Links to what the person may do, where its row allows it."""
    mine = [(action, row) for action, row in acted if may(request, action.permission) and not action.obstacle(row)]
    return act_links([(action, action.address(row)) for action, row in mine])


def act_links(links: Sequence[tuple[Action, str]]) -> SafeString:
    shown = [("no" if action.harms else "yes", address, action.verb) for action, address in links]
    return format_html_join(" ", '<a class="act {}" href="{}">{}…</a>', shown)
