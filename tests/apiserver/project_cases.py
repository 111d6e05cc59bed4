# SPDX-License-Identifier: Apache-2.0
"""What a Project may say."""

from __future__ import annotations

from tests.apiserver.case import DELETE, NO_USER, OAUTH2, SECRET_KEY, Case

PROJECT_CASES = (
    Case("the least there can be", "project"),
    Case(
        "profile from elsewhere",
        "project",
        {"spec": {"profileFrom": {"configMapKeyRef": {"name": "p", "key": "p.yaml"}}}},
    ),
    Case("no profile", "project", {"spec.profile": DELETE}, ("spec", "exactly one of profile and profileFrom")),
    Case(
        "two profiles",
        "project",
        {"spec.profileFrom": {"configMapKeyRef": {"name": "p", "key": "p.yaml"}}},
        ("spec", "exactly one of profile and profileFrom"),
    ),
    Case(
        "profile with numbers",
        "project",
        {
            "spec.profile": {
                "name": "demo",
                "version": 1,
                "profileElements": [
                    {
                        "name": "ages",
                        "codename": "action.on.dates",
                        "option": "shift_range",
                        "arguments": {"max_days": 200, "retainUIDs": True, "value": "x"},
                        "tags": ["(0008,002X)", "00100020"],
                    },
                ],
                "masks": [{"stationName": "*", "color": "000000", "imageWidth": 512, "rectangles": ["0 0 300 40"]}],
            }
        },
    ),
    Case(
        "tag without quotes",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tags": ["00080020", 32784]}]},
        ("spec.profile.profileElements[0].tags[1]", "quote it"),
    ),
    Case(
        "excluded tag without quotes",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "excludedTags": [32784]}]},
        ("spec.profile.profileElements[0].excludedTags[0]", "quote it"),
    ),
    Case("colour without quotes", "project", {"spec.profile.masks": [{"color": 0}]}, ("masks[0].color", "quote it")),
    Case("element without codename", "project", {"spec.profile.profileElements": [{"name": "a"}]}, ("codename",)),
    Case(
        "unknown field in an element",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tag": "00100020"}]},
        ("unknown field", "tag"),
    ),
    Case("512 elements", "project", {"spec.profile.profileElements": [{"codename": "a"}] * 512}),
    Case(
        "513 elements",
        "project",
        {"spec.profile.profileElements": [{"codename": "a"}] * 513},
        ("profileElements", "512"),
    ),
    Case("2048 tags", "project", {"spec.profile.profileElements": [{"codename": "a", "tags": ["00100020"] * 2048}]}),
    Case(
        "2049 tags",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tags": ["00100020"] * 2049}]},
        ("spec.profile.profileElements[0].tags", "2048"),
    ),
    Case("1024 masks", "project", {"spec.profile.masks": [{"stationName": "*"}] * 1024}),
    Case(
        "1025 masks", "project", {"spec.profile.masks": [{"stationName": "*"}] * 1025}, ("spec.profile.masks", "1024")
    ),
    Case("compatibility", "project", {"spec.compatibility": "Loose"}, ("spec.compatibility", "Strict")),
    Case("uncleanable", "project", {"spec.uncleanable": "Drop"}, ("spec.uncleanable", "Hold")),
    Case("pseudonyms in a Secret", "project", {"spec.pseudonyms": SECRET_KEY}),
    Case("pseudonyms in Redis", "project", {"spec.pseudonyms": {"redis": {"url": "redis://redis.example:6379/0"}}}),
    Case("pseudonyms nowhere", "project", {"spec.pseudonyms": {}}, ("spec.pseudonyms", "secretKeyRef and redis")),
    Case(
        "pseudonyms in two places",
        "project",
        {"spec.pseudonyms": {**SECRET_KEY, "redis": {"url": "redis://a"}}},
        ("spec.pseudonyms", "exactly one of secretKeyRef and redis"),
    ),
    Case(
        "Redis with user information",
        "project",
        {"spec.pseudonyms": {"redis": {"url": "redis://u:p@a"}}},
        ("spec.pseudonyms.redis.url", NO_USER),
    ),
    Case("authorisations", "project", {"spec.authConfigs": [{"name": n, "oauth2": OAUTH2} for n in ("a", "b")]}),
    Case(
        "two authorisations of a name",
        "project",
        {"spec.authConfigs": [{"name": "a", "oauth2": OAUTH2}] * 2},
        ("spec.authConfigs",),
    ),
)
