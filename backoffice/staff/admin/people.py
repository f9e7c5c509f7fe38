"""Users and groups are edited here, by Django's own pages; each change stands among the acts of people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from backoffice.own_language import in_english
from backoffice.sign_in import actor_of
from sessions_app.domain.people import PersonAct
from sessions_app.queries import database_now
from sessions_app.services.operations import person_history

# Only the type checker knows it as generic.
if TYPE_CHECKING:
    _UserAdmin = UserAdmin[User]
else:
    _UserAdmin = UserAdmin


class RecordedUserAdmin(_UserAdmin):
    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        return _record(request, PersonAct.LOG_IN_MADE, super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> LogEntry:
        return _record(request, PersonAct.LOG_IN_CHANGED, super().log_change(request, obj, message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[User]) -> Any:
        _record_gone(request, PersonAct.LOG_IN_DELETED, queryset)
        return super().log_deletions(request, queryset)


class RecordedGroupAdmin(GroupAdmin):
    def log_addition(self, request: HttpRequest, obj: Group, message: Any) -> LogEntry:
        return _record(request, PersonAct.GROUP_MADE, super().log_addition(request, obj, message))

    def log_change(self, request: HttpRequest, obj: Group, message: Any) -> LogEntry:
        return _record(request, PersonAct.GROUP_CHANGED, super().log_change(request, obj, message))

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Group]) -> Any:
        _record_gone(request, PersonAct.GROUP_DELETED, queryset)
        return super().log_deletions(request, queryset)


def _record(request: HttpRequest, act: PersonAct, entry: LogEntry) -> LogEntry:
    with in_english():
        note = entry.get_change_message()
    _write(request, act, entry.object_repr, note)
    return entry


def _record_gone(request: HttpRequest, act: PersonAct, rows: Iterable[Any]) -> None:
    for row in rows:
        _write(request, act, str(row), "")


def _write(request: HttpRequest, act: PersonAct, whom: str, note: str) -> None:
    with transaction.atomic():
        person_history.record(act=act, person=whom, actor=actor_of(request), at=database_now(), note=note)
