"""The stage's issuer of tokens, in the shape of Cognito's, and the check that the gateway makes."""

import os
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lambdas.contract.errors import UnauthorizedError
from lambdas.contract.route import SIGN_IN_SCOPE
from lambdas.shared.http.identity import caller_from_claims, time_of
from local.errors import CommandError

if TYPE_CHECKING:
    from local.data_folder import DataFolder

CLIENT_ID: Final = "local-client"
TOKEN_SECONDS: Final = 3600
MAX_TOKEN_BYTES: Final = 8192
"""More than a header of the gateway may have with all others; an access token takes 1 to 2 KB."""

COOL_DOWN_SECONDS: Final = 30.0
"""How long keys are not read again, so that made-up key ids cannot keep the stage busy with it."""

MAX_VERIFIED: Final = 2_000
"""Tokens that are known to be good, the oldest dropped first: a learner's is sent many times. API
Gateway, too, remembers what its authorizer found, for minutes:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html
"""

_USERS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "users.quiz.local")
_KEY_BITS: Final = 2048
_REFUSED: Final = (
    jwt.InvalidTokenError,
    UnauthorizedError,
    KeyError,
    OverflowError,  # PyJWT on a time that is infinite
    RecursionError,
)


class InvalidTokenError(Exception):
    """A token that is not a valid access token of this stage."""


class Issuer:
    """Signs access tokens with the stage's key and publishes the key that checks them."""

    def __init__(
        self, key: rsa.RSAPrivateKey, url: str, user_id: Callable[[str], str] | None = None
    ) -> None:
        """Take the lookup of a user's id by name; by default that of every name's first account."""
        self._user_id = user_id or first_user_id
        self._key = key
        self._url = url
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(public)
        self._key_id = digest.finalize().hex()[:32]

    def key_set(self) -> dict[str, Any]:
        """Return the JWKS document."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": self._key_id, "alg": "RS256", "use": "sig"}]}

    def access_token(self, user: str, groups: Sequence[str] = ()) -> str:
        """Return an access token of a user: the account that has this name now."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": self._user_id(user),
            "iss": self._url,
            "client_id": CLIENT_ID,
            "token_use": "access",
            "scope": SIGN_IN_SCOPE,
            "username": user,
            "auth_time": now,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": str(uuid.uuid4()),
            "origin_jti": str(uuid.uuid4()),
            "event_id": str(uuid.uuid4()),
        }
        if groups:
            claims["cognito:groups"] = list(groups)
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})


def first_user_id(name: str) -> str:
    """Return the id of the first account of a name: always the same."""
    return str(uuid.uuid5(_USERS, name))


class KeySet:
    """The issuer's public keys, read again when a token names one that is not among them."""

    def __init__(
        self,
        read: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what reads the JWKS document, which may raise a `CommandError`."""
        self._read = read
        self._clock = clock
        self._keys = _by_id(read())
        self._read_at = clock()

    def find(self, key_id: str) -> jwt.PyJWK | None:
        """Return a key; None if the issuer has none of this id, or read too short ago had none."""
        if key_id not in self._keys and self._clock() >= self._read_at + COOL_DOWN_SECONDS:
            self._read_at = self._clock()
            with suppress(CommandError):  # what is known stays good
                self._keys = _by_id(self._read())
        return self._keys.get(key_id)


def _by_id(key_set: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    keys = jwt.PyJWKSet.from_dict(dict(key_set)).keys
    return {key.key_id: key for key in keys if key.key_id}


class TokenVerifier:
    """Checks tokens as a Cognito authorizer with scopes does, given the issuer's keys alone.

    Keys come from the key set and nowhere else, whatever a token's header names (`jku`, `x5u`,
    `jwk`). The functions check claims again by the same rule.
    """

    def __init__(self, keys: KeySet, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._verified: dict[str, tuple[jwt.PyJWK, dict[str, Any]]] = {}

    def claims(self, token: str, scopes: Collection[str]) -> dict[str, Any]:
        """Return the claims of an access token that has one of the scopes.

        Raises:
            InvalidTokenError: It is anything else.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise InvalidTokenError
        try:
            claims = self._known(token) or self._verify(token)
            caller_from_claims(claims, client_id=CLIENT_ID, scopes=scopes)
        except _REFUSED as error:
            raise InvalidTokenError from error
        return claims

    def _known(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token that was verified with a key which is still published."""
        key, claims = self._verified.get(token, (None, None))
        if key is None or claims is None or self._keys.find(str(key.key_id)) is not key:
            return None
        if time.time() >= time_of(claims["exp"]):
            raise InvalidTokenError
        return claims

    def _verify(self, token: str) -> dict[str, Any]:
        key = self._keys.find(jwt.get_unverified_header(token)["kid"])
        if key is None:
            raise InvalidTokenError
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=self._issuer,
            options={"require": ["exp", "iat", "iss", "sub"]},
        )
        # PyJWT takes numbers as text and times beyond the calendar.
        times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
        if any(isinstance(each, str) or not time_of(each) for each in times):
            raise InvalidTokenError
        self._verified.pop(token, None)
        while len(self._verified) >= MAX_VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = key, claims
        return claims


def load_key(folder: "DataFolder") -> rsa.RSAPrivateKey:
    """Return the stage's signing key, made at its first use and readable by its owner alone."""
    if not folder.signing_key.exists():
        _create_key(folder)
    try:
        key = serialization.load_pem_private_key(folder.signing_key.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise _unreadable(folder) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unreadable(folder)
    return key


def _create_key(folder: "DataFolder") -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft = folder.signing_key.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    draft.replace(folder.signing_key)


def _unreadable(folder: "DataFolder") -> CommandError:
    return CommandError(
        f"The signing key {folder.signing_key} cannot be read: delete it, which ends the "
        "tokens made so far."
    )
