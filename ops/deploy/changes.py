"""Finds changes that would lose data or fail midway, before a deployment begins."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from local.errors import CommandError

CREATE_ONLY = {
    "AWS::Cognito::UserPool": (),
    "AWS::DynamoDB::Table": ("TableName", "ImportSourceSpecification"),
    "AWS::KMS::Key": (),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::SQS::Queue": ("FifoQueue", "QueueName"),
    "AWS::SecretsManager::Secret": ("Name",),
}
"""Types that hold data, and the properties whose change makes CloudFormation replace them."""

ALSO_REPLACING = {
    "AWS::Cognito::UserPool": ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration"),
    "AWS::DynamoDB::Table": ("KeySchema",),
}
"""Properties that are immutable, or replace the resource, though the schema does not list them."""

Template = Mapping[str, Any]


def require_safe_changes(stage: str, assembly: Path, client: Any = None) -> None:
    """Compare the synthesized templates with the deployed ones.

    Raises:
        CommandError: data would be lost, or an export in use would go.
    """
    client = client or boto3.client("cloudformation")
    new = {
        file.name.removesuffix(".template.json"): json.loads(file.read_text())
        for file in sorted(assembly.glob(f"quiz-{stage}-*.template.json"))
    }
    problems = [
        problem
        for stack, template in new.items()
        if (old := _deployed(client, stack)) is not None
        for problem in (*lost_data(stack, old, template), *_broken_exports(client, old, template))
    ]
    if problems:
        raise CommandError("\n".join(problems))


def lost_data(stack: str, old: Template, new: Template) -> Iterator[str]:
    """Yield a sentence for each resource with data that would be replaced or removed."""
    for name, resource in old["Resources"].items():
        kind = resource["Type"]
        if kind not in CREATE_ONLY:
            continue
        successor = new["Resources"].get(name)
        if successor is None or successor["Type"] != kind:
            yield f"{stack}: {kind} {name} would be removed, with its data. {_REMEDY}"
            continue
        before, after = resource.get("Properties", {}), successor.get("Properties", {})
        changed = [
            key
            for key in (*CREATE_ONLY[kind], *ALSO_REPLACING.get(kind, ()))
            if before.get(key) != after.get(key)
        ]
        if changed:
            yield (
                f"{stack}: {kind} {name} would be replaced by an empty one, as "
                f"{', '.join(changed)} changed. {_REMEDY}"
            )


_REMEDY = "See 'Replace a table or a user pool' in docs/deployment.md."


def _broken_exports(client: Any, old: Template, new: Template) -> Iterator[str]:
    for name in sorted(_exports(old) - _exports(new)):
        if importers := _importers(client, name):
            yield (
                f"The export {name} would go while {', '.join(importers)} imports it. "
                "See 'Remove an export' in docs/deployment.md."
            )


def _exports(template: Template) -> set[str]:
    outputs = template.get("Outputs", {}).values()
    return {str(each["Export"]["Name"]) for each in outputs if "Export" in each}


def _importers(client: Any, export: str) -> list[str]:
    try:
        return sorted(client.list_imports(ExportName=export)["Imports"])
    except ClientError as error:
        # CloudFormation refuses to list the imports of an export that nobody imports.
        if error.response["Error"]["Code"] == "ValidationError":
            return []
        raise CommandError(f"The imports of {export} cannot be listed: {error}") from None


def _deployed(client: Any, stack: str) -> Template | None:
    try:
        body = client.get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None  # the stack does not exist
        raise CommandError(f"The template of {stack} cannot be read: {error}") from None
    template: Template = body if isinstance(body, Mapping) else json.loads(body)
    return template
