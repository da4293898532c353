"""How a team comes in: a real identity provider, honest and not."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from oidc_provider import CLIENT, SECRET, Provider, run_provider
from served import SETTINGS, serve_copy
from typer.testing import CliRunner

from troth.api import open as open_book
from troth.cli import app as command_line
from troth.errors import SettingsError
from troth.settings import Settings, load_settings, parse_settings
from troth.teaming import Team
from troth.web.access import Role, Visitor
from troth.web.app import Serving, make_app
from troth.web.oidc import ProviderError, SignIn
from troth.web.sessions import BACK
from troth.web.start import make_serving
from troth.web.visit import Refused

HOME = "https://troth.brimholt.example"
ANNA = "anna@brimholt.example"


def utc() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def team_of(provider: Provider, **stated: Any) -> Team:
    usual: dict[str, Any] = {
        "issuer": provider.issuer, "client_id": CLIENT, "address": HOME, "behind_proxy": True,
        "domains": ("brimholt.example",), "members": {ANNA: "owner", "Gesa@Brimholt.example": "analyst"},
    }  # fmt: skip
    return Team(**(usual | stated))


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with run_provider(HOME + BACK) as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    """The provider, honest again."""
    running.email, running.claims, running.sign_with, running.is_down = ANNA, {}, "own", False
    return running


def sign_in(provider: Provider, team: Team | None = None, **how: Any) -> SignIn:
    return SignIn(team or team_of(provider), how.pop("secret", SECRET), clock=how.pop("clock", utc))


def go(address: str) -> dict[str, str]:
    """What the browser brings back from the provider."""
    answer = httpx2.get(address, follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(HOME + BACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def visit(way: SignIn) -> Visitor:
    attempt = way.begin()
    return way.finish(go(attempt.address), attempt.cookie)


def test_who_signs_in_is_who_the_provider_says_with_the_role_that_was_stated(provider: Provider) -> None:
    way = sign_in(provider)
    assert visit(way) == Visitor(name=ANNA, role=Role.owner, person=ANNA)
    provider.email = "GESA@brimholt.example"
    assert visit(way) == Visitor(name="gesa@brimholt.example", role=Role.analyst, person="gesa@brimholt.example")
    provider.email = "new@brimholt.example"
    assert visit(way).role is Role.member


def test_what_goes_to_the_provider_is_bound_and_never_the_same_twice(provider: Provider) -> None:
    way = sign_in(provider)
    asked = [
        {name: values[0] for name, values in parse_qs(urlsplit(way.begin().address).query).items()} for _ in range(2)
    ]
    for each in asked:
        assert each["redirect_uri"] == HOME + BACK
        assert (each["response_type"], each["code_challenge_method"]) == ("code", "S256")
        assert "client_secret" not in each
    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) >= 43  # 256 bits


LIES: dict[str, dict[str, Any]] = {
    "the nonce of another attempt": {"nonce": "of another"},
    "no nonce": {"nonce": None},
    "made for another": {"aud": "another"},
    "made for several": {"aud": [CLIENT, "another"]},
    "by another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 7200},
    "never expires": {"exp": None},
    "from the future": {"iat": int(time.time()) + 3600, "nbf": int(time.time()) + 3600},
    "nobody": {"sub": None},
    "the hash of another access": {"at_hash": "x" * 22},
    "an expiry that is none": {"exp": "soon"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_lets_nobody_in(provider: Provider, lie: str) -> None:
    way = sign_in(provider)
    provider.claims = LIES[lie]
    with pytest.raises(Refused, match="cannot be trusted") as refused:
        visit(way)
    assert refused.value.status == 401


@pytest.mark.parametrize("key", ["other", "secret", "none"])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(provider: Provider, key: str) -> None:
    """Another key under the same name; the secret of the client as a key; and no signature at all."""
    way = sign_in(provider)
    provider.sign_with = key
    with pytest.raises(Refused, match="cannot be trusted"):
        visit(way)


UNVERIFIED: list[dict[str, Any]] = [
    {"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email": None},
]  # fmt: skip


@pytest.mark.parametrize("claims", UNVERIFIED)
def test_an_address_that_is_not_verified_is_nobodys(provider: Provider, claims: dict[str, Any]) -> None:
    way = sign_in(provider)
    provider.claims = claims
    with pytest.raises(Refused) as refused:
        visit(way)
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "email",
    ["eve@evil.example", "anna@brimholt.example.evil.example", "anna@xbrimholt.example", "аnna@brimholt.example", ""],
)
def test_who_does_not_belong_to_the_team_stays_out(provider: Provider, email: str) -> None:
    """The fourth begins with a Cyrillic letter."""
    way = sign_in(provider)
    provider.email = email
    with pytest.raises(Refused) as refused:
        visit(way)
    assert refused.value.status == 403


def test_an_answer_is_good_once_and_in_the_browser_that_asked_alone(provider: Provider) -> None:
    way = sign_in(provider)
    attempt = way.begin()
    back = go(attempt.address)
    for cookie in (None, "", "x.y", way.begin().cookie, sign_in(provider).begin().cookie):
        with pytest.raises(Refused) as refused:
            way.finish(back, cookie)
        assert refused.value.status == 401
    assert way.finish(back, attempt.cookie).person == ANNA
    with pytest.raises(Refused, match="used before"):
        way.finish(back, attempt.cookie)
    with pytest.raises(Refused, match="used before"):
        way.finish(go(attempt.address), attempt.cookie)


def test_a_code_that_was_stolen_is_worth_nothing(provider: Provider) -> None:
    """Injected into another attempt, it lacks that one's PKCE secret."""
    way = sign_in(provider)
    theirs, mine = way.begin(), way.begin()
    stolen, back = go(theirs.address), go(mine.address)
    with pytest.raises(Refused, match="did not take this back"):
        way.finish({**back, "code": stolen["code"]}, mine.cookie)


