"""A tenant with a row of everything, a neighbour, and programs with tokens."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from sessions_app.rest import throttling
from tests.integration.backoffice.house import House, build
from tests.integration.backoffice.manage.programs import Program


@pytest.fixture(autouse=True)
def _fresh_paces() -> Iterator[None]:
    for kept in (throttling.TOKENS, throttling.ADDRESSES):
        kept.clear()
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def house() -> House:
    return build("Own")


@pytest.fixture
def program(house: House) -> Program:
    """One that may everything."""
    return Program.of(house.tenant)
