# SPDX-License-Identifier: Apache-2.0
"""The picture in docs/ is of the mail as it is."""

from __future__ import annotations

from PIL import Image

from tests.unit.notifications import picture


def test_the_picture_is_not_older_than_the_mail() -> None:
    with Image.open(picture.PICTURE) as image:
        shown = image.info.get(picture.DIGEST)  # type: ignore[no-untyped-call]
    assert shown == picture.digest(), "make it anew: python -m tests.unit.notifications.picture"
