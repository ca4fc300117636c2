"""The composition root: what a use case is given, built once per execution environment."""

import secrets
import time
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from lambdas.shared.bank import Bank
from lambdas.shared.settings import Settings, settings
from lambdas.shared.store.categories import CategoriesTable
from lambdas.shared.store.client import Database, database
from lambdas.shared.store.progress import ProgressTable
from lambdas.shared.store.questions import QuestionsTable
from lambdas.shared.store.sessions import SessionsTable
from lambdas.shared.store.transaction import Transactions
from lambdas.shared.store.users import UsersTable
from lambdas.shared.store.wrong_answers import WrongAnswersTable

if TYPE_CHECKING:
    from types_boto3_cognito_idp.client import CognitoIdentityProviderClient

    from lambdas.shared.dead_letters import DeadLetters
    from lambdas.shared.second_factor import SecondFactor
    from lambdas.shared.store.imports import ImportsTable
    from lambdas.shared.store.tallies import Tallies
    from lambdas.shared.user_pool import UserPool

Clock = Callable[[], int]
"""Returns now, in milliseconds since the epoch."""

Entropy = Callable[[int], bytes]
"""Returns that many random bytes."""


def system_clock() -> int:
    """Return the machine's time."""
    return time.time_ns() // 1_000_000


class Services:
    """Tables, bank, clock and randomness.

    A table is made when first asked for: a function needs the names only of those it uses.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock = system_clock,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        """Take what tables are made of, and the sources of time and randomness."""
        self.settings = settings
        self.database = database
        self.clock = clock
        self.entropy = entropy

    @cached_property
    def users(self) -> UsersTable:
        """Profiles."""
        return UsersTable(self.database, _named(self.settings.users_table, "USERS_TABLE"))

    @cached_property
    def questions(self) -> QuestionsTable:
        """Questions of the bank."""
        return QuestionsTable(
            self.database, _named(self.settings.questions_table, "QUESTIONS_TABLE")
        )

    @cached_property
    def categories(self) -> CategoriesTable:
        """Categories of the bank, in the table of questions."""
        return CategoriesTable(self.database, self.questions.name)

    @cached_property
    def imports(self) -> "ImportsTable":
        """Imports of questions, in their table."""
        from lambdas.shared.store.imports import ImportsTable  # noqa: PLC0415 - of one function

        return ImportsTable(self.database, self.questions.name)

    @cached_property
    def sessions(self) -> SessionsTable:
        """Sessions."""
        return SessionsTable(self.database, _named(self.settings.sessions_table, "SESSIONS_TABLE"))

    @cached_property
    def progress(self) -> ProgressTable:
        """Progress per question."""
        return ProgressTable(self.database, _named(self.settings.progress_table, "PROGRESS_TABLE"))

    @cached_property
    def wrong_answers(self) -> WrongAnswersTable:
        """Pool entries."""
        return WrongAnswersTable(
            self.database, _named(self.settings.wrong_answers_table, "WRONG_ANSWERS_TABLE")
        )

    @cached_property
    def tallies(self) -> "Tallies":
        """Tallies of learners and questions."""
        from lambdas.shared.store.tallies import Tallies  # noqa: PLC0415 - of one function

        return Tallies(self.database, self.users.name, self.sessions.name, self.questions.name)

    @cached_property
    def dead_letters(self) -> "DeadLetters":
        """Records of the stream that cannot be counted."""
        from lambdas.shared.dead_letters import S3DeadLetters, s3  # noqa: PLC0415 - rarely used

        bucket = _named(self.settings.failed_batches_bucket, "FAILED_BATCHES_BUCKET")
        return S3DeadLetters(s3(), bucket)

    @cached_property
    def cognito(self) -> "CognitoIdentityProviderClient":
        """The client of Cognito."""
        from lambdas.shared.user_pool import cognito  # noqa: PLC0415 - of few requests

        return cognito(self.settings.cognito_endpoint)

    @cached_property
    def user_pool(self) -> "UserPool":
        """Accounts."""
        from lambdas.shared.user_pool import UserPool  # noqa: PLC0415 - of few requests

        return UserPool(self.cognito, _named(self.settings.user_pool_id, "USER_POOL_ID"))

    @cached_property
    def second_factor(self) -> "SecondFactor":
        """The second factor of administrators."""
        from lambdas.shared.second_factor import SecondFactor  # noqa: PLC0415 - of few requests

        return SecondFactor(self.user_pool, self.users, self.clock)

    @cached_property
    def bank(self) -> Bank:
        """Questions through the warm cache."""
        return Bank(self.questions, self.clock)

    @cached_property
    def transactions(self) -> Transactions:
        """Writes that span tables."""
        return Transactions(self.database)


def _named(value: str | None, variable: str) -> str:
    if not value:
        raise LookupError(f"{variable} is not set, though this function uses what it names")
    return value


@lru_cache(maxsize=1)
def services() -> Services:
    """Return this process's environment."""
    current = settings()
    return Services(settings=current, database=database(current))
