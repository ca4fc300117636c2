"""docs/client-guide.md covers every code of the contract."""

import re

from lambdas.contract.errors import ApiError, FieldCode
from lambdas.contract.gateway_problems import (
    GATEWAY_PROBLEMS,
    HEADERS_TOO_LARGE,
    METHOD_NOT_ALLOWED,
)
from local.data_folder import ROOT

GUIDE = (ROOT / "docs" / "client-guide.md").read_text(encoding="utf-8")


def codes(section: str) -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE))


def every_error(base: type[ApiError] = ApiError) -> set[str]:
    found = {base.code} if hasattr(base, "code") else set()
    return found.union(*(every_error(each) for each in base.__subclasses__()))


def test_the_guide_covers_every_error_code() -> None:
    errors, _ = GUIDE.split("`errors[].code` of a field")
    others = (METHOD_NOT_ALLOWED, HEADERS_TOO_LARGE)
    gateway = {problem.code for problem in (*GATEWAY_PROBLEMS.values(), *others)}
    assert every_error() | gateway <= codes(errors)


def test_the_guide_lists_the_field_codes() -> None:
    _, fields = GUIDE.split("`errors[].code` of a field")
    assert codes(fields) == set(FieldCode)
