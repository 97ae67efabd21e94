"""The stand-alone verifier, run alone, on bundles made here by other means: hashlib, json and `cryptography`."""

import hashlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from containers_app.runtime import chain

VERIFIER = Path(__file__).resolve().parents[2] / "script" / "audit-verify"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

# RFC 8032, section 7.1: public key, message, signature.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
]


def an_event(number, previous, **values):
    body = {"sequence": number, "at": "2026-11-23T17:00:00.000000Z", "sentence": f"did {number} – é", **values}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**body, "previous": previous, "digest": hashlib.sha256((previous + text).encode()).hexdigest()}


def a_chain(count):
    events, tip = [], "0" * 64
    for number in range(1, count + 1):
        events.append(an_event(number, tip))
        tip = events[-1]["digest"]
    return events


def a_head(event, signer=SIGNER):
    public = signer.public_key().public_bytes_raw()
    head = {
        "at": "2026-11-23T18:00:00.000000Z",
        "digest": event["digest"],
        "key_id": hashlib.sha256(public).hexdigest()[:16],
        "sequence": event["sequence"],
    }
    signed = {"format": "freezeframe-audit-head-1", **head}
    message = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
    return {**head, "signature": signer.sign(message).hex()}


def write(path, objects):
    path.write_text("".join(json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n" for value in objects))


def a_bundle(folder, events, heads):
    folder.mkdir(exist_ok=True)
    write(folder / "events.jsonl", events)
    write(folder / "heads.jsonl", heads)
    (folder / "public-key.txt").write_text(SIGNER.public_key().public_bytes_raw().hex() + "\n")
    return folder


def run(*arguments):
    """The verifier as an auditor runs it: isolated, so that nothing but the standard library can be imported."""
    return subprocess.run(
        [sys.executable, "-I", "-S", VERIFIER, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def bundle(tmp_path):
    """Makes a bundle of ten events with heads at 5 and 10, after `change(lines)` has had its way with the events."""

    def make(change=lambda events: events):
        events = a_chain(10)
        heads = [a_head(events[4]), a_head(events[9])]
        return a_bundle(tmp_path / "bundle", change(events), heads)

    return make


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_hold_and_nothing_near_them_does(public, message, signature):
    key, message, signature = chain.PublicKey(bytes.fromhex(public)), bytes.fromhex(message), bytes.fromhex(signature)
    assert key.verify(signature, message)
    assert not key.verify(signature, message + b"x")
    assert not key.verify(signature[:63], message)
    scalar = int.from_bytes(signature[32:], "little") + chain.L
    assert not key.verify(signature[:32] + scalar.to_bytes(32, "little"), message)


@settings(deadline=None)  # on a busy machine one example may take as long as it likes
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_the_verifier_agrees_with_another_implementation(seed, message, bit):
    signer = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = chain.PublicKey(signer.public_key().public_bytes_raw()), signer.sign(message)
    assert key.verify(signature, message)
    bent = (int.from_bytes(signature, "big") ^ (1 << bit)).to_bytes(64, "big")
    assert not key.verify(bent, message)


def test_bytes_that_are_no_point_are_no_key():
    for data in (b"", b"\xff" * 32, (2).to_bytes(32, "little"), (1 | 1 << 255).to_bytes(32, "little")):
        with pytest.raises(ValueError, match="not a point"):
            chain.PublicKey(data)


def test_a_whole_bundle_is_whole_and_says_what_that_does_not_prove(bundle):
    done = run(bundle())
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("whole: ") and "Good: 10 events" in done.stdout
    assert "as the bundle itself says" in done.stdout and "What this does not prove:" in done.stdout


def edited(events):
    events[2]["sentence"] = "nothing happened"
    return events


def relabelled(events):
    return [{**event, "note": None} if event["sequence"] == 3 else event for event in events]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "changed: event 3."),
        (relabelled, "changed: event 3."),
        (lambda events: events[:2] + events[4:], "deleted: events 3 to 4."),
        (lambda events: [*events[:2], events[6], *events[3:6], events[2], *events[7:]], "reordered: event 3."),
        (lambda events: [*events[:2], events[3], events[2], *events[4:]], "reordered: event 3."),
        (lambda events: [*events[:2], an_event(3, "ab" * 32), *events[2:]], "inserted: event 3."),
        (lambda events: [*events[:2], events[7], *events[2:]], "inserted: event 3."),
        (lambda events: events[:7], "truncated: events 8 to 10."),
        (lambda events: [], "truncated: events 1 to 10."),
        (lambda events: a_chain(3) + rechained(events[3:]), "rewritten: events 1 to 5."),
    ],
)
def test_each_kind_of_change_is_told_apart_with_its_place(bundle, change, said):
    done = run(bundle(change))
    assert (done.returncode, done.stdout[: len(said)]) == (1, said)


def rechained(events):
    tip, made = a_chain(3)[-1]["digest"], []
    for event in events:
        made.append(an_event(event["sequence"], tip, sentence="another story"))
        tip = made[-1]["digest"]
    return made


def test_events_after_the_last_head_are_not_covered(bundle):
    events = a_chain(12)
    folder = bundle(lambda _: events)
    done = run(folder)
    assert done.returncode == 3 and "not covered: events 11 to 12" in done.stdout
    write(folder / "heads.jsonl", [])
    done = run(folder)
    assert done.returncode == 3 and "not covered: events 1 to 12" in done.stdout


def test_an_older_copy_is_found_by_heads_that_were_sent_away(bundle, tmp_path):
    events = a_chain(10)
    older = a_bundle(tmp_path / "older", events[:5], [a_head(events[4])])
    write(tmp_path / "away.jsonl", [a_head(events[4]), a_head(events[9])])
    assert run(older).returncode == 0
    done = run(older, "--heads", tmp_path / "away.jsonl")
    assert (done.returncode, done.stdout[:32]) == (1, "rolled back: events 6 to 10. Hea")


def test_a_bundle_with_a_key_of_its_own_is_found_by_who_knows_the_key(tmp_path):
    other, events = Ed25519PrivateKey.from_private_bytes(bytes(32)), a_chain(3)
    folder = a_bundle(tmp_path / "bundle", events, [a_head(events[2], other)])
    (folder / "public-key.txt").write_text(other.public_key().public_bytes_raw().hex())
    assert run(folder).returncode == 0
    done = run(folder, "--key", SIGNER.public_key().public_bytes_raw().hex())
    assert done.returncode == 1 and done.stdout.startswith("signature: event 3.")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b'{"sequence":',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"sequence":NaN}',
        b'{"sequence":' + b"9" * 5000 + b"}",
        b'{"sequence":3,"sentence":"\\ud800"}',
    ],
    ids=range(10),
)
def test_a_line_that_is_not_an_event_is_a_changed_one(bundle, line):
    folder = bundle()
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")
    lines[2] = line
    (folder / "events.jsonl").write_bytes(b"\n".join(lines))
    done = run(folder)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stdout.startswith("changed: event 3.")


