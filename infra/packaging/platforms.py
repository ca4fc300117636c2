"""Target platforms of the asset: they decide wheels and bytecode."""

import sys
import sysconfig
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An interpreter and a machine.

    Attributes:
        python: Python's version, such as `3.13`.
        wheels: The machine, as uv's `--python-platform` names it; None is the one this runs on.
    """

    python: str
    wheels: str | None = None

    def __str__(self) -> str:
        return f"Python {self.python} on {self.wheels or sysconfig.get_platform()}"


LAMBDA = Platform(python="3.13", wheels="aarch64-manylinux2014")
"""Lambda's runtime python3.13 on arm64: wheels for glibc 2.17, and Amazon Linux 2023 has 2.34."""

THIS_MACHINE = Platform(python=f"{sys.version_info.major}.{sys.version_info.minor}")
"""For a local cloud that runs the functions on the interpreter that runs this."""
