"""Access to the API of any stage as an administrator."""

from collections.abc import Callable
from dataclasses import dataclass

from local.accounts.sign_in import LaptopSignIn
from local.errors import CommandError
from ops.deploy.outputs import Outputs

LAPTOP = "local"


@dataclass(frozen=True, slots=True)
class AdministratorAccess:
    """The address of a stage's API and a way to sign in.

    Attributes:
        url: The base URL.
        sign_in: Returns a new access token; a deployed stage may ask for password and code.
    """

    url: str
    sign_in: Callable[[], str]

    @classmethod
    def find(cls, stage: str, user: str | None, command: str) -> "AdministratorAccess":
        """Return the access to a stage.

        Args:
            stage: The stage.
            user: The e-mail address of an administrator; on the laptop any name, or none.
            command: The make target, for the message that asks for the user.

        Raises:
            CommandError: The stage does not run, was not deployed from here, or needs a user.
        """
        if stage == LAPTOP:
            laptop = LaptopSignIn.find()
            name = user or command
            return cls(laptop.stage.url, lambda: laptop.access_token(name, ["admin"]))
        outputs = Outputs.read(stage)
        if not user:
            raise CommandError(
                "Name the administrator who signs in: "
                f"make {command} STAGE={stage} USER=ada@example.com"
            )
        # The laptop stage needs no SDK, which takes a second to load.
        from ops.deploy.sign_in import sign_in_by_hand  # noqa: PLC0415

        return cls(outputs.apiUrl.rstrip("/"), lambda: sign_in_by_hand(outputs, user))
