"""Continuous time: the flow ``dy/dt = v(y, t)`` of a field, integrated by SciPy, torchdiffeq or compiled code.

    >>> import numpy as np
    >>> from dynamics.flow import integrate, solvers
    >>> list(solvers())[:2]
    ['scipy:RK23', 'scipy:RK45']

One function, :func:`integrate`, takes any :class:`~dynamics.games.field.Field`, one start or a batch of them, forward
or backward in time, and returns a frozen :class:`FlowTrajectory`. Failure is data: every start carries its own status,
the time it reached and its last state, and what is wrong with one start does not touch the others.

The files, and what a new solver has to provide:

1. ``catalogue``: one :class:`Solver` entry with summary, order and reference.
2. ``stepping``: a :class:`~dynamics.flow.stepping.Stepper` that takes one accepted step for all its starts, says which
   starts are to blame for a failure, drops starts, and interpolates over the last step.
3. ``scipy_explicit``, ``scipy_implicit``, ``torch_adaptive``, ``torch_fixed``: the families.
4. ``families``: the stepper of every solver, from any time and states on.
5. ``drive``: the loop that all families share (output times, events, blow-up, budget, interruption, switchings).
6. ``diagnosis``: why a start could not go on.
7. ``integrate``: what the user calls; every check of the input happens there.

Fields that are not smooth are integrated in smooth pieces: ``modes`` and ``sliding`` hold the fields of the pieces,
``pieces`` decides which one follows, ``rest`` whether one is the last, ``switching`` records it.

``compiled`` integrates many starts of a symbolic game in machine code, each with its own steps, behind two solvers
of :func:`integrate` and by :func:`~dynamics.flow.compiled.integrate_many`.

``variational`` adds the derivative of the flow by its start; ``modified`` holds the fields that follow a training
algorithm more closely than the gradient flow does.
"""

from __future__ import annotations

from dynamics.flow.catalogue import Solver, solvers
from dynamics.flow.events import Event
from dynamics.flow.integrate import integrate
from dynamics.flow.modified import HighResolutionFlow, ModifiedFlow, high_resolution_flow, modified_flow
from dynamics.flow.result import FlowTrajectory
from dynamics.flow.switching import Switching, saltation
from dynamics.flow.variational import Transition, transition

__all__ = [
    "Event",
    "FlowTrajectory",
    "HighResolutionFlow",
    "ModifiedFlow",
    "Solver",
    "Switching",
    "Transition",
    "high_resolution_flow",
    "integrate",
    "modified_flow",
    "saltation",
    "solvers",
    "transition",
]
