"""One local cloud and one deployment for all tests, which run in the order they are written."""

from collections.abc import Iterator

import pytest

from local.data_folder import ROOT
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
