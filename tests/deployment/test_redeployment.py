"""Deploying again changes nothing, and a difference is found."""

import shlex
import sys
from pathlib import Path

from local.data_folder import ROOT
from tests.deployment.local_cloud import (
    CDK,
    STAGE,
    Deployment,
    LocalCloud,
    reachable,
)
from tests.deployment.rehearsal import (
    STACKS,
    resources,
)


def test_deploying_again_changes_nothing(deployment: Deployment) -> None:
    before = {stack: resources(deployment.cloud, stack) for stack in STACKS}
    done = deployment.cloud.operate("deploy")
    assert done.returncode == 0, done.stderr
    for stack in STACKS:
        assert f"{stack} (no changes)" in done.stdout + done.stderr
    assert {stack: resources(deployment.cloud, stack) for stack in STACKS} == before
    outputs = deployment.cloud.folder / "data" / f"outputs-{STAGE}.json"
    assert reachable(deployment.cloud, outputs) == deployment.outputs


def test_there_is_no_difference_to_what_runs(deployment: Deployment) -> None:
    done = deployment.cloud.operate("diff")
    assert done.returncode == 0, done.stderr
    assert "Number of stacks with differences: 0" in done.stdout + done.stderr


def test_a_changed_throttle_is_a_difference(deployment: Deployment, tmp_path: Path) -> None:
    changed = changed_assembly(deployment.cloud, tmp_path)
    done = deployment.cloud.cdk("diff", "**", "--app", changed, "--fail")
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert "Number of stacks with differences: 1" in told
    assert "ThrottlingRateLimit" in told


def changed_assembly(cloud: LocalCloud, folder: Path) -> Path:
    """Synthesize the stage with twice its throttles, as the CLI does, so that all else is alike."""
    program = folder / "changed.py"
    program.write_text(
        "from dataclasses import replace\n"
        "from infra.application import add_stage, new_app\n"
        "from infra.stages import STAGES\n"
        f"stage = STAGES[{STAGE!r}]\n"
        "app = new_app()\n"
        "add_stage(app, replace(stage, throttle_scale=2 * stage.throttle_scale))\n"
        "app.synth()\n"
    )
    changed = folder / "cdk.out"
    call = shlex.join([sys.executable, str(program)])
    command = ("synth", "**", "--quiet", "--app", call)
    done = cloud.run(CDK, *command, "--output", changed, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    return changed
