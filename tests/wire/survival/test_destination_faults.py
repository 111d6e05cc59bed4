# SPDX-License-Identifier: Apache-2.0
"""Destinations that misbehave: the verdict is that of the standard, it is to be seen, and nobody else waits."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from dromos_gateway.dimse import command, pdu
from dromos_gateway.dimse.outgoing import header
from tests.wire.dimse.scripted import Conversation
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu

Script = Callable[[Conversation, "Peer"], Awaitable[None]]
COUNT = 3


@dataclass
class Peer:
    """A destination that does as a script says, in a thread of its own."""

    script: Script
    port: int = 0
    associations: int = 0
    messages: list[str] = field(default_factory=list)  # SOP Instance UIDs, as they came

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.associations += 1
        try:
            await self.script(Conversation(reader, writer), self)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()


@contextmanager
def misbehaving(script: Script) -> Iterator[Peer]:
    """Serve as the script says until the test is over."""
    peer, ready = Peer(script), threading.Event()
    stop: list[Callable[[], object]] = []

    async def main() -> None:
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
        peer.port = server.sockets[0].getsockname()[1]
        stop.append(lambda: loop.call_soon_threadsafe(over.set))
        ready.set()
        await over.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(10)
    try:
        yield peer
    finally:
        stop[0]()
        thread.join(10)


def answers(status: int, comment: str = "") -> Script:
    async def script(conversation: Conversation, peer: Peer) -> None:
        await conversation.accept()
        while True:
            conversation.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kind, body = await next_message(conversation)
            if kind == pdu.RELEASE_RQ:
                conversation.send(pdu.encode_release(pdu.RELEASE_RP))
                await conversation.reader.read()
                return
            if body.field == command.C_ECHO_RQ:
                echo(conversation, body)
            else:
                peer.messages.append(body.sop_instance_uid)
                conversation.answer(body, status, comment)

    return script


def echo(conversation: Conversation, request: command.Command) -> None:
    """Answer a C-ECHO."""
    response = command.echo_response(request, 0)
    conversation.send(header(conversation.context_id, len(response), is_command=True, is_last=True) + response)


async def next_message(conversation: Conversation):
    """A command, once its data set is complete; or another PDU than P-DATA-TF."""
    try:
        request, _, _ = await conversation.message()
    except AssertionError as error:
        return int(str(error).split()[0]), None
    return pdu.DATA_TF, request


async def never_answers(conversation: Conversation, peer: Peer) -> None:
    await conversation.accept()
    await next_message(conversation)
    peer.script = answers(0)  # whoever calls next gets answers
    await asyncio.sleep(3600)


async def accepts_no_association(conversation: Conversation, peer: Peer) -> None:
    peer.script = answers(0)
    await asyncio.sleep(3600)


async def aborts_in_the_middle(conversation: Conversation, peer: Peer) -> None:
    await conversation.accept()
    await conversation.reader.readexactly(3000)
    conversation.send(pdu.encode_abort(2, 0))
    await conversation.reader.read()


async def resets_after_the_last_byte(conversation: Conversation, peer: Peer) -> None:
    await conversation.accept()
    await next_message(conversation)
    sock = conversation.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def refuses_the_class(conversation: Conversation, peer: Peer) -> None:
    await conversation.accept(lambda context: (3, context.transfer_syntaxes[0]))
    await conversation.reader.read()


async def has_enough(conversation: Conversation, peer: Peer) -> None:
    await conversation.pdu()
    conversation.send(pdu.encode_reject(2, 3, 2))
    await conversation.reader.read()


async def rejects_for_good(conversation: Conversation, peer: Peer) -> None:
    await conversation.pdu()
    conversation.send(pdu.encode_reject(1, 1, 7))
    await conversation.reader.read()


@contextmanager
def delivering_to(script: Script, gateway, receiver, tmp_path):
    """A gateway with a destination that misbehaves and a good one, and a study that came in."""
    good = receiver("good").start()
    with misbehaving(script) as peer:
        gateway.destination("bad", peer.port, dicom=", concurrency: 1")
        gateway.destination("good", good.port)
        gateway.start()
        study = make_study(tmp_path / "study", COUNT)
        storescu(gateway.port, study)
        good.has(COUNT)
        eventually(lambda: data_sets(good.folder) == data_sets(study), "the other destination has everything")
        yield peer


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007, 0x0111])
def test_a_warning_is_a_delivery(gateway, receiver, tmp_path, status):
    with delivering_to(answers(status, "coerced"), gateway, receiver, tmp_path) as peer:
        eventually(lambda: gateway.queue("bad")["delivered"] == COUNT, "they are delivered")
        assert len(peer.messages) == COUNT
        assert gateway.queue("bad")["failed"] == 0
        eventually(gateway.is_empty, "nothing is kept of them")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA900, "A900"), (0xA9FF, "A9FF"), (0xC000, "C000"), (0xC123, "C123"), (0x0117, "0117"), (0x0118, "0118"),
        (0x0122, "0122"), (0x0210, "0210"), (0x0211, "0211"), (0x0212, "0212"),
    ],
)  # fmt: skip
def test_what_will_never_be_taken_is_a_dead_letter_with_the_peers_words(gateway, receiver, tmp_path, status, words):
    with delivering_to(answers(status, "no such patient here"), gateway, receiver, tmp_path) as peer:
        eventually(lambda: gateway.queue("bad")["failed"] == COUNT, "they are dead letters")
        letters = gateway.get("/v1/failures")["failures"]
        assert {item["reason"] for item in letters} == {"RefusedByPeer"}
        assert all(words in item["message"] and "no such patient here" in item["message"] for item in letters)
        assert sorted(peer.messages) == sorted(item["sopInstanceUID"] for item in letters)
        assert gateway.queue("bad")["breaker"] == "Closed"


@pytest.mark.parametrize("status", [0xA700, 0xA701, 0x0110, 0x0213])
def test_what_may_be_taken_later_waits_and_is_tried_again(gateway, receiver, tmp_path, status):
    with delivering_to(answers(status, "come back"), gateway, receiver, tmp_path) as peer:
        eventually(lambda: gateway.queue("bad")["breaker"] != "Closed", "sending pauses")
        queue = gateway.queue("bad")
        assert (queue["waiting"], queue["failed"], queue["delivered"]) == (COUNT, 0, 0)
        assert f"{status:04X}" in queue["lastError"]
        assert "come back" not in queue["lastError"]  # a comment may name a patient: dead letters have it, status not
        assert len(peer.messages) > COUNT  # each was tried, and one again
        peer.script = answers(0)
        eventually(lambda: gateway.queue("bad")["delivered"] == COUNT, "they arrive once it takes them")


def test_not_authorized_parks_the_destination_until_its_configuration_changes(gateway, receiver, tmp_path):
    with delivering_to(answers(0x0124, "who are you?"), gateway, receiver, tmp_path) as peer:
        eventually(lambda: gateway.queue("bad")["breaker"] == "Open", "it is parked at once")
        assert len(peer.messages) == 1
        assert gateway.queue("bad")["waiting"] == COUNT
        assert "0124" in gateway.queue("bad")["lastError"]
        peer.script = answers(0)
        gateway.destination("bad", peer.port, dicom=", concurrency: 2")
        eventually(
            lambda: gateway.queue("bad")["delivered"] == COUNT, "a change is a reason to try at once", timeout=10
        )


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (aborts_in_the_middle, "abort"),
        (resets_after_the_last_byte, ""),
        (rejects_for_good, "called ae title not recognized"),
        (has_enough, "local limit exceeded"),
    ],
)
def test_an_unknown_outcome_is_tried_again_and_shown(gateway, receiver, tmp_path, script, words):
    with delivering_to(script, gateway, receiver, tmp_path) as peer:
        eventually(lambda: gateway.queue("bad")["breaker"] != "Closed", "sending pauses")
        queue = gateway.queue("bad")
        assert (queue["waiting"], queue["failed"]) == (COUNT, 0)
        assert queue["lastError"]
        assert words in queue["lastError"].lower()
        peer.script = answers(0)
        eventually(lambda: gateway.queue("bad")["delivered"] == COUNT, "they arrive in the end")


def test_a_class_that_is_refused_is_a_dead_letter(gateway, receiver, tmp_path):
    with delivering_to(refuses_the_class, gateway, receiver, tmp_path):
        eventually(lambda: gateway.queue("bad")["failed"] == COUNT, "they are dead letters")
        letters = gateway.get("/v1/failures")["failures"]
        assert {item["reason"] for item in letters} == {"TransferSyntaxRefused"}


@pytest.mark.parametrize("script", [never_answers, accepts_no_association])
def test_silence_delays_nobody_else_and_is_ended_by_a_deadline(gateway, receiver, tmp_path, script):
    with delivering_to(script, gateway, receiver, tmp_path):
        assert gateway.queue("bad")["waiting"] == COUNT
        more = make_study(tmp_path / "more", 20)
        storescu(gateway.port, more)
        eventually(lambda: gateway.queue("good")["delivered"] == COUNT + 20, "the good one goes on")
        eventually(lambda: "did not" in (gateway.queue("bad")["lastError"] or ""), "silence has an end", timeout=75)
        eventually(lambda: gateway.queue("bad")["delivered"] == COUNT + 20, "they arrive in the end", timeout=75)
