"""Requests that must be nobody's: each is a good one with one thing wrong about its token."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local.accounts.token_issuer import Issuer

Claims = dict[str, Any]

DAY = 86_400


@dataclass(frozen=True)
class Forgery:
    """Tokens to send in place of a good one."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    query: dict[str, str] = field(default_factory=dict)


def bearer(token: str) -> Forgery:
    return Forgery([("Authorization", f"Bearer {token}")])


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


class Mint:
    """Signs given claims, with the stage's key and with an attacker's."""

    def __init__(self, key: rsa.RSAPrivateKey, issuer: str, user: str) -> None:
        self.key = key
        self.stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = issuer
        self.good = Issuer(key, issuer).access_token(user)
        self.of_stranger = Issuer(self.stranger, issuer).access_token(user, ["admin"])
        self.key_id = str(jwt.get_unverified_header(self.good)["kid"])

    @property
    def claims(self) -> Claims:
        """Claims of the good token."""
        claims: Claims = jwt.decode(self.good, options={"verify_signature": False})
        return claims

    def sign(self, changes: Claims, *without: str, **how: Any) -> str:
        """Return a token of changed claims; `how` may name key, algorithm and header."""
        claims = {k: v for k, v in (self.claims | changes).items() if k not in without}
        return self.seal(json.dumps(claims).encode(), **how)

    def seal(
        self,
        payload: bytes,
        *,
        key: Any = None,
        algorithm: str = "RS256",
        header: Claims | None = None,
    ) -> str:
        """Return any payload, signed."""
        headers = {"kid": self.key_id, "typ": "JWT", "alg": algorithm} | (header or {})
        signer = jwt.get_algorithm_by_name(algorithm)
        content = f"{encoded(json.dumps(headers).encode())}.{encoded(payload)}"
        signature = signer.sign(content.encode(), signer.prepare_key(key or self.key))
        return f"{content}.{encoded(signature)}"

    def unsigned(self, header: bytes, signature: str = "") -> str:
        """Return the good payload under another header."""
        return f"{encoded(header)}.{self.good.split('.')[1]}.{signature}"


def forgeries(mint: Mint) -> dict[str, Forgery]:
    """Return all of them by name."""
    return {
        **_no_tokens(mint),
        **{name: bearer(token) for name, token in _no_jwt(mint)},
        **{name: bearer(token) for name, token in _wrong_signatures(mint)},
        **{name: bearer(token) for name, token in _wrong_keys(mint)},
        **{name: bearer(token) for name, token in _wrong_times(mint)},
        **{name: bearer(token) for name, token in _wrong_claims(mint)},
    }


def _no_tokens(mint: Mint) -> dict[str, Forgery]:
    good = ("Authorization", f"Bearer {mint.good}")
    return {
        "no header": Forgery(),
        "empty header": Forgery([("Authorization", "")]),
        "scheme alone": Forgery([("Authorization", "Bearer")]),
        "Basic": Forgery([("Authorization", "Basic YWRhOnNlY3JldA==")]),
        "token as Basic": Forgery([("Authorization", f"Basic {mint.good}")]),
        "token as Digest": Forgery([("Authorization", f"Digest {mint.good}")]),
        "token without a scheme": Forgery([("Authorization", mint.good)]),
        "two schemes": Forgery([("Authorization", f"Bearer Bearer {mint.good}")]),
        "two headers": Forgery([good, good]),
        "two headers, one wrong": Forgery([good, ("Authorization", "Bearer x")]),
        "two tokens": Forgery([("Authorization", f"Bearer {mint.good}, Bearer {mint.good}")]),
        "in another header": Forgery([("X-Authorization", f"Bearer {mint.good}")]),
        "in a cookie": Forgery([("Cookie", f"Authorization={mint.good}; token={mint.good}")]),
        "in the query": Forgery([], {"access_token": mint.good, "Authorization": mint.good}),
    }


