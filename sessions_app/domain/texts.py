"""Text that came from outside, written so that it can pass for nothing else, on pages and in mails."""

import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def legible(text: object) -> str:
    """The text on one line, with control, format and bidirectional characters as `\\u202e`."""
    return "".join(f"\\u{ord(sign):04x}" if unicodedata.category(sign) in _UNSEEN else sign for sign in str(text))
