"""What all sections of the configuration are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Positive = Annotated[int, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A group of settings: unknown keys are refused, values cannot be changed after checking."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _switches_only_for_switches(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would read true as the number 1, and YAML reads yes, no, on and off as truth.
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("it is not a switch; yes, no, on, off, true and false do not fit")
        return value


def setting(default: Any, why: str, **bounds: Any) -> Any:
    """A field with its default, and why it is that."""
    return Field(default, description=why, **bounds)
