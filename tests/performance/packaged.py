"""The subject of instruction counts: the packaged asset, and the SDK beside it as installed.

Machine instructions of a whole process repeat to a few in a thousand, whatever else the machine
does, which times do not. Valgrind counts them (`apt-get install valgrind`, or the like).
"""

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

from infra.packaging.build import build
from infra.packaging.interpreter import interpreter
from infra.packaging.platforms import LAMBDA, Platform
from lambdas.contract.routes import ROUTES
from local.data_folder import DataFolder
from local.database.engine import Engine, find_binary
from local.database.schema import create_tables
from local.database.tables import table_definitions
from tests.integration.stage import CLIENT_ID, draft
from tests.support.fixed_context import FixedContext

M = 1_000_000
_REFERENCE = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
_COUNTED = re.compile(r"I +refs: +([0-9,]+)")
LEARNER, ADMINISTRATOR = "learner", "administrator"


@dataclass(frozen=True)
class Packaged:
    """Two folders that Lambda's version of Python runs from, bytecode beside every source."""

    python: Path
    asset: Path
    reference: Path

    def instructions(
        self, arguments: Sequence[object], environment: Mapping[str, str] | None = None
    ) -> int:
        """Return the instructions that Python takes for a program, all in all.

        Raises:
            SystemExit: there is no valgrind, or the program failed.
        """
        valgrind = shutil.which("valgrind")
        if valgrind is None:
            sys.exit("Instructions are counted by valgrind, which is not installed here.")
        done = subprocess.run(
            [
                valgrind, "--tool=cachegrind", "--cache-sim=no",
                "--cachegrind-out-file=/dev/null",
                self.python, "-I", "-S", "-B", *map(str, arguments),
            ],
            env={"PATH": os.defpath, "PYTHONHASHSEED": "0", **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        found = _COUNTED.search(done.stderr)
        if done.returncode or not found:
            sys.exit(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return int(found[1].replace(",", ""))


@contextmanager
def packaged() -> Iterator[Packaged]:
    """Build both folders."""
    with tempfile.TemporaryDirectory(prefix="quiz-count-") as name:
        folder = Path(name)
        made = Packaged(interpreter(LAMBDA.python), folder / "asset", folder / "reference")
        made.asset.mkdir()
        build(made.asset, Platform(python=LAMBDA.python))
        made.reference.mkdir()
        for package in _REFERENCE:
            found = importlib.util.find_spec(package)
            assert found is not None
            assert found.origin is not None
            source = Path(found.origin)
            if source.name == "__init__.py":
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source.parent, made.reference / package, ignore=ignored)
            else:
                shutil.copy(source, made.reference)
        subprocess.run(
            [
                made.python, "-S", "-P", "-m", "compileall", "-q",
                "--invalidation-mode", "unchecked-hash", made.reference,
            ],
            check=True,
        )  # fmt: skip
        yield made


@dataclass(frozen=True)
class Database:
    """Tables on an engine of their own; `environment` holds a function's variables for them."""

    environment: Mapping[str, str]

    def call(self, operation: str, body: Any = None, **path: str) -> Any:
        """Serve a request by the handlers of this process; return the response's body."""
        route = next(route for route in ROUTES if route.operation == operation)
        handler = import_module(f"lambdas.{route.function}.handler").handler
        with redirect_stdout(io.StringIO()):
            reply = handler(event(operation, body, **path), FixedContext())
        assert reply["statusCode"] in (200, 201), reply
        return json.loads(reply["body"])

    def save(self, category: str, size: int) -> None:
        """Fill a category with questions whose right choice is marked in its text."""
        for at in range(0, size, 100):
            questions = [draft(category, number) for number in range(at, min(at + 100, size))]
            self.call("saveQuestions", {"questions": questions})


@contextmanager
def bench_database() -> Iterator[Database]:
    """Start an engine with empty tables, and let the handlers of this process use it."""
    with tempfile.TemporaryDirectory(prefix="quiz-count-") as name:
        tables = table_definitions()
        with Engine(DataFolder(Path(name)), find_binary()) as engine:
            told = {
                "STAGE": "bench",
                "LOG_LEVEL": "INFO",
                "CLIENT_ID": CLIENT_ID,
                "ADMIN_MFA": "false",
                "DYNAMODB_ENDPOINT": engine.endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",  # pragma: allowlist secret
                **{table.variable: table.name for table in tables},
            }
            os.environ.update(told)
            create_tables(boto3.client("dynamodb", endpoint_url=engine.endpoint), tables)
            yield Database(told)


def event(operation: str, body: Any = None, **path: str) -> dict[str, Any]:
    """Return what API Gateway hands a function for a request."""
    route = next(route for route in ROUTES if route.operation == operation)
    admin = route.access.value == "admin"
    return {
        "resource": route.path,
        "httpMethod": route.method,
        "pathParameters": path or None,
        "queryStringParameters": None,
        "headers": {"Accept": "application/json", "Origin": "https://quiz.example"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "9f1c5bd2-6a0e-4d1c-9d3e-000000000000",
            "path": route.path,
            "authorizer": {
                "claims": {
                    "sub": ADMINISTRATOR if admin else LEARNER,
                    "token_use": "access",
                    "client_id": CLIENT_ID,
                    "scope": "aws.cognito.signin.user.admin",
                    "exp": "Fri Dec 31 23:59:59 UTC 9999",
                    "cognito:groups": "admin" if admin else "",
                }
            },
        },
    }