def _no_jwt(mint: Mint) -> Iterator[tuple[str, str]]:
    header, payload, signature = mint.good.split(".")
    yield "a word", "secret"
    yield "three words", "a.b.c"
    yield "JSON", json.dumps(mint.claims)
    yield "two parts", f"{header}.{payload}"
    yield "four parts", f"{mint.good}.{signature}"
    yield "five parts, as a refresh token has", f"{header}.{payload}.{payload}.{payload}.{payload}"
    yield "header that is no JSON", mint.unsigned(b"{", signature)
    yield "header that is a list", mint.unsigned(b"[]", signature)
    yield "header nested deep", mint.unsigned(b'{"kid":' + b"[" * 3_000, signature)
    yield "payload that is a list", mint.seal(b"[]")
    yield "payload that is no JSON", mint.seal(b"ada")
    yield "payload nested deep", mint.seal(b'{"sub":' + b"[" * 3_000)
    yield "padded", f"{header}.{payload}==.{signature}"
    yield "spaced", f"{header}. {payload}.{signature}"
    yield "not ASCII", mint.good.replace("e", "\N{LATIN SMALL LETTER E WITH ACUTE}", 1)
    yield "oversized", mint.sign({"padding": "x" * 6_200})


def _wrong_signatures(mint: Mint) -> Iterator[tuple[str, str]]:
    header, payload, signature = mint.good.split(".")
    flipped = "A" if signature[9] != "A" else "B"
    promoted = encoded(json.dumps(mint.claims | {"cognito:groups": ["admin"]}).encode())
    another = encoded(json.dumps(mint.claims | {"sub": "somebody-else"}).encode())
    yield "signature changed", f"{header}.{payload}.{signature[:9]}{flipped}{signature[10:]}"
    yield "signature cut", f"{header}.{payload}.{signature[:-8]}"
    yield "signature left out", f"{header}.{payload}."
    yield "signature of another token", f"{header}.{payload}.{mint.sign({'x': 1}).split('.')[2]}"
    yield "payload changed: groups", f"{header}.{promoted}.{signature}"
    yield "payload changed: subject", f"{header}.{another}.{signature}"
    for algorithm in ("none", "None", "nOnE", ""):
        made = json.dumps({"alg": algorithm, "kid": mint.key_id}).encode()
        yield f"algorithm {algorithm!r}, unsigned", mint.unsigned(made)
        yield f"algorithm {algorithm!r}, signed", mint.unsigned(made, signature)
    for algorithm in ("RS384", "RS512", "PS256"):
        yield f"algorithm {algorithm} with the right key", mint.sign({}, algorithm=algorithm)
    curve = ec.generate_private_key(ec.SECP256R1())
    yield "algorithm ES256", mint.sign({}, key=curve, algorithm="ES256")
    spoken = (
        mint.key.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
        for form in (Encoding.PEM, Encoding.DER)
    )
    for name, secret in zip(("PEM", "DER"), spoken, strict=True):
        yield f"HS256 with the public key ({name})", _with_shared_secret(mint, secret)
    numbers = mint.key.public_key().public_numbers()
    modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    yield "HS256 with the public key (modulus)", _with_shared_secret(mint, modulus)
    yield "HS256 with nothing", _with_shared_secret(mint, b"")
    yield "critical header unknown", mint.sign({}, header={"crit": ["x-policy"], "x-policy": 1})
    yield "signature of a detached payload", mint.sign({}, header={"b64": False, "crit": ["b64"]})


def _with_shared_secret(mint: Mint, secret: bytes) -> str:
    # PyJWT itself refuses to sign so.
    header = encoded(json.dumps({"alg": "HS256", "kid": mint.key_id}).encode())
    content = f"{header}.{mint.good.split('.')[1]}"
    return f"{content}.{encoded(hmac.digest(secret, content.encode(), 'sha256'))}"


