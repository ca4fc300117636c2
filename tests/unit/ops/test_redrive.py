"""A redrive's calls to queue, bucket and function."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from local.stream.event_source_mapping import ConsumerError, Record
from ops.deploy.redrive import Report, Stage, bucket_of, redrive

BUCKET = bucket_of("dev", "123456789012", "eu-central-1")
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/quiz-dev-dead-letters"


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


def test_what_is_no_failed_batch_stays_and_is_told() -> None:
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
    """A deployed stage whose clients expect exactly the calls a test names."""

    stage: Stage
    sqs: Stubber
    s3: Stubber
    functions: Stubber

    def receives(self, *messages: tuple[str, str]) -> None:
        self.sqs.add_response(
            "receive_message",
            {"Messages": [{"Body": body, "ReceiptHandle": handle} for body, handle in messages]},
            {
                "QueueUrl": QUEUE,
                "MaxNumberOfMessages": 10,
                "WaitTimeSeconds": 1,
                "VisibilityTimeout": 300,
            },
        )

    def holds(self, key: str, content: str) -> None:
        body = StreamingBody(io.BytesIO(content.encode()), len(content))
        self.s3.add_response("get_object", {"Body": body}, {"Bucket": BUCKET, "Key": key})

    def lists(self, *keys: str) -> None:
        self.s3.add_response(
            "list_objects_v2",
            {"Contents": [{"Key": key} for key in keys]},
            {"Bucket": BUCKET, "Prefix": "aws/lambda/"},
        )

    def answers(self, payload: object, records: Sequence[int], error: str | None = None) -> None:
        body = json.dumps(payload).encode()
        response: dict[str, Any] = {"Payload": StreamingBody(io.BytesIO(body), len(body))}
        if error:
            response["FunctionError"] = error
        self.functions.add_response(
            "invoke",
            response,
            {
                "FunctionName": "quiz-dev-analytics",
                "Qualifier": "live",
                "Payload": json.dumps(
                    {"Records": [record(number) for number in records], "redrive": True}
                ).encode(),
            },
        )

    def deletes(self, key: str, handle: str | None = None) -> None:
        self.s3.add_response("delete_object", {}, {"Bucket": BUCKET, "Key": key})
        if handle:
            self.deletes_message(handle)

    def deletes_message(self, handle: str) -> None:
        self.sqs.add_response("delete_message", {}, {"QueueUrl": QUEUE, "ReceiptHandle": handle})

    def gives_back(self, handle: str) -> None:
        self.sqs.add_response(
            "change_message_visibility",
            {},
            {"QueueUrl": QUEUE, "ReceiptHandle": handle, "VisibilityTimeout": 0},
        )

    def redrive(self) -> Report:
        report = Report()
        redrive(self.stage.batches(), self.stage.send, report)
        self.stage.give_back()
        for stub in (self.sqs, self.s3, self.functions):
            stub.assert_no_pending_responses()
        return report


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    session = boto3.Session("test", "test", region_name="eu-central-1")
    clients = [session.client(name) for name in ("sqs", "s3", "lambda")]
    stage = Stage("dev", BUCKET, QUEUE, *clients)
    stubs = [Stubber(client) for client in clients]
    for stub in stubs:
        stub.activate()
    yield Cloud(stage, *stubs)
    for stub in stubs:
        stub.deactivate()


def told(*keys: str) -> str:
    return json.dumps(
        {"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}} for key in keys]}
    )


def test_object_and_message_go_once_the_function_has_counted_all(cloud: Cloud) -> None:
    cloud.receives((told("aws/lambda/a%3Ab"), "one"))
    cloud.holds("aws/lambda/a:b", failed_batch(1, 2))
    cloud.answers({"batchItemFailures": []}, [1, 2])
    cloud.deletes("aws/lambda/a:b", "one")
    cloud.receives()
    cloud.lists()
    assert cloud.redrive().counted == 1


def test_what_is_not_counted_is_given_back_to_the_queue_for_the_alarm(cloud: Cloud) -> None:
    cloud.receives((told("aws/lambda/a"), "one"))
    cloud.holds("aws/lambda/a", failed_batch(1))
    cloud.answers({"batchItemFailures": [{"itemIdentifier": "1"}]}, [1])
    cloud.answers({"errorType": "MalformedRecordError"}, [1], "Unhandled")
    cloud.receives()
    cloud.lists("aws/lambda/a")
    cloud.gives_back("one")
    assert cloud.redrive().left == {"aws/lambda/a": "1 of 1 record not counted"}


def test_a_batch_whose_message_the_queue_forgot_is_found_in_the_bucket(cloud: Cloud) -> None:
    cloud.receives()
    cloud.lists("aws/lambda/old")
    cloud.holds("aws/lambda/old", failed_batch(1))
    cloud.answers(None, [1])
    cloud.deletes("aws/lambda/old")
    assert cloud.redrive().records == 1


def test_a_message_whose_object_is_gone_is_the_rest_of_an_interrupted_redrive(cloud: Cloud) -> None:
    cloud.receives((told("aws/lambda/a"), "one"))
    cloud.s3.add_client_error("get_object", "NoSuchKey", http_status_code=404)
    cloud.deletes_message("one")
    cloud.receives()
    cloud.lists()
    assert cloud.redrive() == Report()


def test_the_message_by_which_s3_tries_the_queue_goes(cloud: Cloud) -> None:
    cloud.receives((json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), "one"))
    cloud.deletes_message("one")
    cloud.receives()
    cloud.lists()
    assert cloud.redrive() == Report()


def test_a_message_that_comes_twice_is_sent_once(cloud: Cloud) -> None:
    cloud.receives((told("aws/lambda/a"), "one"), (told("aws/lambda/a"), "again"))
    cloud.holds("aws/lambda/a", failed_batch(1))
    cloud.answers({}, [1])
    cloud.deletes("aws/lambda/a", "one")
    cloud.receives()
    cloud.lists()
    cloud.gives_back("again")  # the next redrive finds its object gone
    assert cloud.redrive().counted == 1
