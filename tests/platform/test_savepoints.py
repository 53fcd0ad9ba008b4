"""Going back: a user's rows as they were, under numbers that were never used."""

from __future__ import annotations

from pathlib import Path

import pytest

from wechat_dialog.core.store.kept import Parked
from wechat_dialog.core.store.values import Claim, Claimed, Commit, Committed, Conflict, Write
from wechat_dialog.platform.simulator.savepoints import Points
from wechat_dialog.stores.sqlite import SQLiteStore

USER = "gh_1:oA"
START = 1_700_000_000.0


class World:
    def __init__(self, path: Path) -> None:
        self.time = START
        self.store = SQLiteStore(path, lambda: self.time)
        self.points = Points(str(path))
        self.sent = 0

    def turn(self, *records: bytes, user: str = USER, **more: object) -> Committed:
        """A turn that appends records."""
        self.sent += 1
        key = str(self.sent)
        claimed = self.store.claim(Claim(user, key, lease=3))
        assert isinstance(claimed, Claimed)
        write = Write(head=b"{}", records=records, **more)  # type: ignore[arg-type]
        done = self.store.commit(Commit(user, key, write, reply=b"r", fence=claimed.fence))
        assert isinstance(done, Committed)
        return done

    def records(self, user: str = USER) -> tuple[bytes, ...]:
        shown = self.store.show(user)
        return () if shown is None else shown.records


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "kept.db")


def test_all_that_is_stored_of_a_user_is_as_it_was_and_of_others_as_it_is(world: World) -> None:
    world.turn(b"1", data=b'{"a":1}', park=(Parked("p", b"{}"),))
    world.turn(b"x", user="gh_1:oB")
    point = world.points.mark("oA", world.time)
    world.turn(b"2", data=b'{"a":2}', unpark=("p",))
    world.turn(b"y", user="gh_1:oB")
    assert world.points.restore(point, world.time)
    shown = world.store.show(USER)
    assert shown is not None
    assert (shown.records, shown.data, list(shown.parked)) == ((b"1",), b'{"a":1}', ["p"])
    assert world.records("gh_1:oB") == (b"x", b"y")


def test_a_point_can_be_gone_back_to_twice(world: World) -> None:
    world.turn(b"1")
    point = world.points.mark("oA", world.time)
    for other in (b"2", b"3"):
        world.turn(other)
        world.points.restore(point, world.time)
        assert world.records() == (b"1",)


def test_no_time_has_passed_for_what_is_put_back(world: World) -> None:
    world.turn(b"1", ttl=60.0)
    point = world.points.mark("oA", world.time)
    world.time += 1000
    assert world.records() == ()
    world.points.restore(point, world.time)
    shown = world.store.show(USER)
    assert shown is not None
    assert (shown.ttl, shown.age) == (60.0, 0.0)


def test_whoever_still_holds_what_was_taken_back_is_refused(world: World) -> None:
    world.turn(b"1")
    point = world.points.mark("oA", world.time)
    held = world.turn(b"2")
    world.points.restore(point, world.time)
    write = Write(head=b"{}", records=(b"3",))
    done = world.store.commit(Commit(USER, "k", write, reply=b"", revision=held.revision))
    assert isinstance(done, Conflict)


def test_a_live_dialog_of_before_the_point_is_refused_too(world: World) -> None:
    held = world.turn(b"1")
    point = world.points.mark("oA", world.time)
    world.turn(b"2")
    world.points.restore(point, world.time)
    write = Write(head=b"{}", records=(b"3",))
    done = world.store.commit(Commit(USER, "k", write, reply=b"", revision=held.revision))
    assert isinstance(done, Conflict)


def test_a_turn_under_way_loses_its_claim(world: World) -> None:
    point = world.points.mark("oA", world.time)
    assert isinstance(world.store.claim(Claim(USER, "k1", lease=100)), Claimed)
    world.points.restore(point, world.time)
    assert isinstance(world.store.claim(Claim(USER, "k2", lease=3)), Claimed)


def test_before_anything_was_said_there_is_nothing(world: World) -> None:
    point = world.points.mark("oA", world.time)  # there is no file yet
    world.turn(b"1")
    assert world.points.restore(point, world.time)
    assert world.records() == ()
    world.turn(b"2")
    assert world.records() == (b"2",)


def test_a_point_that_is_not_kept_changes_nothing(world: World) -> None:
    world.turn(b"1")
    assert not world.points.restore(99, world.time)
    assert world.records() == (b"1",)
