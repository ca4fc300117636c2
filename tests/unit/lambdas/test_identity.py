"""Who calls, and what they may."""

from typing import Any

import pytest

from lambdas.contract.errors import ApiError, ForbiddenError, NotFoundError, UnauthorizedError
from lambdas.contract.route import Access
from lambdas.shared.http.identity import Caller, authorize, caller_from_claims
from tests.unit.lambdas.builders import CLIENT_ID, claims

WITHOUT_GROUPS = {
    "sub": "ada",
    "token_use": "access",
    "client_id": CLIENT_ID,
    "scope": "aws.cognito.signin.user.admin",
    "exp": "Fri Dec 31 23:59:59 UTC 9999",
}
ACCEPTED = ("aws.cognito.signin.user.admin", "quiz/learn")


def caller_from(claims: dict[str, Any]) -> Caller:
    return caller_from_claims(claims, client_id=CLIENT_ID, scopes=ACCEPTED)


NOT_OF_A_USER: dict[str, list[Any]] = {
    "sub": [
        *("", "me", "ada ", "ada\n", "a b", "a/b", "../ada", "ada#1", "*", "a" * 129),
        *("\N{CYRILLIC SMALL LETTER A}da", None, 7, ["ada"], {"ada": 1}),
    ],
    "token_use": ["id", "refresh", "Access", "access ", "", None, ["access"]],
    "client_id": ["another", CLIENT_ID.upper(), f"{CLIENT_ID} ", "", None, [CLIENT_ID]],
    "scope": [
        *("", " ", None, "openid profile", "quiz/manage", "quiz/learn2", "quiz", "learn"),
        *("QUIZ/LEARN", "quiz/learn,openid", "aws.cognito.signin.user.admin.x", "quiz/learn/x"),
    ],
    "exp": [
        *("Wed Nov 25 19:30:00 UTC 2020", "never", "", " ", "9999999999", "1e300", None, True),
        *(0, -1, 1e300, 10**18, 10**400, float("inf"), float("nan"), [9999999999], {}),
    ],
}


@pytest.mark.parametrize(
    ("claim", "value"),
    [(claim, each) for claim, values in NOT_OF_A_USER.items() for each in values],
)
def test_claims_that_are_no_users_access_token_speak_for_nobody(claim: str, value: Any) -> None:
    with pytest.raises(UnauthorizedError):
        caller_from({**claims(groups=["admin"]), claim: value})


@pytest.mark.parametrize("claim", NOT_OF_A_USER)
def test_a_claim_that_is_missing_speaks_for_nobody(claim: str) -> None:
    with pytest.raises(UnauthorizedError):
        caller_from({k: v for k, v in claims(groups=["admin"]).items() if k != claim})


def test_no_claims_speak_for_nobody() -> None:
    with pytest.raises(UnauthorizedError):
        caller_from({})


@pytest.mark.parametrize("aud", [CLIENT_ID, [CLIENT_ID]])
def test_the_audience_of_an_id_token_is_no_client(aud: Any) -> None:
    without = {k: v for k, v in claims().items() if k != "client_id"}
    with pytest.raises(UnauthorizedError):
        caller_from({**without, "aud": aud})


@pytest.mark.parametrize("scope", [*ACCEPTED, " ".join(ACCEPTED), "openid quiz/learn email"])
def test_one_scope_of_those_accepted_is_enough(scope: str) -> None:
    assert caller_from({**claims(), "scope": scope}).user_id == "ada"


def test_an_id_token_of_an_administrator_speaks_for_nobody() -> None:
    with pytest.raises(UnauthorizedError):
        caller_from(claims(groups=["admin"], token_use="id"))


@pytest.mark.parametrize(
    "groups",
    [
        "learner,admin",
        "admin,learner",
        ["learner", "admin"],
        ("admin", "learner"),
    ],
)
def test_groups_are_known_in_every_form_the_gateway_passes_them(groups: Any) -> None:
    caller = caller_from({**WITHOUT_GROUPS, "cognito:groups": groups})
    assert caller.groups == {"learner", "admin"}
    assert caller.is_admin


@pytest.mark.parametrize("groups", ["admin", ["admin"]])
def test_one_group_is_known_in_every_form(groups: Any) -> None:
    assert caller_from({**WITHOUT_GROUPS, "cognito:groups": groups}).groups == {"admin"}


@pytest.mark.parametrize("groups", [None, "", [], (), 7, True, {"admin": 1}])
def test_no_groups_are_none(groups: Any) -> None:
    caller = caller_from({**WITHOUT_GROUPS, "cognito:groups": groups})
    assert caller.groups == frozenset()
    assert not caller.is_admin


def test_a_token_without_the_claim_has_no_groups() -> None:
    assert caller_from(WITHOUT_GROUPS).groups == frozenset()


