"""For every test of the tree: the browser of the machine, since the tests download none."""

from typing import Any

import pytest

from tests.services.chromium import find_chromium, launch_arguments


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": find_chromium(), "args": launch_arguments()}
