"""Randomness: published vectors, distributions, independence of order and of batching."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from augcli import rng
from augcli.rng import Draws, Subset, draw_many, draw_subsets, hash_key, philox4x32, shares

# Random123's kat_vectors for philox4x32 with 10 rounds (Salmon et al. 2011).
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
SAMPLES = [hash_key(str(number)) for number in range(20_000)]


@pytest.mark.parametrize(("counter", "key", "words"), VECTORS)
def test_philox_gives_the_published_words(counter, key, words):
    assert philox4x32(counter, key) == words


def test_philox_on_arrays_gives_the_published_words():
    for index, (_, key, _) in enumerate(VECTORS):
        counters = tuple(np.array([vector[0][word] for vector in VECTORS], np.uint64) for word in range(4))
        words = philox4x32(counters, key)
        assert tuple(int(word[index]) for word in words) == VECTORS[index][2]


def test_drawing_for_many_samples_gives_what_drawing_for_one_gives():
    addresses = [(number % 3, number % 5, sample) for number, sample in enumerate(SAMPLES[:50])]
    for draws, address in zip(draw_many(2**63 + 7, addresses, 3), addresses, strict=True):
        alone = Draws(2**63 + 7, *address)
        for stream in range(4):  # the last one was not computed ahead, nor what is behind the fourth number
            for start, count in ((0, 2), (1, 3), (2, 3), (0, 7)):
                assert draws.uniforms(stream, count, start) == alone.uniforms(stream, count, start)


def test_drawing_for_nobody_gives_nothing():
    assert draw_many(7, [], 3) == []


def test_every_part_of_the_address_changes_the_draw():
    base = {"seed": 1, "operation": 2, "copy": 3, "sample": 4}
    seen = {Draws(**(base | {name: value})).uniforms(0, 1) for name in base for value in (8, 2**20)}
    seen |= {Draws(**base).uniforms(stream, 1) for stream in (0, 1)}
    seen |= {Draws(**(base | {"seed": 2**40 + 1})).uniforms(0, 1)}
    assert len(seen) == 2 * 4 + 2 + 1


def test_uniforms_are_uniform_and_open():
    values = [value for sample in SAMPLES[:5000] for value in Draws(0, 0, 0, sample).uniforms(1, 4)]
    assert stats.kstest(values, "uniform").pvalue > 0.01
    assert min(values) > 0
    assert max(values) < 1


def test_integers_reach_both_ends_evenly():
    drawn = [Draws(0, 0, 0, sample).integers(1, 3, 5) for sample in SAMPLES]
    for place, bound in enumerate((3, 5)):
        counts = np.bincount([pair[place] for pair in drawn], minlength=bound)
        assert len(counts) == bound
        assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0, 1000.0])
def test_lam_follows_the_beta_law(alpha):
    lams = [shares(Draws(0, 0, 0, sample).beta_log_odds(1, alpha))[0] for sample in SAMPLES]
    assert stats.kstest(lams, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_small_lam_keeps_its_law_below_the_smallest_float():
    """At α = 0.01 the smaller share is mostly below 1e-300; its logarithm must follow the law as well."""
    alpha = 0.01
    odds = np.array([Draws(0, 0, 0, sample).beta_log_odds(1, alpha) for sample in SAMPLES])
    log_smaller = -np.abs(odds) - np.log1p(np.exp(-np.abs(odds)))

    def cdf(log_x):
        # P(min(λ, 1-λ) < x) = 2·I_x(α, α); for x → 0, I_x → x^α / (α·B(α, α)), which needs no x itself.
        tiny = 2 * np.exp(alpha * log_x - math.log(alpha) - special.betaln(alpha, alpha))
        exact = 2 * special.betainc(alpha, alpha, np.exp(np.maximum(log_x, -30.0)))
        return np.where(log_x < -30.0, tiny, exact)

    assert stats.kstest(log_smaller, cdf).pvalue > 0.01
    assert log_smaller.min() < -745  # below what a float holds


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.01, 1.0, 1000.0])
def test_the_two_sides_are_alike(alpha):
    odds = np.array([Draws(3, 0, 0, sample).beta_log_odds(1, alpha) for sample in SAMPLES])
    # Both ways equally often, within 4 sigma of the binomial.
    assert abs((odds > 0).mean() - 0.5) < 4 * 0.5 / math.sqrt(len(odds))


def test_shares_of_extreme_odds_neither_over_nor_underflow_to_nan():
    assert shares(5000.0) == (1.0, 0.0)
    assert shares(-5000.0) == (0.0, 1.0)
    lam, rest = shares(-40.0)
    assert lam == pytest.approx(math.exp(-40.0), rel=1e-15)
    assert rest == 1.0


def test_keys_hash_by_bytes_and_seed():
    assert hash_key("a") != hash_key("b")
    assert hash_key("a") != hash_key("a", seed=1)
    # BLAKE2b-64 of b"a" keyed with eight zero bytes, from `hashlib` by hand: pins orders and draws for ever.
    assert f"{hash_key('a'):016x}" == "b979eca6ab0d033a"


def test_a_stream_is_one_row_of_numbers():
    draws = Draws(5, 1, 2, 3)
    whole = draws.uniforms(1, 9)
    for start in range(6):
        assert draws.uniforms(1, 3, start) == whole[start : start + 3]
    assert draws.integers(1, 1 << 40, start=4) == (int(whole[4] * 2.0**40),)


def test_normals_follow_their_law():
    values = [value for sample in SAMPLES[:5000] for value in Draws(0, 0, 0, sample).normals(1, 4)]
    assert stats.kstest(values, "norm").pvalue > 0.01


@pytest.mark.parametrize(("total", "chosen"), [(1, 0), (1, 1), (2, 1), (5, 5), (7, 3), (1000, 400)])
def test_a_subset_has_its_size(total, chosen):
    bitmap = Draws(0, 0, 0, 9).subset(Subset(1, total, chosen))
    assert len(bitmap) == total
    assert sum(bitmap) == chosen
    assert set(bitmap) <= {0, 1}


def choose_plainly(draws, subset):
    """The things of the smallest hashes, in plain Python: block b of the key has those of 2·b and 2·b + 1."""
    (key,) = draws.integers(subset.stream, 1 << 64)
    hashes = []
    for block in range((subset.total + 1) // 2):
        w0, w1, w2, w3 = philox4x32((block, 0, 0, 0), (key & 0xFFFFFFFF, key >> 32))
        hashes += [w1 << 32 | w0, w3 << 32 | w2]
    ranked = sorted(range(subset.total), key=lambda thing: (hashes[thing], thing))
    return bytes(thing in ranked[: subset.chosen] for thing in range(subset.total))


@pytest.mark.parametrize(("total", "chosen"), [(1, 0), (1, 1), (2, 1), (5, 5), (7, 3), (1000, 400)])
def test_a_subset_is_what_has_the_smallest_hashes(total, chosen):
    draws, subset = Draws(1, 2, 3, 4), Subset(2, total, chosen)
    assert draws.subset(subset) == choose_plainly(draws, subset)


def test_of_equal_hashes_the_first_are_chosen(monkeypatch):
    """The two things of block b get b % 3 for their hash."""
    monkeypatch.setattr(rng, "philox4x32", lambda counter, key: (counter[0] % np.uint64(3) + key[0] * 0,) * 4)
    bitmap = Draws(0, 0, 0, 9, range(16)).subset(Subset(1, 13, 6))
    assert [thing for thing in range(13) if bitmap[thing]] == [0, 1, 2, 6, 7, 12]


def test_subsets_that_are_drawn_together_are_those_that_are_drawn_alone():
    sizes = [(7, 3), None, (1, 0), (2000, 700), (8, 8), (40_000, 9), None, (7, 3), *[(900, 300)] * 50]
    drawn = [Draws(3, 0, 1, sample) for sample in SAMPLES[: len(sizes)]]
    subsets = [size and Subset(2, *size) for size in sizes]
    together = draw_subsets(drawn, subsets)
    assert [draws._replace(subset_ready=None) for draws in together] == drawn
    for draws, ready, subset in zip(drawn, together, subsets, strict=True):
        if subset is None:
            assert ready.subset_ready is None
            continue
        assert ready.subset_ready == (subset, draws.subset(subset))
        other = Subset(2, subset.total, min(subset.chosen + 1, subset.total))
        assert ready.subset(other) == draws.subset(other)


@pytest.mark.slow
def test_every_subset_is_as_likely():
    counts = {}
    for sample in SAMPLES[:5000]:
        bitmap = Draws(0, 0, 0, sample).subset(Subset(1, 5, 2))
        counts[bitmap] = counts.get(bitmap, 0) + 1
    assert len(counts) == math.comb(5, 2)
    assert stats.chisquare(list(counts.values())).pvalue > 0.01