def test_the_same_key_twice_in_a_line_is_a_changed_event(bundle):
    folder = bundle()
    text = (folder / "events.jsonl").read_text()
    (folder / "events.jsonl").write_text(text.replace('"sentence":"did 3', '"sentence":"forged","sentence":"did 3'))
    assert run(folder).stdout.startswith("changed: event 3.")


@pytest.mark.parametrize("name", ["events.jsonl", "heads.jsonl", "public-key.txt"])
def test_a_bundle_that_cannot_be_read_says_so(bundle, name):
    folder = bundle()
    (folder / name).unlink()
    done = run(folder)
    assert done.returncode == 2 and "it cannot be read" in done.stderr and "Traceback" not in done.stderr


def test_a_hundred_thousand_events_are_verified_in_under_five_seconds(tmp_path):
    tip, events = "0" * 64, []
    filling = dict(
        actor_name="mina", commands=[["podman", "container", "checkpoint", "looper"]], details={"a": "b" * 99}
    )
    for number in range(1, 100_001):
        events.append(an_event(number, tip, **filling, container_name="looper", host_name="local", result="done"))
        tip = events[-1]["digest"]
    folder = a_bundle(tmp_path / "bundle", events, [a_head(event) for event in events[99::100]])
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(folder).returncode == 0
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)  # its own time: other tests may want the processor as well
    assert ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime < 5
