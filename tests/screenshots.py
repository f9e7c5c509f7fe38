"""Pictures of the running demo for the documents: `python -m tests.screenshots`, or `make screenshots`.

The demo is run to its end and goes on serving; staff and a tenant's member sign in with the passwords that it prints,
in a real browser, on a screen and on a phone. Nothing of what is shown is made for the picture.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.services.chromium import find_chromium, launch_arguments

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "screenshots"
SIZES: Final = {1280: 800, 390: 844}
_ROW: Final = re.compile(r"[│┃|] (\S+) +[│┃|] (\S+) +[│┃|]")
_SERVES: Final = re.compile(r"still serving on (\S+);")


def main() -> int:
    """Write the pictures; the exit status."""
    if find_chromium() is None:
        print("no Chromium found: nothing was written", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with demo() as (url, passwords, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=launch_arguments())
        member = next(name for name in passwords if name != "staff")
        for width in SIZES:
            staff = of_staff(browser, url, passwords["staff"], width)
            for name, page in chain(staff, of_member(browser, url, member, passwords[member], width)):
                path = FOLDER / f"{name}-{width}.png"
                page.screenshot(path=path)
                print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KiB")
        browser.close()
    return 0


@contextmanager
def demo(speed: str = "60") -> Iterator[tuple[str, Mapping[str, str], str]]:
    """The demo when its replay is over: its address, the passwords among what it has printed, and all of that."""
    command = [sys.executable, "-u", "manage.py", "demo", "--speed", speed, "--port", "0"]
    own = ("DATABASE_URL", "REDIS_URL", "EAGATEWAY_DATA_DIR")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**kept, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
    )  # fmt: skip
    try:
        passwords: dict[str, str] = {}
        printed = []
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line)
            if (row := _ROW.search(line)) and (row[1] == "staff" or "@" in row[1]):
                passwords[row[1]] = row[2]
            if serves := _SERVES.search(line):
                yield serves[1], passwords, "".join(printed)
                return
        raise RuntimeError(f"the demo ended before its end:\n{''.join(printed[-20:])}")
    finally:
        process.terminate()
        process.wait(timeout=60)


def of_staff(browser: Browser, url: str, password: str, width: int) -> Iterator[tuple[str, Page]]:
    """Monitoring."""
    page = signed_in(browser, url, "staff", password, width)
    page.goto(f"{url}/admin/monitoring/")
    expect(page.locator("#state")).to_be_visible()
    yield "monitoring", page
    page.context.close()


def of_member(browser: Browser, url: str, name: str, password: str, width: int) -> Iterator[tuple[str, Page]]:
    """Health, and a trade with what became of it."""
    page = signed_in(browser, url, name, password, width)
    expect(page.get_by_role("heading", name="Is my money copied right now?")).to_be_visible()
    yield "health", page
    page.get_by_role("link", name="Trades", exact=True).click()
    page.locator("main tbody th a").first.click()
    expect(page.get_by_role("heading", name="Who got this trade, how, and why not?")).to_be_visible()
    yield "trade", page
    page.context.close()


def signed_in(browser: Browser, url: str, name: str, password: str, width: int) -> Page:
    """A browser of this width in which somebody has signed in."""
    options: dict[str, Any] = {"viewport": {"width": width, "height": SIZES[width]}, "color_scheme": "light"}
    page = browser.new_context(**options).new_page()
    page.goto(f"{url}/sign-in/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign in")).to_have_count(0)
    return page


if __name__ == "__main__":
    sys.exit(main())
