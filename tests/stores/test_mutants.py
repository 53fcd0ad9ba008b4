"""A test of the contract's tests: each store, with one line of what keeps turns apart left out."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest
from _pytest.config import default_plugins

from tests.stores.mutants import LUA, PYTHON, REDIS, TIMES, WRITE, apply

ROOT = Path(__file__).parents[2]
PATIENCE = 100

# Each mutant has a process of its own, forked from one that has loaded everything: to load it anew
# takes longer than most mutants live. Not the tests: they must find the stores as they are then.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [__name__, "hypothesis", "redis.asyncio", "tests.redis_server"]
    + [f"_pytest.{plugin}" for plugin in default_plugins]
)


# A mutant, and a test of the contract that notices it. Others do, too, but all of them take
# seconds; one that is renamed is not found, and that is a failure as well.
NOTICED_BY = {
    "grants a claim that another holds": "test_claim_is_refused_while_another_claim_is_valid",
    "lets a later message go first": (
        "test_claim_is_granted_to_waiting_messages_in_order_of_arrival"
    ),
    "writes under a lost claim": "test_writes_under_a_lost_claim_raise_claim_lost",
    "commits fast after another write": "test_fast_commit_is_refused_after_another_write",
    "begins an entry after another came and went": (
        "test_first_commit_is_refused_after_a_turn_that_left_no_entry"
    ),
    "begins an entry long after its look": "test_first_commit_is_refused_long_after_the_look",
    "forgets the number issued last": "test_first_commit_follows_an_entry_that_is_over",
    "commits fast while another holds the claim": (
        "test_fast_commit_is_refused_while_a_claim_is_valid"
    ),
    "grants a claim for an answered message": (
        "test_claim_of_an_answered_message_returns_its_reply_while_remembered"
    ),
    "commits fast for an answered message": (
        "test_fast_commit_of_an_answered_message_returns_its_reply"
    ),
    "commits fast while another message is pending": (
        "test_fast_commit_is_refused_while_another_message_is_pending"
    ),
    "gives one reply to two turns": (
        "test_claim_of_a_copy_is_empty_while_another_turn_has_the_reply"
    ),
    "takes a delivered reply for untaken": "test_record_counts_as_delivering_the_untaken_reply",
    "takes a reply for untaken that a copy took": (
        "test_untaken_does_not_count_the_callers_own_takes"
    ),
    "looks and misses a claim": "test_optimistic_claim_is_refused_if_a_commit_kept_its_claim",
    "leaves the claim of a forgotten user": "test_forget_ends_a_turn_in_progress",
    "leaves messages of a forgotten user unanswered": (
        "test_forget_answers_waiting_messages_with_an_empty_reply"
    ),
    "takes a signal under a lost claim": "test_write_taken_under_a_lost_claim_removes_nothing",
    "takes signals for read that a firing was not told of": (
        "test_post_after_a_firings_claim_stays_due"
    ),
    "commits fast past a signal": "test_fast_commit_is_refused_if_the_mailbox_has_a_signal",
    "looks and misses a signal": "test_optimistic_claim_with_mail_claims",
    "sets a time on the fast path": "test_fast_commit_may_keep_postpone_or_clear_wake_only",
    "fires while a message may be repeated": (
        "test_firing_claim_is_refused_for_20_s_after_a_messages_claim_expired"
    ),
    "lets a firing stand in line": "test_firing_claim_that_is_refused_leaves_no_trace",
    "takes a firing for the last message": "test_untaken_is_not_too_late_after_a_firing",
    "leaves a trace of a firing": "test_firing_that_has_ended_does_not_prevent_the_fast_path",
    "drops a head that has still a time": (
        "test_write_wake_keeps_head_and_journal_until_a_week_later"
    ),
    "keeps a part under a lost claim": "test_part_put_under_a_lost_claim_raises_claim_lost",
    "takes no part for a write": "test_part_put_counts_as_a_write_under_the_claim",
    "ends a lease when a firing records": "test_firing_record_keeps_the_lease_of_the_index_entry",
    "ends a lease of another": "test_end_leases_leaves_a_newer_lease",
    "keeps the parts of a step that has ended": "test_write_ended_drops_the_parts_of_those_steps",
    "posts a signal a second time": (
        "test_post_with_a_known_id_is_repeated_even_after_it_was_taken"
    ),
}

WRITE_NOTICED_BY = {
    "begins an entry after another came and went, by the long script": (
        "test_first_commit_is_refused_after_a_turn_that_left_no_entry"
    ),
    "begins an entry long after its look, by the long script": (
        "test_first_commit_is_refused_long_after_the_look"
    ),
    "begins an entry where there is one": "test_first_commit_is_refused_if_there_is_an_entry",
}

TIMES_NOTICED_BY = {
    "writes the index after what it tells of": (
        "test_a_worker_that_dies_between_index_and_head_leaves_an_entry_that_means_nothing"
    ),
    "writes no index": "test_an_index_has_an_entry_for_each_time_and_none_is_overwritten",
    "removes an entry of another after a firing": (
        "test_an_entry_that_was_written_anew_meanwhile_stays"
    ),
    "removes an entry of another after a look": (
        "test_an_entry_that_is_written_anew_during_a_look_stays"
    ),
    "leaves an entry of what goes on by itself": "test_what_goes_on_by_itself_leaves_no_entry",
    "removes an entry whose head may be about to be written": (
        "test_apart_what_is_idle_is_looked_at_ever_less_and_gone_after_a_minute"
    ),
    "looks at what is due and misses a claim": "test_a_user_who_has_the_claim_keeps_their_entry",
    "keeps what is aside without its head": "test_what_is_aside_leaves_nothing_behind",
    "leaves the next time out of the index": (
        "test_a_time_that_was_moved_on_is_in_the_index_after_a_look"
    ),
    "keeps a signal twice whose answer was lost": "test_a_signal_whose_answer_is_lost_is_kept_once",
    "drops what is aside before its head": "test_what_is_aside_is_kept_for_as_long_as_its_head",
    "misses what an earlier version dropped of a mailbox": (
        "test_what_an_earlier_release_drops_of_a_mailbox_is_found_by_a_firing"
    ),
}
"""The same, of what only Redis can do wrong with time; in `test_redis_times`."""

WALK_NOTICED_BY = {
    "puts nothing back that an index lacks": "test_what_an_index_lacks_is_put_back[together]",
    "puts back what ended while the walk came by": (
        "test_what_is_done_while_the_walk_comes_by_was_not_lacking[apart-after the look]"
    ),
    "walks while another walks": "test_one_walks_and_nobody_again_within_the_hour[together]",
}
"""The same, in `test_redis_walk`."""

# Memory and SQLite have the same rules, and SQLite syncs its file.
MUTANTS = [
    *[("TestMemory", mutant) for mutant in PYTHON],
    *[
        ("TestSQLite", mutant)
        for mutant in ("grants a claim that another holds", "writes under a lost claim")
    ],
    *[("TestRedis", mutant) for mutant in LUA],
]


def run(tests: str, mutant: str, said: Path) -> None:
    """Break the stores of this process, and end it with the status of some tests."""
    with said.open("w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    apply(mutant)
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


def assert_noticed(tests: str, mutant: str, said: Path) -> None:
    """See that one of some tests fails in a process whose stores are a mutant."""
    process = PROCESSES.Process(target=run, args=(tests, mutant, said), daemon=True)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == 1, said.read_text()
    assert "1 failed" in said.read_text()


@pytest.mark.parametrize(("store", "mutant"), MUTANTS)
def test_the_contract_notices_a_store_that(store: str, mutant: str, tmp_path: Path) -> None:
    test = f"test_contract.py::{store}::{NOTICED_BY[mutant]}"
    assert_noticed(test, mutant, tmp_path / "said")


@pytest.mark.parametrize("mutant", REDIS)
def test_a_redis_store_is_noticed_that(mutant: str, tmp_path: Path) -> None:
    assert_noticed("test_redis_replies.py", mutant, tmp_path / "said")


@pytest.mark.parametrize("mutant", WRITE)
def test_a_redis_store_is_noticed_that_also(mutant: str, tmp_path: Path) -> None:
    test = f"test_contract.py::TestRedis::{WRITE_NOTICED_BY[mutant]}"
    assert_noticed(test, mutant, tmp_path / "said")


@pytest.mark.parametrize("mutant", TIMES)
def test_a_redis_store_with_times_is_noticed_that(mutant: str, tmp_path: Path) -> None:
    file = "test_redis_walk.py" if mutant in WALK_NOTICED_BY else "test_redis_times.py"
    test = f"{file}::{(TIMES_NOTICED_BY | WALK_NOTICED_BY)[mutant]}"
    assert_noticed(test, mutant, tmp_path / "said")


def test_all_stores_have_the_same_mutants() -> None:
    assert PYTHON.keys() == LUA.keys() == NOTICED_BY.keys()
    assert TIMES.keys() == TIMES_NOTICED_BY.keys() | WALK_NOTICED_BY.keys()
