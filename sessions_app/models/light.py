"""Rows without the weight of their making: the model's own objects, its construction left out, or plain records.

A model's constructor asks each field for its default, each relation for its descriptor, and tells two signals: 25 us
for a command, of which a batch makes and reads hundreds. What is made here is the same object, filled at once. It is
for rows that are read and written in bulk; nothing listens to the construction of a model in this project.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

import msgspec
from django.db import models
from django.db.models import NOT_PROVIDED
from django.db.models.base import ModelState

from sessions_app.models.statements import Answer, Statement

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a model's objects hold: column names, defaults (fixed, and made anew for each), and relations by name."""

    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    made: tuple[tuple[str, Callable[[], Any]], ...]
    relations: Mapping[str, str]
    known: frozenset[str]


@cache
def _shape(model: type[models.Model]) -> _Shape:
    fields = model._meta.concrete_fields
    called = {field.attname: field.default for field in fields if callable(field.default)}
    called = {name: default for name, default in called.items() if default is not NOT_PROVIDED}
    relations = {field.name: field.attname for field in fields if field.is_relation}
    return _Shape(
        names=tuple(field.attname for field in fields),
        fixed={field.attname: field.get_default() for field in fields if field.attname not in called},
        made=tuple(called.items()),
        relations=relations,
        known=frozenset({field.attname for field in fields} | relations.keys()),
    )


def make(model: type[Row], **values: Any) -> Row:
    """A new row of this model, as its constructor would make it; a relation is given as its object or as its key.

    :raises TypeError: the model has no such column
    """
    shape = _shape(model)
    if not values.keys() <= shape.known:
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(values.keys() - shape.known))}")
    row, state = _empty(model)
    content = row.__dict__
    content.update(shape.fixed)
    for name, default in shape.made:
        if name not in values:
            content[name] = default()
    content.update(values)
    for name, key in shape.relations.items():
        if name in values:
            other = content.pop(name)
            content[key] = None if other is None else other.pk
            state.fields_cache[name] = other
    return row


def record(model: type[Row], **values: Any) -> Row:
    """A new row to be inserted: the columns of this model, keys by their own names, with its defaults.

    For the type checker it is the model; it has no relations and no methods. `copy.copy` makes another one at the price
    of a few words: who makes hundreds that differ in little fills one and copies it.

    :raises TypeError: the model has no such column
    """
    return cast(Row, _record(model)(**values))


@cache
def _record(model: type[models.Model]) -> Callable[..., Any]:
    """A class with the model's columns: compiled code fills, copies and reads it."""
    shape = _shape(model)
    made = dict(shape.made)
    columns = [
        (name, Any, msgspec.field(default_factory=made[name]) if name in made else shape.fixed[name])
        for name in shape.names
    ]
    # Without garbage collection: it holds values, and nothing that could hold it.
    return msgspec.defstruct(f"New{model.__name__}", columns, eq=False, kw_only=True, gc=False)


def fetch(rows: "models.QuerySet[Row]", *related: str, without: frozenset[str] = frozenset()) -> list[Row]:
    """The rows of a query, in its order, each with these related rows (that must exist).

    `without`: columns that are left out; who asks a row for one all the same costs a read, as with `defer`.
    """
    layout = _Layout(rows.model, related, without)
    return layout.filled(rows.values_list(*layout.wanted))


class Fetch(Generic[Row]):
    """A query of rows that is compiled once, as a `Statement` is; see `fetch` for `related` and `without`."""

    def __init__(
        self, build: "Callable[[], models.QuerySet[Row]]", *related: str, without: frozenset[str] = frozenset()
    ) -> None:
        self._build, self._related, self._without = build, related, without
        self._layout: _Layout[Row] | None = None
        self._statement = Statement(self._query)

    def send(self, **values: Any) -> Answer[Row]:
        """Execute it, or put it with the others that are sent together."""
        answer = self._statement.send(**values)
        if self._layout is None:
            raise RuntimeError("a statement that was sent has been compiled")
        return answer.of(self._layout.filled)

    def read(self, **values: Any) -> list[Row]:
        """Execute it and read its rows."""
        return self.send(**values).read()

    def _query(self) -> "models.QuerySet[Row, Any]":
        rows = self._build()
        self._layout = _Layout(rows.model, self._related, self._without)
        return rows.values_list(*self._layout.wanted)


class _Layout(Generic[Row]):
    """The columns of rows and of their related rows, in the order in which they are read."""

    def __init__(self, model: type[Row], related: Collection[str], without: frozenset[str]) -> None:
        self._model = model
        self._names = [name for name in _shape(model).names if name not in without]
        self._blank = _blank(self._names)
        others = {name: _related(model, name) for name in related}
        columns = {name: [one for one in _shape(other).names if one not in without] for name, other in others.items()}
        self._others = [(name, other, columns[name], _blank(columns[name])) for name, other in others.items()]
        self.wanted = [*self._names, *(f"{name}__{one}" for name, found in columns.items() for one in found)]

    def filled(self, found: Iterable[Sequence[Any]]) -> list[Row]:
        """Rows of what was read."""
        model, names, blank = self._model, self._names, self._blank
        if not self._others:
            return [_filled(model, blank, names, values) for values in found]
        rows = []
        for values in found:
            row = _filled(model, blank, names, values[: len(names)])
            start = len(names)
            for name, other, columns, its in self._others:
                end = start + len(columns)
                row._state.fields_cache[name] = _filled(other, its, columns, values[start:end])
                start = end
            rows.append(row)
        return rows


def share(rows: Collection[models.Model], name: str, others: Mapping[Any, models.Model]) -> None:
    """Give these rows their related objects, by key; what was read once need not be read again."""
    for row in rows:
        key = getattr(row, _shape(type(row)).relations[name])
        row._state.fields_cache[name] = others[key]


def _related(model: type[models.Model], name: str) -> type[models.Model]:
    other: type[models.Model] = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return other


def _blank(names: Collection[str]) -> dict[str, Any]:
    """The content of a row of these columns, empty: a copy of it is as large as it will be, and does not grow while it
    is filled, which took half of the time."""
    return dict.fromkeys(["_state", *names])


def _filled(model: type[Row], blank: dict[str, Any], names: Collection[str], values: Collection[Any]) -> Row:
    content = blank.copy()
    content.update(zip(names, values, strict=True))
    state = content["_state"] = ModelState()
    state.adding, state.db = False, "default"
    row = model.__new__(model)
    row.__dict__ = content
    return row


def _empty(model: type[Row]) -> tuple[Row, ModelState]:
    row = model.__new__(model)
    state = ModelState()
    state.adding, state.db = True, "default"
    row._state = state
    return row, state
