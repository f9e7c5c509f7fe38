"""The main job on real input: a recorded account's trades reach three followers, through the real gateway."""

import argparse
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from eagateway.demo.child import GatewayFailed
from eagateway.demo.run import BREAKS, PLATFORMS, SHIPPED, TERMINALS, TRANSPORTS, Options, own_folder, play


class Command(BaseCommand):
    help = "Replay a recorded account through the gateway to three followers, and check every book against the master."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recording", type=Path, default=SHIPPED, help="folder of a recording (the shipped one)")
        parser.add_argument("--speed", type=_speed, default=60.0, help="seconds to compress it to, or max (60)")
        parser.add_argument("--exit", action="store_true", help="end after the report instead of serving on")
        parser.add_argument("--report", type=Path, help="write the report to this file, as JSON")
        parser.add_argument("--approve", choices=("auto", "manual"), default="auto", help="manual waits for you")
        parser.add_argument(
            "--kill-gateway", type=_count, default=0, metavar="N", help="SIGKILL it at N random moments"
        )
        parser.add_argument(
            "--restart-gateway", type=_count, default=0, metavar="N", help="end and start it at N random moments"
        )
        parser.add_argument(
            "--break", choices=BREAKS, dest="fault", help="falsify one order, or the gateway: the report must fail"
        )
        parser.add_argument(
            "--transport",
            choices=TRANSPORTS,
            default=None,
            help="what all terminals speak over (socket; the EA: exchange)",
        )
        parser.add_argument(
            "--terminal",
            choices=TERMINALS,
            default="sdk",
            help="what they run: the SDK, or the EA in simulated terminals",
        )
        parser.add_argument(
            "--platform",
            choices=PLATFORMS,
            default="mt4",
            help="which MetaTrader the terminals are (mt4; --terminal ea)",
        )
        parser.add_argument(
            "--kill-terminal",
            type=_count,
            default=0,
            metavar="N",
            help="SIGKILL one at N random moments (--terminal ea)",
        )
        parser.add_argument("--seed", type=int, default=None, help="seed of the random moments")
        parser.add_argument("--port", type=int, default=8000, help="port of the gateway, or else a free one (8000)")

    def handle(self, *args: Any, **given: Any) -> None:
        if given["kill_terminal"] and given["terminal"] != "ea":
            raise CommandError("--kill-terminal needs --terminal ea: the SDK's clients are a part of this process")
        if given["platform"] != "mt4" and given["terminal"] != "ea":
            raise CommandError("--platform needs --terminal ea: the SDK's clients run in no MetaTrader")
        if given["platform"] == "mt5" and given["transport"] == "socket":
            raise CommandError("--platform mt5 goes with --transport exchange: its program has no socket yet")
        names = Options.__dataclass_fields__.keys() & given.keys()
        options = Options(folder=own_folder(), **{name: given[name] for name in names})
        try:
            status = play(options)
        except GatewayFailed as error:
            raise CommandError(str(error)) from error
        sys.exit(status)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise argparse.ArgumentTypeError("seconds above 0, or max")
    return seconds


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("a whole number of 0 or more")
    return int(text)
