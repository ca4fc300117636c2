"""The asset as it is uploaded: built, unpacked, and run by the interpreter it is made for."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_lambda as lambda_

import infra.asset
from infra.asset import Bundler, function_code
from infra.packaging.build import PROJECT, build, build_zip
from infra.packaging.errors import PackagingError
from infra.packaging.interpreter import find_interpreter
from infra.packaging.platforms import LAMBDA, Platform
from infra.packaging.trim import SERVICES, trim
from infra.permissions import ACCOUNT_ACTIONS, PERMISSIONS, TableName
from lambdas.contract.routes import FUNCTIONS
from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from tests.infra.assembly import NO_BUNDLING

pytestmark = pytest.mark.slow

MAX_ZIP_BYTES = 12 * 10**6
MAGIC_313 = (3571).to_bytes(2, "little") + b"\r\n"
UNCHECKED_HASH = (0b01).to_bytes(4, "little")
AARCH64 = (183).to_bytes(2, "little")
PACKAGES = {
    "annotated_types",
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "cachetools",
    "dateutil",
    "domain",
    "jmespath",
    "lambdas",
    "pydantic",
    "pydantic_core",
    "s3transfer",
    "six.py",
    "typing_extensions.py",
    "typing_inspection",
    "tzdata",
    "urllib3",
}


@dataclass(frozen=True)
class Folder:
    path: Path

    def files(self, pattern: str) -> dict[str, bytes]:
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in self.path.rglob(pattern)
            if path.is_file()
        }


@dataclass(frozen=True)
class Asset(Folder):
    archive: Path


def lambda_python() -> Path:
    found = find_interpreter(LAMBDA.python)
    if found is None:
        pytest.skip(f"there is no Python {LAMBDA.python} here: uv python install {LAMBDA.python}")
    return found


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Asset:
    """The asset as Lambda receives it."""
    lambda_python()
    folder = tmp_path_factory.mktemp("cloud")
    asset = Asset(folder / "task", folder / "functions.zip")
    build_zip(asset.archive)
    with ZipFile(asset.archive) as archive:
        archive.extractall(asset.path)
    return asset


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The same for this machine."""
    lambda_python()
    folder = Folder(tmp_path_factory.mktemp("here"))
    build(folder.path, Platform(python=LAMBDA.python))
    return folder


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine's address, or that of the one DYNAMODB_ENDPOINT names."""
    if given := os.environ.get("DYNAMODB_ENDPOINT"):
        yield given
        return
    with Engine(DataFolder(tmp_path_factory.mktemp("engine")), find_binary()) as engine:
        yield engine.endpoint


