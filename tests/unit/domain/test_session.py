"""Beginning a session, its figures, and its end."""

import pytest

from domain.errors import DomainError, InvalidValueError
from domain.session.drawing import complete
from domain.session.engine import new_session
from domain.session.state import LIFETIME, Progress, Source, Status, progress_of
from tests.unit.domain.builders import SEED, START, Learner, bank, session, source

DAY = 24 * 3600 * 1000


def begin(*sources: Source, percentage: int = 20, seed: bytes = SEED) -> None:
    new_session(
        user_id="ada",
        session_id="s-1",
        name="Practice",
        seed=seed,
        sources=sources,
        wrong_answer_percentage=percentage,
        now=START,
    )


def test_a_new_session_has_drawn_nothing_and_lasts_thirty_days() -> None:
    begun = session(source("geo", 5, 3), source("art", 2))

    assert begun.status is Status.ACTIVE
    assert (begun.version, begun.turns, begun.turn, begun.processed) == (1, 0, None, None)
    assert begun.created_at == begun.updated_at == START
    assert begun.expires_at == START + 30 * DAY
    assert progress_of(begun) == Progress(
        total_questions=5,
        questions_answered=0,
        correct_answers=0,
        wrong_answers=0,
        mastered=0,
        wrong_pool_size=0,
        remaining_tries=0,
        answers_left=5,
    )


@pytest.mark.parametrize("percentage", [-1, 101, 1000])
def test_a_percentage_outside_0_to_100_is_refused(percentage: int) -> None:
    with pytest.raises(InvalidValueError, match=f"^{percentage} is not a percentage"):
        begin(source("geo", 3), percentage=percentage)


@pytest.mark.parametrize("percentage", [0, 100])
def test_the_percentages_at_both_ends_are_taken(percentage: int) -> None:
    assert session(percentage=percentage).wrong_answer_percentage == percentage


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_seed_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidValueError, match=f"16 bytes, not {length}"):
        begin(source("geo", 3), seed=bytes(length))


def test_a_session_without_sources_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="distinct categories"):
        begin()


def test_a_category_named_twice_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="distinct categories"):
        begin(source("geo", 3), source("art", 3), source("geo", 3, 1))


@pytest.mark.parametrize(("size", "ask"), [(3, 4), (3, 0), (3, -1), (0, 0)])
def test_a_source_asks_one_to_all_of_what_its_category_has(size: int, ask: int) -> None:
    with pytest.raises(InvalidValueError, match="one to all"):
        begin(source("art", 1), source("geo", size, ask))


def test_what_the_engine_refuses_is_a_value_error_and_a_domain_error() -> None:
    assert issubclass(InvalidValueError, ValueError)
    assert issubclass(InvalidValueError, DomainError)


# Expiry


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED])
def test_an_unfinished_session_expires_at_its_time_and_not_before(status: Status) -> None:
    begun = session()._replace(status=status)

    assert begun.status_at(START + LIFETIME - 1) is status
    assert begun.status_at(START + LIFETIME) is Status.EXPIRED


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.ABANDONED])
def test_a_finished_session_does_not_expire(status: Status) -> None:
    assert session()._replace(status=status).status_at(START + 10 * LIFETIME) is status


# Figures


def test_the_figures_follow_a_session_from_beginning_to_end() -> None:
    learner = Learner(session(source("geo", 2), percentage=0), bank(geo=2))

    def figures() -> tuple[int, ...]:
        now = learner.progress
        assert now.total_questions == 2
        return (now.questions_answered, now.correct_answers, now.wrong_answers, now.mastered)

    seen = [figures()]
    learner.wrong()
    seen.append(figures())
    learner.right()
    seen.append(figures())
    while not learner.over:
        learner.right()
        seen.append(figures())

    assert seen == [
        (0, 0, 0, 0),
        (0, 0, 1, 0),
        (1, 1, 1, 0),
        (2, 2, 1, 1),
        (2, 3, 1, 1),
        (2, 4, 1, 2),
    ]


def test_a_pool_question_put_right_again_is_not_answered_twice() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    learner.wrong_then_right()
    learner.wrong_then_right()
    assert learner.progress.questions_answered == 1


def test_the_question_number_counts_new_questions_so_that_retries_keep_it() -> None:
    learner = Learner(session(source("geo", 3), percentage=100), bank(geo=3))
    numbers = [learner.session.presented]
    for answers in (learner.wrong, learner.right, learner.wrong, learner.right, learner.right):
        answers()
        numbers.append(learner.session.presented)

    assert numbers == [1, 1, 2, 2, 2, 2], "the fifth was of the pool"
    assert learner.turn.from_pool


def test_the_percentage_tells_the_right_answers_given_of_all_needed() -> None:
    learner = Learner(session(source("geo", 3), percentage=0), bank(geo=3))
    percentages = [learner.progress.percent_complete]
    learner.right()
    percentages.append(learner.progress.percent_complete)
    learner.wrong()
    percentages.append(learner.progress.percent_complete)
    while not learner.over:
        learner.right()
        percentages.append(learner.progress.percent_complete)

    assert percentages == [0.0, 33.33, 20.0, 40.0, 60.0, 80.0, 100.0]


def test_a_hundred_percent_is_kept_for_a_session_that_is_complete() -> None:
    def progress(correct: int, left: int) -> Progress:
        return Progress(
            total_questions=correct,
            questions_answered=correct,
            correct_answers=correct,
            wrong_answers=0,
            mastered=correct,
            wrong_pool_size=0,
            remaining_tries=0,
            answers_left=left,
        )

    assert progress(10**6, 1).percent_complete == 99.99
    assert progress(10**6, 0).percent_complete == 100.0
    assert progress(0, 0).percent_complete == 100.0
    assert progress(0, 7).percent_complete == 0.0


# Completion


def test_a_session_with_questions_left_cannot_be_completed() -> None:
    with pytest.raises(InvalidValueError, match="questions left"):
        complete(session())


def test_a_session_with_corrections_left_cannot_be_completed() -> None:
    learner = Learner(session(source("geo", 1)), bank(geo=1))
    learner.wrong_then_right()
    with pytest.raises(InvalidValueError, match="questions left"):
        complete(learner.session)
