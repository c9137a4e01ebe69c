"""Fuzzes the intake with bytes that Atheris makes from events/: all bytes are parsed or rejected.

`make fuzz SECONDS=60`. Bytes that break it are printed and written to .cache/.
"""

import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "handler"))
with atheris.instrument_imports(include=["scalein"]):
    from scalein.errors import RejectedEvent
    from scalein.intake.dialects import parse_message
    from scalein.intake.envelopes import parse_event


def one_input(event: bytes) -> None:
    for message in parse_event(event).messages:
        assert message.idempotency_key.isascii()
        assert 0 < len(message.idempotency_key) <= 128
        try:
            parse_message(message)
        except RejectedEvent as error:
            assert str(error)
            assert error.rule


def main() -> None:
    corpus = ROOT / ".cache" / "fuzz"
    corpus.mkdir(parents=True, exist_ok=True)
    options = [
        f"-artifact_prefix={ROOT / '.cache'}/",
        "-max_len=8192",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup(
        [sys.argv[0], *sys.argv[1:], *options, str(corpus), str(ROOT / "events")], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
