"""Simultaneous and alternating descent against exact answers, on every kind of array."""

import numba
import numpy as np
import pytest
import torch

from dynamics import games, methods
from dynamics.core.errors import InputError, NumericalError
from dynamics.core.status import Status
from dynamics.games.codegen.kernel import WIDTH
from dynamics.methods.iterate import _PIECE


@pytest.mark.parametrize("a", [0.01, 0.2, 1.0, 3.0])
def test_simultaneous_descent_multiplies_the_bilinear_radius_by_root_one_plus_a_squared(a):
    path = methods.iterate(games.get("bilinear"), methods.get("simultaneous", lr=a), [0.6, -0.8], 50)
    radius = np.hypot(*path.states.T)
    # One step is two multiplications and two additions: a few ulp.
    np.testing.assert_allclose(radius[1:] / radius[:-1], np.hypot(1, a), rtol=2e-15)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("first", "sign"), [("discriminator", 1), ("generator", -1)])
@pytest.mark.parametrize("a", [0.2, 1.9])
def test_alternating_descent_conserves_the_skewed_energy(a, first, sign, compiled):
    method = methods.get("alternating", lr=a, first=first)
    path = methods.iterate(games.get("bilinear"), method, [1.0, 0.5], 1000, compiled=compiled)
    x, y = path.states.T
    energy = x**2 + y**2 + sign * a * x * y
    # Rounding errors of a few ulp of the largest term, adding up like a random walk over 1,000 steps (x30).
    assert np.abs(energy / energy[0] - 1).max() < 1e-12
    wrong = x**2 + y**2 - sign * a * x * y
    assert np.abs(wrong / wrong[0] - 1).max() > 0.1


def test_the_default_order_is_discriminator_first():
    game, method = games.get("bilinear"), methods.get("alternating", lr=0.5)
    state, info = method.step(method.init(np.array([1.0, 0.0])), game)
    # y <- 0 + 0.5 * 1, then x <- 1 - 0.5 * 0.5.
    assert state.y.tolist() == [0.75, 0.5] and info.evaluations == {"generator": 1, "discriminator": 1}


def test_several_steps_are_taken_in_turn_and_counted():
    game = games.get("bilinear")
    method = methods.get("alternating", lr={"generator": 0.1, "discriminator": 0.2}, d_steps=3, g_steps=2)
    state, info = method.step(method.init(np.array([1.0, 0.0])), game)
    y = 3 * 0.2 * 1.0
    assert info.evaluations == {"generator": 2, "discriminator": 3}
    np.testing.assert_allclose(state.y, [1 - 2 * 0.1 * y, y], rtol=1e-15)


def test_a_clip_projects_after_every_discriminator_update():
    game = games.get("dirac-gan", loss="wasserstein", clip=0.25)
    path = methods.iterate(game, methods.get("alternating", lr=0.5), [1.0, 0.2], 100)
    assert np.abs(path.states[:, 1]).max() == 0.25
    assert np.abs(path.states[:, 0]).max() > 0.25


