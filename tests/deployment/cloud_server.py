"""Starts MiniStack with two of its deviations from AWS corrected, and a failure on request.

It hands a function the claims of a token as an HTTP API does, and resolves a reference to a secret
to its name. Every function reads the first, and every role names the second. While the file that
FAILURE names exists, no alias can be created: the other resources of its stack are there by then.
"""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.app import main
from ministack.services import apigateway_v1
from ministack.services.cloudformation import provisioners

_TIME = "%a %b %d %H:%M:%S UTC %Y"


def claims_of_a_rest_api(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return claims as the authorizer of a REST API passes them: lists with commas, spelled times.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    return {
        name: (
            ",".join(map(str, value))
            if isinstance(value, list)
            else time.strftime(_TIME, time.gmtime(value))
            if name in {"exp", "iat"}
            else str(value)
        )
        for name, value in claims.items()
    }


def _refer_to_secrets_by_arn() -> None:
    """Return the ARN for `Ref`, as CloudFormation does; MiniStack finds secrets by name."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]  # noqa: SLF001
    create, update, delete = (handlers[action] for action in ("create", "update", "delete"))

    def name_of(arn: str) -> str:
        return arn.rpartition(":")[2].rpartition("-")[0]

    def created(*arguments: Any) -> tuple[str, Any]:
        _, attributes = create(*arguments)
        return attributes["Arn"], attributes

    def updated(arn: str, *arguments: Any) -> tuple[str, Any]:
        _, attributes = update(name_of(arn), *arguments)
        return attributes["Arn"], attributes

    def deleted(arn: str, properties: Any) -> None:
        delete(name_of(arn), properties)

    handlers.update(create=created, update=updated, delete=deleted)


def _fail_on_request(failure: Path) -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Alias"]  # noqa: SLF001
    create = handlers["create"]

    def created(*arguments: Any) -> Any:
        if failure.exists():
            raise ValueError("Internal failure, as the rehearsal requested")
        return create(*arguments)

    handlers.update(create=created)


if __name__ == "__main__":
    apigateway_v1._stringify_claims = claims_of_a_rest_api  # noqa: SLF001
    _refer_to_secrets_by_arn()
    _fail_on_request(Path(os.environ["FAILURE"]))
    sys.exit(main())
