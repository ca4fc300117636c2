"""The database behind the handlers: the stage's own engine, or the endpoint that it was given."""

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.accounts.token_issuer import CLIENT_ID
from local.database.engine import Engine, find_binary
from local.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from subprocess import Popen

    from types_boto3_dynamodb import DynamoDBClient

    from local.data_folder import DataFolder
    from local.database.tables import TableDefinition

_REGION = "us-east-1"
_MADE_UP = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_OWN = "the stage's own"


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the database is. `process` is the stage's own engine, None for another endpoint."""

    endpoint: str
    process: "Popen[bytes] | None" = None

    @property
    def name(self) -> str:
        """Identity of this database across restarts."""
        return _OWN if self.process else self.endpoint

    def access(self) -> dict[str, str]:
        """Return the environment variables that reach this database and no other.

        A given endpoint keeps the region and the credentials of the environment, if it has them.
        """
        if self.process is None:
            os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
            session = boto3.session.Session()
            region = os.environ.get("AWS_REGION") or session.region_name or _REGION
            made_up = {} if session.get_credentials() else _MADE_UP
        else:
            region = _REGION
            nobody = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
            made_up = _MADE_UP | nobody
        return {
            "DYNAMODB_ENDPOINT": self.endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **made_up,
        }

    def client(self) -> "DynamoDBClient":
        """Return a client, by the environment's region and credentials."""
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2})
        return boto3.client("dynamodb", endpoint_url=self.endpoint, config=config)


@contextmanager
def connect(folder: "DataFolder", endpoint: str | None) -> "Iterator[Connection]":
    """Yield a connection to the endpoint or, without one, to an engine run for the time being."""
    if endpoint is None:
        with Engine(folder, find_binary()) as engine:
            yield Connection(engine.endpoint, engine.process)
    elif endpoint.startswith(("http://", "https://")):
        yield Connection(endpoint)
    else:
        raise CommandError(
            f"DYNAMODB_ENDPOINT is {endpoint}: it must begin with http:// or https://."
        )


@contextmanager
def explained(connection: Connection) -> "Iterator[None]":
    """Turn what a database answers to calls made at the start into one sentence."""
    try:
        yield
    except ClientError as error:
        reason = error.response["Error"].get("Message", str(error))
        raise CommandError(f"The database at {connection.endpoint} refuses: {reason}") from error
    except BotoCoreError as error:
        raise CommandError(f"The database at {connection.endpoint} does not answer.") from error


def handler_environment(
    connection: Connection, tables: "Sequence[TableDefinition]"
) -> dict[str, str]:
    """Return the environment variables that the handlers run with."""
    return {
        "STAGE": "local",
        "CORS_ORIGINS": "*",
        "CLIENT_ID": CLIENT_ID,
        "ADMIN_MFA": "false",  # its tokens need no sign-in at all
        **connection.access(),
        **{table.variable: table.name for table in tables},
    }


def enter(environment: dict[str, str]) -> None:
    """Give this process the handlers' environment."""
    if "AWS_CONFIG_FILE" in environment:  # made-up credentials, that a profile would override
        os.environ.pop("AWS_PROFILE", None)
        os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.update(environment)