CASES = [
    ("simultaneous", {"lr": 0.1}),
    ("simultaneous", {"lr": {"generator": 0.05, "discriminator": 0.2}}),
    ("alternating", {"lr": 0.1, "d_steps": 3}),
    ("alternating", {"lr": {"generator": 0.05, "discriminator": 0.2}, "first": "generator", "g_steps": 2}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize(
    "game",
    [
        games.get("dirac-gan", penalty="roth", gamma=0.4, instance_noise=0.5),
        games.get("dirac-gan", loss="wasserstein", penalty="wgan-gp", clip=0.8),
        games.get("gaussian-gan", loss="hinge").with_timescales({"discriminator": 2.0}),
        games.get("fiez-ratliff"),
    ],
    ids=lambda game: game.name,
)
def test_numpy_batches_torch_vectors_and_compiled_kernels_give_the_same_iterates(game, name, options):
    method = methods.get(name, **options)
    starts = np.random.default_rng(10).uniform(-1, 1, (4, game.dim))
    batch = methods.iterate(game, method, starts, 25, compiled=False)
    kernel = methods.iterate(game, method, starts, 25, compiled=True)
    # Same operations; exp and its kin may differ by an ulp, and 25 steps of a smooth map amplify it mildly.
    np.testing.assert_allclose(kernel.states, batch.states, rtol=0, atol=1e-13)
    state = method.init(torch.tensor(game.project(starts[0])))
    for _ in range(25):
        state, _ = method.step(state, game)
    np.testing.assert_allclose(state.y.numpy(), batch.states[0, -1], rtol=0, atol=1e-13)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_start_that_diverges_is_frozen_and_leaves_the_others_alone(compiled):
    game = games.define({"player": (["x"], "-x**4")})
    method = methods.get("simultaneous", lr=0.1)
    path = methods.iterate(game, method, [[2.0], [1e-3]], 30, compiled=compiled)
    assert [status for status in path.statuses] == [Status.DIVERGED, Status.FINISHED]
    assert path.status is Status.DIVERGED and path.reached[0] < 10 and path.reached[1] == 30
    assert np.isnan(path.states[0, -1]).all() and np.isfinite(path.final).all()
    alone = methods.iterate(game, method, [1e-3], 30, compiled=compiled)
    np.testing.assert_array_equal(alone.states, path.states[1])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_field_that_is_not_a_number_is_told_from_divergence(compiled):
    game = games.define({"player": (["x"], "log(x) * x")})
    with np.errstate(all="ignore"):
        # x = 1 - 2 (log 1 + 1) = -1, whose logarithm is NaN.
        path = methods.iterate(game, methods.get("simultaneous", lr=2.0), [1.0], 30, compiled=compiled)
    assert path.final.tolist() == [-1.0]
    assert path.status is Status.NON_FINITE


def test_failure_can_be_raised_and_keeps_what_was_computed():
    game = games.define({"player": (["x"], "-x**4")})
    with pytest.raises(NumericalError) as caught:
        methods.iterate(game, methods.get("simultaneous", lr=0.1), [2.0], 30, throw=True)
    assert caught.value.result.reached < 10


def test_a_stride_keeps_the_start_the_multiples_and_the_last_state():
    game, method = games.get("bilinear"), methods.get("alternating", lr=0.3)
    whole = methods.iterate(game, method, [1.0, 1.0], 23)
    for compiled in (False, True):
        thin = methods.iterate(game, method, [1.0, 1.0], 23, every=5, compiled=compiled)
        assert thin.times.tolist() == [0, 5, 10, 15, 20, 23]
        np.testing.assert_allclose(thin.states, whole.states[thin.times.astype(int)], atol=1e-14)


def test_three_players_move_in_their_own_order_after_the_first():
    game = games.define({"a": (["x"], "x*y"), "b": (["y"], "-x*y + y*u"), "c": (["u"], "u**2/2 - u*x")})
    assert methods.get("alternating", lr=0.1).order_of(game) == ["a", "b", "c"]
    assert methods.get("alternating", lr=0.1, first="c").order_of(game) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: methods.get("simultanous", lr=0.1), "did you mean 'simultaneous'"),
        (lambda: methods.get("alternating", lr=0.1, dsteps=2), "did you mean 'd_steps'"),
        (lambda: methods.get("alternating"), "needs a learning rate"),
        (lambda: methods.get("alternating", lr=-0.1), "must be positive"),
        (lambda: methods.get("alternating", lr=float("nan")), "must be finite"),
        (lambda: methods.get("alternating", lr={"generator": 0}), "must be positive"),
        (lambda: methods.get("alternating", lr=0.1, d_steps=0), "at least 1"),
        (lambda: methods.get("alternating", lr=0.1, d_steps=1.5), "whole number"),
        (lambda: run(lr={"generatr": 0.1, "discriminator": 0.1}), "did you mean 'generator'"),
        (lambda: run(lr={"generator": 0.1}), "lacks the player 'discriminator'"),
        (lambda: run(first="critic"), "Unknown first player"),
        (lambda: run(start=[1.0]), "expected 2"),
        (lambda: run(start=[1.0, float("nan")]), "must be finite"),
        (lambda: run(iterations=0), "at least 1"),
        (lambda: run(iterations=-3), "at least 1"),
        (lambda: run(every=0), "at least 1"),
        (lambda: methods.iterate(games.get("bilinear"), "alternating", [1.0, 1.0], 3), "methods.get(name, lr=...)"),
        (
            lambda: methods.get("alternating", lr=0.1, d_steps=2).check(games.get("double-well")),
            "d_steps=2 has no effect",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, hint):
    with pytest.raises(InputError) as caught:
        call()
    assert hint in str(caught.value) and "\n" not in str(caught.value)


def run(start=(1.0, 1.0), iterations=10, every=1, lr=0.1, first="discriminator"):
    return methods.iterate(
        games.get("bilinear"), methods.get("alternating", lr=lr, first=first), start, iterations, every=every
    )


def test_results_are_labelled_and_stored(tmp_path):
    from dynamics.core.storage import read_dataset

    game = games.get("bilinear")
    path = methods.iterate(game, methods.get("alternating", lr=0.3), [[1.0, 1.0], [0.0, 1.0]], 5)
    stored = read_dataset(path.save(tmp_path / "run.zarr"))
    np.testing.assert_array_equal(stored.state.values, path.states)
    assert stored.state.dims == ("path", "time", "coordinate") and list(stored.coordinate.values) == ["x", "y"]
    assert stored.attrs["provenance"]["method"] == "alternating"


def test_a_start_has_the_same_bits_alone_in_company_and_on_any_number_of_threads():
    # dy/dt = y + x^2 blows up from some starts, so that lanes are handed over at different iterations
    game = games.define(players={"x": (["x"], "x*y - x**3/30 + sigmoid(x*y)"), "y": (["y"], "y**2/2 - x*y")})
    method = methods.get("alternating", lr=0.2)
    starts = np.random.default_rng(3).uniform(-9, 9, (2 * _PIECE + WIDTH + 5, 2))
    together = methods.iterate(game, method, starts, 60, every=7, compiled=True)
    diverged = together.statuses == Status.DIVERGED
    assert 0.1 < diverged.mean() < 0.9 and len(np.unique(together.reached[diverged])) > 5
    before = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        single = methods.iterate(game, method, starts, 60, every=7, compiled=True)
    finally:
        numba.set_num_threads(before)
    for name in ("states", "last", "reached"):
        np.testing.assert_array_equal(getattr(single, name), getattr(together, name))
    for i in range(0, len(starts), 100):
        alone = methods.iterate(game, method, starts[i], 60, every=7, compiled=True)
        np.testing.assert_array_equal(alone.states, together.states[i])
        assert (alone.status, alone.reached) == (together.statuses[i], together.reached[i])


def test_compiled_starts_end_as_those_in_python_do():
    game, method = games.get("bilinear"), methods.get("simultaneous", lr=0.9)
    starts = np.array([[1.0, 1.0], [0.3, -2.0], [1e149, 1e149], [-1.0, 0.5], [2e149, 0.0]])
    plain, compiled = (methods.iterate(game, method, starts, 30, compiled=mode) for mode in (False, True))
    assert plain.statuses.tolist() == compiled.statuses.tolist() == [
        Status.FINISHED, Status.FINISHED, Status.DIVERGED, Status.FINISHED, Status.DIVERGED
    ]  # fmt: skip
    np.testing.assert_array_equal(compiled.reached, plain.reached)
    # One step is two multiplications and two additions: a few ulp each, thirty times.
    np.testing.assert_allclose(compiled.last, plain.last, rtol=1e-14)
    root = games.define(players={"x": (["x"], "x**2/2 + sqrt(x + 3)")})
    broken = methods.iterate(root, methods.get("simultaneous", lr=3.0), [[1.0], [-2.5], [0.1]], 40, compiled=True)
    told = methods.iterate(root, methods.get("simultaneous", lr=3.0), [[1.0], [-2.5], [0.1]], 40, compiled=False)
    assert Status.NON_FINITE in broken.statuses and broken.statuses.tolist() == told.statuses.tolist()
    np.testing.assert_array_equal(broken.reached, told.reached)


@pytest.mark.parametrize("compiled", [False, True])
def test_no_starts_are_an_answer(compiled):
    game = games.get("bilinear")
    found = methods.iterate(game, methods.get("simultaneous", lr=0.1), np.zeros((0, 2)), 10, compiled=compiled)
    assert found.states.shape == (0, 11, 2) and found.status is Status.FINISHED
