"""What a scenario is, and where the scenarios are found.

A scenario audits one statement. It measures two kinds of things: what the statement *as told* predicts, and what the
*correct* statement predicts. The verdict follows from the measurements of the first kind alone:

==========  ==============================================
supported   all predictions of the statement as told hold
qualified   some hold and some fail
refuted     none holds
undecided   there is none: nothing could be measured
==========  ==============================================

A scenario holds when this verdict is the recorded one and every prediction of the correct statement holds.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Verdict = Literal["supported", "qualified", "refuted", "undecided"]
Relation = Literal["equal", "at most", "at least"]

#: The lecture notes whose statements are audited.
SOURCES = {
    "N1": "Smoothing techniques in GANs",
    "N2": "Alternating optimisation in GANs",
    "N3": "Theory and mathematical foundations of GANs",
    "N4": "The vanishing gradient in the minimax loss",
    "N5": "VAEs and GANs: objective functions",
}

#: Statements that the literature tells, and no note: whom they are told by, and where.
TOLD_IN = {
    "Mertikopoulos 2018": "Cycles in adversarial regularized learning",
    "Hsieh 2021": "The limits of min-max optimization algorithms",
    "Daskalakis 2018": "Training GANs with optimism",
    "Qin 2020": "Training generative adversarial networks by solving ordinary differential equations",
    "Mandt 2017": "Stochastic gradient descent as approximate Bayesian inference",
    "Li 2017": "Stochastic modified equations and adaptive stochastic gradient algorithms",
}

#: The literature behind the corrected statements.
GOODFELLOW_2014 = "Goodfellow et al. 2014, Generative adversarial nets"
MESCHEDER_2017 = "Mescheder, Nowozin and Geiger 2017, The numerics of GANs"
MESCHEDER_2018 = "Mescheder, Geiger and Nowozin 2018, Which training methods for GANs do actually converge?"
GIDEL_2019 = "Gidel et al. 2019, Negative momentum for improved game dynamics"
ROTH_2017 = "Roth et al. 2017, Stabilizing training of generative adversarial networks through regularization"
ARJOVSKY_2017 = "Arjovsky and Bottou 2017, Towards principled methods for training generative adversarial networks"
SONDERBY_2017 = "Sønderby et al. 2017, Amortised MAP inference for image super-resolution"
NAGARAJAN_2017 = "Nagarajan and Kolter 2017, Gradient descent GAN optimization is locally stable"
BERARD_2020 = "Berard et al. 2020, A closer look at the optimization landscapes of generative adversarial networks"
MERTIKOPOULOS_2018 = "Mertikopoulos, Papadimitriou and Piliouras 2018, Cycles in adversarial regularized learning"
HOFBAUER_1996 = "Hofbauer 1996, Evolutionary dynamics for bimatrix games: a Hamiltonian system?"
BAILEY_2018 = "Bailey and Piliouras 2018, Multiplicative weights update in zero-sum games"
MAO_2017 = "Mao et al. 2017, Least squares generative adversarial networks"
HEUSEL_2017 = "Heusel et al. 2017, GANs trained by a two time-scale update rule converge to a local Nash equilibrium"
FIEZ_2021 = (
    "Fiez and Ratliff 2021, Local convergence analysis of gradient descent ascent with finite timescale separation"
)
ARJOVSKY_2017B = "Arjovsky, Chintala and Bottou 2017, Wasserstein generative adversarial networks"
KORPELEVICH_1976 = "Korpelevich 1976, The extragradient method for finding saddle points and other problems"
ROCKAFELLAR_1976 = "Rockafellar 1976, Monotone operators and the proximal point algorithm"
BALDUZZI_2018 = "Balduzzi et al. 2018, The mechanics of n-player differentiable games"
DASKALAKIS_2018 = "Daskalakis et al. 2018, Training GANs with optimism"
GIDEL_2019_VARIATIONAL = "Gidel et al. 2019, A variational inequality perspective on generative adversarial networks"
SCHAEFER_2019 = "Schäfer and Anandkumar 2019, Competitive gradient descent"
QIN_2020 = "Qin et al. 2020, Training generative adversarial networks by solving ordinary differential equations"
ABERNETHY_2021 = "Abernethy, Lai and Wibisono 2021, Last-iterate convergence rates for min-max optimization"
CHAVDAROVA_2021 = "Chavdarova et al. 2021, Taming GANs with lookahead-minmax"
ZHANG_2020 = "Zhang and Yu 2020, Convergence of gradient methods on bilinear zero-sum games"
FENG_2026 = "Feng, Ou and Wang 2026, Understanding dynamics of Adam in zero-sum games: an ODE approach"
KINGMA_2015 = "Kingma and Ba 2015, Adam: a method for stochastic optimization"
TIELEMAN_2012 = "Tieleman and Hinton 2012, Neural networks for machine learning, lecture 6.5"
GULRAJANI_2017 = "Gulrajani et al. 2017, Improved training of Wasserstein GANs"
HSIEH_2021 = "Hsieh, Mertikopoulos and Cevher 2021, The limits of min-max optimization algorithms"
ANDERSEN_1982 = (
    "Andersen and Geer 1982, Power series expansions for the frequency and period of the limit cycle of the van der "
    "Pol equation"
)
RISKEN_1989 = "Risken 1989, The Fokker-Planck equation"
KLOEDEN_1992 = "Kloeden and Platen 1992, Numerical solution of stochastic differential equations"
FREIDLIN_2012 = "Freidlin and Wentzell 2012, Random perturbations of dynamical systems"
ROBBINS_1951 = "Robbins and Monro 1951, A stochastic approximation method"
MANDT_2017 = "Mandt, Hoffman and Blei 2017, Stochastic gradient descent as approximate Bayesian inference"
CHAUDHARI_2018 = (
    "Chaudhari and Soatto 2018, Stochastic gradient descent performs variational inference, converges to limit cycles "
    "for deep networks"
)
HWANG_2005 = "Hwang, Hwang-Ma and Sheu 2005, Accelerating diffusions"
LI_2017 = "Li, Tai and E 2017, Stochastic modified equations and adaptive stochastic gradient algorithms"
LI_2019 = (
    "Li, Tai and E 2019, Stochastic modified equations and dynamics of stochastic gradient algorithms: mathematical "
    "foundations"
)
ROSCA_2021 = "Rosca, Wu, Dherin and Barrett 2021, Discretization drift in two-player games"
HAIRER_2006 = "Hairer, Lubich and Wanner 2006, Geometric numerical integration"


@dataclass(frozen=True)
class Measurement:
    """One number measured, beside the number that a statement predicts.

    Attributes
    ----------
    name : str
        What was measured, in words.
    measured, expected : float
        The number found and the number predicted (for the other relations, the bound).
    tolerance : float
        Absolute error allowed, in the unit of ``measured``.
    because : str
        Where the tolerance comes from.
    told : bool
        Whether the prediction is that of the statement as told (and so decides the verdict).
    relation : {"equal", "at most", "at least"}
        How ``measured`` has to lie to ``expected``.
    """

    name: str
    measured: float
    expected: float
    tolerance: float
    because: str
    told: bool = False
    relation: Relation = "equal"

    @property
    def error(self) -> float:
        """How far ``measured`` is on the wrong side of ``expected`` (never negative)."""
        difference = self.measured - self.expected
        if self.relation == "equal":
            return abs(difference)
        return max(0.0, difference if self.relation == "at most" else -difference)

    @property
    def holds(self) -> bool:
        """Whether the prediction is met; a NaN never meets one."""
        return bool(math.isfinite(self.measured) and self.error <= self.tolerance)

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement with its judgement, JSON-able."""
        keys = ("name", "measured", "expected", "error", "tolerance", "relation", "because", "told", "holds")
        return {key: getattr(self, key) for key in keys}


