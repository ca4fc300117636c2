"""The one place that maps errors of the store to errors of the HTTP contract."""

from lambdas.contract import errors as contract
from lambdas.shared.store import errors as store


def client_error(error: Exception) -> contract.ApiError | None:
    """Return the error that a client receives, None for an internal error."""
    match error:
        case contract.ApiError():
            return error
        case store.AccountErasedError():
            return contract.AccountErasedError()
        case store.StoreUnavailableError():
            return contract.UnavailableError(str(error), retry_after=error.retry_after)
        case _:
            return None
