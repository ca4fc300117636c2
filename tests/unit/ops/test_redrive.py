"""A redrive's calls to queue, bucket and function."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local.errors import CommandError
from local.stream.event_source_mapping import ConsumerError, Record
from ops.deploy.redrive import DeployedBatches, Report, bucket_of, find_batches, redrive

BUCKET = bucket_of("dev", "123456789012", "eu-central-1")


def record(number: int) -> Record:
    return {
        "dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": 1_790_000_000.0}
    }


def failed_batch(*numbers: int) -> str:
    return json.dumps({"payload": json.dumps({"Records": [record(number) for number in numbers]})})


@dataclass
class Kept:
    """A failed batch in memory."""

    name: str
    content: str | None
    forgotten: bool = False

    def read(self) -> str | None:
        return self.content

    def forget(self) -> None:
        self.forgotten = True


@dataclass
class Consumer:
    """Counts all but poison, on which it fails as ours does."""

    poison: Sequence[str] = ()
    counted: list[str] = field(default_factory=list)

    def __call__(self, records: Sequence[Record]) -> object:
        for place, number in enumerate(each["dynamodb"]["SequenceNumber"] for each in records):
            if number in self.poison:
                if not place and len(records) > 1:
                    raise ConsumerError
                return {"batchItemFailures": [{"itemIdentifier": number}]}
            self.counted.append(number)
        return {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.deploy.redrive.time.sleep", lambda _: None)


def test_what_is_counted_is_forgotten() -> None:
    first, second = Kept("first", failed_batch(1, 2)), Kept("second", failed_batch(3))
    consumer, report = Consumer(), Report()
    redrive(iter([first, second]), consumer, report)
    assert consumer.counted == ["1", "2", "3"]
    assert first.forgotten
    assert second.forgotten
    assert report.tell("dev") == "Stage dev: 2 failed batches (3 records) counted, none left."


def test_a_batch_with_a_poison_record_stays_but_the_rest_of_it_is_counted() -> None:
    kept = Kept("aws/lambda/x", failed_batch(1, 2, 3))
    consumer, report = Consumer(poison=["2"]), Report()
    redrive(iter([kept]), consumer, report)
    assert sorted(set(consumer.counted)) == ["1", "3"]
    assert not kept.forgotten
    assert report.tell("dev") == (
        "Stage dev: 0 failed batches (0 records) counted, 1 left.\n"
        "  aws/lambda/x: 1 of 3 records not counted"
    )


def test_other_objects_stay_and_are_reported() -> None:
    kept, report = Kept("strange", "{"), Report()
    redrive(iter([kept]), Consumer(), report)
    assert not kept.forgotten
    assert report.tell("dev").splitlines()[1].startswith("  strange: is no failed batch: ")


def test_what_somebody_else_forgot_is_passed_over() -> None:
    report = Report()
    redrive(iter([Kept("gone", None)]), Consumer(), report)
    assert report == Report()


def test_interrupted_it_has_forgotten_what_was_counted_and_nothing_else() -> None:
    first, second, report = (
        Kept("first", failed_batch(1)),
        Kept("second", failed_batch(2)),
        Report(),
    )

    def interrupted(records: Sequence[Record]) -> None:
        if records == [record(2)]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        redrive(iter([first, second]), interrupted, report)
    assert (first.forgotten, second.forgotten) == (True, False)
    assert report.counted == 1


@dataclass
class Cloud:
    """A deployed stage: its bucket and its queue in moto, its function as a test needs it."""

    stage: DeployedBatches
    consumer: Consumer = field(default_factory=Consumer)

    def keeps(self, key: str, content: str) -> None:
        self.stage.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def queues(self, body: str) -> None:
        self.stage.sqs.send_message(QueueUrl=self.stage.queue_url, MessageBody=body)

    @property
    def kept(self) -> list[str]:
        listed = self.stage.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [each["Key"] for each in listed]

    @property
    def messages(self) -> tuple[int, int]:
        """How many messages the queue shows, and how many it hides."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.stage.sqs.get_queue_attributes(
            QueueUrl=self.stage.queue_url, AttributeNames=names
        )["Attributes"]
        shown, hidden = (int(found[name]) for name in names)
        return shown, hidden

    def redrive(self) -> Report:
        report = Report()
        redrive(self.stage.batches(), self.consumer, report)
        self.stage.give_back()
        return report


