"""The DynamoDB client: one per execution environment, its calls counted."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.settings import Settings
from lambdas.shared.store.breaker import Breaker, Circuit, CircuitOpenError, Direction
from lambdas.shared.store.errors import (
    ConditionFailedError,
    InvalidRequestError,
    StoreUnavailableError,
)
from lambdas.shared.store.retry import ConflictError, Pause, retry_on_conflict
from lambdas.shared.telemetry.metrics import FAILED_ATTEMPTS, REFUSED_CALLS, THROTTLES
from lambdas.shared.telemetry.request_log import Usage, count, log_breaker_opened, usage

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Item = dict[str, Any]
"""An item in DynamoDB's own JSON: {"name": {"S": "Ada"}}."""

CONNECT_TIMEOUT, READ_TIMEOUT = 1.0, 2.0
"""Seconds. A healthy call takes milliseconds, so a second to connect means a lost packet."""

CONFIG = Config(
    # The only retry layer. Standard mode backs off with jitter and stops when most calls fail;
    # three attempts of at most three seconds stay below the functions' ten.
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=CONNECT_TIMEOUT,
    read_timeout=READ_TIMEOUT,
    # The store alone builds requests, and tests run them on a real engine. Checking each one
    # against the service model takes 1.5 M instructions an answer.
    parameter_validation=False,
    # The default, which names every feature in use, is built anew for each call: 1.7 M an answer.
    user_agent="adaptive-quiz",
    # The laptop stage serves from as many threads; a function serves one request at a time.
    max_pool_connections=16,
    # The operating system notices a connection that a middlebox dropped while it was idle.
    tcp_keepalive=True,
)

ATTEMPT_SECONDS = CONNECT_TIMEOUT + READ_TIMEOUT
"""Longest one attempt takes, connecting and reading. None is begun that the invocation might not
outlive: a function that is stopped in the middle of a call cannot say what became of it."""

THROTTLED = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}
)
"""Error codes that say: too much at once."""

PASSING = THROTTLED | {"InternalServerError", "ServiceUnavailable"}
"""Error codes that pass by themselves."""

THROTTLED_REASONS = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
"""The same as reasons of a transaction's cancellation, which the SDK does not retry."""

_READS = frozenset({"get_item", "batch_get_item", "query"})


class OutOfTimeError(BotoCoreError):
    """The invocation has no time left for another attempt."""

    fmt = "no time is left for another attempt"


