"""The table of schemes; a training algorithm of :mod:`dynamics.methods` is a scheme too."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import Any

from dynamics.core.errors import InputError, unknown
from dynamics.ensemble.schemes.base import Scheme

#: Name of each scheme, its module in this package and its class.
_SCHEMES = {
    "euler-maruyama": ("euler_maruyama", "EulerMaruyama"),
    "milstein": ("milstein", "Milstein"),
    "stochastic-runge-kutta": ("stochastic_runge_kutta", "StochasticRungeKutta"),
    "weak-order-2": ("weak_order_2", "WeakOrder2"),
    "tamed-euler": ("tamed_euler", "TamedEuler"),
    "exact": ("exact", "Exact"),
}


def names() -> list[str]:
    """Return the names of all schemes, without the training algorithms."""
    return list(_SCHEMES)


def summary(name: str) -> str:
    """Return the one-line summary of a scheme."""
    return str(find(name).__doc__).strip().splitlines()[0].replace("``", "")


def find(name: str) -> type[Scheme]:
    """Return the class of a scheme."""
    if name not in _SCHEMES:
        from dynamics import methods

        raise unknown("scheme", name, [*_SCHEMES, *methods.names()])
    module, kind = _SCHEMES[name]
    return getattr(import_module(f"dynamics.ensemble.schemes.{module}"), kind)


def get(name: str, **given: Any) -> Scheme:
    """Return a scheme with the given settings; the name of a training algorithm makes it one with noise.

    Parameters
    ----------
    name : str
        One of :func:`names`, or of :func:`dynamics.methods.names`.
    **given
        Settings of the scheme, or of the training algorithm (``lr`` among them).

    Raises
    ------
    InputError
        For an unknown name or setting (naming the nearest), or a value out of range.
    """
    from dynamics import methods

    if name not in _SCHEMES and name in methods.names():
        from dynamics.ensemble.schemes.noisy_map import NoisyMap

        return NoisyMap(methods.get(name, **given))
    kind = find(name)
    valid = [entry.name for entry in fields(kind)]
    for key in given:
        if key not in valid:
            raise unknown(f"setting of the scheme {name}", key, valid)
    return kind(**given)


def read_scheme(given: Any) -> Scheme:
    """Return a scheme from itself, from a training algorithm or from its name."""
    from dynamics.methods import Method

    if isinstance(given, Scheme):
        return given
    if isinstance(given, Method):
        from dynamics.ensemble.schemes.noisy_map import NoisyMap

        return NoisyMap(given)
    if isinstance(given, str):
        return get(given)
    raise InputError(f"The scheme must be a name, a Scheme or a Method, got {given!r}.")
