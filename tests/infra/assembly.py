"""Templates of a synthesis, read as CloudFormation would, with references resolved to names."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Properties = dict[str, Any]

NO_BUNDLING: dict[str, Any] = {"aws:cdk:bundling-stacks": []}

_NAMES = ("TableName", "FunctionName", "LogGroupName", "UserPoolName", "DeliveryStreamName")


@dataclass(frozen=True)
class Assembly:
    folder: Path

    @cached_property
    def templates(self) -> "dict[str, Template]":
        return {
            path.name.removesuffix(".template.json"): Template(
                self, json.loads(path.read_text(encoding="utf-8"))
            )
            for path in sorted(self.folder.glob("*.template.json"))
        }

    def template(self, stack: str) -> "Template":
        return self.templates[stack]

    def exported(self, name: str) -> str:
        for template in self.templates.values():
            for output in template.body.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return template.text(output["Value"])
        raise LookupError(f"no stack exports {name}")


@dataclass(frozen=True)
class Template:
    assembly: Assembly
    body: Properties

    def resources(self, resource_type: str) -> dict[str, Properties]:
        """Properties by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.body["Resources"].items()
            if resource["Type"] == resource_type
        }

    def only(self, resource_type: str) -> Properties:
        (properties,) = self.resources(resource_type).values()
        return properties

    def text(self, value: Any) -> str:
        """A value as text: `<quiz-dev-users.Arn>` is the Arn of the thing of that name."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        if function == "Ref":
            return f"<{self._name(argument)}>"
        if function == "Fn::GetAtt":
            return f"<{self._name(argument[0])}.{argument[1]}>"
        if function == "Fn::Join":
            return str(argument[0]).join(self.text(part) for part in argument[1])
        if function == "Fn::ImportValue":
            return self.assembly.exported(argument)
        raise ValueError(f"{function} is not understood here")

    def _name(self, logical_id: str) -> str:
        properties = self.body["Resources"].get(logical_id, {}).get("Properties", {})
        names = (properties[key] for key in _NAMES if isinstance(properties.get(key), str))
        return next(names, logical_id)
