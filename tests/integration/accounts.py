"""The tests' view of the stand-in for Cognito, with undo."""

from dataclasses import dataclass
from pathlib import Path

from local.accounts.user_pool import UserPool


@dataclass(frozen=True)
class Accounts:
    """The accounts of the tests' user pool; `file` is where it keeps those deleted."""

    file: Path

    def deleted(self) -> frozenset[str]:
        return UserPool(self.file).deleted()

    def restore(self) -> None:
        """Let every account be there again."""
        self.file.unlink(missing_ok=True)
