"""Settings: what is refused, in whose words, at which place; and what the environment and the command line may say."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from proxy.errors import Problem, Refused
from proxy.settings import KEYS_VARIABLE, load_settings, variables

KEY = "3f9c2a7d51e84b06a1c4d7e2f8093b5c"
SECRET = {KEYS_VARIABLE: KEY}
COMPLETE = """
origin = "https://shop.example"
[controller]
name = "Shop Ltd"
email = "privacy@shop.example"
privacy_policy = "/privacy"
[storefront]
url = "http://127.0.0.1:8080"
[vendors]
use = ["google-analytics"]
unknown = "block"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "consentry.toml"
    file.write_text(dedent(text), encoding="utf-8")
    return file


def refused(file: Path | None, **options: object) -> tuple[Problem, ...]:
    with pytest.raises(Refused) as caught:
        load_settings(file, **({"environ": SECRET} | options))  # type: ignore[arg-type]
    return caught.value.problems


def test_a_complete_file_is_taken(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, COMPLETE), environ=SECRET)
    assert settings.origin == "https://shop.example"
    assert settings.host == "shop.example"
    assert settings.unknown == "block"
    assert settings.secret_keys == (KEY.encode(),)
    assert KEY not in repr(settings)
    assert KEY not in settings.model_dump_json()


def test_production_says_all_that_it_must_be_told(tmp_path: Path) -> None:
    problems = refused(written(tmp_path, ""), environ={})
    assert {problem.key or problem.file for problem in problems} == {
        KEYS_VARIABLE,
        "origin",
        "controller",
        "vendors.use",
        "vendors.unknown",
        "storefront.url",
    }
    assert all(problem.mend for problem in problems)


def test_development_needs_a_storefront_and_makes_its_own_key() -> None:
    settings = load_settings(None, dev=True, environ={}, storefront="http://127.0.0.1:9000/")
    assert settings.storefront.url == ("http://127.0.0.1:9000",)
    assert settings.unknown == "allow"
    assert len(settings.secret_keys[0]) == 32
    assert [p.key for p in refused(None, dev=True, environ={})] == ["storefront.url"]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("", "is empty"),
        ("short", "has 5 bytes"),
        ("a" * 40, "anybody could guess"),
        (f"{KEY},changeme", "key 2 has 8 bytes"),
    ],
)
def test_a_missing_short_or_default_secret_is_refused(tmp_path: Path, keys: str, says: str) -> None:
    (problem,) = refused(written(tmp_path, COMPLETE), environ={KEYS_VARIABLE: keys})
    assert says in problem.message
    assert "consentry keys new" in problem.mend


