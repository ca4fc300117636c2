"""The DynamoDB client: one per execution environment, its calls counted."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.errors import UnavailableError
from lambdas.shared.settings import Settings
from lambdas.shared.telemetry import Usage, usage

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

Item = dict[str, Any]
"""An item in DynamoDB's own JSON: {"name": {"S": "Ada"}}."""

CONFIG = Config(
    # The only retry layer. Standard mode backs off with jitter and stops when most calls fail;
    # three attempts of at most three seconds stay below the functions' ten.
    retries={"mode": "standard", "total_max_attempts": 3},
    # A healthy call takes milliseconds, so a second to connect means a lost packet.
    connect_timeout=1,
    read_timeout=2,
    # The laptop stage serves as many threads; a Lambda environment uses one.
    max_pool_connections=50,
    # An idle connection that a middlebox dropped is noticed before it is used.
    tcp_keepalive=True,
    # Requests are built by the store alone and tested on a real engine; checking each against
    # the service model costs 7.5% of a call's instructions, building a user agent 18%.
    parameter_validation=False,
    user_agent="adaptive-quiz",
)

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
"""Error codes that pass by themselves."""


class ConditionFailedError(Exception):
    """A conditional write found another state; `item` is what is there now, if anything."""

    def __init__(self, item: Item | None) -> None:
        """Take the current item."""
        super().__init__("the condition of a write did not hold")
        self.item = item


@dataclass(frozen=True)
class Database:
    """Calls to DynamoDB, each counted on the meter of the request it is made for."""

    client: "DynamoDBClient"

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its Python name, such as `get_item`.

        Raises:
            ConditionFailedError: the condition of a single write did not hold.
            UnavailableError: the database cannot be reached or is overloaded, after retries.
            ClientError: the request is refused for another reason.
        """
        meter = usage.get(None) or Usage()
        meter.round_trips += 1
        try:
            response: dict[str, Any] = getattr(self.client, operation)(
                ReturnConsumedCapacity="TOTAL", **parameters
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ConditionalCheckFailedException":
                raise ConditionFailedError(error.response.get("Item")) from None  # type: ignore[arg-type]
            if code in THROTTLED or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
                raise UnavailableError("The database is overloaded.") from error
            raise
        except BotoCoreError as error:
            raise UnavailableError("The database cannot be reached.") from error
        _count(meter, operation, response.get("ConsumedCapacity"))
        return response


def database(settings: Settings) -> Database:
    """Return a database for these settings; region and credentials are the environment's."""
    return Database(
        boto3.client("dynamodb", endpoint_url=settings.dynamodb_endpoint, config=CONFIG)
    )


def _count(meter: Usage, operation: str, consumed: Any) -> None:
    reads = operation in ("get_item", "batch_get_item", "query")
    for part in consumed if isinstance(consumed, list) else [consumed or {}]:
        units = part.get("CapacityUnits", 0.0)
        if reads:
            meter.read_units += units
        else:
            meter.write_units += units