def test_an_attempt_is_over_after_ten_minutes(provider: Provider) -> None:
    now = [utc()]
    way = sign_in(provider, clock=lambda: now[0])
    attempt = way.begin()
    back = go(attempt.address)
    now[0] += dt.timedelta(minutes=11)
    with pytest.raises(Refused, match="too long"):
        way.finish(back, attempt.cookie)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "another"},
        {"state": ""},
        {"iss": "https://evil.example"},
        {"code": ""},
        {"error": "access_denied\x1b[2J"},
    ],
)
def test_an_altered_answer_lets_nobody_in(provider: Provider, changes: dict[str, str]) -> None:
    way = sign_in(provider)
    attempt = way.begin()
    with pytest.raises(Refused) as refused:
        way.finish({**go(attempt.address), **changes}, attempt.cookie)
    assert refused.value.status == 401
    assert "\x1b" not in str(refused.value)


def test_new_keys_of_the_provider_are_taken_but_not_asked_for_again_and_again(provider: Provider) -> None:
    now, first = [utc()], provider.keys
    way = sign_in(provider, clock=lambda: now[0])
    visit(way)
    provider.turn_keys()
    now[0] += dt.timedelta(minutes=2)
    assert visit(way).person == ANNA
    before = provider.asked.count("/jwks")
    for _ in range(3):
        provider.turn_keys()
        with pytest.raises(Refused):
            visit(way)
    assert provider.asked.count("/jwks") == before
    provider.keys = first  # which other tests' teams have fetched


def test_a_wrong_secret_and_a_provider_that_is_down_say_so(provider: Provider) -> None:
    with pytest.raises(Refused, match="did not take this back"):
        visit(sign_in(provider, secret="guess"))
    provider.is_down = True
    with pytest.raises(ProviderError, match="cannot be asked"):
        sign_in(provider).begin()


def test_a_provider_that_calls_itself_otherwise_is_refused(provider: Provider) -> None:
    other = provider.issuer.replace("127.0.0.1", "localhost")
    with pytest.raises(ProviderError, match="calls itself"):
        sign_in(provider, team_of(provider, issuer=other)).check()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"issuer": "http://login.firm.example"}, "must begin with https"),
    ({"address": "http://troth.firm.example"}, "must begin with https"),
    ({"address": "https://firm.example/troth"}, "without a path"),
    ({"domains": ("gmail.com",)}, "not the mail domain of one firm"),
    ({"domains": (), "members": {}}, "name members"),
    ({"members": {"anna": "owner"}}, "no mail address"),
    ({"members": {ANNA: "sole"}}, "owner"),
    ({"behind_proxy": False}, "certificate and key"),
    ({"client_secret": "x"}, "client_secret"),
    ({"client_id": ""}, "client_id"),
]


