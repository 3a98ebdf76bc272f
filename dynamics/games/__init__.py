r"""What is played: one definition of a game gives everything else.

Words and signs, the same in every room:

===============  ==================================================================================================
player           a named group of coordinates with one loss. Every player *minimises* its own loss
game             players, their losses, numeric parameters. Zero-sum: loss_D = -loss_G
field            v(y) = -(dL_1/dx_1, ..., dL_n/dx_n), each player descending its own loss; scaled per player by a
                 time scale
flow             dy/dt = v(y)
method           a discrete training algorithm, the map y_{k+1} = Phi(y_k, memory)
Jacobian         J = dv/dy. A point attracts the flow when every eigenvalue has negative real part (the optimisation
                 literature often writes the opposite sign)
noise            dY = v dt + B(Y, t) dW, Ito, B in units of y per sqrt(time). Isotropic strength s means B = s I; the
                 diffusion matrix of the Fokker-Planck equation is D = B B^T / 2
instance noise   Gaussian noise on *data and samples*, standard deviation sigma. It changes the losses (an
                 expectation); it is not parameter noise
penalty          weight gamma always enters as gamma/2 * E|.|^2
scores           h = D before the output activation, high on *real*; D = sigmoid(h) for cross-entropy losses
dirac-gan        real point 0, generated point theta, h(x) = psi x (+ bias); loss_D = -f(0) - f(-theta psi) with
                 f(t) = -log(1 + e^-t)
penalties, clip  enter the discriminator's loss only; the clip projects after every discriminator update
one iteration    a full round: all d_steps and g_steps, or one simultaneous step
bilinear         V = y^T A x with x the generator's, y the discriminator's; A = sigma in one dimension
time scale tau   multiplies the discriminator's part of the field
===============  ==================================================================================================

Arrays are ``(..., time, coordinate)``, an ensemble ``(path, time, coordinate)``; the same names are the dimension
names of stored results.

>>> from dynamics import games
>>> game = games.get("dirac-gan", penalty="r1", gamma=0.3)
>>> game([1.0, 0.0]).tolist()
[0.0, -0.5]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dynamics.games.build import define, from_toml, inline, load
from dynamics.games.catalogue import get, names, settings, summary
from dynamics.games.field import Field, Game
from dynamics.games.symbolic import SymbolicGame

if TYPE_CHECKING:
    from dynamics.games.network import NetworkGame


def __getattr__(name: str) -> Any:
    """Import the games of torch networks only when they are asked for: torch takes a second."""
    if name == "NetworkGame":
        from dynamics.games.network import NetworkGame

        return NetworkGame
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Field",
    "Game",
    "NetworkGame",
    "SymbolicGame",
    "define",
    "from_toml",
    "get",
    "inline",
    "load",
    "names",
    "settings",
    "summary",
]