def test_secrets_may_lie_in_a_file_but_not_in_the_settings(tmp_path: Path) -> None:
    secret = tmp_path / "keys"
    secret.write_text(f"{KEY}\n{KEY[::-1]}\n")
    file = written(tmp_path, COMPLETE)
    settings = load_settings(file, environ={f"{KEYS_VARIABLE}_FILE": str(secret)})
    assert settings.secret_keys == (KEY.encode(), KEY[::-1].encode())
    (problem,) = refused(written(tmp_path, f'secret_keys = ["{KEY}"]\n' + COMPLETE))
    assert (problem.line, problem.key) == (1, "secret_keys")
    (problem,) = refused(written(tmp_path, COMPLETE), environ={f"{KEYS_VARIABLE}_FILE": str(tmp_path / "none")})
    assert "cannot be read" in problem.message


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
        origin = "https://shop.example/path"
        mode = "fast"
        colour = "blue"
        [storefront]
        url = "ftp://files"
        connect = 0
        [listen]
        trusted = ["10.0.0.1/8", "nonsense"]
        [vendors]
        unknown = "maybe"
        """
    problems = refused(written(tmp_path, text))
    assert {(p.key, p.line) for p in problems} >= {
        ("origin", 1),
        ("mode", 2),
        ("colour", 3),
        ("storefront.url", 5),
        ("storefront.connect", 6),
        ("vendors.unknown", 10),
    }
    assert any(p.key.startswith("listen.trusted") and p.line == 8 for p in problems)
    assert any("enforce" in p.message + p.mend for p in problems if p.key == "mode")


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ('[listen]\ntrusted = ["10.0.0.1/8"]', "'10.0.0.1/8' is no network. Write it like 10.0.0.0/8."),
        ("[listen]\ntrusted = [8]", "8 is no network."),
        ('[listen]\ntrusted = ["everyone"]', "Write it like 10.0.0.0/8, fd00::/8 or, for one address, 127.0.0.1/32."),
        ('[consent]\nprefix = "consent"', "is no path prefix. Write letters,"),
        ('[consent]\nquiet = ["checkout"]', "'checkout' is no path. Write how the path begins, like /checkout."),
        ('[vendors]\nallow = ["https://x.com/"]', "'https://x.com/' is no host name. Write it in lower case,"),
        ('[storefront]\nhost = "a b"', "'a b' is no host name. Write it in lower case,"),
        ('[controller]\nname = "Shop"\nemail = "shop"', "Write it like privacy@shop.example."),
        ('[controller]\nname = "Shop"\nprivacy_policy = "privacy"', "Write a path or a URL, like /privacy."),
    ],
)
def test_each_wrong_text_is_told_once_with_what_would_be_right(tmp_path: Path, line: str, mend: str) -> None:
    (problem,) = refused(written(tmp_path, line), dev=True, storefront="http://127.0.0.1:9")
    assert mend in str(problem)
    assert "pattern" not in str(problem)


def test_what_production_must_be_told_is_told_beside_what_is_wrong(tmp_path: Path) -> None:
    text = 'mode = "fast"\n[controller]\nname = ""\n[vendors]\nuse = [1]\n'
    problems = refused(written(tmp_path, text))
    assert {p.key for p in problems} == {
        "mode",
        "controller.name",
        "vendors.use",
        "origin",
        "vendors.unknown",
        "storefront.url",
    }
    assert len(problems) == 6


def test_a_table_that_is_none_is_told_once(tmp_path: Path) -> None:
    (problem,) = refused(written(tmp_path, 'storefront = "http://127.0.0.1:9"'), dev=True)
    assert (problem.key, problem.line) == ("storefront", 1)


def test_the_environment_outweighs_the_file_and_is_checked_alike(tmp_path: Path) -> None:
    file = written(tmp_path, COMPLETE)
    environ = SECRET | {"CONSENTRY_MODE": "pass", "CONSENTRY_LISTEN_TRUSTED": "10.0.0.0/8, ::1/128"}
    settings = load_settings(file, environ=environ)
    assert settings.mode == "pass"
    assert [str(network) for network in settings.listen.trusted] == ["10.0.0.0/8", "::1/128"]
    (problem,) = refused(file, environ=SECRET | {"CONSENTRY_MODE": "fast"})
    assert problem.file == "CONSENTRY_MODE"
    (problem,) = refused(file, environ=SECRET | {"CONSENTRY_MOD": "pass"})
    assert "CONSENTRY_MODE" in problem.mend


def test_each_variable_stands_for_one_setting() -> None:
    names = variables()
    assert names["CONSENTRY_STOREFRONT_URL"] == ("storefront", "url")
    assert names["CONSENTRY_CONTROLLER_NAME"] == ("controller", "name")
    assert len(set(names.values())) == len(names)
    assert not any("SECRET" in name for name in names)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (('origin = "https://shop.example"', 'origin = "http://shop.example"'), "origin"),
        (("[vendors]", '[vendors]\ngateway = "http://192.0.2.1:9"'), "vendors.gateway"),
        (("[controller]", '[consent]\ndomain = "other.example"\n[controller]'), ""),
    ],
)
def test_settings_that_disagree_are_refused(tmp_path: Path, change: tuple[str, str], key: str) -> None:
    (problem,) = refused(written(tmp_path, COMPLETE.replace(*change)))
    assert problem.key == key


def test_a_gateway_on_this_machine_is_allowed(tmp_path: Path) -> None:
    text = COMPLETE.replace("[vendors]", '[vendors]\ngateway = "http://127.0.0.1:9"')
    assert load_settings(written(tmp_path, text), environ=SECRET).vendors.gateway == "http://127.0.0.1:9"


def test_a_vendor_table_takes_account_ids_and_no_other_type(tmp_path: Path) -> None:
    text = COMPLETE + '[vendor.google-analytics]\nmeasurement_id = "G-1"\nhosts = ["stats.shop.example"]\n'
    table = load_settings(written(tmp_path, text), environ=SECRET).vendor["google-analytics"]
    assert dict(table.accounts) == {"measurement_id": "G-1"}
    assert table.hosts == ("stats.shop.example",)
    problems = refused(written(tmp_path, COMPLETE + "[vendor.x]\ndirect = 7\npixel_id = 5\n"))
    assert {problem.key for problem in problems} == {"vendor.x.direct", "vendor.x.pixel_id"}


def test_the_digest_follows_the_settings_and_not_the_keys(tmp_path: Path) -> None:
    file = written(tmp_path, COMPLETE)
    one = load_settings(file, environ=SECRET).digest
    assert load_settings(file, environ={KEYS_VARIABLE: KEY[::-1]}).digest == one
    assert load_settings(file, environ=SECRET | {"CONSENTRY_CONSENT_POLICY": "2"}).digest != one
