"""Outputs of a deployed stage for its clients: addresses of the API and of the sign-in."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from local.data_folder import DataFolder
from local.errors import CommandError

_CDK_NAMES = {
    "apiUrl": "ApiUrl",
    "userPoolId": "UserPoolId",
    "userPoolClientId": "UserPoolClientId",
    "region": "Region",
    "signInPageUrl": "SignInPageUrl",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The outputs of a stage's stacks that a client needs; none of them is a secret.

    Attributes:
        signInPageUrl: Address of the user pool's sign-in page; None where the stage has none.
    """

    apiUrl: str  # noqa: N815 - the file has these names
    userPoolId: str  # noqa: N815
    userPoolClientId: str  # noqa: N815
    region: str
    signInPageUrl: str | None = None  # noqa: N815

    @classmethod
    def of_stacks(cls, stacks: Mapping[str, Mapping[str, str]]) -> Self:
        """Pick them from what `cdk deploy --outputs-file` wrote."""
        found = {name: value for outputs in stacks.values() for name, value in outputs.items()}
        return cls._of({ours: found.get(theirs) for ours, theirs in _CDK_NAMES.items()})

    @classmethod
    def _of(cls, content: Mapping[str, object]) -> Self:
        """Take the fields that have a value; TypeError if one is missing that has no default."""
        names = {field.name for field in fields(cls)}
        return cls(
            **{
                name: str(value)
                for name, value in content.items()
                if name in names and value is not None
            }
        )

    @classmethod
    def read(cls, stage: str) -> Self:
        """Return the outputs that deploying a stage has left.

        Raises:
            CommandError: It was not deployed from here.
        """
        file = outputs_file(stage)
        try:
            return cls._of(dict(json.loads(file.read_text(encoding="utf-8"))))
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
        content = {name: value for name, value in asdict(self).items() if value is not None}
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return draft.replace(file)


def outputs_file(stage: str) -> Path:
    """Return the file of a stage's outputs, beside the laptop stage's data."""
    return DataFolder.from_environment().path / f"outputs-{stage}.json"
