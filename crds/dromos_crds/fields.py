# SPDX-License-Identifier: Apache-2.0
"""The building blocks of the three kinds: a frozen model and the value types that carry their bounds.

Every bound here ends in the CRD's schema and in `dromos validate`: one place, two enforcers.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A frozen piece of a manifest; attributes are snake_case, manifests camelCase."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


# PS3.5 Table 6.2-1, VR AE: 16 characters, no backslash, no control character, not only spaces.
AE_TITLE_PATTERN = r"^[ -\[\]-~]*[!-\[\]-~][ -\[\]-~]*$"
AETitle = Annotated[str, Field(min_length=1, max_length=16, pattern=AE_TITLE_PATTERN)]
# PS3.5 §9.1
UID_PATTERN = r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$"
UID = Annotated[str, Field(min_length=1, max_length=64, pattern=UID_PATTERN)]
# a name or an IPv4 address, or an IPv6 address: one colon alone would be a port
HOSTNAME_PATTERN = r"^([A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)$"
_LONGEST_LABEL = 63  # RFC 1035 §2.3.4
_HOST = re.compile(r"https?://(\[[^\]]*\]|[^:/?]*)")


def _reachable(text: str) -> str:
    """A host that looks like an address is one, and a name is one that a resolver takes: patterns are too weak.

    Nor has a URL control characters; what is no space to the pattern may be one of those.
    """
    if not text.isprintable():
        raise ValueError(f"{text!r} has a control character")
    match = _HOST.match(text)
    host = match[1].strip("[]") if match is not None else text
    try:
        if ":" in host:
            ipaddress.IPv6Address(host)
        elif not host.strip("0123456789."):
            ipaddress.IPv4Address(host)
        elif not all(0 < len(label) <= _LONGEST_LABEL for label in host.removesuffix(".").split(".")):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{host!r} is neither an address nor a name of parts of 1 to {_LONGEST_LABEL} characters"
        ) from None
    return text


Hostname = Annotated[str, Field(min_length=1, max_length=253, pattern=HOSTNAME_PATTERN), AfterValidator(_reachable)]
Port = Annotated[int, Field(ge=1, le=65535)]
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
Name = Annotated[str, Field(min_length=1, max_length=253, pattern=NAME_PATTERN)]
KEY_PATTERN = r"^[-._a-zA-Z0-9]+$"
SecretKey = Annotated[str, Field(min_length=1, max_length=253, pattern=KEY_PATTERN)]
Text = Annotated[str, Field(max_length=1024)]
Expression = Annotated[str, Field(max_length=4096)]
# a number and one unit, as Go and Kubernetes write them: 45s, 60m, 168h; not so long that clocks and timers overflow
DURATION_PATTERN = r"^([0-9]{1,9}(\.[0-9]+)?m?s|[0-9]{1,6}(\.[0-9]+)?[mh])$"
Duration = Annotated[str, Field(max_length=16, pattern=DURATION_PATTERN)]
QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$"
Quantity = Annotated[str, Field(max_length=32, pattern=QUANTITY_PATTERN)]
_PORT = r"(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_AUTHORITY = r"([A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])" + _PORT
URL_PATTERN = rf"^https?://{_AUTHORITY}([/?][^\s#]*)?$"
WebURL = Annotated[str, Field(min_length=8, max_length=2048, pattern=URL_PATTERN), AfterValidator(_reachable)]
REDIS_PATTERN = r"^rediss?://[^\s@]+$"
TEMPLATE_URL_PATTERN = r"^https?://[^\s/?#@]+([/?#].*)?$"
HEADER_NAME_PATTERN = r"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$"
HEADER_VALUE_PATTERN = r"^([!-~]([\t -~]*[!-~])?)?$"
# RFC 5321 without its quoted forms: no list of addresses, no display name, nothing that ends a header or a command. Not
# RFC 6531 either: a relay on the way that doesn't know it would keep everybody's mail from arriving
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
MAIL_PATTERN = rf"^{_ATEXT}(\.?{_ATEXT}){{0,63}}@{_LABEL}(\.{_LABEL})*$"
MailAddress = Annotated[str, Field(min_length=3, max_length=254, pattern=MAIL_PATTERN)]

# What each pattern means, for messages: `dromos validate` and the CRD's rules say the same.
PATTERN_MEANING = {
    AE_TITLE_PATTERN: "an AE title has 1 to 16 characters, no backslash or control character, and is not only spaces",
    NAME_PATTERN: "a name has lower-case letters, digits, '-' and '.', and begins and ends with a letter or digit",
    KEY_PATTERN: "a key has letters, digits, '-', '_' and '.'",
    UID_PATTERN: "a UID is numbers without leading zeros, separated by dots",
    HOSTNAME_PATTERN: "a host is a name or an address, without scheme, port or path",
    DURATION_PATTERN: "a duration is a number and a unit, such as 45s, 30m or 168h, and at most 999999h",
    QUANTITY_PATTERN: "a size is a number and a unit, such as 512Mi or 20Gi",
    URL_PATTERN: "a URL starts with http:// or https://, a host and perhaps a port, "
    "and has no user information, no spaces and no #",
    REDIS_PATTERN: "a URL starts with redis:// or rediss:// and has no user information; that belongs in secretRef",
    TEMPLATE_URL_PATTERN: "a URL starts with http:// or https:// and has no user information",
    HEADER_NAME_PATTERN: "a header's name has letters, digits and marks such as '-', and no spaces or colons",
    HEADER_VALUE_PATTERN: "a header's value has no line breaks, ASCII characters only, and no spaces at its ends",
    MAIL_PATTERN: "a mail address is name@domain in ASCII; write a domain in another script as xn--…",
}


class LocalReference(Part):
    """The name of an object in the same namespace."""

    name: Name = Field(description="Name of the object, in the same namespace.")


class KeySelector(Part):
    """One key of a Secret or ConfigMap in the same namespace."""

    name: Name = Field(description="Name of the object, in the same namespace.")
    key: SecretKey = Field(description="Key in the object's data.")


class FromSecret(Part):
    """A value that is read from a Secret."""

    secret_key_ref: KeySelector = Field(description="The Secret and the key that hold the value.")
