# SPDX-License-Identifier: Apache-2.0
"""Calls of a real HTTP service: values, defaults, tries, tokens, a service that is down, and nothing of it in errors."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from random import Random

import pytest

from dromos_crds.calls import Call, compile_call
from dromos_gateway.endpoints.cache import LIFE, MOST, Cache
from dromos_gateway.endpoints.service import Endpoints, Failure, Found
from dromos_gateway.pseudonyms.resolution import APIResolver, Held, Pseudonym
from dromos_gateway.web.oauth2 import ClientCredentials
from tests.wire.endpoints.servers import CLIENT_ID, CLIENT_SECRET, Answer, Asked, Service, TokenEndpoint
from tests.wire.gateway.peers import free_port

SECRET_ID = "Müller/7?&#"
VALUES = {0x00100020: SECRET_ID}


class Instance(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)

    def present(self, tag: int) -> bool:
        return tag in self


def call(url: str, *, path: str = "/value", **arguments: str) -> Call:
    compiled = compile_call(url=url, response_path=path, **arguments)  # type: ignore[arg-type]
    assert isinstance(compiled, Call), compiled
    return compiled


@pytest.fixture
def endpoints() -> Iterator[Endpoints]:
    made = Endpoints({}, random=Random(1), deadline=3.0)
    yield made
    made.close()


def ask(endpoints: Endpoints, wanted: Call) -> str | Failure:
    found = endpoints.ask(wanted, Instance(VALUES))
    if isinstance(found, Found):
        assert repr(found) == "Found()"
        return found.text
    for leak in (SECRET_ID, "M%C3%BCller", "Müller", "/ids/", CLIENT_SECRET):
        assert leak not in found.message
    return found


def test_get_and_post_carry_values_safely(endpoints: Endpoints) -> None:
    with Service(lambda asked: Answer(body='{"value": "PSN-1"}')) as service:
        assert ask(endpoints, call(service.url + "/ids/{{getString(#Tag.PatientID)}}?q=1")) == "PSN-1"
        body = '{"id": "{{getString(#Tag.PatientID)}}"}'
        assert ask(endpoints, call(service.url + "/ids", method="POST", body=body)) == "PSN-1"
        get, post = service.asked
    assert (get.method, get.path, get.body) == ("GET", "/ids/M%C3%BCller%2F7%3F%26%23?q=1", "")
    assert (post.method, post.headers["content-type"]) == ("POST", "application/json")
    assert json.loads(post.body) == {"id": SECRET_ID}


@pytest.mark.parametrize(
    ("body", "path", "value"),
    [
        ('{"value": "PSN"}', "value", "PSN"),
        ('{"a": [{"b": "PSN"}]}', "/a/0/b", "PSN"),
        ('"PSN"', "", "PSN"),
        ('{"value": 42}', "/value", "42"),
        ('{"value": 1.10}', "/value", "1.10"),
        ('{"value": 12345678901234567890123}', "/value", "12345678901234567890123"),
    ],
)
def test_texts_and_numbers_are_values(endpoints: Endpoints, body: str, path: str, value: str) -> None:
    with Service(lambda asked: Answer(body=body)) as service:
        assert ask(endpoints, call(service.url, path=path)) == value


@pytest.mark.parametrize(
    ("answer", "said", "tries"),
    [
        (Answer(body='{"other": "x"}'), "no value at responsePath", 1),
        (Answer(body='{"value": null}'), "no value at responsePath", 1),
        (Answer(body='{"value": ""}'), "an empty value", 1),
        (Answer(body='{"value": true}'), "neither text nor a number", 1),
        (Answer(body='{"value": {}}'), "neither text nor a number", 1),
        (Answer(body='{"value": NaN}'), "not JSON", 1),
        (Answer(body="<html>"), "not JSON", 1),
        (Answer(body=b"[" * 100_000), "not JSON", 1),
        (Answer(body=b'{"value": "' + b"x" * (1 << 20) + b'"}'), "larger than 1 MiB", 1),
        (Answer(404, "Müller"), "answers 404", 1),
        (Answer(302, headers={"Location": "http://192.0.2.1/"}), "redirects are not followed", 1),
        (Answer(500), "answers 500", 3),
        (Answer(503, headers={"Retry-After": "0"}), "answers 503", 3),
        (Answer(429, headers={"Retry-After": "30"}), "answers 429", 1),
        (Answer(body='{"value": "late"}', delay=4), "no answer", 1),
    ],
)
def test_every_failure_has_the_default(endpoints: Endpoints, answer: Answer, said: str, tries: int) -> None:
    with Service(lambda asked: answer) as service:
        url = service.url + "/ids/{{getString(#Tag.PatientID)}}"
        failure = ask(endpoints, call(url))
        assert isinstance(failure, Failure)
        assert said in failure.message
        assert f"127.0.0.1:{service.port}" in failure.message
        assert len(service.asked) == tries
        assert ask(endpoints, call(url, default="dummy")) == "dummy"


def test_what_passes_by_is_tried_again(endpoints: Endpoints) -> None:
    answers = iter([Answer(503), Answer(502), Answer(body='{"value": "PSN"}')])
    with Service(lambda asked: next(answers)) as service:
        assert ask(endpoints, call(service.url)) == "PSN"


def test_answers_are_remembered_nulls_and_failures_are_not(endpoints: Endpoints) -> None:
    answers = iter([Answer(404), Answer(body='{"value": null}'), Answer(body='{"value": "PSN"}')])
    with Service(lambda asked: next(answers)) as service:
        wanted = call(service.url + "/ids/{{getString(#Tag.PatientID)}}")
        assert isinstance(ask(endpoints, wanted), Failure)
        assert isinstance(ask(endpoints, wanted), Failure)
        assert [ask(endpoints, wanted) for _ in range(5)] == ["PSN"] * 5
        assert len(service.asked) == 3
        other = endpoints.ask(
            call(service.url + "/ids/{{getString(#Tag.PatientID)}}", path="/other", default="d"), Instance()
        )
        assert other == Found("d"), "another patient, another path: another answer"


def test_what_is_remembered_is_bounded_in_number_and_time() -> None:
    now = 100.0
    cache = Cache(lambda: now, most=2)
    endpoints = Endpoints({}, clock=lambda: now, cache=cache)

    def asked_for(patient: str) -> int:
        """How often the service was asked for it."""
        found = endpoints.ask(wanted, Instance({0x00100020: patient}))
        assert found == Found(f"of {patient}")
        assert len(cache) <= 2
        return sum(asked.path == f"/ids/{patient}" for asked in service.asked)

    with Service(lambda asked: Answer(body=json.dumps({"value": f"of {asked.path[5:]}"}))) as service:
        wanted = call(service.url + "/ids/{{getString(#Tag.PatientID)}}")
        assert [asked_for(patient) for patient in "ABAB"] == [1, 1, 1, 1]
        assert asked_for("C") == 1, "A goes, nobody wanted it for longest"
        assert [asked_for(patient) for patient in "BC"] == [1, 1]
        assert asked_for("A") == 2
        now += LIFE - 1
        assert asked_for("A") == 2
        now += 1
        assert asked_for("A") == 3, "answers age"
    endpoints.close()


def test_a_gateway_remembers_no_more_than_ten_thousand_answers() -> None:
    cache = Cache(lambda: 0.0)
    for number in range(MOST + 500):
        cache.put(number, "")
    assert len(cache) == MOST == 10_000
    assert cache.get(499) is None
    assert cache.get(500) == ""


def test_a_service_that_is_down_is_left_alone_for_a_while_and_then_found_again() -> None:
    now = 100.0
    endpoints = Endpoints({}, clock=lambda: now, random=Random(1))
    port = free_port()
    wanted = call(f"http://127.0.0.1:{port}/ids/{{{{getString(#Tag.PatientID)}}}}")
    first = ask(endpoints, wanted)
    assert isinstance(first, Failure)
    assert 0.5 <= first.retry_after <= 1.0
    with Service(lambda asked: Answer(body='{"value": "PSN"}'), port=port) as service:
        assert isinstance(ask(endpoints, wanted), Failure)
        assert service.asked == []
        now += 1.0
        assert ask(endpoints, wanted) == "PSN"
    endpoints.close()


def test_a_question_that_a_service_fails_at_says_nothing_of_others(endpoints: Endpoints) -> None:
    """Else a call with a default would give it to patients whom the service knows."""

    def answers(asked: Asked) -> Answer:
        return Answer(500) if asked.path in ("/bad", "/ids/A") else Answer(body='{"value": "PSN"}')

    with Service(answers) as service:
        assert ask(endpoints, call(service.url + "/bad", default="dummy")) == "dummy"
        assert ask(endpoints, call(service.url + "/good", default="dummy")) == "PSN"
        wanted = call(service.url + "/ids/{{getString(#Tag.PatientID)}}", default="dummy")
        found = [endpoints.ask(wanted, Instance({0x00100020: patient})) for patient in "AAB"]
        assert found == [Found("dummy"), Found("dummy"), Found("PSN")]
        assert [asked.path for asked in service.asked].count("/ids/A") == 3, "three tries, then it rests"


def test_a_slow_service_costs_no_more_than_the_deadline() -> None:
    endpoints = Endpoints({}, deadline=0.5)
    with Service(lambda asked: Answer(delay=6)) as service:
        begun = time.monotonic()
        assert isinstance(ask(endpoints, call(service.url)), Failure)
        assert time.monotonic() - begun < 5
    endpoints.close()


def secured(tokens: TokenEndpoint, asked: Asked) -> Answer:
    if asked.path == "/token":
        return tokens.answer(asked)
    return Answer(body='{"value": "PSN"}') if tokens.accepts(asked) else Answer(401)


def test_tokens_are_fetched_once_and_renewed_when_refused() -> None:
    tokens = TokenEndpoint()
    with Service(lambda asked: secured(tokens, asked)) as service:
        credentials = ClientCredentials(service.url + "/token", CLIENT_ID, CLIENT_SECRET, ("ids", "read"))
        endpoints = Endpoints({"ids": credentials}, random=Random(1))
        wanted = [call(f"{service.url}/{n}", auth_config="ids") for n in range(3)]
        assert [ask(endpoints, each) for each in wanted[:2]] == ["PSN", "PSN"]
        assert tokens.issued == 1
        tokens.good.clear()
        assert ask(endpoints, wanted[2]) == "PSN"
        assert tokens.issued == 2
        unknown = ask(endpoints, call(service.url, auth_config="nobody"))
        assert unknown == Failure("the project has no authConfig nobody")
        assert ask(endpoints, call(service.url, auth_config="nobody", default="dummy")) == "dummy"
        endpoints.close()


def test_a_refused_client_is_said_and_not_shown() -> None:
    tokens = TokenEndpoint()
    with Service(lambda asked: secured(tokens, asked)) as service:
        credentials = ClientCredentials(service.url + "/token", CLIENT_ID, "wrong", ("ids", "read"))
        endpoints = Endpoints({"ids": credentials})
        failure = ask(endpoints, call(service.url, auth_config="ids"))
        assert isinstance(failure, Failure)
        assert "invalid_client" in failure.message
        assert "wrong" not in f"{failure} {credentials}"
        endpoints.close()


def test_as_a_way_to_a_pseudonym(endpoints: Endpoints) -> None:
    answers = iter([Answer(body='{"value": "PSN"}'), Answer(404), Answer(body='{"value": ""}')])
    with Service(lambda asked: next(answers)) as service:
        found = [APIResolver(call(f"{service.url}/{n}"), endpoints).resolve(Instance(VALUES)) for n in range(3)]
    assert found[0] == Pseudonym("PSN")
    assert isinstance(found[1], Held)
    assert found[1].reason == "PseudonymServiceFailed"
    assert isinstance(found[2], Held)
