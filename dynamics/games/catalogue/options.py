"""What the settings of every catalogue game share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Matrix = list[list[float]]


class Options(BaseModel):
    """Typed settings; unknown keys, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)

    def without_effect(self) -> set[str]:
        """Return the settings that change nothing, given the others."""
        return set()
