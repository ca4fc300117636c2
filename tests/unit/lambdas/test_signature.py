"""The signature of a call, beside botocore's of the same request."""

from datetime import UTC, datetime, timedelta
from time import struct_time

import pytest
from botocore import auth
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.store import signature
from lambdas.shared.store.signature import Signer

URL = "https://dynamodb.eu-west-1.amazonaws.com/"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    """The time that both signatures are made at."""

    def __init__(self) -> None:
        self.time = NOON

    def gmtime(self) -> struct_time:
        return self.time.timetuple()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(signature, "gmtime", made.gmtime)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: made.time)
    return made


def request(url: str = URL, body: bytes = b"{}") -> AWSRequest:
    """A request as botocore makes it, before it is signed."""
    headers = {
        "X-Amz-Target": "DynamoDB_20120810.GetItem",
        "Content-Type": "application/x-amz-json-1.0",
        "User-Agent": "adaptive-quiz",
        "X-Amzn-Trace-Id": "Root=1-5759e988",
    }
    return AWSRequest("POST", url, headers, body)


def theirs(sent: AWSRequest, credentials: Credentials) -> dict[str, str]:
    """Sign as botocore does; return all headers."""
    SigV4Auth(credentials.get_frozen_credentials(), "dynamodb", "eu-west-1").add_auth(sent)
    return dict(sent.headers.items())


def ours(sent: AWSRequest, credentials: Credentials) -> dict[str, str]:
    """Sign as the store does; return all headers."""
    Signer(credentials, "eu-west-1")(sent)
    return dict(sent.headers.items())


KEYS = Credentials("AKID", "secret")  # pragma: allowlist secret
SESSION_KEYS = Credentials("AKID", "secret", "token+/=")  # pragma: allowlist secret


@given(body=st.binary(), credentials=st.sampled_from((KEYS, SESSION_KEYS)))
def test_a_request_is_signed_as_botocore_signs_it(body: bytes, credentials: Credentials) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: NOON)
        patch.setattr(signature, "gmtime", NOON.timetuple)
        assert ours(request(body=body), credentials) == theirs(request(body=body), credentials)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/", "http://[::1]:8001/"])
def test_the_port_of_an_engine_nearby_is_signed(clock: Clock, url: str) -> None:
    assert clock.time == NOON
    assert ours(request(url), KEYS) == theirs(request(url), KEYS)


def test_another_day_has_another_key(clock: Clock) -> None:
    signed = set()
    for _ in range(3):
        headers = ours(request(), KEYS)
        assert headers == theirs(request(), KEYS)
        signed.add(headers["Authorization"])
        clock.time += timedelta(days=1)
    assert len(signed) == 3


def test_credentials_that_were_renewed_are_used_at_once(clock: Clock) -> None:
    secrets = iter("ab")

    def renewed() -> dict[str, str]:
        expiry = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        secret = next(secrets)
        return {"access_key": "K", "secret_key": secret, "token": secret, "expiry_time": expiry}

    credentials = RefreshableCredentials.create_from_metadata(renewed(), renewed, "test")
    headers = ours(request(), credentials)
    assert headers["X-Amz-Security-Token"] == "b"
    assert headers == theirs(request(), Credentials("K", "b", "b"))
    assert clock.time == NOON


def test_without_credentials_nothing_is_sent() -> None:
    with pytest.raises(NoCredentialsError):
        Signer(None, "eu-west-1")(request())
