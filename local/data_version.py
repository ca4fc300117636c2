"""Version of the data in a stage's folder: a release refuses data that it cannot read.

Data of an earlier release is upgraded in place where today's code reads the older items, which
tests/laptop/test_recorded_data.py proves on data that the release before has written. A change that
cannot read them raises `DATA_VERSION`, and the stage then refuses older folders.
"""

from local.data_folder import DataFolder
from local.errors import CommandError

DATA_VERSION = 1
"""The version of 0.2.0, the first release whose data is kept."""


def check_data_version(folder: DataFolder) -> None:
    """Check that this release reads the folder's data; without a database there is none.

    A database without a version is of 0.2.0, or older: then its tables have other keys.

    Raises:
        CommandError: The data is of another version.
    """
    if not folder.database.exists():
        return
    try:
        text = folder.data_version.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        text = "1"
    if text != str(DATA_VERSION):
        raise CommandError(
            f"The data in {folder.path} has the version {text[:20]!r} and this release reads "
            f"version {DATA_VERSION}: run the release that wrote it, or start without the data "
            "after 'make reset'."
        )


def write_data_version(folder: DataFolder) -> None:
    """Store the version beside the data."""
    folder.data_version.write_text(f"{DATA_VERSION}\n", encoding="utf-8")
