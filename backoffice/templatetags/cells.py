"""Cells of the staff's lists, each with its column's title: on a phone a row is a card, and the titles are gone."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django import template
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

register = template.Library()
_BEGINS: Final = re.compile(r"\A<t[dh]\b")


@register.filter
def labelled(row: Iterable[Any], headers: Iterable[Mapping[str, Any]]) -> list[SafeString]:
    """The cells that Django has made of a row, with what stands above them in a list."""
    pairs = zip(row, headers, strict=True)
    # Above the boxes that choose rows stands a box, which is no title.
    return [_labelled(str(cell), str(capfirst(strip_tags(header["text"])))) for cell, header in pairs]


def _labelled(cell: str, title: str) -> SafeString:
    # Django has escaped what is in the cell, and the title is escaped here.
    return mark_safe(_BEGINS.sub(lambda tag: f'{tag[0]} data-label="{escape(title)}"', cell))  # noqa: S308
