"""The doctor, the first administrator, and a rollback without a version to go back to."""

from tests.deployment.local_cloud import (
    STAGE,
    Deployment,
)


def test_the_doctor_finds_nothing_that_would_stop_a_deployment(deployment: Deployment) -> None:
    done = deployment.cloud.operate("doctor")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"Stage {STAGE} can be deployed.\n")


def test_the_first_administrator_is_made_with_one_command(deployment: Deployment) -> None:
    done = deployment.cloud.operate("admin", "--user", "ada@example.com")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ada@example.com was created")


def test_a_first_deployment_has_no_version_to_go_back_to(deployment: Deployment) -> None:
    done = deployment.cloud.operate("rollback")
    assert done.returncode == 1
    assert done.stderr.endswith("has no version before 1: nothing was moved.\n")
