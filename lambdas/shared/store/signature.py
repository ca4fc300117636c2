"""Signature Version 4 of calls to DynamoDB, which all have the same form.

botocore's signs whatever request there may be; this one has the same headers every time, and keeps
the day's key. Tests hold it to botocore's signature (tests/unit/lambdas/test_signature.py).

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from functools import lru_cache
from hashlib import sha256
from hmac import digest
from time import gmtime, strftime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botocore.exceptions import NoCredentialsError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests: a hook of the SDK for `request-created`."""

    def __init__(self, credentials: "Credentials | None", region: str) -> None:
        """Sign by these credentials, which may renew themselves, for a region."""
        self._credentials = credentials
        self._region = region

    def __call__(self, request: "AWSRequest", **_: object) -> None:
        """Sign a request.

        Raises:
            NoCredentialsError: there are none.
        """
        if self._credentials is None:
            raise NoCredentialsError
        credentials = self._credentials.get_frozen_credentials()
        headers, body = request.headers, request.data
        assert isinstance(body, bytes)  # noqa: S101 - the serializer's
        now = strftime("%Y%m%dT%H%M%SZ", gmtime())
        signed = {
            "content-type": headers["Content-Type"],
            "host": _host(request.url),
            "x-amz-date": now,
        }
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
            headers["X-Amz-Security-Token"] = credentials.token
        signed["x-amz-target"] = headers["X-Amz-Target"]
        names = ";".join(signed)
        lines = "".join([f"{name}:{value}\n" for name, value in signed.items()])
        canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{now[:8]}/{self._region}/dynamodb/aws4_request"
        to_sign = f"{_ALGORITHM}\n{now}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = _signing_key(credentials.secret_key, scope)
        headers["X-Amz-Date"] = now
        headers["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={digest(key, to_sign.encode(), 'sha256').hex()}"
        )


@lru_cache(maxsize=2)
def _signing_key(secret_key: str, scope: str) -> bytes:
    """Return the key of a day: it changes at midnight, and when credentials are renewed."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=2)
def _host(url: str) -> str:
    return urlsplit(url).netloc
