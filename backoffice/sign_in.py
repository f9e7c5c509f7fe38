"""The way in, of staff and of tenants' members alike: a password, and a second factor of those who have one.

Every try is bounded and written down. The gates of the admin and of tenants' pages ask here whether a person still owes
a second factor.
"""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy

from sessions_app.auth.browser_sessions import BEGUN
from sessions_app.rest.parsing import peer_address
from sessions_app.services.access import passkeys, second_factors, sign_ins
from sessions_app.services.access.passkeys import Place, WrongPasskey
from sessions_app.services.operations.history import Actor

VERIFIED: Final = "second_factor"
"""In a session: its person has shown a second factor in it."""
NO_PASSKEY: Final = gettext_lazy(
    "This is no passkey that opens this, or it took longer than five minutes. Try again, or go another way."
)
_HALF: Final = "half_signed_in"
_HALF_SECONDS: Final = 600


def actor_of(request: HttpRequest) -> Actor:
    """Who acts, and from where, as records keep it."""
    return Actor(name=request.user.get_username(), user_id=request.user.pk, address=peer_address(request))


class SignInForm(AuthenticationForm):
    """Counts a try before its password is looked at.

    Own code instead of django-axes: its lock is looked at, and its failure written, in two steps, so that requests at
    once pass it; and it locks a name everywhere, its owner with it.
    """

    needs_code = False

    def clean(self) -> dict[str, Any]:
        """The person's data.

        :raises SignInThrottled: too many tries
        """
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password or self.request is None:
            return super().clean()
        address = peer_address(self.request)
        sign_ins.take_try(name=name, address=address)
        try:
            cleaned = super().clean()
        except ValidationError:
            sign_ins.refused(name=name, address=address)
            raise
        self.needs_code = second_factors.is_asked(self.get_user().pk)
        if not self.needs_code:
            sign_ins.succeeded(name=name, address=address)
        return cleaned


def enter(request: HttpRequest, user: User, *, verified: bool) -> None:
    """Begin the person's session, and say in it where it was begun."""
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.session[BEGUN] = {
        "address": peer_address(request),
        "browser": request.headers.get("User-Agent", "")[:200],
        "at": timezone.now().isoformat(),
    }
    request.session[VERIFIED] = verified


# Half way in: the password was right, a code is owed ------------------------------------------------------------------


def wait_for_code(request: HttpRequest, user: User, leads_to: str) -> None:
    """Remember who is half way in. He is nobody yet: no page but that of the code knows of it."""
    request.session[_HALF] = {
        "user": user.pk,
        "hash": _mark(user),
        "at": timezone.now().timestamp(),
        "next": leads_to,
    }


def half_way_in(request: HttpRequest) -> tuple[User, str] | None:
    """Who is half way in, and where he wants to; nobody after ten minutes, or when the password was changed. What
    counts no more is kept no longer.
    """
    kept = request.session.get(_HALF)
    if kept is None:
        return None
    user = get_user_model().objects.filter(pk=kept["user"], is_active=True).first()
    late = timezone.now().timestamp() - kept["at"] > _HALF_SECONDS
    if late or user is None or not constant_time_compare(kept["hash"], _mark(user)):
        del request.session[_HALF]
        return None
    return user, kept["next"]


def _mark(user: User) -> str:
    """What changes with the person's password. Not the hash that Django keeps in the session of who is in: half way in,
    nothing is kept that would do for that."""
    return salted_hmac("backoffice.sign_in.half", user.get_session_auth_hash(), algorithm="sha256").hexdigest()


def enter_by_code(request: HttpRequest, user: User, code: str) -> None:
    """Let in who is half way in and shows a code. It counts as a try of its name.

    :raises SignInThrottled: too many tries
    :raises WrongCode: the code is none
    """
    take_code(request, user, code, tries=2)
    request.session.pop(_HALF, None)
    enter(request, user, verified=True)


def enter_by_passkey(request: HttpRequest, user: User, answer: str, state: str, *, alone: bool) -> None:
    """Let in who shows a passkey: half way in, or `alone` without a password. It counts as a try of its name.

    :raises SignInThrottled: too many tries
    :raises WrongPasskey: it is none of this person
    """
    name, address = user.get_username(), peer_address(request)
    sign_ins.take_try(name=name, address=address)
    try:
        passkeys.take(user=user, answer=answer, state=state, place=place_of(request), alone=alone)
    except WrongPasskey:
        sign_ins.refused(name=name, address=address)
        raise
    sign_ins.succeeded(name=name, address=address, tries=1 if alone else 2)
    request.session.pop(_HALF, None)
    enter(request, user, verified=True)


def place_of(request: HttpRequest) -> Place:
    """Where the page stands, as its browser names it."""
    return Place(f"{request.scheme}://{request.get_host()}", request.get_host().partition(":")[0])


def older_than_factor(request: HttpRequest, user: User) -> bool:
    """Whether this session was begun before its person had a second factor: it must be begun anew, or it would be a
    way to put another's phone or passkey in place of the owner's."""
    return not request.session.get(VERIFIED) and second_factors.is_asked(user.pk)


def take_code(request: HttpRequest, user: User, code: str, *, tries: int = 1) -> None:
    """Take a code of this person, where tries are bounded and written down.

    :raises SignInThrottled: too many tries
    :raises WrongCode: the code is none
    """
    name, address = user.get_username(), peer_address(request)
    sign_ins.take_try(name=name, address=address)
    try:
        second_factors.check(user=user, code=code, address=address)
    except second_factors.WrongCode:
        sign_ins.refused(name=name, address=address)
        raise
    sign_ins.succeeded(name=name, address=address, tries=tries)


# Gates ----------------------------------------------------------------------------------------------------------------


def owes_second_factor(request: HttpRequest) -> bool:
    """Whether this person is staff, has shown none, and the deployment demands one of the staff."""
    demanded = bool(settings.GATEWAY["staff_second_factor"])
    user = request.user
    return demanded and user.is_authenticated and user.is_staff and not request.session.get(VERIFIED)


def too_many(
    request: HttpRequest, template: str, context: dict[str, Any], throttled: sign_ins.SignInThrottled
) -> HttpResponse:
    """The page that says so; it costs no hash and no form."""
    minutes = throttled.retry_after // 60
    answer = render(request, template, {**context, "minutes": minutes}, status=429)
    answer["Retry-After"] = str(throttled.retry_after)
    answer["Cache-Control"] = "no-store"
    return answer
