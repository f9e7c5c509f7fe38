"""Text that came from outside, as pages show it: an EA's version, an address, an account's name as it was claimed.

It stands alone in an element of its own, so that right-to-left letters in it turn nothing else round, and characters
that nobody sees are written out: no stranger's text can pass for a line of ours.
"""

from typing import Final

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from sessions_app.domain.texts import legible

__all__ = ["foreign", "legible"]
register: Final = template.Library()


@register.filter
def foreign(text: object) -> SafeString:
    """The text, legible, in an isolated element. Nothing stays nothing."""
    return format_html("<bdi>{}</bdi>", legible(text)) if text not in (None, "") else SafeString("")
