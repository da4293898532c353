"""Speed and memory of reading an mbox to TURNS, beside the standard library's mailbox + email doing the least.

    python bench/sources.py [--messages N] [--megabytes M ...]

Both sides read the same made-up file in the same run, each in a process of its own. The standard library's side
decodes what a turn needs (subject, sender, recipients, date, ids, the plain text) into a list of tuples, no tables;
it reads no HTML. Memory is the peak resident set of the process that reads.
"""

from __future__ import annotations

import argparse
import base64
import json
import quopri
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_WORDS = (
    "the order will ship on friday and we have checked it twice thank you for your patience about invoice please let "
    "me know whether tuesday works I am sorry that this took so long our team found cause yesterday für Größe café"
).split()


def make_message(number: int, rng: random.Random, *, attachment_kb: int = 0) -> bytes:
    """One mail with the header clutter of real ones; its shape follows from `number`."""
    text = "\n".join(" ".join(rng.choices(_WORDS, k=11)) for _ in range(rng.randint(4, 40)))
    quoted = "\n".join("> " + " ".join(rng.choices(_WORDS, k=9)) for _ in range(rng.randint(0, 15)))
    plain = f"Hello,\n\n{text}\n\nAnna\n\nOn Monday Bob wrote:\n{quoted}\n".encode()
    answered = f"<{max(number - 3, 0)}.{max(number - 3, 0) % 97}@mail.example>"
    noise = "\n".join(
        f"Received: from mx{hop}.example (mx.example [192.0.2.{hop}])\n\tby in.example with ESMTPS id {number:08x}{hop}"
        "\n\tfor <anna@firm.example>; Sat, 21 Nov 2026 09:00:00 +0000 (UTC)\nX-Trace: " + "a1b2c3d4" * 8
        for hop in range(5)
    )
    day = 1 + number % 20
    head = (
        f"From {number}@xxx Sat Nov 21 09:00:00 +0000 2026\n{noise}\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=mail.example;\n b={'Zm9v' * 40}\n"
        f"From: =?utf-8?Q?Bob_M=C3=BCller_{number % 50}?= <bob{number % 50}@mail.example>\n"
        f'To: "Firm, Anna" <anna@firm.example>, Carl <carl@firm.example>\nCc: dora@firm.example\n'
        f"Subject: Re: Order {number % 400} and what follows\nDate: Sat, {day} Nov 2026 08:{number % 60:02d}:00 +0100\n"
        f"Message-ID: <{number}.{number % 97}@mail.example>\nIn-Reply-To: {answered}\nReferences: {answered}\n"
        "MIME-Version: 1.0\n"
    ).encode()
    kind = number % 10
    if attachment_kb:
        data = base64.encodebytes(rng.randbytes(attachment_kb * 768))
        return head + _parts("mixed", [(b"Content-Type: text/plain; charset=utf-8\n", plain), (_PDF, data)], number)
    if kind < 6:
        return head + b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + plain + b"\n"
    if kind < 9:
        encoded = quopri.encodestring(plain)
        html = quopri.encodestring(b"<html><body><p>" + plain.replace(b"\n", b"<br>\n") + b"</p></body></html>")
        quoted_printable = b"charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n"
        return head + _parts(
            "alternative",
            [
                (b"Content-Type: text/plain; " + quoted_printable, encoded),
                (b"Content-Type: text/html; " + quoted_printable, html),
            ],
            number,
        )
    coded = base64.encodebytes(plain)
    return head + b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" + coded + b"\n"


_PDF = (
    b'Content-Type: application/pdf; name="offer.pdf"\nContent-Transfer-Encoding: base64\n'
    b'Content-Disposition: attachment; filename="offer.pdf"\n'
)


def _parts(kind: str, parts: list[tuple[bytes, bytes]], number: int) -> bytes:
    boundary = f"=_{number:09d}_part".encode()
    body = b"".join(b"--" + boundary + b"\n" + head + b"\n" + content + b"\n" for head, content in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary.decode()}"\n\n'.encode()
    return head + body + b"--" + boundary + b"--\n\n"


