"""One file per verb; module and function carry the verb's name (with an underscore where Python owns the name)."""

#: Order of the verbs in ``gandyn --help``.
VERBS = (
    "list",
    "show",
    "evaluate",
    "trajectory",
    "iterate",
    "stability",
    "continue",
    "portrait",
    "basins",
    "ensemble",
    "train",
    "compare",
    "claims",
    "report",
    "bench",
)
