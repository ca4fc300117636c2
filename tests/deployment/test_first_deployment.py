"""An account without the CDK, a first deployment that fails, and the same command again."""

from tests.deployment.local_cloud import (
    ACCOUNT,
    PREFIX,
    REGION,
    STAGE,
    Deployment,
    LocalCloud,
)
from tests.deployment.rehearsal import (
    STACKS,
)


def test_an_account_without_bootstrap_is_told_so(cloud: LocalCloud) -> None:
    done = cloud.operate("deploy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Account {ACCOUNT} has not been bootstrapped in {REGION}: run "
        f"'.venv/bin/npx cdk bootstrap aws://{ACCOUNT}/{REGION}' once.\n"
    )


def test_a_stage_that_was_not_deployed_cannot_be_tried(cloud: LocalCloud) -> None:
    done = cloud.operate("smoke")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"with 'make deploy STAGE={STAGE}'.\n")


def test_a_first_deployment_that_fails_is_rolled_back(bootstrapped: LocalCloud) -> None:
    """Nothing of the stack that failed is left, though it has a function and a log by name."""
    bootstrapped.failure.touch()
    done = bootstrapped.operate("deploy")
    bootstrapped.failure.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ROLLBACK_COMPLETE" in done.stdout + done.stderr
    states = stack_states(bootstrapped)
    assert states[f"{PREFIX}-data"] == "CREATE_COMPLETE"
    assert states[f"{PREFIX}-identity"] == "ROLLBACK_COMPLETE"
    assert f"{PREFIX}-api" not in states
    assert bootstrapped.pages("lambda", "list_functions", "Functions") == []
    groups = bootstrapped.pages("logs", "describe_log_groups", "logGroups")
    assert [group["logGroupName"] for group in groups if "lambda" in group["logGroupName"]] == []
    assert not (bootstrapped.folder / "data" / f"outputs-{STAGE}.json").exists()


def test_the_same_command_completes_it(deployment: Deployment) -> None:
    assert "(no changes)" in deployment.told.stdout + deployment.told.stderr
    states = stack_states(deployment.cloud)
    assert {states[stack] for stack in STACKS} == {"CREATE_COMPLETE"}


def stack_states(cloud: LocalCloud) -> dict[str, str]:
    """The status of each stack by its name."""
    stacks = cloud.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in stacks}
