"""The stream's consumer counts answers; failed batches are redriven."""

import json
import time
import uuid
from typing import Any

from tests.deployment.api_user import CATEGORY, ApiUser, signed_in
from tests.deployment.local_cloud import (
    STAGE,
    Deployment,
)
from tests.deployment.rehearsal import (
    BUCKET,
    QUEUE,
)


def until_counted(user: ApiUser, path: str, attempts: int) -> Any:
    """Totals lag by the seconds for which a batch waits."""
    deadline = time.monotonic() + 60
    while (totals := user.call("GET", path))["attempts"] != attempts:
        assert time.monotonic() < deadline, totals
    return totals


def test_the_consumer_counts_what_was_answered(deployment: Deployment) -> None:
    with signed_in(deployment) as user:
        session_id, question = user.start_session(2)
        user.miss_and_mend(session_id, question)
        totals = until_counted(user, "/users/me/progress", 2)
    assert (totals["correct"], totals["wrong"]) == (1, 1)


def test_a_failed_batch_is_redriven_and_forgotten(deployment: Deployment, admin: ApiUser) -> None:
    """One is put where Lambda puts it; the local cloud never gives a batch up."""
    s3 = deployment.cloud.client("s3")
    key = f"aws/lambda/by-hand/shard/{uuid.uuid4()}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=failed_batch("redriven"))
    done = deployment.cloud.operate("redrive")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout == f"Stage {STAGE}: 1 failed batch (1 record) counted, none left.\n"
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    sqs = deployment.cloud.client("sqs")
    counts = sqs.get_queue_attributes(
        QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], AttributeNames=["All"]
    )["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    totals = until_counted(admin, "/users/redriven/progress", 1)
    assert totals["correct"] == 1
    again = deployment.cloud.operate("redrive")
    assert again.stdout == f"Stage {STAGE}: 0 failed batches (0 records) counted, none left.\n"


def test_an_answer_of_a_day_before_is_counted_late(deployment: Deployment, admin: ApiUser) -> None:
    """Its ledger is apart from the totals; only that is read and written in Sessions."""
    for count, days_ago in ((1, 0), (2, 1), (2, 1)):
        deployment.cloud.client("s3").put_object(
            Bucket=BUCKET,
            Key=f"aws/lambda/by-hand/shard/{uuid.uuid4()}",
            Body=failed_batch("late", days_ago),
        )
        done = deployment.cloud.operate("redrive")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert until_counted(admin, "/users/late/progress", count)["correct"] == count


def failed_batch(user_id: str, days_ago: int = 0) -> str:
    """A batch of one answer, as Lambda writes it, of a session of its day."""
    now = time.time() - days_ago * 86_400
    image = {
        "userId": {"S": user_id},
        "questionId": {"S": f"{CATEGORY}:000001"},
        "sessionId": {"S": str(days_ago) * 27},
        "answerNumber": {"N": "1"},
        "rightBefore": {"N": "0"},
        "poolEntries": {"N": "0"},
        "attempts": {"N": "1"},
        "correct": {"N": "1"},
        "mastered": {"BOOL": True},
        "lastChoice": {"S": "0"},
        "lastVersion": {"N": "1"},
        "timeSpent": {"N": "1000"},
        "firstSeenAt": {"N": str(int(now * 1000))},
        "lastSeenAt": {"N": str(int(now * 1000))},
    }
    record = {
        "eventID": uuid.uuid4().hex,
        "eventName": "INSERT",
        "dynamodb": {
            "NewImage": image,
            "SequenceNumber": "1",
            "ApproximateCreationDateTime": now,
        },
    }
    return json.dumps({"payload": json.dumps({"Records": [record]})})
