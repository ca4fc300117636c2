"""The stage `rehearsal`, from an empty account to an empty account, as CI sees it before AWS does.

One local cloud and one deployment serve all tests: the chapters run in the order of `CHAPTERS`, and
the tests of a chapter as they are written. The limits of this cloud are listed in
docs/deployment.md, with the assertion on the template that stands in for it.
"""

from collections.abc import Iterator

import pytest

from local.data_folder import ROOT
from tests.deployment.api_user import ApiUser, signed_in
from tests.deployment.local_cloud import (
    ACCOUNT,
    REGION,
    SERVER,
    STAGE,
    Deployment,
    LocalCloud,
    local_cloud,
    reachable,
)
from tests.infra.assembly import Assembly

CHAPTERS = (
    "test_first_deployment",
    "test_resources",
    "test_operator_commands",
    "test_access",
    "test_play",
    "test_counting",
    "test_rights",
    "test_recovery",
    "test_redeployment",
    "test_destruction",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the chapters in order, before the tests that need no cloud."""
    order = {name: number for number, name in enumerate(CHAPTERS)}
    items.sort(key=lambda item: order.get(item.path.stem, len(CHAPTERS)))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """An empty cloud."""
    if not SERVER.exists():
        pytest.fail("The local cloud is not installed: 'make rehearse' installs it.")
    with local_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def bootstrapped(cloud: LocalCloud) -> LocalCloud:
    """A cloud with the CDK's own stack; a folder without an app needs no synthesis."""
    done = cloud.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}", cwd=cloud.folder)
    assert done.returncode == 0, done.stderr
    return cloud


@pytest.fixture(scope="session")
def deployment(bootstrapped: LocalCloud) -> Deployment:
    """The stage, deployed as `make deploy` does it."""
    cloud = bootstrapped
    done = cloud.operate("deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = reachable(cloud, cloud.folder / "data" / f"outputs-{STAGE}.json")
    return Deployment(cloud, Assembly(ROOT / "cdk.out" / STAGE), outputs, done)


@pytest.fixture(scope="session")
def admin(deployment: Deployment) -> Iterator[ApiUser]:
    """An administrator with a second factor."""
    with signed_in(deployment, "admin") as user:
        yield user


@pytest.fixture(scope="session")
def learner(deployment: Deployment) -> Iterator[ApiUser]:
    """A learner who signed up."""
    with signed_in(deployment) as user:
        yield user
