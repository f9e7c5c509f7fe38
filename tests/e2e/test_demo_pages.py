"""What somebody finds on the pages of the demo who has started it to look around."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

import httpx
import pytest

from tests.screenshots import demo

TOKEN: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')

pytestmark = pytest.mark.lane("embedded")


def signed_in(url: str, name: str, password: str) -> httpx.Client:
    browser = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
    token = TOKEN.search(browser.get("/sign-in/").text)
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1], "username": name, "password": password}
    assert browser.post("/sign-in/", data=form, headers={"Referer": url}).status_code == 200
    return browser


@pytest.fixture
def served() -> Iterator[tuple[str, Mapping[str, str], str]]:
    with demo(speed="max") as told:
        yield told


def test_one_follower_is_behind_and_a_new_ea_waits(served: tuple[str, Mapping[str, str], str]) -> None:
    url, passwords, printed = served
    # The report is of the recording alone: what comes after it counts nowhere.
    assert re.search(r"intents\W+533\b", printed)
    assert re.search(r"lost\W+0\b", printed)
    member = next(name for name in passwords if name != "staff")
    with closing(signed_in(url, member, passwords[member])) as browser:
        health = re.sub(r"</?bdi>", "", browser.get("/").text)
    assert (
        "Partly: 2 of 3 followers are copied. Paper-Demo02:2002 is not: offline with 12 open copies, 1 command"
        in health
    )
    with closing(signed_in(url, "staff", passwords["staff"])) as browser:
        desk = browser.get("/admin/approvals/").text
        monitoring = browser.get("/admin/monitoring/").text
    code = re.search(r"Paper-Demo04:2004 asks to be let in; its owner's code is (\w{4} \w{4})", printed)
    assert code is not None
    assert f"<code>{code[1]}</code>" in desk
    assert "1 follower holds open copies and cannot be reached." in monitoring
