"""A setting is declared once: the file, the columns, the rules, the admin and the documents follow its row."""

from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import pytest
from django.db import models

from backoffice.staff.admin.subscriptions import SubscriptionAdmin, help_texts
from eagateway.documents.tables import settings_table
from orders.domain.decision.filters import Filters
from orders.domain.decision.setting_table import Help, Setting, SettingTable, Whole
from orders.domain.decision.settings import SETTINGS, Settings
from orders.domain.decision.symbols import Affixes
from orders.domain.provisioning.entries import Mistake, Node
from orders.domain.provisioning.settings import BESIDE, read_settings
from orders.domain.risk.limits import Limits
from orders.domain.sizing.modes import Mode, Sizing
from orders.models import Subscription
from orders.models.setting_columns import column


@dataclass(frozen=True, slots=True, kw_only=True)
class WithPause(Settings):
    """The shipped table, and one row that is not."""

    pause_minutes: Annotated[int, Whole(1, 60), Help("How long it rests after a loss.", section="limits")] = 5


TABLE: Final = SettingTable(WithPause)
PAUSE: Final = TABLE.rows[-1]


def read(**content: Any) -> tuple[WithPause, list[Mistake]]:
    mistakes: list[Mistake] = []
    return read_settings(Node(content, "here", mistakes), TABLE), mistakes


# A new row -----------------------------------------------------------------------------------------------------------


def test_a_new_setting_is_read_and_has_its_default() -> None:
    assert read(pause_minutes=9, mode="equity_ratio") == (WithPause(pause_minutes=9, mode=Mode.EQUITY_RATIO), [])
    assert read() == (WithPause(), [])
    assert WithPause().pause_minutes == 5


@pytest.mark.parametrize("value", [0, 61])
def test_a_new_setting_is_bounded(value: int) -> None:
    assert read(pause_minutes=value)[1] == [Mistake("here.pause_minutes", "expected a whole number from 1 to 60")]


@pytest.mark.parametrize("value", ["9", 9.5, True, [9]])
def test_a_new_setting_of_another_type_is_refused(value: object) -> None:
    assert read(pause_minutes=value)[1] == [Mistake("here.pause_minutes", "expected a whole number")]


def test_what_the_table_does_not_know_is_refused_with_what_it_knows() -> None:
    mistakes: list[Mistake] = []
    read_settings(Node({"pause_minutes": 9}, "here", mistakes), SETTINGS)
    known = ", ".join([*BESIDE, *(row.name for row in SETTINGS.rows)])
    assert mistakes == [Mistake("here.pause_minutes", f"unknown field: expected one of {known}")]


def test_a_new_setting_gets_a_column_and_comes_back_from_it() -> None:
    made = column(PAUSE)
    assert isinstance(made, models.PositiveIntegerField)
    assert (made.default, made.null) == (5, False)
    settings = WithPause(pause_minutes=9, max_lots=Decimal(2))
    stored = type("Row", (), TABLE.columns(settings))
    assert TABLE.restored(stored) == settings


def test_a_new_setting_is_explained_in_the_admin_and_in_the_documents() -> None:
    assert help_texts([PAUSE]) == {"pause_minutes": "How long it rests after a loss."}
    told = "How long it rests after a loss. See [copying.md](copying.md#limits)."
    assert f"| `pause_minutes` | 1 to 60 | `5` | {told} |" in settings_table(TABLE.rows)


# The rows that there are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", SETTINGS.rows, ids=lambda row: row.name)
def test_every_setting_has_a_sentence_a_column_and_a_place_in_the_admin(row: Setting) -> None:
    sentence = row.help.sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert len(sentence.split()) >= 8
    assert row.name in (SubscriptionAdmin.fields or ())
    assert row.name in {item.name for item in Subscription._meta.concrete_fields}


def test_an_empty_file_and_an_empty_row_have_the_defaults() -> None:
    assert SETTINGS.restored(Subscription()) == Settings()
    mistakes: list[Mistake] = []
    assert (read_settings(Node({}, "here", mistakes), SETTINGS), mistakes) == (Settings(), [])


@pytest.mark.parametrize("part", [Sizing, Limits, Affixes])
def test_what_rules_look_at_together_is_named_as_the_settings_are(part: Any) -> None:
    assert {item.name for item in fields(part)} <= {row.name for row in SETTINGS.rows}


def test_every_filter_is_explained_in_the_page_of_copying() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/copying.md").read_text(encoding="utf-8")
    told = text.partition("\n## Filters\n")[2].partition("\n## ")[0]
    assert [name for name in Filters.__struct_fields__ if f"`{name}`" not in told] == []


def test_no_two_subscriptions_share_an_object_of_settings() -> None:
    assert Settings().symbol_map is not Settings().symbol_map
