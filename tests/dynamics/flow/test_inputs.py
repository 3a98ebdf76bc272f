"""Bad input is refused before the field is called once."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from dynamics.core.errors import InputError
from dynamics.flow import Event, integrate


class Untouchable:
    """Mixed into a field that must not be called."""

    def __call__(self, y, t=0.0, draw=None):
        raise AssertionError("the field was called")


GOOD = {"y0": [1.0, 0.0], "times": [0.0, 1.0]}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"y0": [1.0, np.nan]}, "start must be finite, got nan for 'y'"),
        ({"y0": [np.inf, 0.0]}, "got inf for 'x'"),
        ({"y0": [1.0, 2.0, 3.0]}, "start has 3 coordinates, expected 2"),
        ({"y0": 1.0}, "single number"),
        ({"times": [0.0, 1.0, 0.5]}, "1 is followed by 0.5"),
        ({"times": [0.0, 0.0]}, "0 is followed by 0"),
        ({"times": [0.0, np.inf]}, "times must be finite"),
        ({"times": []}, "not empty"),
        ({"times": [[0.0, 1.0]]}, "one-dimensional"),
        ({"times": "soon"}, "times must be numbers"),
        ({"solver": "scipy:DOP583"}, "did you mean 'scipy:DOP853'"),
        ({"solver": "dopri5"}, "did you mean 'torchdiffeq:dopri5'"),
        ({"solver": "torchdiffeq:scipy_solver"}, "use scipy:NAME"),
        ({"rtol": 0.0}, "rtol must be positive"),
        ({"rtol": -1e-8}, "rtol must be positive"),
        ({"rtol": 1e-17}, "rtol must be at least"),
        ({"atol": 0.0}, "atol must be positive"),
        ({"atol": np.nan}, "atol must be finite"),
        ({"step": 0.1}, "step has no effect on scipy:DOP853"),
        ({"solver": "torchdiffeq:euler"}, "give step"),
        ({"solver": "torchdiffeq:euler", "step": -0.1}, "step must be positive"),
        ({"solver": "torchdiffeq:euler", "step": 0.1, "rtol": 1e-6}, "rtol has no effect"),
        ({"max_evaluations": 0}, "max_evaluations must be a whole number"),
        ({"max_evaluations": 1.5}, "max_evaluations must be a whole number"),
        ({"bound": 0.5}, "larger than every start"),
        ({"bound": np.nan}, "bound must be finite"),
        ({"events": [3]}, "An event must be a function"),
        ({"events": lambda y: y}, "expected (3,)"),
        ({"events": [Event(lambda y: y[0, 0])]}, "expected (3,)"),
    ],
)
def test_one_sentence_says_what_is_wrong(fields, change, text):
    class Field(Untouchable, fields.Plane):
        pass

    with pytest.raises(InputError) as caught:
        integrate(Field(), **(GOOD | change))
    assert text in str(caught.value)


def test_a_step_that_never_ends_is_refused(fields):
    with pytest.raises(InputError, match="take a larger step"):
        integrate(fields.Plane(), **GOOD, solver="torchdiffeq:rk4", step=1e-12)


@pytest.mark.parametrize("name", ["scipy:DOP853", "scipy:LSODA", "torchdiffeq:dopri5"])
def test_a_field_of_the_wrong_shape_is_named(fields, name):
    field = fields.Line(lambda y, t: y[..., 0], lambda y: y)
    with pytest.raises(InputError, match="they must agree"):
        integrate(field, [1.0], [0.0, 1.0], name)


def test_a_single_time_is_an_answer(fields):
    result = integrate(fields.Plane(), [1.0, 0.0], [2.0])
    assert result.status.value == "finished" and result.reached == 2.0 and result.states.tolist() == [[1.0, 0.0]]


def test_torch_is_not_imported_for_scipy_solvers():
    code = (
        "import sys; from dynamics.flow import integrate, solvers; solvers();"
        "assert 'scipy' not in sys.modules and 'torch' not in sys.modules;"
        "from dynamics import games; integrate(games.get('bilinear'), [1., 0.], [0., 1.]);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
