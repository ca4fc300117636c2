"""The penalty indicator: what the learner still owes, in words."""


def penalty_indicator(questions: int, tries: int) -> str:
    """Return `(+1 Question @ 2 Tries)` for one question owed with two tries; nothing for none."""
    if not questions:
        return ""
    return (
        f"(+{questions} {'Question' if questions == 1 else 'Questions'}"
        f" @ {tries} {'Try' if tries == 1 else 'Tries'})"
    )
