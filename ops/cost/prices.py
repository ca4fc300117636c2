"""List prices of AWS in us-east-1, in USD: one dated table, for the capacity model.

As published in November 2026 on the pages named; no free tier is counted but those that do not end
with an account's first year. Check before quoting.

Compared with AWS's own text: the tiers of API Gateway (whitepaper "Best Practices for Designing
Amazon API Gateway Private APIs"); the 25 GB of table storage that are free and $0.25 beyond; what
of CloudWatch is free, dashboards of up to 50 metrics included; that duration has a price of its own
under provisioned concurrency. By several others' accounts of the
pages, some of 2026: on-demand requests of DynamoDB, provisioned concurrency on arm64 and that
nothing is free with it, ingestion and storage of logs, custom metrics, alarms and composite alarms,
WAF, that Firehose rounds each record up to 5 KB. The tables of the pages themselves are made by
scripts and were not seen, so neither were: bytes stored with a log event, X-Ray, S3, KMS, Secrets
Manager, Cognito, SES, requests of keys, recovery of tables, duration under provisioned concurrency
on arm64.
"""

from typing import NamedTuple

DATE = "November 2026"

MILLION = 1_000_000.0
GB = 2.0**30
"""Bytes, as AWS bills them: its own examples make 14.3 GB of 5 million responses of 3 KB
(https://aws.amazon.com/api-gateway/pricing/)."""


class Price(NamedTuple):
    """USD for one `unit`; the first `free` units of a month cost nothing."""

    usd: float
    unit: str
    source: str
    free: float = 0.0

    def of(self, quantity: float) -> float:
        """Return the price of a month's quantity."""
        return self.usd * max(0.0, quantity - self.free)


_DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
WRITE_UNITS = Price(0.625 / MILLION, "write request unit", _DYNAMODB)
READ_UNITS = Price(0.125 / MILLION, "read request unit", _DYNAMODB)
TABLE_STORAGE = Price(0.25 / GB, "byte and month", _DYNAMODB, free=25 * GB)
TABLE_RECOVERY = Price(0.20 / GB, "byte and month", _DYNAMODB)

_GATEWAY = "https://aws.amazon.com/api-gateway/pricing/"
GATEWAY_TIERS = (
    (333 * MILLION, Price(3.50 / MILLION, "request", _GATEWAY)),
    (1_000 * MILLION, Price(2.80 / MILLION, "request", _GATEWAY)),
    (20_000 * MILLION, Price(2.38 / MILLION, "request", _GATEWAY)),
    (float("inf"), Price(1.51 / MILLION, "request", _GATEWAY)),
)
TRANSFER = Price(0.09 / GB, "byte", "https://aws.amazon.com/ec2/pricing/on-demand/", free=100 * GB)

_LAMBDA = "https://aws.amazon.com/lambda/pricing/"
INVOCATIONS = Price(0.20 / MILLION, "invocation", _LAMBDA, free=MILLION)
GB_SECONDS = Price(13.3334 / MILLION, "GB-second, arm64", _LAMBDA, free=400_000)
PROVISIONED_GB_SECONDS = Price(3.3334 / MILLION, "GB-second provisioned, arm64", _LAMBDA)
PROVISIONED_INVOCATIONS = INVOCATIONS._replace(free=0.0)
PROVISIONED_DURATION = Price(7.7778 / MILLION, "GB-second run in what is provisioned", _LAMBDA)
"""The free tier excludes functions with provisioned environments."""

_CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
LOGS = Price(0.50 / GB, "byte ingested", _CLOUDWATCH, free=5 * GB)
LOG_STORAGE = Price(0.03 / GB, "compressed byte and month", _CLOUDWATCH)
LOG_EVENT_BYTES = 26
"""Stored with each event, beside its compressed text."""
METRICS = Price(0.30, "custom metric", _CLOUDWATCH, free=10)
ALARM_METRICS = Price(0.10, "metric of an alarm", _CLOUDWATCH, free=10)
COMPOSITE_ALARMS = Price(0.50, "composite alarm", _CLOUDWATCH)
DASHBOARDS = Price(3.0, "dashboard", _CLOUDWATCH)
"""Three are free that show up to 50 metrics; ours shows more."""
TRACES = Price(
    5.0 / MILLION, "trace recorded", "https://aws.amazon.com/xray/pricing/", free=100_000
)

_WAF = "https://aws.amazon.com/waf/pricing/"
WEB_ACLS = Price(5.0, "web ACL", _WAF)
WEB_ACL_RULES = Price(1.0, "rule", _WAF)
WEB_ACL_REQUESTS = Price(0.60 / MILLION, "request", _WAF)

KEYS = Price(1.0, "key", "https://aws.amazon.com/kms/pricing/")
SECRETS = Price(0.40, "secret", "https://aws.amazon.com/secrets-manager/pricing/")
KEY_REQUESTS = Price(
    3.0 / MILLION, "request of a key", "https://aws.amazon.com/kms/pricing/", free=20_000
)
MESSAGES = Price(100.0 / MILLION, "message sent", "https://aws.amazon.com/ses/pricing/")
FIREHOSE = Price(0.029 / GB, "byte taken in", "https://aws.amazon.com/firehose/pricing/")
FIREHOSE_STEP = 5 * 1024
"""Bytes; each record is rounded up to a multiple of it."""
BUCKET_STORAGE = Price(0.023 / GB, "byte and month", "https://aws.amazon.com/s3/pricing/")
BUCKET_PUTS = Price(5.0 / MILLION, "object put", "https://aws.amazon.com/s3/pricing/")

COGNITO = Price(
    0.015,
    "learner active in the month, plan Essentials",
    "https://aws.amazon.com/cognito/pricing/",
    free=10_000,
)


def gateway(requests: float) -> float:
    """Return the price of a month's requests to a REST API, by tiers."""
    price = below = 0.0
    for upto, tier in GATEWAY_TIERS:
        price += tier.of(max(0.0, min(requests, upto) - below))
        below = upto
    return price
