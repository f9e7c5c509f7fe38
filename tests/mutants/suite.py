"""The unit tests of the domain, run inside this process: collected once, then any of them, in any order, until one
fails."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

SUITE: Final = "tests/unit/orders"
_PROFILE: Final = "mutants"
# Only what these tests need: the lanes, Django and its database would cost each run more than all of its tests.
_OPTIONS: Final = (
    "-o", "addopts=", "--import-mode=importlib", "-p", "_hypothesis_pytestplugin", f"--hypothesis-profile={_PROFILE}",
    "-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:warnings", "-p", "no:faulthandler", "--capture=no",
)  # fmt: skip


class Collected:
    """A pytest plugin: the tests of a session, handed to `then` instead of being run."""

    def __init__(self, then: Callable[["Collected"], None]) -> None:
        self._then = then
        self.items: dict[str, pytest.Item] = {}
        self.broken = ""
        self._failed = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken = self.broken or f"{report.nodeid}: {report.longrepr}"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self._then(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed = self._failed or report.nodeid

    def first_failure(self, tests: Iterable[str]) -> str:
        """Run these tests until one fails; its name, or an empty text."""
        chosen = [self.items[name] for name in tests]
        for item, following in zip(chosen, [*chosen[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                break
        return self._failed


def collect(then: Callable[[Collected], None], paths: Sequence[str] = (SUITE,)) -> Collected:
    """Collect the tests of these paths in this process, and hand them over."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    settings.register_profile(
        _PROFILE,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # the first failure is enough, the smallest is not needed
        suppress_health_check=list(HealthCheck),
    )
    plugin = Collected(then)
    pytest.main([*_OPTIONS, *paths], plugins=[plugin])
    return plugin
