"""Names that the chapters of the rehearsal share."""

import pytest

from lambdas.contract.routes import ROUTES
from ops.deploy.redrive import bucket_of, queue_of
from tests.deployment.local_cloud import (
    ACCOUNT,
    PREFIX,
    REGION,
    STAGE,
    LocalCloud,
)

STACKS = [
    f"{PREFIX}-{name}" for name in ("data", "audit", "identity", "api", "failures", "analytics")
]
SIGN_IN_SCOPE = "aws.cognito.signin.user.admin"

BUCKET = bucket_of(STAGE, ACCOUNT, REGION)
QUEUE = queue_of(STAGE)

by_operation = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)


def resources(cloud: LocalCloud, stack: str) -> dict[str, tuple[str, str]]:
    """Type and physical id by logical id."""
    summaries = cloud.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack
    )
    assert {each["ResourceStatus"] for each in summaries} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    return {
        each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
        for each in summaries
    }
