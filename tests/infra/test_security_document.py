"""docs/security.md names what is there."""

import re

from lambdas.shared.telemetry.audit_record import AuditRecord
from local.data_folder import ROOT
from tests.infra.chosen import CHOSEN

TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
RISKS = tuple(f"API{number}" for number in range(1, 11))


def rows(heading: str) -> list[list[str]]:
    """The cells of the rows under a heading, without the head of the table."""
    section = TEXT.split(f"## {heading}")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_test_it_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", TEXT))
    assert len(named) > 25
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_every_threat_has_a_defence_and_a_test() -> None:
    threats = rows("Threats")
    assert all(defence and re.search(r"`tests/", proof) for _, defence, proof in threats)
    told = [found[1] for threat, *_ in threats if (found := re.match(r"\*\*(API\d+)\*\*", threat))]
    assert told == list(RISKS)


def test_the_record_it_shows_has_the_fields_there_are() -> None:
    shown = re.search(r"```json\n(.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    fields = re.findall(r'[{,]\s*"(\w+)":', shown[1])
    assert [f for f in fields if f not in ("session", "question")] == list(
        AuditRecord.__annotations__
    )


def test_the_retention_it_tells_is_the_stages() -> None:
    told = {name.strip("`"): kept for name, kept, _ in rows("The audit")}
    assert told == {name: f"{CHOSEN[name].audit.days} days" for name in ("dev", "staging", "prod")}


def test_every_link_leads_somewhere() -> None:
    links = set(re.findall(r"\]\(([\w/.-]+\.md)\)", TEXT))
    assert links
    assert [link for link in sorted(links) if not (ROOT / "docs" / link).is_file()] == []
