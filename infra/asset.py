"""The functions' asset: their sources and locked requirements, one for all."""

import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_

from infra.packaging.build import PROJECT, build_zip, fingerprint
from infra.packaging.errors import PackagingError
from infra.packaging.platforms import LAMBDA, Platform


def function_code(*, platform: Platform = LAMBDA) -> lambda_.Code:
    """Return the asset every function is made of, each with a handler of its own."""
    return lambda_.Code.from_asset(
        str(PROJECT / "lambdas"),
        asset_hash=fingerprint(PROJECT, platform),
        asset_hash_type=cdk.AssetHashType.CUSTOM,
        bundling=cdk.BundlingOptions(
            image=cdk.DockerImage.from_registry("none"),  # required by the type, never used
            local=Bundler(platform),
            output_type=cdk.BundlingOutput.ARCHIVED,  # the tests' zip is the one that ships
        ),
    )


@jsii.implements(cdk.ILocalBundling)
class Bundler:
    """Builds on whatever machine this is, without Docker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def try_bundle(self, output_dir: str, *_options: Any, **_more: Any) -> bool:
        """Fill `output_dir`; a failure ends the program, as there is no other way to bundle."""
        try:
            build_zip(Path(output_dir, "functions.zip"), self._platform)
        except PackagingError as error:
            # As an exception it would come back from Node inside two stack traces.
            sys.exit(str(error))
        return True
