"""The consumer of the Progress table's stream."""

from time import perf_counter
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent

from lambdas.analytics.batch_log import log_batch
from lambdas.analytics.use_case import count_batch
from lambdas.shared.deadline import deadline
from lambdas.shared.services import services
from lambdas.shared.settings import settings
from lambdas.shared.telemetry.metrics import COLD_STARTS
from lambdas.shared.telemetry.request_log import Usage, log_fault, note, usage

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_began: list[bool] = []


def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Count the answers of a batch; return the record to resume from, if it is not done.

    A redrive sends dead letters with `redrive` set: they are not set aside a second time.

    Raises:
        Exception: the batch failed; Lambda sends it again in halves.
    """
    began = perf_counter()
    request_id = context.aws_request_id
    meter = Usage(deadline=deadline(context))
    token = usage.set(meter)
    if not _began:
        note(COLD_STARTS)
        _began.append(True)
    try:
        records = list(DynamoDBStreamEvent(event).records)
        batch = count_batch(services(), records, request_id, set_aside=not event.get("redrive"))
    except Exception as error:
        log_fault(settings(), error, request_id)
        raise
    finally:
        usage.reset(token)
    log_batch(
        settings(),
        meter,
        batch,
        request_id=request_id,
        milliseconds=(perf_counter() - began) * 1000,
        now=services().clock(),
    )
    failures = [{"itemIdentifier": batch.failed}] if batch.failed else []
    return {"batchItemFailures": failures}
