"""Rows without the weight of their making: the same objects as the model's constructor makes, and the same reads."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from orders.models import Command, Copy, Decision, Intent, Report, Subscription
from sessions_app.models import BrokerAccount, EaSession, InboundFrame
from sessions_app.models.fields import new_id
from sessions_app.models.light import fetch, make, share
from tests.integration.trading import Desk, subscribe

pytestmark = pytest.mark.django_db
MODELS = (BrokerAccount, Command, Copy, Decision, EaSession, InboundFrame, Intent, Report, Subscription)


def content(row: Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.parametrize("model", MODELS)
def test_a_row_is_made_with_the_defaults_of_its_model(model: type[Model]) -> None:
    made, built = content(make(model)), content(model())
    for name, value in built.items():
        assert type(made[name]) is type(value), name
        # An id is another one for each row.
        assert (made[name] == value) is not isinstance(value, UUID), name


def test_what_a_default_makes_is_made_anew_for_each_row() -> None:
    first, second = make(EaSession), make(EaSession)
    assert first.status == {}
    assert first.status is not second.status
    assert first.id != second.id


def test_a_relation_is_given_as_its_object_or_its_key() -> None:
    account = make(BrokerAccount, account_id="A")
    by_object, by_key = make(Copy, account=account), make(Copy, account_id=account.id)
    assert by_object.account_id == by_key.account_id == account.id
    with CaptureQueriesContext(connection) as seen:
        assert by_object.account is account
    assert len(seen) == 0


def test_a_column_that_the_model_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="Copy has no lot"):
        make(Copy, lot=1)


def test_rows_are_fetched_as_the_model_reads_them_related_ones_too() -> None:
    master, follower = Desk.open("M"), Desk.open("F")
    made = subscribe(master, follower, multiplier="0.5", filters={"symbols": ["EURUSD"]})
    with CaptureQueriesContext(connection) as seen:
        (row,) = fetch(Subscription.objects.all(), "strategy")
        assert row.strategy.master_id == master.account.id
    assert len(seen) == 1
    assert content(row) == content(Subscription.objects.get(id=made.id))
    assert content(row.strategy) == content(made.strategy)
    row.state = "close_only"
    row.save(update_fields=["state"])
    assert Subscription.objects.get().state == "close_only"


def test_a_column_that_was_left_out_is_read_when_it_is_asked_for() -> None:
    desk = Desk.open("A")
    (row,) = fetch(BrokerAccount.objects.all(), without=frozenset({"claimed_as"}))
    with CaptureQueriesContext(connection) as seen:
        assert row.claimed_as == desk.account.claimed_as
    assert len(seen) == 1


def test_rows_share_what_was_read_once() -> None:
    accounts = {key: make(BrokerAccount, id=key) for key in (new_id(), new_id())}
    copies = [make(Copy, account_id=key) for key in accounts]
    share(copies, "account", accounts)
    assert all(copy.account is accounts[copy.account_id] for copy in copies)


def test_among_finds_keys_by_one_parameter_whatever_their_number() -> None:
    desks = [Desk.open(f"A{number}") for number in range(3)]
    wanted = [desk.account.id for desk in desks[:2]]
    many = wanted + [new_id() for _ in range(2_000)]
    found = BrokerAccount.objects.filter(id__among=many)
    assert set(found.values_list("id", flat=True)) == set(wanted)
    assert EaSession.objects.filter(account__among=wanted).count() == 2
    assert len(found.query.sql_with_params()[1]) == 1
    assert not BrokerAccount.objects.filter(id__among=[]).exists()
    assert not Copy.objects.filter(position_id__among=[1, 2**40], copy_no__among={3}).exists()


@pytest.mark.parametrize("key", ["0' OR 1=1", None, 1.5])
def test_what_is_no_key_is_no_question(key: Any) -> None:
    with pytest.raises(TypeError):
        list(BrokerAccount.objects.filter(id__among=[key]))
