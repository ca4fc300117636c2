"""Formats and bounds of the values in requests."""

SESSION_ID_PATTERN = "^[0-9a-f]{27}$"
CATEGORY_PATTERN = "^[a-z0-9-]{1,48}$"
QUESTION_ID_PATTERN = "^[a-z0-9-]{1,48}:[0-9]{6,9}$"
CHOICE_ID_PATTERN = "^[0-9a-z]{1,32}$"
LANGUAGE_PATTERN = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
TIME_ZONE_PATTERN = "^[A-Za-z][A-Za-z0-9_+-]{0,15}(/[A-Za-z0-9_+-]{1,20}){0,2}$"
IMPORT_ID_PATTERN = "^[0-9a-f]{32}$"
USER_ID_PATTERN = "^[A-Za-z0-9-]{1,128}$"

ME = "me"
"""Stands for the caller's own id in a path."""
IDEMPOTENCY_KEY_PATTERN = "^[!-~]{1,64}$"
PAGE_TOKEN_PATTERN = "^[A-Za-z0-9_-]{1,512}$"  # noqa: S105 - a grammar, not a secret  # nosec B105

MAX_BODY_BYTES = 16 * 1024
MAX_ADMIN_BODY_BYTES = 256 * 1024
MAX_TIME_SPENT = 86_400
"""Seconds on one question: a day."""
DEFAULT_PAGE = 20
MAX_PAGE = 100
