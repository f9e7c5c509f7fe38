"""What a table of settings is made of: kinds, which are types with bounds, and rows.

Kinds are plain data. The reader of the provisioning file, the columns and the tables of the documents each know what to
do with one, so that a new setting of a known kind needs nothing of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar, get_type_hints

from sessions_app.domain.decimals import WireDecimal, plain

_S = TypeVar("_S")
Check = Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
"""Finds the mistakes inside an object: the place below it, or an empty text, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the names of an enum."""

    names: type[StrEnum]

    @property
    def words(self) -> str:
        return ", ".join(f"`{name.value}`" for name in self.names)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number, both bounds included."""

    least: int
    most: int

    @property
    def words(self) -> str:
        return f"{self.least:,} to {self.most:,}"


@dataclass(frozen=True, slots=True)
class Amount:
    """A decimal above 0, or from `least` on; `decimal` bounds its digits."""

    decimal: type[WireDecimal]
    least: Decimal | None = None

    @property
    def words(self) -> str:
        return "decimal above 0" if self.least is None else f"decimal, {plain(self.least)} or more"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, possibly empty, without control characters."""

    most: int

    @property
    def words(self) -> str:
        return f"text, at most {self.most} characters"


@dataclass(frozen=True, slots=True)
class Switch:
    """True or false."""

    @property
    def words(self) -> str:
        return "`true`, `false`"


@dataclass(frozen=True, slots=True)
class Content:
    """A JSON object, of which people write each entry in a line, as in `example`. `check` judges what is in it, `words`
    say what that is. `pairs`: of names alone, each of which can be judged by itself."""

    check: Check
    words: str
    example: str
    pairs: bool = False


Kind = Choice | Whole | Amount | Text | Switch | Content


# Rows ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Help:
    """What a setting does, for people: Markdown. `section`: the heading of docs/copying.md that says more."""

    sentence: str
    section: str = ""


@dataclass(frozen=True, slots=True)
class Only:
    """Nothing looks at a setting but where another one has one of these values."""

    setting: str
    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of a table."""

    name: str
    kind: Kind
    default: Any
    help: Help
    only: Only | None = None

    @property
    def title(self) -> str:
        """What people call it; marked for translation by the catalogues."""
        return self.name.replace("_", " ").capitalize()


class SettingTable(Generic[_S]):
    """The rows of a dataclass of settings, whose fields are `name: Annotated[type, kind, help] = default`, where a
    fourth in the brackets may be `only`."""

    def __init__(self, settings: type[_S]) -> None:
        self._settings = settings
        self.rows = tuple(_rows(settings))
        self._names = {row.name: row.kind.names if isinstance(row.kind, Choice) else None for row in self.rows}

    def read(self, value: Callable[[Setting], Any]) -> _S:
        """Settings with the value of each row; None stands for the default."""
        found = {row.name: value(row) for row in self.rows}
        return self._settings(**{name: value for name, value in found.items() if value is not None})

    def idle(self, settings: _S) -> Iterator[tuple[str, str]]:
        """Settings that nothing looks at, though they are not as they are by default; and for each the one that says
        so."""
        for row in self.rows:
            told = row.only is not None and getattr(settings, row.name) != row.default
            if told and row.only and getattr(settings, row.only.setting) not in row.only.values:
                yield row.name, row.only.setting

    def columns(self, settings: _S) -> dict[str, Any]:
        """What the columns store, by name."""
        return {row.name: getattr(settings, row.name) for row in self.rows}

    def restored(self, stored: object) -> _S:
        """Settings from an object that has their columns; rows of earlier releases may have none: the default."""
        # Every batch asks this of each follower, so it takes no detour by `read`.
        values: dict[str, Any] = {}
        for name, names in self._names.items():
            value = getattr(stored, name)
            if value is not None:
                values[name] = value if names is None else names(value)
        return self._settings(**values)


def _rows(settings: Any) -> Iterator[Setting]:
    declared = get_type_hints(settings, include_extras=True)
    for item in fields(settings):
        kind, told, *only = declared[item.name].__metadata__
        default = item.default if item.default_factory is MISSING else item.default_factory()
        yield Setting(item.name, kind, default, told, *only)
