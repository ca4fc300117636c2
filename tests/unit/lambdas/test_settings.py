"""Settings from environment variables."""

from collections.abc import Iterator

import pytest

from lambdas.shared.settings import LOG_LEVELS, SettingsError, read_settings, settings

TABLES = ("users", "questions", "sessions", "progress", "wrong_answers")


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_only_the_stage_has_to_be_given() -> None:
    read = read_settings({"STAGE": "dev"})
    assert (read.stage, read.log_level, read.cors_origins) == ("dev", "INFO", ())
    assert (read.dynamodb_endpoint, read.client_id) == (None, None)
    assert [getattr(read, f"{table}_table") for table in TABLES] == [None] * 5


def test_all_that_is_given_is_read() -> None:
    given = {f"{table.upper()}_TABLE": f"the-{table}" for table in TABLES}
    read = read_settings(
        {
            "STAGE": "prod",
            "LOG_LEVEL": "warning",
            "DYNAMODB_ENDPOINT": "http://127.0.0.1:8001",
            "CLIENT_ID": "a-client",
            "FAILED_BATCHES_BUCKET": "a-bucket",
            "CORS_ORIGINS": " https://a.example  https://b.example ",
            **given,
        }
    )
    assert (read.stage, read.log_level) == ("prod", "WARNING")
    assert read.dynamodb_endpoint == "http://127.0.0.1:8001"
    assert read.client_id == "a-client"
    assert read.failed_batches_bucket == "a-bucket"
    assert read.cors_origins == ("https://a.example", "https://b.example")
    assert [getattr(read, f"{table}_table") for table in TABLES] == [f"the-{t}" for t in TABLES]


def test_all_faults_are_named_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"LOG_LEVEL": "LOUD", "DYNAMODB_ENDPOINT": "ftp://somewhere"})
    told = str(caught.value)
    assert all(name in told for name in ("STAGE", "LOG_LEVEL", "DYNAMODB_ENDPOINT"))
    assert len(told.split("; ")) == 3


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"STAGE": ""}, "STAGE"),
        ({"LOG_LEVEL": ""}, "LOG_LEVEL"),
        ({"LOG_LEVEL": "TRACE"}, "LOG_LEVEL"),
        ({"DYNAMODB_ENDPOINT": "127.0.0.1:8001"}, "DYNAMODB_ENDPOINT"),
        ({"DYNAMODB_ENDPOINT": "file:///etc/passwd"}, "DYNAMODB_ENDPOINT"),
    ],
)
def test_a_single_fault_names_its_variable_alone(fault: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"^{named} ") as caught:
        read_settings({"STAGE": "dev", **fault})
    assert ";" not in str(caught.value)


def test_an_empty_endpoint_is_none() -> None:
    assert read_settings({"STAGE": "dev", "DYNAMODB_ENDPOINT": ""}).dynamodb_endpoint is None


def test_an_empty_client_is_none() -> None:
    assert read_settings({"STAGE": "dev", "CLIENT_ID": ""}).client_id is None


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_every_log_level_is_known_in_any_case(level: str) -> None:
    assert read_settings({"STAGE": "dev", "LOG_LEVEL": level.lower()}).log_level == level


SWITCHES = ["ADMIN_MFA", "CIRCUIT_BREAKER_ENABLED", "PERFORMANCE_MONITORING"]


@pytest.mark.parametrize("variable", SWITCHES)
def test_a_switch_is_on_unless_it_is_turned_off(variable: str) -> None:
    def read(value: str) -> bool:
        return bool(getattr(read_settings({"STAGE": "dev", variable: value}), variable.lower()))

    assert getattr(read_settings({"STAGE": "dev"}), variable.lower())
    assert [read(value) for value in ("true", "True", "false", "FALSE")] == [True] * 2 + [False] * 2
    for neither in ("", "1", "no"):
        with pytest.raises(SettingsError, match=variable):
            read(neither)


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "first")
    first = settings()
    monkeypatch.setenv("STAGE", "second")
    assert settings() is first
    assert settings().stage == "first"


def test_a_bad_environment_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGE", raising=False)
    with pytest.raises(SettingsError, match="STAGE"):
        settings()
    monkeypatch.setenv("STAGE", "dev")
    assert settings().stage == "dev"
