"""For every test of the tree: the browser of the machine, since none is downloaded; a database that is migrated."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.databases import begin_migrated, empty_after_each_test
from tests.orphans import orphans
from tests.services.chromium import find_chromium, launch_arguments


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": launch_arguments()}


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings_parallel_suffix: None) -> bool:
    """Whether Django finds a database and keeps it. It goes with its server or its folder."""
    empty_after_each_test()
    return begin_migrated(settings.DATABASES["default"])


@pytest.fixture(autouse=True)
def _no_orphans(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves a row that names one which is not there: the tables of the hot path have no foreign keys."""
    if request.node.get_closest_marker("django_db") is None:
        yield
        return
    request.getfixturevalue("_django_db_helper")  # ours ends before it empties the database
    yield
    assert orphans() == {}
