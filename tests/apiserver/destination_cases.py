# SPDX-License-Identifier: Apache-2.0
"""What a Destination may say."""

from __future__ import annotations

from tests.apiserver.case import DELETE, NO_USER, OAUTH2, SECRET_KEY, STORED, STOW, VALUE, Case

ALBUM = {"url": "https://kheops.example/api", "destinationToken": SECRET_KEY, "sourceToken": SECRET_KEY}
OTHER_KEY = {"secretKeyRef": {"name": "s", "key": "other"}}
DESTINATION_CASES = (
    Case("the least there can be", "dicom"),
    Case("the least there can be", "stow"),
    Case("both", "dicom", {"spec.stow": STOW}, ("spec", "exactly one of dicom and stow")),
    Case("neither", "dicom", {"spec.dicom": DELETE}, ("spec", "exactly one of dicom and stow")),
    Case("no ForwardNode", "dicom", {"spec.forwardNodeRef": DELETE}, ("spec.forwardNodeRef", "equired")),
    Case("port 1", "dicom", {"spec.dicom.port": 1}),
    Case("port 65535", "dicom", {"spec.dicom.port": 65535}),
    Case("port 0", "dicom", {"spec.dicom.port": 0}, ("spec.dicom.port", "1")),
    Case("port 70000", "dicom", {"spec.dicom.port": 70000}, ("spec.dicom.port", "65535")),
    Case("port as text", "dicom", {"spec.dicom.port": "104"}, ("spec.dicom.port",)),
    Case("17 characters", "dicom", {"spec.dicom.aeTitle": "A" * 17}, ("spec.dicom.aeTitle", "16")),
    Case("no host", "dicom", {"spec.dicom.hostname": DELETE}, ("spec.dicom.hostname", "equired")),
    Case("host by IPv6", "dicom", {"spec.dicom.hostname": "2001:db8::1"}),
    Case("host by IPv4", "dicom", {"spec.dicom.hostname": "192.0.2.1"}),
    Case("host with a dot at its end", "dicom", {"spec.dicom.hostname": "pacs_1.example."}),
    Case("host with port", "dicom", {"spec.dicom.hostname": "pacs.example:104"}, ("spec.dicom.hostname", "a host is")),
    Case("host with scheme", "dicom", {"spec.dicom.hostname": "dicom://pacs"}, ("spec.dicom.hostname", "a host is")),
    Case("host in brackets", "dicom", {"spec.dicom.hostname": "[::1]"}, ("spec.dicom.hostname", "a host is")),
    Case("host with path", "dicom", {"spec.dicom.hostname": "pacs.example/104"}, ("spec.dicom.hostname", "a host is")),
    Case("concurrency 0", "dicom", {"spec.dicom.concurrency": 0}, ("spec.dicom.concurrency", "1")),
    Case("concurrency 65", "dicom", {"spec.dicom.concurrency": 65}, ("spec.dicom.concurrency", "64")),
    Case("tls", "dicom", {"spec.dicom.tls": {"caRef": {"kind": "ConfigMap", "name": "ca"}, "serverName": "a"}}),
    Case("CA of another kind", "dicom", {"spec.dicom.tls": {"caRef": {"kind": "File", "name": "a"}}}, ("caRef.kind",)),
    Case("condition", "dicom", {"spec.condition": 'tagValueIsPresent(#Tag.Modality, "CT")'}),
    Case("condition, 4096 characters", "dicom", {"spec.condition": "a" * 4096}),
    Case("condition, 4097 characters", "dicom", {"spec.condition": "a" * 4097}, ("spec.condition", "4096")),
    Case("transfer syntax", "dicom", {"spec.transferSyntax": {"uid": "1.2.840.10008.1.2.4.80"}}),
    Case("leading zero", "dicom", {"spec.transferSyntax": {"uid": "1.02"}}, ("spec.transferSyntax.uid", "a UID is")),
    Case("SOP classes", "dicom", {"spec.authorizedSOPClasses": ["1.2.840.10008.5.1.4.1.1.2"]}),
    Case("no SOP classes", "dicom", {"spec.authorizedSOPClasses": []}, ("spec.authorizedSOPClasses", "at least 1")),
    Case("SOP class by name", "dicom", {"spec.authorizedSOPClasses": ["CT"]}, ("authorizedSOPClasses[0]", "a UID is")),
    Case("stored pseudonym", "dicom", {"spec.deidentification": STORED}),
    Case("tag morphing", "dicom", {"spec.tagMorphing": {"projectRef": {"name": "study-a"}}}),
    Case(
        "de-identification and tag morphing",
        "dicom",
        {"spec.deidentification": STORED, "spec.tagMorphing": {"projectRef": {"name": "study-a"}}},
        ("spec", "deidentification and tagMorphing"),
    ),
    Case("no pseudonym", "dicom", {"spec.deidentification": {"projectRef": {"name": "a"}}}, ("pseudonym", "equired")),
    Case(
        "no way to a pseudonym",
        "dicom",
        {"spec.deidentification": {"projectRef": {"name": "a"}, "pseudonym": {}}},
        ("spec.deidentification.pseudonym", "exactly one of stored, tag and api"),
    ),
    Case(
        "two ways to a pseudonym",
        "dicom",
        {
            "spec.deidentification": {
                "projectRef": {"name": "a"},
                "pseudonym": {"stored": {}, "tag": {"tag": "(0012,0040)"}},
            }
        },
        ("spec.deidentification.pseudonym", "exactly one of stored, tag and api"),
    ),
    Case(
        "pseudonym in a tag",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.tag": {"tag": "(0012,0040)", "delimiter": "-", "position": 1},
        },
    ),
    Case(
        "pseudonym from a service",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.api": {"url": "https://x/{{getString(#Tag.PatientID)}}"},
        },
    ),
    Case(
        "pseudonym from a service, user information",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.api": {"url": "https://u:p@x/"},
        },
        ("spec.deidentification.pseudonym.api.url", NO_USER),
    ),
    Case(
        "position before the first",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.tag": {"tag": "(0012,0040)", "position": -1},
        },
        ("pseudonym.tag.position", "0"),
    ),
    Case("notifications", "dicom", {"spec.notifications": {"recipients": ["a@example"]}}),
    Case("recipient", "dicom", {"spec.notifications": {"recipients": ["nobody"]}}, ("recipients[0]", "name@domain")),
    Case("webhook", "dicom", {"spec.notifications": {"webhook": {"url": "ftp://x/"}}}, ("webhook.url", "http://")),
    Case("retry", "dicom", {"spec.retry.maxAge": "30d"}, ("spec.retry.maxAge", "168h")),
    Case("no time to try", "dicom", {"spec.retry.maxAge": "0s"}, ("spec.retry.maxAge", "at least 1s")),
    Case("hardly time to try", "stow", {"spec.retry.maxAge": "999ms"}, ("spec.retry.maxAge", "at least 1s")),
    Case("the least time to try", "stow", {"spec.retry.maxAge": "1s"}),
    Case("URL without scheme", "stow", {"spec.stow.url": "pacs.example/studies"}, ("spec.stow.url", "http://")),
    Case("URL of another scheme", "stow", {"spec.stow.url": "ftp://pacs.example/"}, ("spec.stow.url", "http://")),
    Case("URL without a host", "stow", {"spec.stow.url": "https://:8443/dicomweb"}, ("spec.stow.url", "a host and")),
    Case(
        "URL with a port that cannot be",
        "stow",
        {"spec.stow.url": "https://pacs.example:65536/"},
        ("spec.stow.url", "a host and"),
    ),
    Case(
        "URL with an open bracket", "stow", {"spec.stow.url": "https://[::1/dicomweb"}, ("spec.stow.url", "a host and")
    ),
    Case("URL with an IPv6 address and a port", "stow", {"spec.stow.url": "https://[2001:db8::1]:65535/dicomweb?a=b"}),
    Case("URL of a host alone", "stow", {"spec.stow.url": "http://pacs_1"}),
    Case(
        "URL with user information", "stow", {"spec.stow.url": "https://u:p@pacs.example/"}, ("spec.stow.url", NO_USER)
    ),
    Case("URL with an @ in its path", "stow", {"spec.stow.url": "https://pacs.example/a@b/studies"}),
    Case("URL with a port", "stow", {"spec.stow.url": "http://[2001:db8::1]:8042/dicom-web/studies"}),
    Case(
        "headers",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": ""}, {"name": "X-K", "valueFrom": SECRET_KEY}]},
    ),
    Case(
        "header without value", "stow", {"spec.stow.headers": [{"name": "X-A"}]}, ("headers[0]", "value and valueFrom")
    ),
    Case(
        "header with two values",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a", "valueFrom": SECRET_KEY}]},
        ("spec.stow.headers[0]", "exactly one of value and valueFrom"),
    ),
    Case(
        "header with a line break",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a\r\nX-B: b"}]},
        ("spec.stow.headers[0].value", "no line breaks"),
    ),
    Case(
        "header's name",
        "stow",
        {"spec.stow.headers": [{"name": "X A", "value": "a"}]},
        ("headers[0].name", "no spaces"),
    ),
    Case(
        "authorisation by header", "stow", {"spec.stow.headers": [{"name": "Authorization", "valueFrom": SECRET_KEY}]}
    ),
    *(
        Case(
            f"header {name}",
            "stow",
            {"spec.stow.headers": [{"name": "X-A", "value": "a"}, {"name": name, "value": "a"}]},
            ("spec.stow.headers[1].name", "says this by itself"),
        )
        for name in (
            "Content-Type",
            "content-length",
            "HOST",
            "Transfer-Encoding",
            "Accept",
            "Accept-Encoding",
            "Connection",
        )
    ),
    Case("header like one of ours", "stow", {"spec.stow.headers": [{"name": "Accept-Language", "value": "de"}]}),
    Case(
        "a header twice",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a b"}, {"name": "X-A", "value": "c"}]},
    ),
    *(
        Case(f"header value {value!r}", "stow", {"spec.stow.headers": [{"name": "X-A", "value": value}]}, VALUE)
        for value in (" a", "a ", "a\x0bb", "a\x7f", "é", "\t")
    ),
    Case(
        "URL with a fragment", "stow", {"spec.stow.url": "https://pacs.example/dicomweb#a"}, ("spec.stow.url", "no #")
    ),
    Case("TLS by a private authority", "stow", {"spec.stow.tls": {"caRef": {"name": "ca"}}}),
    Case(
        "TLS that nothing goes over",
        "stow",
        {"spec.stow": {"url": "http://pacs.example/dicomweb", "tls": {"caRef": {"name": "ca"}}}},
        ("spec.stow.tls", "goes in the clear; write https://"),
    ),
    Case("basic", "stow", {"spec.stow.auth": {"basic": {"secretRef": {"name": "s"}}}}),
    Case("bearer", "stow", {"spec.stow.auth": {"bearer": SECRET_KEY}}),
    Case(
        "key of a Secret with a slash",
        "stow",
        {"spec.stow.auth": {"bearer": {"secretKeyRef": {"name": "s", "key": "a/b"}}}},
        ("spec.stow.auth.bearer.secretKeyRef.key", "a key has letters"),
    ),
    Case("oauth2", "stow", {"spec.stow.auth": {"oauth2": OAUTH2}}),
    Case(
        "two authorisations",
        "stow",
        {"spec.stow.auth": {"bearer": SECRET_KEY, "oauth2": OAUTH2}},
        ("spec.stow.auth", "at most one of basic, bearer and oauth2"),
    ),
    Case(
        "an authorisation header beside another",
        "stow",
        {"spec.stow": {**STOW, "auth": {"bearer": SECRET_KEY}, "headers": [{"name": "authorization", "value": "x"}]}},
        ("spec.stow", "Authorization header and auth exclude each other"),
    ),
    Case(
        "Kheops",
        "stow",
        {"spec.stow.kheopsAlbums": [ALBUM]},
    ),
    Case(
        "an album twice",
        "stow",
        {"spec.stow.kheopsAlbums": [ALBUM, {**ALBUM, "sourceToken": OTHER_KEY}]},
        ("spec.stow.kheopsAlbums", "the same url and destinationToken"),
    ),
    Case(
        "an album that differs in its token alone",
        "stow",
        {"spec.stow.kheopsAlbums": [ALBUM, {**ALBUM, "destinationToken": OTHER_KEY}]},
    ),
    Case(
        "an album that differs in its URL alone",
        "stow",
        {"spec.stow.kheopsAlbums": [ALBUM, {**ALBUM, "url": "https://kheops.example/other"}]},
    ),
    Case(
        "Kheops without token",
        "stow",
        {"spec.stow.kheopsAlbums": [{"url": "https://kheops.example/api", "sourceToken": SECRET_KEY}]},
        ("kheopsAlbums[0].destinationToken", "equired"),
    ),
)
