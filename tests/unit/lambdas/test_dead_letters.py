"""Dead letters: the stored object, and what happens when it cannot be stored."""

import json

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from lambdas.shared.dead_letters import PREFIX, S3DeadLetters, dead_letter
from lambdas.shared.store.errors import StoreUnavailableError
from local.stream.failed_batches import records_of

RECORDS = [{"eventID": "1", "dynamodb": {"SequenceNumber": "7"}}]


def test_a_dead_letter_is_read_as_a_failed_batch() -> None:
    letter = dead_letter(RECORDS)
    assert letter.key.startswith(PREFIX)
    assert records_of(letter.body) == RECORDS
    assert json.loads(letter.body)["requestContext"]["condition"] == "RecordUncountable"
    assert dead_letter(RECORDS).key != letter.key


@mock_aws
def test_records_are_stored_as_one_object() -> None:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="letters")
    S3DeadLetters(client, "letters").keep(RECORDS)
    (kept,) = client.list_objects_v2(Bucket="letters", Prefix=PREFIX)["Contents"]
    body = client.get_object(Bucket="letters", Key=kept["Key"])["Body"].read()
    assert records_of(body) == RECORDS


@mock_aws
def test_a_bucket_that_is_not_there_is_unavailable() -> None:
    client = boto3.client("s3", region_name="us-east-1")
    with pytest.raises(StoreUnavailableError):
        S3DeadLetters(client, "letters").keep(RECORDS)


@mock_aws
@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown"])
def test_a_bucket_that_refuses_is_unavailable(code: str) -> None:
    """Stubbed: moto refuses nothing."""
    client = boto3.client("s3", region_name="us-east-1")
    with Stubber(client) as stub:
        stub.add_client_error("put_object", code)
        with pytest.raises(StoreUnavailableError):
            S3DeadLetters(client, "letters").keep(RECORDS)
