"""Address and tables of a running stage, for the programs beside it."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from local.data_folder import DataFolder
from local.errors import CommandError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningStage:
    """A stage that accepts requests.

    `environment` is what the handlers run with, so that a program which uses their code (an import,
    say) reaches the same tables. It holds no credentials but the engine's made-up ones.
    """

    url: str
    issuer: str
    process_id: int
    environment: dict[str, str]

    @classmethod
    def find(cls, folder: DataFolder) -> Self:
        """Return the stage running on this folder.

        Raises:
            CommandError: There is none.
        """
        lock = folder.stage_lock()
        try:
            # The lock, and not a process id, proves that it runs: ids outlive processes.
            if not lock.acquire():
                return cls(**json.loads(folder.running_stage.read_text()))
        except (OSError, ValueError, TypeError):
            pass  # it is still starting, or already ending
        finally:
            lock.close()
        raise CommandError("The stage is not running: start it with 'make run'.")

    def announce(self, folder: DataFolder) -> None:
        """Let other programs find this stage."""
        draft = folder.running_stage.with_suffix(".draft")
        draft.touch(mode=0o600)  # it holds the secret of the stage's user pool
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(folder.running_stage)
