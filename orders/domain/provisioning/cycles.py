"""Cycles in the graph of who copies whom."""

from collections.abc import Collection, Mapping


def find_cycle(edges: Collection[tuple[str, str]]) -> list[str] | None:
    """The accounts of one cycle master -> follower -> ... -> the same master, or None."""
    following: dict[str, list[str]] = {}
    # Sorted, so that the same graph names the same cycle each time.
    for master, follower in sorted(edges):
        following.setdefault(master, []).append(follower)
    done: set[str] = set()
    for start in following:
        cycle = _walk(start, following, done)
        if cycle:
            return cycle
    return None


def _walk(start: str, following: Mapping[str, list[str]], done: set[str]) -> list[str] | None:
    """Depth first without recursion: chains may be long."""
    trail: list[str] = []
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        account, leaving = stack.pop()
        if leaving:
            done.add(trail.pop())
        elif account in trail:
            return [*trail[trail.index(account) :], account]
        elif account not in done:
            trail.append(account)
            stack.append((account, True))
            stack += [(follower, False) for follower in following.get(account, [])]
    return None
