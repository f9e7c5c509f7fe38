"""What the demo shows: addresses, approvals, a progress bar with counts, and the tables at the end."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from eagateway.demo import rows

_LISTED = 10


class Screen:
    """Prints to a terminal with a live bar, or plain lines where there is none."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, emoji=False, markup=False)
        self._bar = Progress(
            TextColumn("replaying"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._task = self._bar.add_task("replay", total=None, counts="")
        self._next_line = 0.1

    def say(self, text: str) -> None:
        self.console.print(text, soft_wrap=True)

    def credentials(self, url: str, people: Mapping[str, str]) -> None:
        """Addresses and passwords, shown this once."""
        table = Table()
        for column in ("who", "password"):
            table.add_column(column, overflow="fold")
        for name, password in people.items():
            table.add_row(name, password)
        self._table("Sign in (random passwords, shown once)", table)
        self.say(f"tenant      {url}/")
        self.say(f"admin       {url}/admin/")
        self.say(f"approvals   {url}/admin/approvals/")
        self.say(f"monitoring  {url}/admin/monitoring/")

    def pending(self, waiting: Sequence[tuple[str, str]]) -> None:
        """The approval desk: account and fingerprint of every key that waits."""
        table = Table()
        table.add_column("account")
        table.add_column("key fingerprint")
        for account, fingerprint in waiting:
            table.add_row(account, fingerprint[:12])
        self._table("Waiting for approval", table)

    def progress(self, done: int, total: int, progress: rows.Progress) -> None:
        """Move the bar; without a terminal, a line every tenth."""
        counts = (
            f"{progress.decisions} decisions, {progress.commands} commands, "
            f"{progress.unfinished} open, {progress.held} held"
        )
        if not self._bar.disable:
            self._bar.start()
            self._bar.update(self._task, completed=done, total=total, counts=counts)
        elif total and done / total >= self._next_line:
            self._next_line = done / total + 0.1
            self.say(f"replayed {done}/{total} events: {counts}")

    def report(self, content: Mapping[str, Any]) -> None:
        """The closing tables."""
        self._bar.stop()
        self._table(
            f"Replay of {content['recording']} over the {content['transport']} in {content['seconds']} s",
            _counts(content),
        )
        self._table("Latency in ms, by hop", _latencies(content))
        if content["figures"]:
            title = "The mirrored follower's figures, from the stored reports, beside MT4's statement"
            self._table(title, _figures(content))

    def _table(self, title: str, table: Table) -> None:
        self.say(f"\n{title}")
        self.console.print(table)

    def findings(self, title: str, sentences: Sequence[str]) -> None:
        """What is wrong, the first few."""
        if not sentences:
            return
        self.say(f"{title} ({len(sentences)}):")
        for sentence in sentences[:_LISTED]:
            self.say(f"  {sentence}")
        if len(sentences) > _LISTED:
            self.say(f"  ... and {len(sentences) - _LISTED} more")


def _counts(content: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("what")
    table.add_column("count", justify="right")
    for name in ("intents", "decisions", "commands", "fills"):
        table.add_row(name, str(content[name]))
    table.add_row("denied", str(sum(content["denied"].values())))
    for code, count in content["denied"].items():
        table.add_row(f"  {code}", str(count))
    table.add_row("cut by max_lots", str(content["cut"]))
    for name in ("expired", "lost", "duplicated", "wrong", "restarts"):
        table.add_row(name, str(content[name]))
    return table


def _latencies(content: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("hop")
    for share in ("p50", "p95", "p99"):
        table.add_column(share, justify="right")
    for hop, shares in content["latency_ms"].items():
        table.add_row(hop, *(f"{shares[share]:.1f}" for share in ("p50", "p95", "p99")))
    return table


def _figures(content: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("figure")
    table.add_column("MT4 printed", justify="right")
    table.add_column("gateway", justify="right")
    table.add_column("equal")
    for figure in content["figures"]:
        table.add_row(figure["name"], figure["printed"], figure["ours"], "yes" if figure["equal"] else "NO")
    return table
