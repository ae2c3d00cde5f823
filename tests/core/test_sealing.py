"""Secrets at rest: what seals them, what opens them, and what is said where that can't be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.errors import Invalid
from tocsin.kit.sealing import Keyring, NoKey, WrongKey, key_id, new_key, sealed_by

OLD, NEW = new_key(), new_key()


def ring(*keys: str) -> Keyring:
    return Keyring(lambda: keys)


@given(st.text())
def test_what_is_sealed_is_opened_again_and_stands_nowhere_in_it(secret: str) -> None:
    sealed = ring(OLD).seal(secret)
    assert ring(OLD).open_(sealed) == secret
    assert len(secret) < 4 or secret not in sealed


def test_the_same_secret_is_sealed_otherwise_each_time() -> None:
    assert ring(OLD).seal("s3cret") != ring(OLD).seal("s3cret")


def test_the_first_key_seals_and_all_of_them_open() -> None:
    before = ring(OLD).seal("s3cret")
    both = ring(NEW, OLD)
    assert both.open_(before) == "s3cret"
    assert sealed_by(both.seal("s3cret")) == key_id(NEW) == both.current
    with pytest.raises(WrongKey, match=key_id(NEW)):
        ring(OLD).open_(both.seal("s3cret"))


def test_without_a_key_nothing_is_sealed_and_what_others_sealed_is_named() -> None:
    assert ring().seal("s3cret") == "s3cret" == ring(OLD).open_("s3cret")
    with pytest.raises(NoKey, match=key_id(OLD)):
        ring().open_(ring(OLD).seal("s3cret"))
    lacking = ring()
    lacking.must_seal = True
    with pytest.raises(NoKey):
        lacking.seal("s3cret")


@pytest.mark.parametrize("place", [-1, -10, len("sealed:01234567:") + 1])
def test_what_was_changed_is_not_opened(place: int) -> None:
    sealed = list(ring(OLD).seal("s3cret"))
    sealed[place] = "A" if sealed[place] != "A" else "B"
    with pytest.raises(WrongKey):
        ring(OLD).open_("".join(sealed))


def test_what_is_cut_off_is_not_opened() -> None:
    sealed = ring(OLD).seal("s3cret")
    for end in range(len("sealed:01234567:"), len(sealed)):
        with pytest.raises(WrongKey):
            ring(OLD).open_(sealed[:end])


def test_a_key_that_comes_while_the_server_runs_is_learned() -> None:
    keys = [OLD]
    running = Keyring(lambda: keys)
    before = running.seal("s3cret")
    keys.insert(0, NEW)
    assert running.open_(ring(NEW).seal("other")) == "other"
    assert sealed_by(running.seal("s3cret")) == key_id(NEW)
    assert running.open_(before) == "s3cret"


def test_a_short_key_is_refused() -> None:
    with pytest.raises(Invalid, match="at least 32 characters"):
        ring("hunter2").seal("s3cret")
