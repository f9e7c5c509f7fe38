"""What an action is. Its page asks first and does it then, the same for all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.messages import SUCCESS
from django.db.models import Model
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html

from backoffice.actions.forms import ActionForm, ReasonForm
from sessions_app.services.operations.history import Actor

Sent = Mapping[str, Any]
# What is said of a service's refusal: `{why}` stands for its own words.
Sentences = Mapping[type[Exception], str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person sees before: the row as named facts, the most important first, and what would happen."""

    facts: Sequence[tuple[str, object]]
    effects: Sequence[str]

    @classmethod
    def of(cls, facts: Sequence[tuple[str, object]] = (), *effects: str) -> "Preview":
        return cls(facts, effects)


@dataclass(frozen=True, slots=True)
class Done:
    """What to say, and what is shown this once."""

    message: str
    secret: str = field(default="", repr=False)
    level: int = SUCCESS


@dataclass(frozen=True, slots=True)
class Place:
    """A page that an action leads back to, and the permissions of which one opens it."""

    title: str
    address: str
    permissions: Sequence[str]


def page_of(noun: type[Model], row: Any) -> Place:
    """The row's page in the admin; the table's list without a row."""
    meta = noun._meta
    page = f"admin:{meta.app_label}_{meta.model_name}"
    address = reverse(f"{page}_changelist") if row is None else reverse(f"{page}_change", args=[row.pk])
    return Place(str(meta.verbose_name_plural).capitalize(), address, (f"{meta.app_label}.view_{meta.model_name}",))


def unless(holds: bool, why: str = "this is decided already") -> str:
    """An obstacle, or none."""
    return "" if holds else why


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing that a person may do to a row, or with `makes` to have one; `name` is also that of its address.

    `do` calls one service. Its errors in `late` mean that somebody else was first: the person is told so, and leaves;
    those in `mistakes` are shown in the form. `obstacle`: why the row does not allow it (any more), empty if it does.
    `many`: it is done to several rows at once, which the address names as `?row=`; `do` and `preview` get a list of
    those that allow it.
    `second_look`: what would happen depends on what was sent; it is shown, and sent again, before it is done. It raises
    one of `mistakes` for what cannot be done.
    """

    name: str
    noun: type[Model]
    verb: str
    title: str
    permission: str
    do: Callable[[Any, Sent, Actor], Done]
    preview: Callable[[Any], Preview] = lambda row: Preview.of()
    form: Callable[..., ActionForm] = ReasonForm
    makes: bool = False
    many: bool = False
    obstacle: Callable[[Any], str] = lambda row: ""
    second_look: Callable[[Sent], Preview] | None = None
    late: Sentences = field(default_factory=dict)
    mistakes: Sentences = field(default_factory=dict)
    place: Callable[[Any], Place] | None = None
    harms: bool = False
    stay: str = "Cancel"

    def address(self, row: Any) -> str:
        if self.many:
            return f"{reverse(f'admin:{self.name}')}?row={row.pk}"
        return reverse(f"admin:{self.name}", args=[] if self.makes else [row.pk])

    def leads_to(self, row: Any) -> Place:
        """Where one goes when it is done, or not."""
        return self.place(row) if self.place is not None else page_of(self.noun, row)


# Words ---------------------------------------------------------------------------------------------------------------

OWN_WORDS: Final = "{why}"


def counted(number: int, thing: str) -> str:
    return f"{number} {thing}{pluralize(number)}"


def strong(words: str) -> str:
    return format_html("<strong>{}</strong>", words)
