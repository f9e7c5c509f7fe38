"""How one object of the document is read: what is taken, what is a mistake, and where it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest

from orders.domain.provisioning.entries import Mistake, Node, unique
from sessions_app.domain.decimals import Lots, Money, WireDecimal


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def read(value: Any, how: Callable[[Node], Any]) -> tuple[Any, list[str]]:
    """What is read of an object whose one field `x` has this value, and the mistakes, as `path: message`."""
    mistakes: list[Mistake] = []
    result = how(Node({"x": value}, "top", mistakes))
    return result, [str(mistake) for mistake in mistakes]


def test_a_mistake_of_the_whole_document_says_so() -> None:
    mistakes: list[Mistake] = []
    root = Node(["no", "object"], "", mistakes)
    assert [str(mistake) for mistake in mistakes] == ["document: expected an object"]
    assert (root.at("x"), root.value("x", str, "none")) == ("x", "none")


def test_a_field_below_the_top_is_named_with_its_way() -> None:
    assert read(1, lambda node: node.at("x")) == ("top.x", [])


def test_every_unknown_field_is_a_mistake_and_a_known_one_is_not() -> None:
    mistakes: list[Mistake] = []
    Node({"a": 1, "b": 2, "c": 3}, "", mistakes).only("b", "d")
    assert [str(mistake) for mistake in mistakes] == [f"{name}: unknown field: expected one of b, d" for name in "ac"]


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("1", int, "a whole number"),
        (True, int, "a whole number"),
        (1, bool, "true or false"),
        (1, str, "a string"),
        ({}, list, "a list"),
        ([], dict, "an object"),
    ],
)
def test_a_field_of_another_type_is_a_mistake_and_its_default_is_read(value: Any, kind: type[Any], said: str) -> None:
    assert read(value, lambda node: node.value("x", kind, kind(7) if kind in (int, str) else kind())) == (
        kind(7) if kind in (int, str) else kind(),
        [f"top.x: expected {said}"],
    )


@pytest.mark.parametrize(("value", "kind"), [(3, int), (False, bool), ("a", str), (["a"], list), ({"a": 1}, dict)])
def test_a_field_of_its_type_is_taken(value: Any, kind: type[Any]) -> None:
    assert read(value, lambda node: node.value("x", kind, None)) == (value, [])


def test_a_field_that_is_null_or_left_out_takes_its_default() -> None:
    assert read(None, lambda node: node.value("x", str, "usual")) == ("usual", [])
    assert read(None, lambda node: node.value("y", str, "usual")) == ("usual", [])


# Texts ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", None),
        ("", "expected a text"),
        ("  ", "expected a text"),
        (None, "missing: expected a text"),
        ("abcd", "expected at most 3 characters without control characters"),
        ("a\tb", "expected at most 3 characters without control characters"),
        ("a\x7f", "expected at most 3 characters without control characters"),
        (7, "expected a string"),
    ],
)
def test_a_text_is_shown_to_people_and_bounded(value: Any, said: str | None) -> None:
    _, mistakes = read(value, lambda node: node.text("x", most=3))
    assert mistakes == ([] if said is None else [f"top.x: {said}"])


def test_a_text_with_a_default_may_be_empty_and_not_too_long() -> None:
    assert read("", lambda node: node.text("x", most=3, default="all")) == ("", [])
    assert read(None, lambda node: node.text("x", most=3, default="all")) == ("all", [])
    _, mistakes = read("abcd", lambda node: node.text("x", most=3, default="all"))
    assert len(mistakes) == 1


def test_a_text_keeps_what_was_written() -> None:
    assert read(" Acme ", lambda node: node.text("x", most=9)) == (" Acme ", [])


@pytest.mark.parametrize(
    ("value", "account", "said"),
    [
        ("Paper-Demo:007", "paper-demo:7", None),
        ("nobody", "", "Expected <broker server>:<login>, 1 to 128 printable ASCII characters"),
        ("", "", "missing: expected <broker server>:<login>, 1 to 128 printable ASCII characters"),
        (None, "", "missing: expected <broker server>:<login>, 1 to 128 printable ASCII characters"),
        (7, "", "expected a string"),
    ],
)
def test_an_account_is_read_as_it_is_compared(value: Any, account: str, said: str | None) -> None:
    assert read(value, lambda node: node.account("x")) == (account, [] if said is None else [f"top.x: {said}"])


@pytest.mark.parametrize(
    ("value", "texts", "right"),
    [
        (None, None, True),
        ([], (), True),
        (["a", "b"], ("a", "b"), True),
        (["a" * 256], ("a" * 256,), True),
        (["a" * 257], (), False),
        (["a", 1], (), False),
        ("ab", (), False),
    ],
)
def test_a_list_of_texts_is_told_from_one_that_is_left_out(
    value: Any, texts: tuple[str, ...] | None, right: bool
) -> None:
    read_texts, mistakes = read(value, lambda node: node.texts("x"))
    assert (read_texts, not mistakes) == (texts, right)


def test_each_account_of_a_list_has_a_place_of_its_own() -> None:
    accounts, mistakes = read(["A:01", "nobody", "B:2"], lambda node: node.accounts("x"))
    assert accounts == ("a:1", "b:2")
    assert mistakes == ["top.x[1]: Expected <broker server>:<login>, 1 to 128 printable ASCII characters"]
    assert read(None, lambda node: node.accounts("x")) == ((), [])


# Moments, switches, numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "moment", "right"),
    [
        ("2026-12-01T08:00:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC), True),
        ("2026-12-01T08:00:00+02:00", datetime(2026, 12, 1, 6, tzinfo=UTC), True),
        (None, None, True),
        ("", None, True),
        ("2026-12-01T08:00:00", None, False),
        ("tomorrow", None, False),
        (20261201, None, False),
    ],
)
def test_a_moment_needs_its_offset(value: Any, moment: datetime | None, right: bool) -> None:
    read_moment, mistakes = read(value, lambda node: node.moment("x"))
    assert (read_moment, not mistakes) == (moment, right)
    assert len(mistakes) <= 1
    if moment is not None:
        assert read_moment.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(("value", "switch"), [(True, True), (False, False), (None, None)])
def test_a_switch_that_is_left_out_is_neither_on_nor_off(value: Any, switch: bool | None) -> None:
    assert read(value, lambda node: node.switch("x")) == (switch, [])


def test_a_switch_is_true_or_false() -> None:
    assert read("on", lambda node: node.switch("x")) == (False, ["top.x: expected true or false"])


@pytest.mark.parametrize(
    ("value", "number", "right"), [(2, 2, True), (9, 9, True), (1, 1, False), (10, 10, False), (None, 5, True)]
)
def test_a_number_lies_within_its_bounds(value: Any, number: int, right: bool) -> None:
    read_number, mistakes = read(value, lambda node: node.integer("x", least=2, most=9, default=5))
    assert (read_number, mistakes) == (number, [] if right else ["top.x: expected a whole number from 2 to 9"])


def test_a_number_without_a_default_may_be_left_out() -> None:
    assert read(None, lambda node: node.integer("x", least=2, most=9, default=None)) == (None, [])


@pytest.mark.parametrize(
    ("value", "choice", "right"),
    [
        ("red", Colour.RED, True),
        (None, Colour.BLUE, True),
        ("green", Colour.BLUE, False),
        (["red"], Colour.BLUE, False),
    ],
)
def test_a_choice_is_one_of_its_names(value: Any, choice: Colour, right: bool) -> None:
    found, mistakes = read(value, lambda node: node.choice("x", Colour, Colour.BLUE))
    assert found is choice
    assert mistakes == ([] if right else ["top.x: expected one of: red, blue"])


@pytest.mark.parametrize(
    ("value", "kind", "number", "said"),
    [
        ("0.25", Lots, Decimal("0.25"), None),
        (None, Lots, Decimal(1), None),
        ("0", Lots, Decimal(0), "expected a decimal above 0"),
        ("-1", Money, Decimal(-1), "expected a decimal above 0"),
        ("-1", Lots, Decimal(1), "expected a decimal above 0"),
        ("1", Money, Decimal(1), None),
        (0.25, Lots, Decimal(1), "expected a decimal as a string"),
        (
            "much",
            Lots,
            Decimal(1),
            "expected a decimal such as 12.34, with up to 7 digits before the point and 20 behind it",
        ),
    ],
)
def test_a_decimal_is_a_text_above_zero(value: Any, kind: type[WireDecimal], number: Decimal, said: str | None) -> None:
    found, mistakes = read(value, lambda node: node.positive("x", kind, Decimal(1)))
    assert (found, mistakes) == (number, [] if said is None else [f"top.x: {said}"])


@pytest.mark.parametrize("value", ["0.5", "0", "-1"])
def test_a_decimal_with_a_least_says_the_same_bound_of_whatever_is_below_it(value: str) -> None:
    _, mistakes = read(value, lambda node: node.positive("x", Lots, Decimal(5), least=Decimal(1)))
    assert mistakes == ["top.x: expected 1 or more"]


# Lists and their members ----------------------------------------------------------------------------------------------


def test_each_member_of_a_list_is_read_at_its_place() -> None:
    found, mistakes = read([{"y": 1}, "none"], lambda node: node.each("x", lambda inner: inner.path))
    assert (found, mistakes) == (("top.x[0]", "top.x[1]"), ["top.x[1]: expected an object"])


def test_a_field_is_wrong_by_its_own_mistake_or_that_of_its_object() -> None:
    mistakes: list[Mistake] = []
    node = Node({}, "top", mistakes)
    node.mistake("x", "no")
    assert (node.wrong("x"), node.wrong("y")) == (True, False)
    assert Node(7, "other", mistakes).wrong("anything")


def test_what_comes_a_second_time_is_a_mistake_and_what_is_empty_never_is() -> None:
    mistakes: list[Mistake] = []
    unique(mistakes, [("a", "x", "1"), ("b", "x", ""), ("c", "x", "1"), ("d", "x", ""), ("e", "x", "2")], "twice")
    assert [str(mistake) for mistake in mistakes] == ["c.x: twice"]