def write_mbox(path: Path, *, messages: int = 0, megabytes: int = 0) -> int:
    """Write so many messages, or messages with 150 kB attachments up to so many megabytes; return how many."""
    rng = random.Random(20261122)
    number = 0
    with path.open("wb") as file:
        while number < messages or file.tell() < megabytes * 1_000_000:
            attachment_kb = 150 if megabytes and number % 3 == 0 else 0
            file.write(make_message(number, rng, attachment_kb=attachment_kb).replace(b"\nFrom ", b"\n>From "))
            number += 1
    return number


def read_with_troth(path: str) -> int:
    from troth.sources import read_source  # noqa: PLC0415 - each side loads only what it needs

    return sum(batch.num_rows for batch in read_source(path))


def read_with_stdlib(path: str) -> int:
    import mailbox  # noqa: PLC0415
    from email.header import decode_header, make_header  # noqa: PLC0415
    from email.message import Message  # noqa: PLC0415
    from email.utils import getaddresses, parsedate_to_datetime  # noqa: PLC0415

    def texts(message: Message) -> Iterator[str]:
        for part in message.walk():
            if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
                data = part.get_payload(decode=True)
                yield data.decode(part.get_content_charset() or "utf-8", "replace") if isinstance(data, bytes) else ""

    def people(message: Message, name: str) -> list[tuple[str, str]]:
        found = getaddresses([str(value) for value in message.get_all(name, [])])
        return [(str(make_header(decode_header(person))), address.lower()) for person, address in found]

    rows = [
        (
            message["Message-ID"],
            (message["References"] or "").split(),
            message["In-Reply-To"],
            str(make_header(decode_header(message["Subject"]))),
            parsedate_to_datetime(message["Date"]),
            people(message, "From"),
            people(message, "To"),
            people(message, "Cc"),
            "\n".join(texts(message)),
        )
        for message in mailbox.mbox(path, create=False)
    ]
    return len(rows)


_SIDES: dict[str, Callable[[str], int]] = {"troth": read_with_troth, "stdlib": read_with_stdlib}


def measure(side: str, path: Path) -> dict[str, float]:
    """Read `path` by one side in a process of its own: messages, seconds of reading, peak megabytes."""
    command = [sys.executable, __file__, "--side", side, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report_one(side: str, path: str) -> None:
    if side == "troth":
        import pyarrow as pa  # noqa: PLC0415

        pa.array(["warm"])  # pyarrow looks for pandas at its first array: not part of reading
        import troth.sources  # noqa: F401, PLC0415
    start = time.perf_counter()
    count = _SIDES[side](path)
    seconds = time.perf_counter() - start
    # Not getrusage: its peak begins with that of the process that forked this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1000
    print(json.dumps({"messages": count, "seconds": seconds, "megabytes": peak}))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=10_000, help="messages of the speed comparison")
    options.add_argument("--megabytes", type=int, nargs="*", default=[50, 200, 800], help="file sizes for memory")
    options.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        report_one(*given.side)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speed.mbox")
        write_mbox(path, messages=given.messages)
        rounds = [{side: measure(side, path) for side in _SIDES} for _ in range(3)]
        best = {side: min((run[side] for run in rounds), key=lambda run: run["seconds"]) for side in _SIDES}
        for side, run in best.items():
            rate = run["messages"] / run["seconds"]
            print(f"{side:7} {run['messages']:>8.0f} messages {rate:>8.0f} messages/s  peak {run['megabytes']:.0f} MB")
        print(f"troth reads {best['stdlib']['seconds'] / best['troth']['seconds']:.2f} times as fast (best of 3 each)")
        path.unlink()
        for megabytes in given.megabytes:
            path = Path(folder, "memory.mbox")
            count = write_mbox(path, megabytes=megabytes)
            run = measure("troth", path)
            print(
                f"{megabytes:>5} MB, {count} messages: {run['seconds']:.1f} s, "
                f"{megabytes / run['seconds']:.0f} MB/s, peak {run['megabytes']:.0f} MB"
            )
            path.unlink()


if __name__ == "__main__":
    main()