def hardest(measurements: Sequence[Measurement], of: str) -> Measurement:
    """Return the measurement of the largest error in units of its tolerance; if it holds, all of them do.

    Parameters
    ----------
    measurements : sequence of Measurement
        The same quantity at several seeds, rates or weights.
    of : str
        What it is the worst of; added to the name.
    """

    def strain(measurement: Measurement) -> float:
        if not math.isfinite(measurement.measured):
            return math.inf
        if measurement.tolerance == 0:
            return 0.0 if measurement.error == 0 else math.inf
        return measurement.error / measurement.tolerance

    worst = max(measurements, key=strain)
    return replace(worst, name=f"{worst.name}, {of}")


@dataclass(frozen=True)
class Evidence:
    """What a scenario measured, and the arrays its picture is drawn from."""

    measurements: tuple[Measurement, ...]
    arrays: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The verdict that the predictions of the statement as told add up to."""
        told = [measurement.holds for measurement in self.measurements if measurement.told]
        if not told:
            return "undecided"
        if not any(told):
            return "refuted"
        return "supported" if all(told) else "qualified"


@dataclass(frozen=True)
class Scenario:
    """One claim under audit.

    Attributes
    ----------
    id, title : str
        Name in tables ("O1") and in words.
    statement, source : str
        The statement as told, and who tells it (keys of :data:`SOURCES` or :data:`TOLD_IN`).
    truth : str
        What really holds.
    references : tuple of str
        The literature: who showed it, or introduced what is measured.
    verdict : {"supported", "qualified", "refuted"}
        The verdict on record; a measurement that contradicts it fails the scenario.
    run : callable
        ``run(quick) -> Evidence``.
    draw : callable
        ``draw(evidence) -> Figure``.
    """

    id: str
    title: str
    statement: str
    source: str
    truth: str
    references: tuple[str, ...]
    verdict: Verdict
    run: Callable[[bool], Evidence]
    draw: Callable[[Evidence], Figure]


def told_by(source: str) -> list[tuple[str, str]]:
    """Return key and title of everyone who tells a statement, from a scenario's ``source``."""
    titles = SOURCES | TOLD_IN
    return [(key, titles[key]) for key in source.split(", ")]


def _order(scenario_id: str) -> tuple[int, int]:
    """Return the place of ``O1`` in the order of the list of claims."""
    chapters = "OSLDNEMR"
    return chapters.index(scenario_id[0]), int(scenario_id[1:])


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Return every scenario found in :mod:`scenarios.claims`, in the order of the claims."""
    from scenarios import claims

    found = [
        importlib.import_module(f"{claims.__name__}.{module.name}").scenario
        for module in pkgutil.iter_modules(claims.__path__)
    ]
    return tuple(sorted(found, key=lambda scenario: _order(scenario.id)))


def select(ids: Sequence[str] | None = None) -> tuple[Scenario, ...]:
    """Return the scenarios named (upper or lower case), or all of them for None or an empty list.

    Raises
    ------
    InputError
        For an id that does not exist, naming the nearest one.
    """
    from dynamics.core.errors import unknown

    known = {scenario.id: scenario for scenario in scenarios()}
    wanted = list(dict.fromkeys(name.upper() for name in ids or known))
    for name in wanted:
        if name not in known:
            raise unknown("scenario", name, known)
    return tuple(known[name] for name in wanted)
