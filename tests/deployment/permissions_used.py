"""Which actions on which tables the functions have used, by the local cloud's audit trail."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from infra.permissions import PERMISSIONS
from tests.deployment.local_cloud import ACCOUNT, PREFIX, REGION, LocalCloud

Used = tuple[str, str, str]
"""A function, an action, and a table or an index of it, without the stage."""

_TRANSACTIONS = {
    "TransactWriteItems": {
        "Put": "PutItem",
        "Update": "UpdateItem",
        "Delete": "DeleteItem",
        "ConditionCheck": "ConditionCheckItem",
    },
    "TransactGetItems": {"Get": "GetItem"},
}


def granted() -> set[Used]:
    """Return what the functions may do."""
    return {
        (folder, action, f"{grant.table}/{grant.index}" if grant.index else str(grant.table))
        for folder, grants in PERMISSIONS.items()
        for grant in grants
        for action in grant.actions
    }


def used(cloud: LocalCloud) -> set[Used]:
    """Return what they have done, allowed or not."""
    return {
        (folder, action, resource.removeprefix(f"{PREFIX}-"))
        for folder in PERMISSIONS
        for key in _access_keys(cloud, f"{PREFIX}-{folder}")
        for call in _calls(cloud, key)
        for action, resource in _actions(call)
    }


def _access_keys(cloud: LocalCloud, function: str) -> Iterator[str]:
    """Yield the keys under which the versions of a function call, as MiniStack makes them."""
    versions = cloud.client("lambda").list_versions_by_function(FunctionName=function)["Versions"]
    unqualified = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    for version in versions:
        for arn in {version["FunctionArn"], unqualified, f"{unqualified}:live"}:
            digest = hashlib.sha256(f"{arn}:{version['Role']}".encode()).hexdigest()
            yield f"ASIA{digest[:16].upper()}"


def _calls(cloud: LocalCloud, access_key: str) -> Iterator[dict[str, Any]]:
    """Yield all calls under a key: the trail gives the latest 50 up to a time."""
    trail = cloud.client("cloudtrail")
    up_to: float | None = None

    def to_the_microsecond(params: dict[str, Any], **_: Any) -> None:
        # botocore sends whole seconds, and there are more than 50 calls in one.
        if up_to is not None:
            params["body"] = json.dumps(json.loads(params["body"]) | {"EndTime": up_to}).encode()

    trail.meta.events.register("before-call.cloudtrail.LookupEvents", to_the_microsecond)
    by_key = [{"AttributeKey": "AccessKeyId", "AttributeValue": access_key}]
    known: set[str] = set()
    while True:
        events = trail.lookup_events(LookupAttributes=by_key)["Events"]
        news = [event for event in events if event["EventId"] not in known]
        if not news:
            return
        for event in news:
            known.add(event["EventId"])
            yield json.loads(event["CloudTrailEvent"])
        up_to = min(event["EventTime"] for event in news).timestamp() + 1e-6


def _actions(call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if call["eventSource"] != "dynamodb.amazonaws.com":
        return
    name, parameters = call["eventName"], call["requestParameters"]
    if kinds := _TRANSACTIONS.get(name):
        for item in parameters["TransactItems"]:
            for kind, what in item.items():
                yield kinds[kind], what["TableName"]
    elif "RequestItems" in parameters:
        for table in parameters["RequestItems"]:
            yield name, table
    elif "IndexName" in parameters:
        yield name, f"{parameters['TableName']}/{parameters['IndexName']}"
    else:
        yield name, parameters["TableName"]
