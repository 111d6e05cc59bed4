# SPDX-License-Identifier: Apache-2.0
"""A Karnak profile inside a Project: its shape. Elements and masks stay plain dicts in Karnak's spelling.

YAML turns an unquoted ``00100020`` into 32784 and ``000000`` into 0, so that a number where a tag or a colour belongs
is refused rather than guessed at.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema, with_config
from typing_extensions import TypedDict

from dromos_crds.fields import Part

ELEMENTS, TAGS, MASKS, RECTANGLES = 512, 2048, 1024, 256


def _quoted(what: str, length: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": length,
            "x-kubernetes-validations": [{"rule": "type(self) == string", "message": f"{what} is text; quote it"}],
        }
    )


Word = Annotated[str, Field(max_length=1024)] | int
# 15 characters hold (gggg,eeee) with blanks; with 16 the API server reckons the rule for a million tags as too dear
Tag = Annotated[str, Field(max_length=15), _quoted("a tag", 15)]
Tags = Annotated[list[Tag], Field(max_length=TAGS)]
Color = Annotated[str, Field(max_length=16), _quoted("a colour", 16)]
Rectangle = Annotated[str, Field(max_length=64)]
Argument = Annotated[str, Field(max_length=16384)] | int | bool | float


@with_config(extra="forbid")
class _ElementName(TypedDict):
    codename: Annotated[str, Field(min_length=1, max_length=64, description="Which rule, such as action.on.dates.")]


@with_config(extra="forbid")
class ProfileElement(_ElementName, total=False):
    """One rule of a profile."""

    name: Annotated[Word, Field(description="Name of the rule, for people.")]
    condition: Annotated[str, Field(max_length=4096, description="Expression; the rule applies where it is true.")]
    action: Annotated[str, Field(max_length=16, description="Action code, such as X, K or Z.")]
    option: Annotated[str, Field(max_length=64, description="Option of action.on.dates, such as shift_range.")]
    arguments: Annotated[dict[str, Argument], Field(max_length=64, description="Arguments of the rule.")]
    tags: Annotated[Tags, Field(description="Tags it applies to; X stands for any digit. Quote them.")]
    excludedTags: Annotated[Tags, Field(description="Tags it does not apply to. Quote them.")]


@with_config(extra="forbid")
class Mask(TypedDict, total=False):
    """Rectangles that clean.pixel.data fills."""

    stationName: Annotated[Word, Field(description="Station that made the image, or *.")]
    imageWidth: Annotated[Word, Field(description="Only images with so many columns.")]
    imageHeight: Annotated[Word, Field(description="Only images with so many rows.")]
    color: Annotated[Color, Field(description="Fill colour RRGGBB in hexadecimal. Quote it.")]
    rectangles: Annotated[
        list[Rectangle], Field(max_length=RECTANGLES, description="Each is 'x y width height' in pixels.")
    ]


class Profile(Part):
    """A Karnak profile."""

    name: Word = Field("", description="Name of the profile.")
    version: Word = Field("", description="Version of the profile.")
    minimum_karnak_version: Word = Field("", description="Oldest Karnak that knows the profile; kept, not enforced.")
    default_issuer_of_patient_id: str | None = Field(
        None, alias="defaultIssuerOfPatientID", max_length=64, description="Used where the instance has no issuer."
    )
    profile_elements: tuple[ProfileElement, ...] = Field(
        (), max_length=ELEMENTS, description="The rules, in order; the first that matches a tag counts."
    )
    masks: tuple[Mask, ...] = Field((), max_length=MASKS, description="Rectangles for clean.pixel.data.")
