"""The pool as bytes of a session item, also as the release before wrote it."""

from hypothesis import given
from hypothesis import strategies as st

from domain.session.engine import new_session, with_spacing
from domain.session.policy import MAX_LAG, Spacing
from domain.session.pool import Pool, PoolEntry, Queue
from domain.session.state import Session, Source
from lambdas.shared.store.packed_pool import packed_spacing, unpacked_spacing
from lambdas.shared.store.sessions import item_from_session, session_from_item

NAMES = tuple(f"category-{number}" for number in range(8))
ORDINALS = st.integers(0, 9_999_999)
TIMES = st.integers(0, 2**48 - 1)


def entries(*, waiting: bool) -> st.SearchStrategy[PoolEntry]:
    """Entries that wait for a first review in this session, or that passed it."""
    tries = st.sampled_from([(2, False), (2, True), (1, True)] if waiting else [(1, False)])
    return st.builds(
        lambda at, name, ordinal, owed, turn: PoolEntry(
            at, f"{name}:{ordinal:06d}", remaining_tries=owed[0], leftover=owed[1], turn=turn
        ),
        TIMES,
        st.sampled_from(NAMES),
        ORDINALS,
        tries,
        st.integers(0, 2**24 - 1),
    )


@st.composite
def queues(draw: st.DrawFn, each: st.SearchStrategy[PoolEntry], tries: int) -> Queue:
    head = tuple(draw(st.lists(each, max_size=8)))
    more = draw(st.integers(0, 9_999_999))
    return Queue(
        head=head,
        entries=len(head) + more,
        tries=sum(entry.remaining_tries for entry in head) + tries * more,
        mark=draw(each).key if more else None,
    )


PASSED = queues(entries(waiting=False), tries=1)
WAITING = queues(entries(waiting=True), tries=2)
SPACINGS = st.builds(
    Spacing,
    first_lag=st.integers(1, MAX_LAG),
    second_lag=st.integers(1, MAX_LAG),
    share=st.integers(1, 100),
    pending_limit=st.none() | st.integers(4, 16),
)


def session(pool: Pool, spacing: Spacing | None) -> Session:
    begun = new_session(
        user_id="ada",
        session_id="0" * 27,
        name="",
        seed=bytes(16),
        sources=[Source(category=name, question_count=1, size=1, left=1) for name in NAMES],
        wrong_answer_percentage=20,
        now=0,
    )
    return with_spacing(begun, spacing)._replace(pool=pool)


@given(waiting=WAITING, passed=PASSED, spacing=SPACINGS)
def test_a_spaced_session_comes_back_with_both_queues(
    waiting: Queue, passed: Queue, spacing: Spacing
) -> None:
    stored = session(Pool(waiting, passed), spacing)
    assert session_from_item(item_from_session(stored)) == stored


@given(waiting=queues(entries(waiting=True) | entries(waiting=False), tries=2))
def test_a_ratio_session_keeps_all_entries_in_one_queue(waiting: Queue) -> None:
    stored = session(Pool(waiting), None)
    assert session_from_item(item_from_session(stored)) == stored


@given(spacing=SPACINGS)
def test_settings_of_spaced_come_back(spacing: Spacing) -> None:
    assert unpacked_spacing(packed_spacing(spacing)) == spacing


def test_an_item_of_the_release_before_is_read_with_its_pool() -> None:
    item = item_from_session(session(Pool(), None))
    del item["pool"]
    lowered = bytes([1]) + (7).to_bytes(4) + (1_790_000_000_000).to_bytes(6) + bytes([1])
    leftover = bytes([0]) + (8).to_bytes(4) + (1_790_000_000_001).to_bytes(6) + bytes([0x82])
    item |= {
        "entries": {"N": "5"},
        "tries": {"N": "9"},
        "head": {"B": lowered + leftover},
        "mark": {"L": [{"N": "1790000000001"}, {"S": "category-0:000008"}]},
    }

    read = session_from_item(item)

    assert read.pool == Pool(
        Queue(
            head=(
                PoolEntry(1_790_000_000_000, "category-1:000007", remaining_tries=1),
                PoolEntry(1_790_000_000_001, "category-0:000008", leftover=True),
            ),
            entries=5,
            tries=9,
            mark=(1_790_000_000_001, "category-0:000008"),
        )
    )
    assert session_from_item(item_from_session(read)) == read