@pytest.fixture(scope="session")
def run(here: Folder, endpoint: str) -> dict[str, Any]:
    """Observations of a process that can import the asset and nothing else."""
    program = Path(__file__).with_name("asset_program.py")
    table = f"asset-{os.getpid()}"
    client = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # pragma: allowlist secret
    )
    client.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=table)
    done = subprocess.run(
        [lambda_python(), "-I", "-S", "-B", "-W", "error", program, here.path],
        env={
            "STAGE": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
            "DYNAMODB_ENDPOINT": endpoint,
            "ASSET_TABLE": table,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    client.delete_table(TableName=table)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def test_every_module_of_ours_loads_with_nothing_beside_the_asset(run: dict[str, Any]) -> None:
    assert {f"lambdas.{name}.handler" for name in FUNCTIONS} <= set(run["modules"])


def test_a_packaged_handler_answers(run: dict[str, Any]) -> None:
    assert run["health"]["statusCode"] == 200
    assert json.loads(run["health"]["body"])["status"] == "ok"


def test_the_trimmed_client_reads_and_writes(run: dict[str, Any]) -> None:
    assert run["table"] == {"read back": True, "second refused": True}


def test_the_trimmed_client_knows_the_operations_that_roles_allow(run: dict[str, Any]) -> None:
    allowed = {
        action for grants in PERMISSIONS.values() for each in grants for action in each.actions
    }
    # A check is a part of a transaction, not a call.
    assert allowed - {"ConditionCheckItem"} <= SERVICES["dynamodb"]
    accounts = {action for actions in ACCOUNT_ACTIONS.values() for action in actions}
    assert accounts == SERVICES["cognito-idp"]
    assert SERVICES["secretsmanager"] == {"GetSecretValue"}
    assert {name: set(each) for name, each in run["operations"].items()} == SERVICES


def test_the_trimmed_client_knows_all_regions(run: dict[str, Any]) -> None:
    whole = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    regions = {
        region
        for partition in whole.get_available_partitions()
        for region in whole.get_available_regions("dynamodb", partition)
    }
    assert set(run["endpoints"]) == regions
    for region in ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"):
        client = whole.client("dynamodb", region_name=region)
        assert run["endpoints"][region] == client.meta.endpoint_url


def test_clients_are_made_only_of_services_whose_data_ships() -> None:
    made = {
        service
        for source in (PROJECT / "lambdas").rglob("*.py")
        for service in re.findall(r'client\(\s*"([a-z0-9-]+)"', source.read_text(encoding="utf-8"))
    }
    assert made == set(SERVICES)


SDK = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
LOGS = {"aws_lambda_powertools", "typing_extensions"}
USUAL = SDK | LOGS | {"cachetools"}
LOADED: dict[str, set[str]] = {
    "analytics": USUAL,
    "answer": USUAL | PYDANTIC,
    # Powertools reads the SDK's configuration class; no client is made.
    "health": LOGS | {"botocore", "jmespath"},
    "privacy": USUAL,
    "progress": USUAL,
    "questions": USUAL,
    "quiz": USUAL,
    "session": USUAL | PYDANTIC,
    "signup": USUAL,
    "users": USUAL,
}
"""Packages each function may load while it initializes, its client made: no function OpenAPI
or tracing, and pydantic only those whose frequent route takes a body
(docs/decisions/0180-a-start-loads-what-its-frequent-route-needs.md)."""

DATA_CLASSES = "aws_lambda_powertools.utilities.data_classes"
WITH_DATA_CLASSES = {"analytics", "signup"}
"""Functions that load the event data classes
(docs/decisions/0181-event-data-classes-off-the-path-of-play.md)."""


def test_every_function_says_what_it_loads() -> None:
    handlers = {path.parent.name for path in (PROJECT / "lambdas").glob("*/handler.py")}
    assert set(LOADED) == handlers


@pytest.mark.parametrize("function", LOADED)
def test_a_function_loads_while_it_initializes_only_what_it_needs(
    function: str, here: Folder, endpoint: str
) -> None:
    """As on Lambda: with its client made and its first call tried, here on a table that is none."""
    program = Path(__file__).with_name("initialization_program.py")
    done = subprocess.run(
        [lambda_python(), "-I", "-S", "-B", program, here.path, function],
        env={
            "STAGE": "test",
            "LOG_LEVEL": "ERROR",
            "AWS_LAMBDA_FUNCTION_NAME": function,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
            "DYNAMODB_ENDPOINT": endpoint,
            **{name.variable: name.value for name in TableName},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    assert set(loaded["packages"]) - {"domain", "lambdas"} == LOADED[function]
    assert set(loaded["functions"]) == {function}
    assert "lambdas.contract.responses" not in loaded["modules"]
    assert (DATA_CLASSES in loaded["modules"]) == (function in WITH_DATA_CLASSES)


def test_nothing_is_compiled_at_run_time(run: dict[str, Any]) -> None:
    assert run["compiled here"] == []
    assert run["compiled paths"] == ["/var/task/"]


def test_bytecode_lies_beside_every_source_and_is_never_checked(cloud: Asset) -> None:
    sources = {Path(name) for name in cloud.files("*.py")}
    bytecode = cloud.files("*.pyc")
    assert set(bytecode) == {
        (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").as_posix()
        for path in sources
    }
    assert {content[:8] for content in bytecode.values()} == {MAGIC_313 + UNCHECKED_HASH}


def test_the_cloud_gets_what_was_run_here(cloud: Asset, here: Folder) -> None:
    for pattern in ("*.py", "*.pyc", "*.json"):
        assert cloud.files(pattern) == here.files(pattern)


def test_machine_code_is_for_arm64(cloud: Asset) -> None:
    libraries = cloud.files("*.so*")
    assert list(libraries) == ["pydantic_core/_pydantic_core.cpython-313-aarch64-linux-gnu.so"]
    assert {content[:4] + content[18:20] for content in libraries.values()} == {
        b"\x7fELF" + AARCH64
    }


def test_nothing_ships_but_what_functions_import(cloud: Asset) -> None:
    names = {path.name for path in cloud.path.iterdir()}
    assert {name for name in names if not name.endswith(".dist-info")} - {"__pycache__"} == PACKAGES
    data = cloud.path / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(SERVICES)
    assert not [name for name in cloud.files("*") if "/tests/" in name or "/." in f"/{name}"]


def test_packages_stay_recognizable(cloud: Asset) -> None:
    """Scanners of deployed functions, and packages themselves, read these."""
    locked = {
        line.split("==")[0]
        for line in (PROJECT / "requirements/runtime.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    metadata = cloud.files("METADATA").values()
    names = {text.split(b"\nName: ")[1].split(b"\n")[0].decode() for text in metadata}
    assert {name.replace("_", "-") for name in names} == locked


def test_no_path_of_this_machine_ships(cloud: Asset) -> None:
    paths = [os.fsencode(path) for path in (PROJECT, lambda_python().parents[1])] + [b"quiz-asset-"]
    found = [name for name, content in cloud.files("*").items() if any(p in content for p in paths)]
    assert found == []


def test_the_zip_is_small(cloud: Asset, capsys: pytest.CaptureFixture[str]) -> None:
    size = cloud.archive.stat().st_size
    with capsys.disabled():
        print(f" the asset is {size / 10**6:.2f} MB zipped ", end="")  # noqa: T201
    assert size <= MAX_ZIP_BYTES


def test_the_zip_is_readable_by_any_user_and_dateless(cloud: Asset) -> None:
    with ZipFile(cloud.archive) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(e.external_attr >> 16, e.create_system, e.date_time) for e in entries} == {
        (0o100644, 3, (1980, 1, 1, 0, 0, 0))
    }


def synthesized(
    folder: Path, context: dict[str, Any] | None = None
) -> tuple[dict[str, Any], list[Path]]:
    """A stack of one function: its template, and its asset if it was bundled."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False, context=context)
    stack = cdk.Stack(app, "One")
    lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="lambdas.health.handler.handler",
        code=function_code(),
    )
    app.synth()
    template = json.loads((folder / "One.template.json").read_text(encoding="utf-8"))
    return template, list(folder.glob("asset.*.zip"))


def test_bundled_by_the_cdk_it_is_the_same_zip_and_template_again(
    cloud: Asset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    bundled, (archive,) = synthesized(tmp_path / "bundled")
    assert archive.read_bytes() == cloud.archive.read_bytes()

    assert synthesized(tmp_path / "unbundled", NO_BUNDLING) == (bundled, [])

    monkeypatch.setattr(infra.asset, "build_zip", None)  # a second synthesis needs no build
    assert synthesized(tmp_path / "bundled") == (bundled, [archive])


def test_a_failure_stops_the_synthesis_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PackagingError("There is no Python 3.13.")

    monkeypatch.setattr(infra.asset, "build_zip", fail)
    with pytest.raises(SystemExit, match=r"^There is no Python 3\.13\.$"):
        Bundler(LAMBDA).try_bundle(str(tmp_path))


def test_a_package_that_is_laid_out_anew_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="There is no bin to leave out"):
        trim(tmp_path)
