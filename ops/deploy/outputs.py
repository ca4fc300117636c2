"""Outputs of a deployed stage for its clients: the API's address, and where to sign in."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from local.data_folder import DataFolder
from local.errors import CommandError

_CDK_NAMES = {
    "apiUrl": "ApiUrl",
    "userPoolId": "UserPoolId",
    "userPoolClientId": "UserPoolClientId",
    "region": "Region",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The outputs of a stage's stacks that a client needs; none of them is a secret."""

    apiUrl: str  # noqa: N815 - the file has these names
    userPoolId: str  # noqa: N815
    userPoolClientId: str  # noqa: N815
    region: str

    @classmethod
    def of_stacks(cls, stacks: Mapping[str, Mapping[str, str]]) -> Self:
        """Pick them from what `cdk deploy --outputs-file` wrote."""
        found = {name: value for outputs in stacks.values() for name, value in outputs.items()}
        return cls(**{ours: found[theirs] for ours, theirs in _CDK_NAMES.items()})

    @classmethod
    def read(cls, stage: str) -> Self:
        """Return the outputs that deploying a stage has left.

        Raises:
            CommandError: It was not deployed from here.
        """
        file = outputs_file(stage)
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            return cls(**{field.name: str(content[field.name]) for field in fields(cls)})
        except FileNotFoundError:
            raise CommandError(
                f"There is no {file}: deploy the stage from here first, with "
                f"'make deploy STAGE={stage}'."
            ) from None
        except (ValueError, TypeError, KeyError):
            raise CommandError(
                f"{file} is not what a deployment writes: "
                f"'make deploy STAGE={stage}' writes it anew."
            ) from None

    def write(self, stage: str) -> Path:
        """Leave them for other programs; return the file."""
        file = outputs_file(stage)
        draft = file.with_suffix(".draft")
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return draft.replace(file)


def outputs_file(stage: str) -> Path:
    """Return the file of a stage's outputs, beside the laptop stage's data."""
    return DataFolder.from_environment().path / f"outputs-{stage}.json"
