"""Deploys the stacks of a stage, compares them with what runs, or takes them down.

The CDK's own command line does the work. Errors it would report late and at length, missing
credentials for example, are reported first and in one sentence.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)

from infra.stage_names import FIRST_DEPLOYMENT
from local.data_folder import ROOT
from local.errors import CommandError
from ops.deploy.aliases import clear_weights
from ops.deploy.buckets import empty_buckets
from ops.deploy.changes import require_safe_changes
from ops.deploy.doctor import Plan, require_health
from ops.deploy.outputs import Outputs, outputs_file

ALL = "**"
_CDK = ROOT / "node_modules" / ".bin" / "cdk"
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_TRAILER = "Subprocess exited with error"


def build(stage: str, settings: Sequence[str]) -> list[Path]:
    """Write what `deploy` needs of a stage into cdk.out; return the folders.

    A protected stage has a second one, without protection, for its first deployment.
    """
    assembly = _synthesize(stage, settings)
    if not _protected_stacks(assembly):
        return [assembly]
    return [assembly, _synthesize_first(stage, settings)]


def deploy(stage: str, settings: Sequence[str], *, adopt: bool, built: bool = False) -> None:
    """Deploy all stacks of a stage, and write the outputs that its clients need.

    Args:
        stage: The stage.
        settings: CDK context values (K=V) that override those of cdk.json.
        adopt: Take over resources that a destroyed stage retained under the same names.
        built: Deploy what `build` has written, and synthesize nothing.

    Raises:
        CommandError: The account, the stage or the deployment is at fault.
    """
    account, region = _account()
    _require_bootstrap(account, region)
    assembly = built_assembly(stage) if built else _synthesize(stage, settings)
    require_health(Plan(stage, assembly), _client)
    require_safe_changes(stage, assembly)
    for function in clear_weights(stage):
        print(f"Removed the routing weights that a failed deployment left on {function}.")
    if is_first(assembly):
        print(f"First deployment of stage {stage}: without deletion protection, then with it.")
        first = built_assembly(_first(stage)) if built else _synthesize_first(stage, settings)
        _cdk(*deploy_command(first, adopt=adopt))
    _deploy(stage, assembly, adopt=adopt)


def diff(stage: str, settings: Sequence[str]) -> None:
    """Show what deploying a stage would change.

    Raises:
        CommandError: The account or the stage is at fault.
    """
    _account()
    assembly = _synthesize(stage, settings)
    _cdk("diff", ALL, "--app", assembly)
    require_safe_changes(stage, assembly)


def doctor(stage: str, settings: Sequence[str]) -> None:
    """Check whether the account can take a stage, and print each finding with its remedy.

    Raises:
        CommandError: The account or the stage is at fault, or a deployment would fail.
    """
    _account()
    require_health(Plan(stage, _synthesize(stage, settings)), _client)


def destroy(stage: str, settings: Sequence[str], confirm: str) -> None:
    """Delete all stacks of a stage with their data, once the operator confirms it.

    Raises:
        CommandError: The operator does not confirm it, or the account or the stage is at fault.
    """
    _account()
    _require_consent(stage, confirm)
    _destroy(stage, _synthesize(stage, settings))


def _client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


def _account() -> tuple[str, str]:
    """Return the account and region that the credentials at hand lead to."""
    # boto3 knows AWS_DEFAULT_REGION alone, the CDK both: from here on both mean the same.
    region = os.environ.get("AWS_REGION") or boto3.Session().region_name
    if not region:
        raise CommandError("No region is set: set AWS_REGION, or one in the profile.")
    os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = region
    try:
        return str(boto3.client("sts").get_caller_identity()["Account"]), region
    except NoCredentialsError:
        raise CommandError(
            "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY."
        ) from None
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise CommandError(
            f"AWS cannot be reached from here ({error.kwargs['endpoint_url']}): check the network."
        ) from None
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS does not accept the credentials at hand: {error}") from None


def _synthesize(stage: str, settings: Sequence[str], folder: str = "") -> Path:
    """Write the stage's templates and assets; return their folder."""
    assembly = ROOT / "cdk.out" / (folder or stage)
    context = [f"--context={setting}" for setting in (f"stage={stage}", *settings)]
    done = subprocess.run(
        [_CDK, "synth", ALL, "--quiet", "--output", assembly, *context],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip().splitlines()
        print("\n".join(line for line in said if _TRAILER not in line), file=sys.stderr)
        sys.exit(1)
    return assembly


def _deploy(stage: str, assembly: Path, *, adopt: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="quiz-outputs-") as folder:
        stacks = Path(folder, "stacks.json")
        _cdk(*deploy_command(assembly, adopt=adopt), "--outputs-file", stacks)
        outputs = Outputs.of_stacks(json.loads(stacks.read_text(encoding="utf-8")))
    file = outputs.write(stage)
    print(f"\nStage {stage} is at {outputs.apiUrl} (written to {file})")


def built_assembly(name: str, folder: Path = ROOT / "cdk.out") -> Path:
    """Return the folder of an assembly that was built before.

    Raises:
        CommandError: There is none.
    """
    if not (folder / name / "manifest.json").is_file():
        raise CommandError(f"{folder / name} holds no assembly: run 'make build' first.")
    return folder / name


def _first(stage: str) -> str:
    return f"{stage}-first"


def _synthesize_first(stage: str, settings: Sequence[str]) -> Path:
    """Synthesize a stage that CloudFormation can roll back: protection blocks the deletions."""
    return _synthesize(stage, [*settings, f"{FIRST_DEPLOYMENT}=true"], _first(stage))


def deploy_command(assembly: Path, *, adopt: bool) -> list[str | Path]:
    """Return the arguments of the CDK CLI that deploy an assembly."""
    # With somebody at the terminal the CLI shows what a change opens up, and asks.
    approval = [] if sys.stdin.isatty() else ["--require-approval", "never"]
    adopting = ["--import-existing-resources"] if adopt else []
    return ["deploy", ALL, "--app", assembly, *approval, *adopting]


def is_first(assembly: Path, cloudformation: Any = None) -> bool:
    """Return whether the stage's stacks are to be protected and none of them is yet."""
    cloudformation = cloudformation or boto3.client("cloudformation")
    protected = _protected_stacks(assembly)
    return bool(protected) and not any(_is_protected(cloudformation, each) for each in protected)


def _is_protected(cloudformation: Any, stack: str) -> bool:
    try:
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return False  # the stack does not exist
        raise CommandError(f"Stack {stack} cannot be described: {error}") from None
    return any(each.get("EnableTerminationProtection", False) for each in described)


def _require_bootstrap(account: str, region: str) -> None:
    try:
        boto3.client("ssm").get_parameter(Name=_BOOTSTRAP_VERSION)
    except ClientError as error:
        # Deployers with the bootstrap's roles alone may not read it: the CLI will check.
        if error.response["Error"]["Code"] == "ParameterNotFound":
            raise CommandError(
                f"Account {account} has not been bootstrapped in {region}: run "
                f"'.venv/bin/npx cdk bootstrap aws://{account}/{region}' once."
            ) from None


def _require_consent(stage: str, confirm: str) -> None:
    if confirm not in ("", stage):
        raise CommandError(f"CONFIRM is {confirm}, and the stage is {stage}: nothing was done.")
    if confirm:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            f"Nobody is there to ask: 'make destroy STAGE={stage} CONFIRM={stage}' does not ask."
        )
    if input(f"This destroys stage {stage} and all it holds. Its name, to go on: ") != stage:
        raise CommandError("That is not its name: nothing was done.")


def _destroy(stage: str, assembly: Path) -> None:
    # The CLI would take down what is above the protected stacks before it found out.
    if protected := _protected_stacks(assembly):
        raise CommandError(
            f"Stage {stage} is protected from deletion ({', '.join(protected)}): "
            "docs/deployment.md says how to take it down."
        )
    # Nothing may write to a bucket that is being emptied; what is full is not deleted.
    stores = [name for name in _stacks(assembly) if name.endswith(("-audit", "-failures"))]
    above = [name for name in _stacks(assembly) if name not in stores]
    _cdk("destroy", *above, "--app", assembly, "--force")
    for store in stores:
        empty_buckets(store)
    _cdk("destroy", ALL, "--app", assembly, "--force")
    outputs_file(stage).unlink(missing_ok=True)


def _protected_stacks(assembly: Path) -> list[str]:
    return [
        name
        for name, properties in _stacks(assembly).items()
        if properties.get("terminationProtection")
    ]


def _stacks(assembly: Path) -> dict[str, dict[str, Any]]:
    """Return the properties of the assembly's stacks by name."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    return {
        name: artifact.get("properties", {})
        for name, artifact in manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def _cdk(*arguments: str | Path) -> None:
    done = subprocess.run([_CDK, *arguments], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(1)
