"""The vault's keys are changed while all runs; who has lost his phone is helped, and it is written down."""

import os
from io import StringIO
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from sessions_app.models import PersonEvent, SecondFactor
from sessions_app.services.access import second_factors

pytestmark = pytest.mark.django_db

OLD: Final = os.urandom(32)
NEW: Final = os.urandom(32)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_after_a_rotation_the_former_key_is_not_needed(settings: Any) -> None:
    settings.VAULT_KEYS = {1: OLD}
    users = [User.objects.create_user(f"p{number}") for number in range(3)]
    secrets = [second_factors.begin(user.pk) for user in users]
    settings.VAULT_KEYS = {1: OLD, 2: NEW}
    assert "second factors: 3 wrapped anew" in run("vault", "rotate")
    assert "second factors: 0 wrapped anew" in run("vault", "rotate")
    settings.VAULT_KEYS = {2: NEW}
    assert [second_factors.begin(user.pk) for user in users] == secrets


def test_a_rotation_without_the_former_key_says_which_is_missing(settings: Any) -> None:
    settings.VAULT_KEYS = {1: OLD}
    second_factors.begin(User.objects.create_user("olga").pk)
    settings.VAULT_KEYS = {2: NEW}
    with pytest.raises(CommandError, match="no key 1"):
        run("vault", "rotate")
    assert SecondFactor.objects.get().key_version == 1


def test_a_key_is_made_for_the_next_version(settings: Any) -> None:
    settings.VAULT_KEYS = {4: OLD}
    assert run("vault", "key").startswith("5:")


def test_a_second_factor_is_taken_away_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create_user("olga")
    assert "has no second factor" in run("second_factor", "olga")
    second_factors.begin(user.pk)
    SecondFactor.objects.update(confirmed_at=user.date_joined)
    assert "has a second factor" in run("second_factor", "olga")
    with pytest.raises(CommandError, match="needs a --reason"):
        run("second_factor", "olga", "--remove")
    run("second_factor", "olga", "--remove", "--reason", "phone lost")
    assert not SecondFactor.objects.exists()
    told = PersonEvent.objects.get()
    assert (told.act, told.person, told.note) == ("second_factor_reset", "olga", "phone lost")
    assert told.actor.startswith("second_factor by ")
