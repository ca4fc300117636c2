"""The stage's issuer of tokens, in the shape of Cognito's, and the check that the gateway makes."""

import os
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.errors import StageError

if TYPE_CHECKING:
    from local.data_folder import DataFolder

CLIENT_ID: Final = "local-client"
SIGN_IN_SCOPE: Final = "aws.cognito.signin.user.admin"
ACCEPTED_SCOPES: Final = frozenset({SIGN_IN_SCOPE})
TOKEN_SECONDS: Final = 3600
_USERS: Final = uuid.uuid5(uuid.NAMESPACE_DNS, "users.quiz.local")
_KEY_BITS: Final = 2048


class InvalidTokenError(Exception):
    """A token that is not a valid access token of this stage."""


class Issuer:
    """Signs access tokens with the stage's key and publishes the key that checks them."""

    def __init__(self, key: rsa.RSAPrivateKey, url: str) -> None:
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
        """Return an access token of a user, who always has the same id under the same name."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "sub": str(uuid.uuid5(_USERS, user)),
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


class TokenVerifier:
    """Checks tokens as a Cognito authorizer with scopes does, given the issuer's key set alone."""

    def __init__(self, key_set: dict[str, Any], issuer: str) -> None:
        self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(key_set).keys}
        self._issuer = issuer

    def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token.

        Raises:
            InvalidTokenError: It is anything else.
        """
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "sub"]},
            )
        except (jwt.InvalidTokenError, KeyError) as error:
            raise InvalidTokenError from error
        scopes = str(claims.get("scope", "")).split()
        if (
            claims.get("token_use") != "access"
            or claims.get("client_id") != CLIENT_ID
            or ACCEPTED_SCOPES.isdisjoint(scopes)
        ):
            raise InvalidTokenError
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


def _unreadable(folder: "DataFolder") -> StageError:
    return StageError(
        f"The signing key {folder.signing_key} cannot be read: delete it, which ends the "
        "tokens made so far."
    )
