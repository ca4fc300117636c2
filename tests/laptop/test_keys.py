"""The issuer's keys, as the check of tokens knows them."""

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from local.accounts.token_issuer import (
    COOL_DOWN_SECONDS,
    MAX_TOKEN_BYTES,
    InvalidTokenError,
    Issuer,
    KeySet,
    TokenVerifier,
    load_key,
)
from local.data_folder import DataFolder
from local.errors import CommandError

ISSUER = "http://issuer.test"
SCOPES = ("aws.cognito.signin.user.admin",)


def new_issuer() -> Issuer:
    return Issuer(rsa.generate_private_key(public_exponent=65537, key_size=2048), ISSUER)


class Source:
    """Publishes the keys of an issuer, and counts how often it is asked."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer: Issuer | None = issuer
        self.reads = 0
        self.now = 1_000.0

    def __call__(self) -> dict[str, Any]:
        self.reads += 1
        if self.issuer is None:
            raise CommandError("The key cannot be read.")
        return self.issuer.key_set()

    def clock(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def issuers() -> tuple[Issuer, Issuer]:
    return new_issuer(), new_issuer()


@pytest.fixture
def source(issuers: tuple[Issuer, Issuer]) -> Source:
    return Source(issuers[0])


@pytest.fixture
def verifier(source: Source) -> TokenVerifier:
    return TokenVerifier(KeySet(source, source.clock), ISSUER)


def test_a_known_key_is_not_read_again(
    source: Source, verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    for _ in range(100):
        source.now += COOL_DOWN_SECONDS
        verifier.claims(issuers[0].access_token("ada"), SCOPES)
    assert source.reads == 1


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were looked at."""
    tokens, decode = [], jwt.decode

    def noted(token: str, *given: Any, **named: Any) -> dict[str, Any]:
        tokens.append(token)
        return decode(token, *given, **named)

    monkeypatch.setattr(jwt, "decode", noted)
    return tokens


def test_a_signature_is_verified_once_and_the_scopes_each_time(
    verifier: TokenVerifier, issuers: tuple[Issuer, Issuer], verified: list[str]
) -> None:
    token = issuers[0].access_token("ada")
    first = verifier.claims(token, SCOPES)
    assert verifier.claims(token, SCOPES) == first
    with pytest.raises(InvalidTokenError):
        verifier.claims(token, ["quiz/manage"])
    assert verified == [token]


def test_a_token_known_to_be_good_is_refused_once_it_has_expired(
    verifier: TokenVerifier, issuers: tuple[Issuer, Issuer], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuers[0].access_token("ada")
    expires = verifier.claims(token, SCOPES)["exp"]
    monkeypatch.setattr(time, "time", lambda: expires - 0.001)
    verifier.claims(token, SCOPES)
    monkeypatch.setattr(time, "time", lambda: expires)
    with pytest.raises(InvalidTokenError):
        verifier.claims(token, SCOPES)


def test_another_signature_under_a_known_token_is_refused(
    verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    good, other = (issuers[0].access_token(name) for name in ("ada", "bob"))
    verifier.claims(good, SCOPES)
    verifier.claims(other, SCOPES)
    with pytest.raises(InvalidTokenError):
        verifier.claims(good.rpartition(".")[0] + "." + other.rpartition(".")[2], SCOPES)


def test_as_many_tokens_are_remembered_as_there_is_room_for(
    verifier: TokenVerifier,
    issuers: tuple[Issuer, Issuer],
    verified: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("local.accounts.token_issuer.MAX_VERIFIED", 2)
    first, second, third = (issuers[0].access_token(name) for name in ("ada", "bob", "eve"))
    for token in (first, second, third, second, third, first):
        verifier.claims(token, SCOPES)
    assert verified == [first, second, third, first]


def test_a_new_key_is_taken_once_the_keys_may_be_read_again(
    source: Source, verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    old, new = (each.access_token("ada") for each in issuers)
    source.issuer = issuers[1]
    with pytest.raises(InvalidTokenError):
        verifier.claims(new, SCOPES)
    verifier.claims(old, SCOPES)
    source.now += COOL_DOWN_SECONDS
    assert verifier.claims(new, SCOPES)["username"] == "ada"
    with pytest.raises(InvalidTokenError):
        verifier.claims(old, SCOPES)


def test_made_up_key_ids_cannot_have_keys_read_at_each_request(
    source: Source, verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    stranger = issuers[1].access_token("ada")
    for _ in range(1_000):
        source.now += COOL_DOWN_SECONDS / 100
        with pytest.raises(InvalidTokenError):
            verifier.claims(stranger, SCOPES)
    assert source.reads <= 1 + 10


def test_keys_that_cannot_be_read_again_leave_the_known_ones_good(
    source: Source, verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    source.issuer = None
    source.now += COOL_DOWN_SECONDS
    with pytest.raises(InvalidTokenError):
        verifier.claims(issuers[1].access_token("ada"), SCOPES)
    assert source.reads == 2
    assert verifier.claims(issuers[0].access_token("ada"), SCOPES)["username"] == "ada"


def test_a_token_has_the_scope_asked_for(
    verifier: TokenVerifier, issuers: tuple[Issuer, Issuer]
) -> None:
    token = issuers[0].access_token("ada")
    assert verifier.claims(token, ("quiz/learn", *SCOPES))
    for scopes in ((), ("quiz/learn",), ("quiz/learn", "quiz/manage")):
        with pytest.raises(InvalidTokenError):
            verifier.claims(token, scopes)


@pytest.mark.parametrize("token", ["[" * 5_000, "e30." * 2_000, "x" * (MAX_TOKEN_BYTES + 1)])
def test_what_no_parser_should_see_is_refused(token: str, verifier: TokenVerifier) -> None:
    with pytest.raises(InvalidTokenError):
        verifier.claims(token, SCOPES)


def test_a_signing_key_made_anew_is_another_key(data: DataFolder) -> None:
    first = Issuer(load_key(data), ISSUER).key_set()
    assert Issuer(load_key(data), ISSUER).key_set() == first
    data.signing_key.unlink()
    assert Issuer(load_key(data), ISSUER).key_set() != first
