"""A test of the contract's tests: each store, with one line of what keeps turns apart left out."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from tests.stores.mutants import LUA, PYTHON, REDIS, TIMES, forget

ROOT = Path(__file__).parents[2]
PATIENCE = 100

# Each mutant has a process of its own, forked from one that has loaded everything: to load it anew
# takes longer than most mutants live.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__, "redis.asyncio", "tests.redis_server"])


# What is forgotten, and a test of the contract that notices. Others do, too, but all of them take
# seconds; one that is renamed is not found, and that is a failure as well.
NOTICED_BY = {
    "a claim that is held": "test_claim_is_refused_while_another_claim_is_valid",
    "who came first": "test_claim_is_granted_to_waiting_messages_in_order_of_arrival",
    "the fence": "test_writes_under_a_lost_claim_raise_claim_lost",
    "the revision": "test_fast_commit_is_refused_after_another_write",
    "a claim, on the fast path": "test_fast_commit_is_refused_while_a_claim_is_valid",
    "that it is answered": "test_claim_of_an_answered_message_returns_its_reply_while_remembered",
    "that it is answered, on the fast path": (
        "test_fast_commit_of_an_answered_message_returns_its_reply"
    ),
    "what its user has still to hear": (
        "test_fast_commit_is_refused_while_another_message_is_pending"
    ),
    "who has a reply by now": "test_claim_of_a_copy_is_empty_while_another_turn_has_the_reply",
    "that a reply was written": "test_record_counts_as_delivering_the_untaken_reply",
    "that a copy has asked": "test_untaken_does_not_count_the_callers_own_takes",
    "a claim, in a look": "test_optimistic_claim_is_refused_if_a_commit_kept_its_claim",
    "a claim, when its user is forgotten": "test_forget_ends_a_turn_in_progress",
    "who is at it, when its user is forgotten": (
        "test_forget_answers_waiting_messages_with_an_empty_reply"
    ),
    "the fence, when a signal is taken": "test_write_taken_under_a_lost_claim_removes_nothing",
    "which signals a firing was told of": "test_post_after_a_firings_claim_stays_due",
    "a mailbox, on the fast path": "test_fast_commit_is_refused_if_the_mailbox_has_a_signal",
    "a mailbox, in a look": "test_optimistic_claim_with_mail_claims",
    "a time, on the fast path": "test_fast_commit_may_keep_postpone_or_clear_wake_only",
    "a turn that may be repeated, in a firing": (
        "test_firing_claim_is_refused_for_20_s_after_a_messages_claim_expired"
    ),
    "that a firing stands in no line": "test_firing_claim_that_is_refused_leaves_no_trace",
    "what was last, when a firing ends": "test_untaken_is_not_too_late_after_a_firing",
    "to leave no trace of a firing": "test_firing_that_has_ended_does_not_prevent_the_fast_path",
    "how long a head outlives its time": (
        "test_write_wake_keeps_head_and_journal_until_a_week_later"
    ),
    "the fence, when a part is kept": "test_part_put_under_a_lost_claim_raises_claim_lost",
    "that a part was written": "test_part_put_counts_as_a_write_under_the_claim",
    "the lease, when a firing records": ("test_firing_record_keeps_the_lease_of_the_index_entry"),
    "who leased an entry last, when a lease is ended": "test_end_leases_leaves_a_newer_lease",
    "to drop the parts of a step that has ended": (
        "test_write_ended_drops_the_parts_of_those_steps"
    ),
    "that a signal was posted before": (
        "test_post_with_a_known_id_is_repeated_even_after_it_was_taken"
    ),
}

TIMES_NOTICED_BY = {
    "to write the index before what it tells of": (
        "test_a_worker_that_dies_between_index_and_head_leaves_an_entry_that_means_nothing"
    ),
    "to write the index at all": (
        "test_an_index_has_an_entry_for_each_time_and_none_is_overwritten"
    ),
    "whose entry it is, after a firing": "test_an_entry_that_was_written_anew_meanwhile_stays",
    "whose entry it is, after a look": "test_an_entry_that_is_written_anew_during_a_look_stays",
    "that nobody has leased what goes on by itself": (
        "test_what_goes_on_by_itself_leaves_no_entry"
    ),
    "who may be about to write a head": (
        "test_apart_what_is_idle_is_looked_at_ever_less_and_gone_after_a_minute"
    ),
    "a claim, in a look at what is due": "test_a_user_who_has_the_claim_keeps_their_entry",
    "to drop what is aside with its head": "test_what_is_aside_leaves_nothing_behind",
    "the time that comes next": "test_a_time_that_was_moved_on_is_in_the_index_after_a_look",
    "that a signal was sent twice": "test_a_signal_whose_answer_is_lost_is_kept_once",
    "to keep what is aside for as long as its head": (
        "test_what_is_aside_is_kept_for_as_long_as_its_head"
    ),
    "what an earlier version dropped of a mailbox": (
        "test_what_an_earlier_release_drops_of_a_mailbox_is_found_by_a_firing"
    ),
    "to put back what is lacking": "test_what_an_index_lacks_is_put_back[together]",
    "what ends while the walk comes by": (
        "test_what_is_done_while_the_walk_comes_by_was_not_lacking[apart-after the look]"
    ),
    "that somebody else walks": "test_one_walks_and_nobody_again_within_the_hour[together]",
}
"""The same, of what only Redis forgets of time; in `test_redis_times` and `test_redis_walk`."""

# Memory and SQLite have the same rules, and SQLite syncs its file.
FORGOTTEN = [
    *[("TestMemory", forgotten) for forgotten in PYTHON],
    *[("TestSQLite", forgotten) for forgotten in ("a claim that is held", "the fence")],
    *[("TestRedis", forgotten) for forgotten in LUA],
]


def keep(tests: str, forgotten: str, said: Path) -> None:
    """Break the stores of this process, and end it with the status of some tests."""
    with said.open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    forget(forgotten)
    bare = ["-c", os.devnull, "--rootdir", str(ROOT), "--import-mode=importlib", "--tb=no"]
    where = f"{ROOT}/tests/stores/{tests}"
    only = Only(tests.rpartition("::")[2].partition("[")[0])
    sys.exit(int(pytest.main([*bare, "-x", "-q", "-p", "no:cacheprovider", where], plugins=[only])))


class Only:
    """Collects one test of a file, or all if it has no name: a thousand take half of the time."""

    def __init__(self, name: str) -> None:
        self._name = name if name.startswith("test_") and not name.endswith(".py") else ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, name: str) -> list[pytest.Item] | None:
        return [] if self._name and name.startswith("test_") and name != self._name else None


def assert_noticed(tests: str, forgotten: str, said: Path) -> None:
    """See that one of some tests fails in a process whose stores forget something."""
    keeping = PROCESSES.Process(target=keep, args=(tests, forgotten, said), daemon=True)
    keeping.start()
    keeping.join(PATIENCE)
    assert keeping.exitcode == 1, said.read_text()
    assert "1 failed" in said.read_text()


@pytest.mark.parametrize(("store", "forgotten"), FORGOTTEN)
def test_the_contract_notices_what_a_store_forgets(
    store: str, forgotten: str, tmp_path: Path
) -> None:
    test = f"test_contract.py::{store}::{NOTICED_BY[forgotten]}"
    assert_noticed(test, forgotten, tmp_path / "said")


@pytest.mark.parametrize("forgotten", REDIS)
def test_what_redis_forgets_of_replies_is_noticed(forgotten: str, tmp_path: Path) -> None:
    assert_noticed("test_redis_replies.py", forgotten, tmp_path / "said")


@pytest.mark.parametrize("forgotten", TIMES)
def test_what_redis_forgets_of_time_is_noticed(forgotten: str, tmp_path: Path) -> None:
    walks = "walk" in forgotten or "put back" in forgotten
    file = "test_redis_walk.py" if walks else "test_redis_times.py"
    test = f"{file}::{TIMES_NOTICED_BY[forgotten]}"
    assert_noticed(test, forgotten, tmp_path / "said")


def test_all_stores_forget_the_same() -> None:
    assert PYTHON.keys() == LUA.keys() == NOTICED_BY.keys()
    assert TIMES.keys() == TIMES_NOTICED_BY.keys()