@pytest.fixture
def cloud(aws: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setattr("ops.deploy.redrive._WAIT_SECONDS", 0)
    boto3.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    boto3.client("sqs").create_queue(QueueName="quiz-dev-dead-letters")
    return Cloud(find_batches("dev", aws))


def message_about(*keys: str) -> str:
    return json.dumps(
        {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}} for key in keys]}
    )


def test_object_and_message_go_once_the_function_has_counted_all(cloud: Cloud) -> None:
    cloud.keeps("aws/lambda/a:b", failed_batch(1, 2))
    cloud.queues(message_about("aws/lambda/a%3Ab"))
    assert cloud.redrive().counted == 1
    assert cloud.consumer.counted == ["1", "2"]
    assert (cloud.kept, cloud.messages) == ([], (0, 0))


def test_what_is_not_counted_is_given_back_to_the_queue_for_the_alarm(cloud: Cloud) -> None:
    cloud.keeps("aws/lambda/a", failed_batch(1))
    cloud.queues(message_about("aws/lambda/a"))
    cloud.consumer.poison = ["1"]
    assert cloud.redrive().left == {"aws/lambda/a": "1 of 1 record not counted"}
    assert (cloud.kept, cloud.messages) == (["aws/lambda/a"], (1, 0))


def test_a_batch_whose_message_the_queue_forgot_is_found_in_the_bucket(cloud: Cloud) -> None:
    cloud.keeps("aws/lambda/old", failed_batch(1))
    assert cloud.redrive().records == 1
    assert cloud.kept == []


def test_a_message_whose_object_is_gone_is_the_rest_of_an_interrupted_redrive(cloud: Cloud) -> None:
    cloud.queues(message_about("aws/lambda/a"))
    assert cloud.redrive() == Report()
    assert cloud.messages == (0, 0)


def test_the_message_by_which_s3_tries_the_queue_goes(cloud: Cloud) -> None:
    cloud.queues(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}))
    assert cloud.redrive() == Report()
    assert cloud.messages == (0, 0)


def test_a_message_that_comes_twice_is_sent_once(cloud: Cloud) -> None:
    cloud.keeps("aws/lambda/a", failed_batch(1))
    for _ in range(2):
        cloud.queues(message_about("aws/lambda/a"))
    assert cloud.redrive().counted == 1
    assert cloud.consumer.counted == ["1"]
    assert cloud.messages == (1, 0)  # the next redrive finds its object gone


def test_a_stage_without_its_queue_is_not_deployed(aws: str) -> None:
    with pytest.raises(CommandError, match=r"^There is no queue quiz-dev-dead-letters in "):
        find_batches("dev", aws)


@pytest.mark.parametrize("error", [None, "Unhandled"])
def test_records_go_to_the_live_version_of_the_consumer(aws: str, error: str | None) -> None:
    """moto runs functions in Docker alone: this call is checked against the service model."""
    functions = boto3.client("lambda", aws)
    body = b'{"batchItemFailures": []}'
    response: dict[str, Any] = {"Payload": StreamingBody(io.BytesIO(body), len(body))}
    payload = {"Records": [record(1)], "redrive": True}
    expected = {"FunctionName": "quiz-dev-analytics", "Qualifier": "live"}
    stage = DeployedBatches("dev", BUCKET, "", None, None, functions)
    with Stubber(functions) as stub:
        stub.add_response(
            "invoke",
            response | ({"FunctionError": error} if error else {}),
            expected | {"Payload": json.dumps(payload).encode()},
        )
        if error:
            with pytest.raises(ConsumerError, match="batchItemFailures"):
                stage.send([record(1)])
        else:
            assert stage.send([record(1)]) == {"batchItemFailures": []}