@pytest.mark.parametrize(("stated", "words"), WRONG)
def test_settings_that_would_leave_a_door_open_are_refused(stated: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {
        "issuer": "https://login.firm.example", "client_id": CLIENT, "address": HOME, "behind_proxy": True,
        "members": {ANNA: "owner"},
    }  # fmt: skip
    with pytest.raises(SettingsError, match=words):
        parse_settings({"team": usual | stated}, "troth.toml")


def test_a_team_in_troth_toml_is_read(tmp_path: Path) -> None:
    file = tmp_path / "troth.toml"
    file.write_text(
        '[team]\nissuer = "https://login.firm.example/"\nclient_id = "troth"\naddress = "https://troth.firm.example"\n'
        'behind_proxy = true\ndomains = ["@Firm.example"]\n[team.members]\n"Anna@firm.example" = "owner"\n'
    )
    team = load_settings(file).team
    assert team is not None
    assert (team.issuer, team.domains) == ("https://login.firm.example", ("firm.example",))
    assert [team.role_of(who) for who in ("anna@firm.example", "x@firm.example", "x@else.example")] == [
        "owner", "member", None,
    ]  # fmt: skip


# Served.


@pytest.fixture(scope="module")
def team(sample_file: Path, running: Provider) -> Iterator[Serving]:
    running.is_down = False
    with serve_copy(sample_file, SETTINGS.having(team=team_of(running)), secret=SECRET) as served:
        yield served


def browser(team: Serving) -> TestClient:
    return TestClient(make_app(team), base_url=HOME, follow_redirects=False)


def come_in(client: TestClient) -> Any:
    """The whole way, as a browser goes it."""
    begun = client.get("/in/begin")
    assert begun.status_code == 303
    back = go(begun.headers["location"])
    return client.get(BACK, params=back)


def test_a_browser_comes_in_sees_its_own_and_goes_out_everywhere(team: Serving, provider: Provider) -> None:
    client, other = browser(team), browser(team)
    assert client.get("/").status_code == 401
    assert 'href="/in"' in client.get("/").text
    assert 'href="/in/begin"' in client.get("/in").text
    for each in (client, other):
        arrived = come_in(each)
        assert arrived.status_code == 200
        assert 'http-equiv="refresh" content="0;url=/"' in arrived.text
    session = next(cookie for cookie in arrived.headers.get_list("set-cookie") if cookie.startswith("__Host-troth="))
    for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert word in session
    assert "Domain" not in session
    assert client.get("/").status_code == 200
    assert client.get("/").headers["strict-transport-security"]
    assert client.get("/in/begin").headers["location"] == "/"
    account = client.get("/account")
    assert ANNA in account.text
    token = account.text.partition('name="form_token" value="')[2].partition('"')[0]
    assert client.post("/out/everywhere", data={}).status_code == 403
    assert client.post("/out/everywhere", data={"form_token": token}).status_code == 200
    assert (client.get("/").status_code, other.get("/").status_code) == (401, 401)


def test_a_one_time_address_lets_nobody_into_a_team(team: Serving) -> None:
    client = browser(team)
    answer = client.get("/in", params={"token": team.keys.make()})
    assert "set-cookie" not in answer.headers
    assert client.get("/").status_code == 401


def test_an_owner_reads_the_log_and_a_member_does_not(team: Serving, provider: Provider) -> None:
    owner = browser(team)
    come_in(owner)
    provider.email = "jorun@brimholt.example"
    member = browser(team)
    come_in(member)
    assert member.get("/log").status_code == 403
    page = owner.get("/log")
    assert page.status_code == 200
    assert "jorun@brimholt.example" in page.text
    assert "refused" in page.text
    assert "GET /log" in page.text


def test_no_session_is_begun_for_one_who_is_refused(team: Serving, provider: Provider) -> None:
    provider.email = "eve@evil.example"
    client = browser(team)
    answer = come_in(client)
    assert answer.status_code == 403
    assert client.get("/").status_code == 401
    assert "eve@evil.example" not in answer.text


def test_a_team_without_its_secret_is_not_served(provider: Provider) -> None:
    with open_book(settings=Settings(team=team_of(provider))) as book, pytest.raises(ValueError, match="secret"):
        make_serving(book.store, book.settings)


def test_others_are_let_in_with_a_sign_in_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command_line, ["serve", "--host", "0.0.0.0", "--no-browser", "--book", "b.duckdb"])
    assert "nobody would be asked who they are" in str(done.exception)
