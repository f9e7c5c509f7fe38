"""People's passwords: how they are stored, how often they may be tried, and what is written down."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from argon2 import PasswordHasher
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from sessions_app.auth import hashing
from sessions_app.models import OperatorAlert, RequestTally, SignIn
from sessions_app.tasks import forget_expired
from tests.factories.sessions import now

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long enough one"
HOME, ELSEWHERE = "192.0.2.1", "203.0.113.9"


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("owner", password=PASSWORD)


def sign_in(*, name: str = "owner", password: str = PASSWORD, address: str = HOME, door: str = "/sign-in/") -> int:
    """The status of the answer: 302 for who is let in."""
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post(door, form).status_code


def tries(count: int, **options: Any) -> list[int]:
    return [sign_in(**{"password": "wrong", **options}) for _ in range(count)]


@pytest.mark.usefixtures("costly_hashes")
def test_a_password_is_hashed_with_the_parameters_of_keys(owner: User) -> None:
    assert owner.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.usefixtures("costly_hashes")
def test_a_hash_of_other_parameters_is_replaced_when_its_owner_signs_in(owner: User) -> None:
    owner.password = "argon2" + PasswordHasher(time_cost=1, memory_cost=1024, parallelism=8).hash(PASSWORD)
    owner.save()
    assert sign_in() == 302
    owner.refresh_from_db()
    assert "m=19456,t=2,p=1" in owner.password


def test_passwords_are_hashed_in_the_pool_of_keys_however_many_come_at_once(owner: User, monkeypatch: Any) -> None:
    at_work, most, barrier = [0], [0], Barrier(8)
    submit = hashing._pool.submit

    def counted(call: Any, *args: Any) -> Any:
        def run() -> Any:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            try:
                return call(*args)
            finally:
                at_work[0] -= 1

        return submit(run)

    monkeypatch.setattr(hashing._pool, "submit", counted)

    def one(number: int) -> bool:
        barrier.wait()
        return owner.check_password(f"wrong {number}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == [False] * 8
    assert most[0] == hashing.WORKERS


def test_ten_tries_under_one_name_and_no_more_wherever_they_come_from(owner: User) -> None:
    answers = [sign_in(password="wrong", address=f"198.51.100.{number}") for number in range(14)]
    assert answers == [200] * 10 + [429] * 4


def test_the_admin_has_no_door_of_its_own(owner: User, client: Client) -> None:
    """It would be one more way past what the one page asks for."""
    form = {"username": "owner", "password": PASSWORD}
    for answer in (client.get("/admin/login/?next=/admin/monitoring/"), client.post("/admin/login/", form)):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/?next=/admin/")
    assert not SignIn.objects.exists()
    assert client.get("/admin/").status_code == 302


def test_twenty_tries_from_one_address_whatever_the_names() -> None:
    answers = [sign_in(name=f"name {number}", password="wrong") for number in range(24)]
    assert answers == [200] * 20 + [429] * 4


def test_an_ipv6_network_is_one_address() -> None:
    answers = [sign_in(name=f"n{item}", password="wrong", address=f"2001:db8:1:2::{item:x}") for item in range(1, 23)]
    assert answers == [200] * 20 + [429] * 2
    assert sign_in(name="other", password="wrong", address="2001:db8:1:3::1") == 200


def test_sixteen_at_once_never_get_more_tries_than_one_by_one(owner: User) -> None:
    barrier = Barrier(16)

    def one(number: int) -> int:
        barrier.wait()
        try:
            return sign_in(password="wrong", address=f"198.51.100.{number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(one, range(16))) == [200] * 10 + [429] * 6


def test_a_throttled_try_costs_no_hash_and_the_right_password_is_not_told(owner: User, monkeypatch: Any) -> None:
    tries(10, address=ELSEWHERE)

    def hashed(*args: Any, **options: Any) -> None:
        raise AssertionError("a password was hashed")

    monkeypatch.setattr(hashing, "in_turn", hashed)
    answer = Client(REMOTE_ADDR=ELSEWHERE).post("/sign-in/", {"username": "owner", "password": PASSWORD})
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")


def test_the_bound_ends_after_a_quarter_of_an_hour(owner: User) -> None:
    assert tries(11)[-1] == 429
    RequestTally.objects.update(started_at=now() - timedelta(minutes=14))
    assert sign_in() == 429
    RequestTally.objects.update(started_at=now() - timedelta(minutes=16))
    assert sign_in() == 302


def test_who_tries_elsewhere_does_not_lock_the_owner_out_at_home(owner: User) -> None:
    assert sign_in() == 302
    assert tries(12, address=ELSEWHERE)[-1] == 429
    assert sign_in() == 302


def test_who_gets_in_uses_up_no_tries(owner: User) -> None:
    assert [sign_in() for _ in range(25)] == [302] * 25


def test_every_try_is_written_down_but_not_what_no_name_is(owner: User) -> None:
    sign_in()
    sign_in(password="wrong", address=ELSEWHERE)
    sign_in(name="my secret password", password="wrong", address=ELSEWHERE)
    told = SignIn.objects.order_by("id").values_list("name", "address", "succeeded")
    assert list(told) == [("owner", HOME, True), ("owner", ELSEWHERE, False), ("", ELSEWHERE, False)]


def test_a_lock_calls_an_operator_once(owner: User) -> None:
    tries(15)
    alert = OperatorAlert.objects.get()
    assert (alert.code, alert.times) == ("sign_in_locked", 1)
    assert HOME in alert.text


def test_sign_ins_are_kept_for_ninety_days(owner: User) -> None:
    for days in (89, 91):
        SignIn.objects.create(name="owner", address=HOME, succeeded=True, at=now() - timedelta(days=days))
    forget_expired()
    assert [(now() - row.at).days for row in SignIn.objects.all()] == [89]


def test_the_page_of_sign_ins_shows_them_to_who_may_see_them(owner: User, client: Client) -> None:
    tries(1, address=ELSEWHERE)
    client.force_login(owner)
    assert ELSEWHERE in client.get("/admin/sessions_app/signin/").content.decode()
