"""Destruction leaves nothing, and the stage is deployed again."""

from dataclasses import replace

from tests.deployment.api_user import signed_in
from tests.deployment.local_cloud import (
    PREFIX,
    STAGE,
    Deployment,
    reachable,
)
from tests.deployment.rehearsal import (
    STACKS,
    resources,
)


def test_nothing_is_destroyed_unasked(deployment: Deployment) -> None:
    done = deployment.cloud.operate("destroy")
    assert done.returncode == 1
    assert done.stderr.startswith("Nobody is there to ask: ")
    done = deployment.cloud.operate("destroy", "--confirm", "prod")
    assert done.returncode == 1
    assert done.stderr == f"CONFIRM is prod, and the stage is {STAGE}: nothing was done.\n"
    assert resources(deployment.cloud, STACKS[0])


def test_nothing_is_left_after_it_is_destroyed(deployment: Deployment) -> None:
    """Records of the audit in its bucket, older versions among them, do not hold it up."""
    cloud = deployment.cloud
    stack = cloud.client("cloudformation").describe_stacks(StackName=f"{PREFIX}-audit")["Stacks"][0]
    (bucket,) = (o["OutputValue"] for o in stack["Outputs"] if o["OutputKey"] == "AuditBucket")
    for body in (b"first", b"second"):
        cloud.client("s3").put_object(Bucket=bucket, Key="records/a.jsonl.gz", Body=body)
    done = cloud.operate("destroy", "--confirm", STAGE)
    assert done.returncode == 0, done.stderr
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks] == ["CDKToolkit"]
    left = {
        "tables": cloud.pages("dynamodb", "list_tables", "TableNames"),
        "functions": cloud.pages("lambda", "list_functions", "Functions"),
        "APIs": cloud.pages("apigateway", "get_rest_apis", "items"),
        "user pools": cloud.pages("cognito-idp", "list_user_pools", "UserPools", MaxResults=10),
        "log groups": cloud.pages("logs", "describe_log_groups", "logGroups"),
        "queues": cloud.pages("sqs", "list_queues", "QueueUrls"),
        "buckets": [
            each["Name"]
            for each in cloud.client("s3").list_buckets()["Buckets"]
            if not each["Name"].startswith("cdk-")
        ],
        "delivery streams": cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "secrets": cloud.pages("secretsmanager", "list_secrets", "SecretList"),
        "topics": cloud.pages("sns", "list_topics", "Topics"),
        "alarms": cloud.pages("cloudwatch", "describe_alarms", "MetricAlarms"),
    }
    assert {what: found for what, found in left.items() if found} == {}
    assert not (cloud.folder / "data" / f"outputs-{STAGE}.json").exists()
    # The gateway's role for logs serves every API of the account, and stays.
    roles = [role["RoleName"] for role in cloud.pages("iam", "list_roles", "Roles")]
    (stays,) = (role for role in roles if not role.startswith("cdk-"))
    assert stays.startswith(f"{PREFIX}-api-GatewayCloudWatchRole")


def test_a_stage_that_was_destroyed_is_deployed_again(deployment: Deployment) -> None:
    cloud = deployment.cloud
    done = cloud.operate("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = reachable(cloud, cloud.folder / "data" / f"outputs-{STAGE}.json")
    assert outputs.userPoolId != deployment.outputs.userPoolId
    again = replace(deployment, outputs=outputs)
    with signed_in(again) as user:
        assert user.call("GET", "/questions/categories")["categories"] == []
