"""The links of this process, by session and by account."""

from collections.abc import Iterator
from uuid import UUID

from sessions_app.transport.connection.connections import Connection


class Registry:
    """The links of this process: one per session, by session and by account."""

    def __init__(self) -> None:
        self._by_session: dict[UUID, Connection] = {}
        self._by_account: dict[UUID, dict[UUID, Connection]] = {}

    def __iter__(self) -> Iterator[Connection]:
        # A copy: links leave while somebody goes through them.
        return iter(list(self._by_session.values()))

    def __len__(self) -> int:
        return len(self._by_session)

    def sessions(self) -> set[UUID]:
        """The sessions whose links are here."""
        return set(self._by_session)

    def add(self, connection: Connection) -> Connection | None:
        """Register a socket; the former one of the same session, which it supersedes, is returned."""
        former = self._by_session.get(connection.session_id)
        self._by_session[connection.session_id] = connection
        self._by_account.setdefault(connection.account_pk, {})[connection.session_id] = connection
        connection.join(self.remove)
        return former

    def remove(self, connection: Connection) -> None:
        """Forget a socket, unless a newer one of its session has taken its place."""
        if self._by_session.get(connection.session_id) is not connection:
            return
        del self._by_session[connection.session_id]
        sockets = self._by_account[connection.account_pk]
        del sockets[connection.session_id]
        if not sockets:
            del self._by_account[connection.account_pk]

    def of_session(self, session_id: UUID) -> Connection | None:
        return self._by_session.get(session_id)

    def of_account(self, account_pk: UUID) -> list[Connection]:
        return list(self._by_account.get(account_pk, {}).values())

    def ready_for(self, account_pk: UUID) -> Connection | None:
        """The socket that takes this account's commands, if it is here: the newest session's, as far as we know."""
        links = self._by_account.get(account_pk)
        if not links:
            return None
        # For a moment two may be: the session that was preempted does not know of it yet.
        ready = [item for item in links.values() if item.ready]
        return max(ready, key=_fence) if len(ready) > 1 else ready[0] if ready else None

    def serves(self, account_pk: UUID, fence: int) -> bool:
        """Whether the socket of the session that has this fence is here, and may be sent commands. For any thread."""
        return any(item.ready and item.standing.fence == fence for item in self.of_account(account_pk))


def _fence(connection: Connection) -> int:
    return connection.standing.fence