@pytest.mark.parametrize(
    "groups",
    [
        *("administrator", "Admin", "ADMIN", "not-admin", "admin2", "admin:read"),
        *("x,admin", "admin,x", "[admin]", "[learner, admin]", "learner, admin", "admin learner"),
        *(" admin", "admin ", "admin\n", "admin,", ",admin", " ", "[]"),
        *(["adm", "in"], ["learner,admin"], [["admin"]], ["admin "], ["[admin]"]),
    ],
)
def test_a_group_with_a_similar_name_is_another_group(groups: Any) -> None:
    assert not caller_from({**WITHOUT_GROUPS, "cognito:groups": groups}).is_admin


@pytest.mark.parametrize("claim", ["groups", "custom:groups", "cognito:roles", "scope", "username"])
def test_no_other_claim_makes_an_administrator(claim: str) -> None:
    value = "admin aws.cognito.signin.user.admin" if claim == "scope" else "admin"
    assert not caller_from({**WITHOUT_GROUPS, claim: value}).is_admin


def test_scopes_are_separated_by_spaces() -> None:
    caller = caller_from({**WITHOUT_GROUPS, "scope": "quiz/learn aws.cognito.signin.user.admin"})
    assert caller.scopes == {"quiz/learn", "aws.cognito.signin.user.admin"}
    assert caller_from(WITHOUT_GROUPS).scopes == {"aws.cognito.signin.user.admin"}


LEARNER = Caller(user_id="ada", groups=frozenset({"learner"}), scopes=frozenset())
ADMIN = Caller(user_id="root", groups=frozenset({"admin"}), scopes=frozenset())

OWN, OTHER = "their own", "grace"
NOT_THERE, MAY_NOT = NotFoundError, ForbiddenError
# Access, then for None, "me", the own id and another's: what a learner gets, what an admin gets.
MATRIX: dict[Access, tuple[tuple[Any, Any, Any, Any], tuple[Any, Any, Any, Any]]] = {
    Access.PUBLIC: ((OWN, OWN, OWN, NOT_THERE), (OWN, OWN, OWN, NOT_THERE)),
    Access.LEARNER: ((OWN, OWN, OWN, NOT_THERE), (OWN, OWN, OWN, NOT_THERE)),
    Access.SELF: ((OWN, OWN, OWN, NOT_THERE), (OWN, OWN, OWN, NOT_THERE)),
    Access.SELF_OR_ADMIN: ((OWN, OWN, OWN, NOT_THERE), (OWN, OWN, OWN, OTHER)),
    Access.ADMIN: ((MAY_NOT, MAY_NOT, MAY_NOT, MAY_NOT), (OWN, OWN, OWN, NOT_THERE)),
}
CASES = [
    (access, caller, named, expected)
    for access, rows in MATRIX.items()
    for caller, row in zip((LEARNER, ADMIN), rows, strict=True)
    for named, expected in zip((None, "me", caller.user_id, OTHER), row, strict=True)
]


def test_the_matrix_knows_every_kind_of_access() -> None:
    assert set(MATRIX) == set(Access)


@pytest.mark.parametrize(("access", "caller", "named", "expected"), CASES)
def test_whose_data_a_call_is_about(
    access: Access, caller: Caller, named: str | None, expected: Any
) -> None:
    if isinstance(expected, type) and issubclass(expected, ApiError):
        with pytest.raises(expected):
            authorize(caller, access, named)
    else:
        user_id = caller.user_id if expected is OWN else expected
        assert authorize(caller, access, named) == user_id


@pytest.mark.parametrize(
    "named", ["ME", "Ada", "ada ", "ada\n", "", "*", "\N{CYRILLIC SMALL LETTER A}da"]
)
def test_a_similar_id_is_another_users(named: str) -> None:
    with pytest.raises(NotFoundError):
        authorize(LEARNER, Access.SELF, named)


def test_another_users_data_and_data_that_is_not_there_look_the_same() -> None:
    with pytest.raises(NotFoundError) as foreign:
        authorize(LEARNER, Access.SELF_OR_ADMIN, OTHER)
    assert (foreign.value.detail, foreign.value.members) == (NotFoundError().detail, {})


@pytest.mark.parametrize(("early", "accepted"), [(1, True), (0.001, True), (0, False), (-1, False)])
def test_a_token_is_refused_from_the_second_it_expires_on(early: float, accepted: bool) -> None:
    expiring = {**claims(), "exp": "Wed Nov 25 19:30:00 UTC 2026"}

    def caller() -> Caller:
        return caller_from_claims(
            expiring, client_id=CLIENT_ID, scopes=ACCEPTED, clock=lambda: 1_795_635_000 - early
        )

    if accepted:
        assert caller().user_id == "ada"
        return
    with pytest.raises(UnauthorizedError):
        caller()
