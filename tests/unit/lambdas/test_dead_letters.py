"""Dead letters: the stored object, and what happens when it cannot be stored."""

import json
from typing import Any

import pytest
from botocore.session import Session
from botocore.stub import ANY, Stubber

from lambdas.shared.dead_letters import PREFIX, S3DeadLetters, dead_letter
from lambdas.shared.store.errors import StoreUnavailableError
from local.stream.failed_batches import records_of

RECORDS = [{"eventID": "1", "dynamodb": {"SequenceNumber": "7"}}]


@pytest.fixture
def client() -> Any:
    return Session().create_client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # pragma: allowlist secret
    )


def test_a_dead_letter_is_read_as_a_failed_batch() -> None:
    letter = dead_letter(RECORDS)
    assert letter.key.startswith(PREFIX)
    assert records_of(letter.body) == RECORDS
    assert json.loads(letter.body)["requestContext"]["condition"] == "RecordUncountable"
    assert dead_letter(RECORDS).key != letter.key


def test_records_are_stored_as_one_object(client: Any) -> None:
    with Stubber(client) as stub:
        stub.add_response("put_object", {}, {"Bucket": "letters", "Key": ANY, "Body": ANY})
        S3DeadLetters(client, "letters").keep(RECORDS)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["AccessDenied", "SlowDown", "NoSuchBucket"])
def test_a_bucket_that_refuses_is_unavailable(client: Any, code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("put_object", code)
        with pytest.raises(StoreUnavailableError):
            S3DeadLetters(client, "letters").keep(RECORDS)
