"""Enforces the second factor of administrators.

An access token does not show how its user signed in. Cognito asks everybody who has enrolled an
authenticator app for a code, so a sign-in after the enrolment included one. When a user enrolled is
not recorded by Cognito: it is taken to be when the enrolment was first seen here.
"""

from collections.abc import Callable
from threading import Lock
from typing import NoReturn

from cachetools import TTLCache

from lambdas.contract.errors import MfaRequiredError, UnauthorizedError
from lambdas.shared.store.users import UsersTable
from lambdas.shared.user_pool import NoSuchAccountError, UserPool

CHECKED_FOR = 5 * 60_000
"""Milliseconds for which an enrolment is cached: so long it works after the app was removed."""

_MAX_ADMINISTRATORS = 1_000


class SecondFactor:
    """Checks that administrators signed in with their authenticator app.

    Only enrolments are cached, so that a user who has just enrolled need not wait. The check fails
    closed: while Cognito or the table is unavailable, so are the rights of administrators.
    """

    def __init__(self, accounts: UserPool, users: UsersTable, clock: Callable[[], int]) -> None:
        self._accounts = accounts
        self._users = users
        self._clock = clock
        self._first_seen: TTLCache[str, int] = TTLCache(_MAX_ADMINISTRATORS, CHECKED_FOR, clock)
        self._lock = Lock()

    def require(self, user_id: str, signed_in_at: float) -> None:
        """Check a user who signed in at a time, in seconds since the epoch.

        Raises:
            MfaRequiredError: no app is enrolled, or the sign-in is older than the enrolment.
            UnauthorizedError, AccountErasedError: there is no such account any more.
            UnavailableError, StoreUnavailableError: it cannot be checked now.
        """
        with self._lock:
            first_seen = self._first_seen.get(user_id)
        if first_seen is None:
            first_seen = self._look_up(user_id)
            with self._lock:
                self._first_seen[user_id] = first_seen
        if signed_in_at * 1000 < first_seen:
            raise MfaRequiredError(
                "This sign-in is older than your authenticator app: sign in again, with its code."
            )

    def _look_up(self, user_id: str) -> int:
        try:
            enrolled = self._accounts.has_second_factor(user_id)
        except NoSuchAccountError:
            raise UnauthorizedError("The account does not exist any more.") from None
        if not enrolled:
            self._refuse(user_id)
        return self._users.note_second_factor(user_id, self._clock())

    def _refuse(self, user_id: str) -> NoReturn:
        # An app that is enrolled later proves nothing about sign-ins before it.
        self._users.forget_second_factor(user_id)
        raise MfaRequiredError(
            "Administrators need a second factor: enrol an authenticator app, then sign in again."
        )
