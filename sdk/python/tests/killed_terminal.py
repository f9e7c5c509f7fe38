"""A follower's program that is there to be killed: its broker is a file with one magic number per executed order."""

import asyncio
import random
import sys
from pathlib import Path

from eagateway_sdk import (
    Backoff,
    ExecutionReport,
    GatewayClient,
    InitRequest,
    OrderCommand,
    ReportStatus,
    Timing,
)


class FileBroker:
    """Executes by appending to a file, which outlives the program as a broker does."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def execute(self, command: OrderCommand) -> ExecutionReport:
        await asyncio.sleep(random.random() * 0.004)
        with self._path.open("a") as orders:
            orders.write(f"{command.magic}\n")
        await asyncio.sleep(random.random() * 0.004)
        return ExecutionReport(status=ReportStatus.FILLED, ticket=command.copy_no)

    async def search(self, command: OrderCommand) -> ExecutionReport | None:
        known = self._path.read_text().split() if self._path.exists() else []
        if str(command.magic) not in known:
            return None
        return ExecutionReport(status=ReportStatus.FILLED, ticket=command.copy_no)


async def main(base_url: str, folder: Path) -> None:
    client = GatewayClient(
        base_url=base_url,
        account_id="Demo:1001",
        auth_key="k" * 43,
        store=folder / "store.sqlite3",
        init_request=InitRequest(currency="USD"),
        executor=FileBroker(folder / "orders.txt"),
        backoff=Backoff(first=0.01, longest=0.05),
        timing=Timing(search_window=0.0),
    )
    async with client:
        await client.wait_status("stopped")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