class Database(NamedTuple):
    """Calls to DynamoDB, each counted on the meter of the request it is made for.

    `pause` is given seconds to wait.
    """

    client: "DynamoDBClient"
    breaker: Breaker | None = None
    pause: Pause = time.sleep

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its Python name, such as `get_item`.

        A single write that meets a transaction on its item is tried again.

        Raises:
            ConditionFailedError: the condition of a single write did not hold.
            StoreUnavailableError: the database cannot be reached or is overloaded, after retries,
                or was so just now; or the item is being changed all the time.
            InvalidRequestError: an item is too large, or a key invalid.
            ClientError: the request is refused for another reason.
        """
        return retry_on_conflict(lambda: self._call(operation, parameters), self.pause)

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        meter = usage.get(None) or Usage()
        circuits = _circuits(operation, parameters) if self.breaker else ()
        self._admit(circuits)
        meter.round_trips += 1
        meter.in_trouble = False
        began = time.perf_counter()
        try:
            response: dict[str, Any] = getattr(self.client, operation)(
                ReturnConsumedCapacity="TOTAL", **parameters
            )
        except OutOfTimeError as error:
            if meter.in_trouble:
                self._failed(circuits)
            raise StoreUnavailableError("There is no time left for this request.") from error
        except BotoCoreError as error:
            self._failed(circuits)
            raise StoreUnavailableError("The database cannot be reached.") from error
        except ClientError as error:
            if _is_trouble(error.response):
                self._failed(circuits)
                raise StoreUnavailableError("The database is overloaded.") from error
            if _is_throttled_transaction(error):
                count(THROTTLES)
                self._failed(circuits)
                raise
            self._succeeded(circuits)
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConditionFailedError(error.response.get("Item")) from None  # type: ignore[arg-type]
            if error.response["Error"]["Code"] == "TransactionConflictException":
                raise ConflictError from error
            if error.response["Error"]["Code"] == "ValidationException":
                raise InvalidRequestError(str(error)) from error
            raise
        finally:
            meter.called(operation, (time.perf_counter() - began) * 1000)
        self._succeeded(circuits)
        _count(meter, operation, response.get("ConsumedCapacity"))
        return response

    def _admit(self, circuits: Sequence[Circuit]) -> None:
        if self.breaker:
            try:
                self.breaker.admit(circuits)
            except CircuitOpenError as error:
                count(REFUSED_CALLS)
                raise StoreUnavailableError(
                    "The database was in trouble just now, and is not called for a while.",
                    retry_after=math.ceil(error.seconds),
                ) from None

    def _succeeded(self, circuits: Sequence[Circuit]) -> None:
        if self.breaker:
            self.breaker.succeeded(circuits)

    def _failed(self, circuits: Sequence[Circuit]) -> None:
        if self.breaker:
            self.breaker.failed(circuits)


def database(settings: Settings) -> Database:
    """Return a database for these settings; region and credentials are the environment's."""
    # A session of its own: the default one is not safe to share between threads.
    client = boto3.Session().client(
        "dynamodb", endpoint_url=settings.dynamodb_endpoint, config=CONFIG
    )
    client.meta.events.register("before-send.dynamodb", keep_the_deadline)
    client.meta.events.register("needs-retry.dynamodb", _after_attempt)
    if not settings.circuit_breaker_enabled:
        return Database(client)

    def opened(circuit: Circuit) -> None:
        log_breaker_opened(settings, *circuit)

    return Database(client, Breaker(opened))


def keep_the_deadline(**_: object) -> None:
    """Let no attempt begin that the invocation might not outlive: a hook of the SDK.

    Raises:
        OutOfTimeError: there is no time for one.
    """
    meter = usage.get(None)
    if meter and time.monotonic() + ATTEMPT_SECONDS > meter.deadline:
        raise OutOfTimeError


def _after_attempt(
    response: tuple[Any, Mapping[str, Any]] | None, caught_exception: Exception | None, **_: object
) -> None:
    """Note that an attempt failed, and do not even pause for another that there is no time for."""
    meter = usage.get(None)
    if response:
        failed = _is_trouble(response[1])
    else:
        failed = isinstance(caught_exception, BotoCoreError)
        failed = failed and not isinstance(caught_exception, OutOfTimeError)
    if meter and failed:
        meter.in_trouble = True
        count(FAILED_ATTEMPTS)
        if response and response[1].get("Error", {}).get("Code") in THROTTLED:
            count(THROTTLES)
        keep_the_deadline()


def _circuits(operation: str, parameters: Mapping[str, Any]) -> tuple[Circuit, ...]:
    direction = Direction.READ if operation in _READS else Direction.WRITE
    if "TableName" in parameters:
        tables = {parameters["TableName"]}
    elif "RequestItems" in parameters:
        tables = set(parameters["RequestItems"])
    else:
        actions = (next(iter(action.values())) for action in parameters["TransactItems"])
        tables = {action["TableName"] for action in actions}
    return tuple((table, direction) for table in sorted(tables))


def _is_trouble(response: Mapping[str, Any]) -> bool:
    """Whether the database failed, and not the request: 5xx, or throttled."""
    return (
        response.get("Error", {}).get("Code") in PASSING
        or response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    )


def _is_throttled_transaction(error: ClientError) -> bool:
    """Whether a transaction was cancelled for want of throughput, and for nothing of its own."""
    response: Any = error.response
    codes = {reason["Code"] for reason in response.get("CancellationReasons", [])}
    return bool(codes & THROTTLED_REASONS) and "ConditionalCheckFailed" not in codes


def _count(meter: Usage, operation: str, consumed: Any) -> None:
    reads = operation in _READS
    for part in consumed if isinstance(consumed, list) else [consumed or {}]:
        units = part.get("CapacityUnits", 0.0)
        if reads:
            meter.read_units += units
        else:
            meter.write_units += units
