"""What a list is narrowed to by its address, where no filter beside it shows that: somebody came by a number's link."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import Field, ForeignKey, Model
from django.http import QueryDict

from backoffice.own_clock import TO_THE_MINUTE, clock_and_zone
from backoffice.templatetags.spoken import in_english

_SAID: Final = {"exact": "is", "in": "is", "gte": "since", "lt": "before"}


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One condition in words, and the address of the list without it."""

    words: str
    without: str


def narrowed_to(model: type[Model], asked: QueryDict, shown: frozenset[str]) -> Iterator[Narrowing]:
    """The conditions of an address on rows of `model`. `shown`: fields whose choice a filter shows itself."""
    for key, told in asked.items():
        value = str(told)
        *path, lookup = key.split("__")
        if not path or lookup not in _SAID or (lookup == "exact" and path[0] in shown):
            continue
        said = _said(model, path, lookup, value)
        if said:
            left = asked.copy()
            left.pop(key)
            left.pop("p", None)
            yield Narrowing(said, f"?{left.urlencode()}")


def _said(model: type[Model], path: list[str], lookup: str, value: str) -> str:
    """In words; nothing for what is no condition, which Django answers by itself."""
    at: type[Model] = model
    field: Any = None
    try:
        for name in path:
            field = at._meta.pk if name == "pk" else at._meta.get_field(name)
            if isinstance(field, ForeignKey):
                at = field.related_model
        if isinstance(field, Field) and field.primary_key and at is not model:
            row = at._default_manager.filter(pk=field.to_python(value)).first()
            return "" if row is None else f"{path[-2].replace('_', ' ')} {row}"
        return f"{path[-1].removesuffix('_at').replace('_', ' ')} {_SAID[lookup]} {_value(field, value)}"
    except (FieldDoesNotExist, ValidationError, ValueError, OverflowError):
        return ""


def _value(field: Any, value: str) -> str:
    if field.get_internal_type() == "DateTimeField":
        return clock_and_zone(field.to_python(value), TO_THE_MINUTE)
    return " or ".join(in_english(one) for one in value.split(","))
