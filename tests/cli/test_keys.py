from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.cli.command import GOOD_SETTINGS, consentry


def _decoded(key: bytes) -> bytes:
    text = key.strip()
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


@pytest.mark.parametrize(("arguments", "size"), [((), 32), (("--bytes", "64"), 64)])
def test_a_new_key_has_the_bytes_asked_for(arguments: tuple[str, ...], size: int) -> None:
    done = consentry("keys", "new", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len(_decoded(done.stdout)) == size


def test_no_two_keys_are_alike() -> None:
    assert consentry("keys", "new").stdout != consentry("keys", "new").stdout


def test_production_accepts_a_new_key(tmp_path: Path) -> None:
    (tmp_path / "consentry.toml").write_text(GOOD_SETTINGS)
    key = consentry("keys", "new").stdout.decode().strip()
    done = consentry("check", "--config", tmp_path / "consentry.toml", environ={"CONSENTRY_SECRET_KEYS": key})
    assert done.returncode == 0


@pytest.mark.parametrize("size", ["31", "0", "-1", "many"])
def test_a_short_key_is_not_made(size: str) -> None:
    done = consentry("keys", "new", "--bytes", size)
    assert (done.returncode, done.stdout) == (2, b"")
