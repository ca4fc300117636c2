"""Deploys the stacks of a stage, compares them with what runs, or takes them down.

The CDK's own command line does the work. What it would say late and at length, that there are no
credentials for example, is said first and in one sentence.
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
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from local.data_folder import ROOT
from local.errors import CommandError
from ops.deploy.buckets import empty_buckets
from ops.deploy.outputs import Outputs, outputs_file

ALL = "**"
_CDK = ROOT / "node_modules" / ".bin" / "cdk"
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
_TRAILER = "Subprocess exited with error"


def deploy(stage: str, settings: Sequence[str]) -> None:
    """Deploy all stacks of a stage, and write the outputs that its clients need.

    `settings` are CDK context values (K=V) that the sources leave open.

    Raises:
        CommandError: The account, the stage or the deployment is at fault.
    """
    account, region = _account()
    _require_bootstrap(account, region)
    _deploy(stage, _synthesize(stage, settings))


def diff(stage: str, settings: Sequence[str]) -> None:
    """Show what deploying a stage would change.

    Raises:
        CommandError: The account or the stage is at fault.
    """
    _account()
    _cdk("diff", ALL, "--app", _synthesize(stage, settings))


def destroy(stage: str, settings: Sequence[str], confirm: str) -> None:
    """Delete all stacks of a stage with their data, once the operator confirms it.

    Raises:
        CommandError: The operator does not confirm it, or the account or the stage is at fault.
    """
    _account()
    _require_consent(stage, confirm)
    _destroy(stage, _synthesize(stage, settings))


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
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS does not accept the credentials at hand: {error}") from None


def _synthesize(stage: str, settings: Sequence[str]) -> Path:
    """Write the stage's templates and assets; return their folder."""
    assembly = ROOT / "cdk.out" / stage
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


def _deploy(stage: str, assembly: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="quiz-outputs-") as folder:
        stacks = Path(folder, "stacks.json")
        # With somebody at the terminal the CLI shows what a change opens up, and asks.
        approval = [] if sys.stdin.isatty() else ["--require-approval", "never"]
        _cdk("deploy", ALL, "--app", assembly, "--outputs-file", stacks, *approval)
        outputs = Outputs.of_stacks(json.loads(stacks.read_text(encoding="utf-8")))
    file = outputs.write(stage)
    print(f"\nStage {stage} is at {outputs.apiUrl} (written to {file})")


def _require_bootstrap(account: str, region: str) -> None:
    try:
        boto3.client("ssm").get_parameter(Name=_BOOTSTRAP_VERSION)
    except ClientError as error:
        # Whoever deploys through the bootstrap's roles alone may not read it: the CLI will see.
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
