"""The type checker reads the modules of the CDK that the project imports."""

import ast
import tomllib
from collections.abc import Iterator

from local.data_folder import ROOT


def imported_of_the_cdk() -> Iterator[str]:
    folders = ("infra", "lambdas", "local", "ops", "tests")
    files = [ROOT / "app.py", *(file for each in folders for file in (ROOT / each).rglob("*.py"))]
    for file in files:
        if "node_modules" in file.parts or "aws_cdk" not in (text := file.read_text("utf-8")):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module == "aws_cdk":
                yield from (f"aws_cdk.{name.name}" for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or ""


def test_every_module_of_the_cdk_that_is_imported_is_type_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]
    (read,) = (
        each["module"] for each in settings["overrides"] if each.get("follow_imports") == "normal"
    )
    imported = {name for name in imported_of_the_cdk() if name.startswith("aws_cdk.aws_")}
    assert {"aws_cdk", *imported} == set(read)
