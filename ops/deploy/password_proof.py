"""The proof that a client knows a user's password, as Cognito's SRP sign-in expects it.

srptools does the arithmetic. Cognito differs from RFC 5054 in three points: it hashes numbers with
a sign byte, its generator is 2, and it derives the key with HKDF. AWS publishes no description of
it; the reference is Amplify's client: https://github.com/aws-amplify/amplify-js
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from secrets import randbits

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from srptools import SRPContext  # type: ignore[import-untyped]
from srptools.constants import PRIME_3072  # type: ignore[import-untyped]

_GENERATOR = 2
_PRIVATE_BITS = 1024
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """One sign-in with a password, which never leaves this machine.

    Attributes:
        pool_id: User pool, region included: us-east-1_abc.
        password: The user's password.
        private: The client's private number, new for each sign-in.
    """

    pool_id: str
    password: str = field(repr=False)
    private: int = field(default_factory=lambda: randbits(_PRIVATE_BITS), repr=False)

    @property
    def public(self) -> int:
        """The client's public number."""
        public: int = self._context("").get_client_public(client_private=self.private)
        return public

    def responses(self, asked: Mapping[str, str], now: datetime | None = None) -> dict[str, str]:
        """Return the responses to Cognito's challenge PASSWORD_VERIFIER."""
        user = asked["USER_ID_FOR_SRP"]
        timestamp = f"{now or datetime.now(UTC):%a %b %-d %H:%M:%S UTC %Y}"
        message = b"".join(
            (
                self._pool_name.encode(),
                user.encode(),
                b64decode(asked["SECRET_BLOCK"]),
                timestamp.encode(),
            )
        )
        key = self._key(user, int(asked["SALT"], 16), int(asked["SRP_B"], 16))
        return {
            "USERNAME": asked["USERNAME"],
            "TIMESTAMP": timestamp,
            "PASSWORD_CLAIM_SECRET_BLOCK": asked["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": b64encode(digest(key, message, sha256)).decode(),
        }

    @property
    def _pool_name(self) -> str:
        return self.pool_id.partition("_")[2]

    def _context(self, user: str) -> SRPContext:
        multiplier = sha256(_signed(int(PRIME_3072, 16)) + _signed(_GENERATOR)).hexdigest()
        return SRPContext(
            self._pool_name + user,
            self.password,
            prime=PRIME_3072,
            generator=str(_GENERATOR),
            hash_func=sha256,
            multiplier=multiplier,
        )

    def _key(self, user: str, salt: int, server_public: int) -> bytes:
        context = self._context(user)
        common: int = context.hash(_signed(self.public), _signed(server_public))
        secret: int = context.get_client_premaster_secret(
            password_hash=context.get_common_password_hash(_signed(salt)),
            server_public=server_public,
            client_private=self.private,
            common_secret=common,
        )
        hkdf = HKDF(SHA256(), _KEY_BYTES, salt=_signed(common), info=b"Caldera Derived Key")
        return hkdf.derive(_signed(secret))


def _signed(number: int) -> bytes:
    """Return a number in two's complement: a leading zero byte keeps it positive."""
    return number.to_bytes(number.bit_length() // 8 + 1)
