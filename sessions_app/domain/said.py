"""Sentences of ours about what somebody sent. A program reads them in English, as they stand; a person's page says them
again in his language, for which it needs to know what was filled in."""

from collections.abc import Callable
from typing import Any


class Said(str):
    """A sentence with what was filled in. It is its English, wherever a text is wanted."""

    text: str
    values: dict[str, Any]

    def in_tongue(self, translate: Callable[[str], str]) -> str:
        """The same in another language; what was filled in may be a sentence itself."""
        values = {name: translated(value, translate) for name, value in self.values.items()}
        return translate(self.text) % values


def say(text: str, **values: Any) -> Said:
    """The sentence `text`, a marked one, with its placeholders filled in."""
    said = Said(text % values)
    said.text, said.values = text, values
    return said


def translated(value: Any, translate: Callable[[str], str]) -> Any:
    """A sentence of ours in another language; anything else as it is."""
    return value.in_tongue(translate) if isinstance(value, Said) else value
