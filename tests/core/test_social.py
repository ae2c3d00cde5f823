"""Posts are counted as each network counts, and shortened at a word so that the link still fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.comms import social
from tocsin.comms.lookover import text_message
from tocsin.plan.model import Stage
from tocsin.plan.networks import Network

LINK = "https://status.example.org/a/long/address/that/goes/on/and/on"
FAMILY, FLAG, HAND = "👨‍👩‍👧‍👦", "🇩🇪", "🙋🏽"


@pytest.mark.parametrize(
    ("network", "text", "length"),
    [
        (Network.X, "Plain", 5),
        (Network.X, "café", 4),
        (Network.X, "cafe\u0301", 4),  # normalised first
        (Network.X, "声", 2),
        (Network.X, "…", 2),  # it lies outside of the light punctuation
        (Network.X, "“a” – b", 7),
        (Network.X, FAMILY, 2),
        (Network.X, FLAG, 2),
        (Network.X, HAND, 2),
        (Network.X, "1️⃣", 2),
        (Network.X, f"See {LINK}.", 4 + 23 + 1),
        (Network.MASTODON, f"See {LINK}", 4 + 23),
        (Network.MASTODON, FAMILY, 1),
        (Network.MASTODON, "@rose@social.example.org hi", 8),
        (Network.BLUESKY, FAMILY + FLAG + HAND, 3),
        (Network.BLUESKY, "https://a.example", 17),
        (Network.LINKEDIN, "Plain " + HAND, 10),
    ],
)
def test_each_network_counts_in_its_own_way(network: Network, text: str, length: int) -> None:
    assert social.count(network, text) == length


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=4000), st.sampled_from(Network))
def test_a_draft_always_fits_and_ends_with_the_link(said: str, network: Network) -> None:
    post = social.post(network, said, LINK)
    assert social.fits(network, post.text) and post.length <= post.most
    assert post.text.endswith(LINK)


def test_what_is_too_long_is_cut_after_a_word() -> None:
    post = social.post(Network.X, "patience " * 60, LINK)
    first, _, link = post.text.partition("\n")
    assert link == LINK and first.endswith("patience…") and 270 < post.length <= 280


def test_what_fits_is_left_as_it_is() -> None:
    assert social.post(Network.LINKEDIN, "We are on it.", LINK).text == f"We are on it.\n{LINK}"


def test_a_post_on_bluesky_may_have_few_letters_and_too_many_bytes() -> None:
    assert social.count(Network.BLUESKY, FAMILY * 200) == 200
    assert not social.fits(Network.BLUESKY, FAMILY * 200)


def test_the_stage_begins_a_post_instead_of_the_line_that_says_the_time() -> None:
    text = "03:34 UTC · Investigating\n\nSomething is wrong."
    assert social.opening(Stage.INVESTIGATING, text) == "Investigating: Something is wrong."
    assert social.opening(None, "Plain\n\nwords") == "Plain\n\nwords"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" * 160, "160 of 160 letters"),
        ("a" * 161, "161 letters, 2 parts"),
        ("{" * 80, "160 of 160 letters"),  # each counts twice
        ("a" * 70 + "…", "71 letters, 2 parts"),
        ("声" * 70, "70 of 70 letters"),
        ("🙋", "2 of 70 letters"),
    ],
)
def test_a_text_message_is_counted_as_the_networks_count_it(text: str, said: str) -> None:
    assert text_message(text) == said
