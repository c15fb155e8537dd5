"""Variables: secrets and files that hold them, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.errors import Refused
from proxy.settings import load_settings
from tests.cli.command import GOOD_KEYS, GOOD_SETTINGS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "consentry.toml"
    written.write_text(GOOD_SETTINGS, encoding="utf-8")
    return written


@pytest.mark.parametrize("vendor_secrets", [(), None])
def test_an_address_with_a_password_may_stand_in_a_file(file: Path, vendor_secrets: tuple[str, ...] | None) -> None:
    held = file.with_name("url")
    held.write_text("postgresql://consentry:secret@db.example/consentry\n", encoding="utf-8")
    environ = GOOD_KEYS | {"CONSENTRY_STORE_URL_FILE": str(held)}
    settings = load_settings(file, environ=environ, needs_storefront=False, vendor_secrets=vendor_secrets)
    assert settings.store.url == "postgresql://consentry:secret@db.example/consentry"


def test_vendors_secrets_come_by_variable_or_file_and_are_in_nothing_that_prints(file: Path) -> None:
    held = file.with_name("secret")
    held.write_text("of-a-file\n", encoding="utf-8")
    environ = GOOD_KEYS | {"CONSENTRY_X_TOKEN": "of-x", "CONSENTRY_META_PIXEL_ACCESS_TOKEN_FILE": str(held)}
    names = {"CONSENTRY_X_TOKEN", "CONSENTRY_META_PIXEL_ACCESS_TOKEN", "CONSENTRY_UNSET"}
    settings = load_settings(file, environ=environ, needs_storefront=False, vendor_secrets=names)
    assert settings.secrets == {"CONSENTRY_X_TOKEN": "of-x", "CONSENTRY_META_PIXEL_ACCESS_TOKEN": "of-a-file"}
    assert "of-x" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CONSENTRY_X_TOKNE", "x", "is no setting."),
        ("CONSENTRY_X_TOKEN_FILE", "/nowhere", "/nowhere cannot be read"),
        ("CONSENTRY_VISITOR_KEY", "short", "has 5 characters"),
        ("CONSENTRY_ADMIN_TOKEN", "short", "can be guessed"),
        ("CONSENTRY_OUTBOX_URL", "http://127.0.0.1", "is no address of a NATS server"),
    ],
)
def test_what_is_wrong_with_them_is_told(file: Path, variable: str, value: str, told: str) -> None:
    with pytest.raises(Refused) as caught:
        load_settings(
            file, environ=GOOD_KEYS | {variable: value}, needs_storefront=False, vendor_secrets={"CONSENTRY_X_TOKEN"}
        )
    (problem,) = caught.value.problems
    assert problem.file == variable
    assert told in problem.message
