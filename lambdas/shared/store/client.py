"""The DynamoDB client: one per execution environment, its calls counted."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.handlers import (
    add_recursion_detection_header,
    disable_signing,
    generate_idempotent_uuid,
)
from botocore.httpsession import get_cert_path
from botocore.session import Session

from lambdas.shared.settings import Settings
from lambdas.shared.store.breaker import Breaker, Circuit, CircuitOpenError, Direction
from lambdas.shared.store.conflicts import ConflictError, patiently
from lambdas.shared.store.connections import Connections
from lambdas.shared.store.errors import ConditionFailedError, StoreUnavailableError
from lambdas.shared.store.json_protocol import Parsers, Serializer
from lambdas.shared.store.signature import Signer
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
    # Requests are built by the store alone and tested on a real engine; checking each against
    # the service model costs 7.5% of a call's instructions, building a user agent 18%.
    parameter_validation=False,
    user_agent="adaptive-quiz",
)

HANDLERS: dict[str, Callable[..., None]] = {
    # The token that makes it safe to send a transaction again whose response was lost.
    "before-parameter-build.dynamodb.TransactWriteItems": generate_idempotent_uuid,
    # The invocation's trace goes on into the database.
    "before-call.dynamodb": add_recursion_detection_header,
    # `Signer` does.
    "choose-signer.dynamodb": disable_signing,
}
"""What of botocore's own handlers concerns calls to DynamoDB."""

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
    pause: Callable[[float], None] = time.sleep

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its Python name, such as `get_item`.

        A single write that meets a transaction on its item is tried again.

        Raises:
            ConditionFailedError: the condition of a single write did not hold.
            StoreUnavailableError: the database cannot be reached or is overloaded, after retries,
                or was so just now; or the item is being changed all the time.
            ClientError: the request is refused for another reason.
        """
        return patiently(lambda: self._call(operation, parameters), self.pause)

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
    # boto3's low-level client is botocore's: boto3 itself would only be more to import. Of
    # botocore's handlers, nearly all of other services, registering takes 58 M instructions.
    session = Session(include_builtin_handlers=False)
    for event, handler in HANDLERS.items():
        session.register(event, handler)
    session.register_component("response_parser_factory", Parsers())
    made = session.create_client("dynamodb", endpoint_url=settings.dynamodb_endpoint, config=CONFIG)
    _specialize(made, session)
    client = cast("DynamoDBClient", made)
    client.meta.events.register("before-send.dynamodb", keep_the_deadline)
    client.meta.events.register("needs-retry.dynamodb", _after_attempt)
    if not settings.circuit_breaker_enabled:
        return Database(client)

    def opened(circuit: Circuit) -> None:
        log_breaker_opened(settings, *circuit)

    return Database(client, Breaker(opened))


def _specialize(client: Any, session: Session) -> None:
    """Put in place of botocore's general pieces those for calls to DynamoDB.

    They have no switch of their own; tests/unit/lambdas/test_client.py tells when they move.
    """
    meta = client.meta
    certificates = session.get_config_variable("ca_bundle") or get_cert_path(verify=True)
    client._serializer = Serializer()  # noqa: SLF001
    # Without rules to evaluate, the address found when the client was made is taken.
    client._ruleset_resolver = None  # noqa: SLF001
    client._endpoint.http_session = Connections(  # noqa: SLF001
        meta.endpoint_url,
        certificates=str(certificates),
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
    )
    signer = Signer(session.get_credentials(), meta.region_name)
    meta.events.register("request-created.dynamodb", signer)


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