def _wrong_keys(mint: Mint) -> Iterator[tuple[str, str]]:
    stranger = mint.stranger
    public: Claims = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    elsewhere = "http://127.0.0.1:9/.well-known/jwks.json"
    yield "of another stage's key", mint.of_stranger
    yield "of another key, under the stage's key id", mint.sign({}, key=stranger)
    for name, key_id in {
        "unknown": "0" * 32,
        "empty": "",
        "a path": "../../../../dev/null",
        "an address": elsewhere,
        "SQL": "x' UNION SELECT 'secret'--",
        "a NUL": f"{mint.key_id}\0",
        "in other case": mint.key_id.upper() + "A",
    }.items():
        yield f"key id that is {name}", mint.sign({}, key=stranger, header={"kid": key_id})
        yield f"right key, key id that is {name}", mint.sign({}, header={"kid": key_id})
    for wrong in (None, 7, [mint.key_id], {"kid": mint.key_id}):
        yield f"key id that is {type(wrong).__name__}", mint.sign({}, header={"kid": wrong})
    without = json.dumps({"alg": "RS256", "typ": "JWT"}).encode()
    yield "no key id", mint.unsigned(without, mint.good.split(".")[2])
    headers: dict[str, Claims] = {
        "jku": {"jku": elsewhere},
        "x5u": {"x5u": elsewhere},
        "jwk": {"jwk": public},
        "x5c": {"x5c": ["MIIB"]},
        "all of them": {"jku": elsewhere, "x5u": elsewhere, "jwk": public},
    }
    for name, header in headers.items():
        yield f"another key, in {name}", mint.sign({}, key=stranger, header=header)
        unknown = {**header, "kid": "0" * 32}
        yield f"another key and id, in {name}", mint.sign({}, key=stranger, header=unknown)


def _wrong_times(mint: Mint) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    for name, value in {
        "a second ago": now - 1,
        "a day ago": now - DAY,
        "at the beginning": 0,
        "before it": -1,
        "text": "tomorrow",
        "a number as text": str(now + DAY),
        "beyond the calendar": 10**18,
        "beyond every clock": 1e300,
        "nothing": None,
        "a list": [now + DAY],
        "false": False,
    }.items():
        yield f"end: {name}", mint.sign({"exp": value})
    yield "no end", mint.sign({}, "exp")
    yield "not yet valid", mint.sign({"nbf": now + DAY})
    yield "valid from text", mint.sign({"nbf": "yesterday"})
    for name in ("nbf", "iat"):
        for value in (str(now - DAY), 10**18, 1e300, -(10**18), -1e300):
            yield f"{name}: {value!r}", mint.sign({name: value})
    yield "issued in the future", mint.sign({"iat": now + DAY})
    yield "issued at text", mint.sign({"iat": "yesterday"})
    yield "not issued", mint.sign({}, "iat")


def _wrong_claims(mint: Mint) -> Iterator[tuple[str, str]]:
    wrong: dict[str, list[Any]] = {
        "iss": [f"{mint.issuer}/", mint.issuer.upper(), "http://127.0.0.1:1", "", [mint.issuer], 7],
        "client_id": ["another-client", "", "LOCAL-CLIENT", ["local-client"]],
        "token_use": ["id", "refresh", "Access", "", ["access"]],
        "scope": ["", "openid profile email", "quiz", "quiz/learning", "learn", ["quiz/learn"]],
        "sub": ["", "me", "*", "../ada", "a b", "ada\n", "a" * 129, 7, ["ada"]],
    }
    for claim, values in wrong.items():
        yield f"without {claim}", mint.sign({}, claim)
        for value in (None, *values):
            yield f"{claim} = {str(value)[:40]!r}", mint.sign({claim: value})
    audience = {"aud": mint.claims["client_id"]}
    yield "an ID token", mint.sign(audience | {"token_use": "id"}, "client_id", "scope")
    yield "an ID token with a scope", mint.sign(audience | {"token_use": "id"})
    yield (
        "an access token of another pool",
        mint.sign({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_another"}),
    )
