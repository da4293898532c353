"""troth.toml: everything has a default, and what cannot be is named with what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.errors import SettingsError
from troth.lenses import read_sum
from troth.settings import Settings, load_settings
from troth.signals import HELD, SHOWN


def write(folder: Path, text: str) -> Path:
    path = folder / "troth.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_everything_has_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings() == Settings()


def test_the_file_in_the_current_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path, 'zone = "Europe/Berlin"\nfriends = ["@Club.org"]')
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.zone == "Europe/Berlin"
    assert settings.circles().stated == {"club.org": "friend"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('zone = "Mars/Olympus"', "there is no time zone"),
        ('zoen = "UTC"', "Settings are: us, customers"),
        ("us = 3", "us:"),
        ("us = [", "is not TOML"),
        ('dates = "ymd"', "dates:"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint):
        load_settings(write(tmp_path, text))


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "other.toml")


def test_options_are_laid_over_the_file():
    assert Settings().having(zone="Asia/Tokyo", us=None).zone == "Asia/Tokyo"
    with pytest.raises(SettingsError, match="option: zone"):
        Settings().having(zone="nowhere")


OWN = """
[lens.care]
plain = "care, as we mean it"

[lens.care.pillars]
keeps_its_word = "FT + CO"
listens = { sum = "AT - RS", plain = "listens before it explains" }
pushes = "-OR"
held = "hc+hr"
"""


def test_a_lens_of_ones_own_is_read_as_sums_of_facets(tmp_path: Path):
    lens = load_settings(write(tmp_path, OWN)).lenses()["care"]
    assert lens.plain == "care, as we mean it"
    assert [(pillar.name, pillar.plain, pillar.gauge, dict(pillar.weights)) for pillar in lens.pillars] == [
        ("keeps_its_word", "keeps its word", "SHOWN", {"FT": 0.5, "CO": 0.5}),
        ("listens", "listens before it explains", "SHOWN", {"AT": 0.5, "RS": -0.5}),
        ("pushes", "pushes", "SHOWN", {"OR": -1.0}),
        ("held", "held", "HELD", {"HC": 0.5, "HR": 0.5}),
    ]


def test_options_keep_a_lens_of_ones_own(tmp_path: Path):
    settings = load_settings(write(tmp_path, OWN))
    assert settings.having(zone="Asia/Tokyo").lenses() == settings.lenses()


@pytest.mark.parametrize(
    ("pillars", "complaint"),
    [
        ('x = "FT + XX"', "lens.care: pillar 'x': 'XX' is no facet. The facets are RS"),
        ('x = "FT + HC"', "lens.care: .*'x' mixes SHOWN and HELD"),
        ('x = "FT FT"', "lens.care: .*is no sum"),
        ('x = "FT +"', "is no sum"),
        ('x = "FT * 2"', "is no sum"),
        ('x = ""', "is no sum"),
        ('x = "-"', "is no sum"),
        ('x = "FT - FT"', "names a facet twice"),
        ("x = 3", r"lens.care.pillars.x"),
        ("", "lens.care: .*has no pillars"),
        ('"a b" = "FT"', "cannot name a lens or pillar"),
        ('x = { plain = "words" }', r"lens.care.pillars.x.sum: Field required"),
    ],
)
def test_a_lens_that_cannot_be_is_named_with_its_file_and_key(tmp_path: Path, pillars: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint) as caught:
        load_settings(write(tmp_path, f"[lens.care.pillars]\n{pillars}\n"))
    assert str(tmp_path / "troth.toml") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_lens_of_ones_own_hides_no_other(tmp_path: Path):
    with pytest.raises(SettingsError, match="there is a lens 'triangle' already"):
        load_settings(write(tmp_path, '[lens.triangle.pillars]\nx = "FT"\n'))


@given(
    signs=st.lists(st.sampled_from("+-"), min_size=1, max_size=10),
    codes=st.permutations(sorted(SHOWN)),
    blank=st.sampled_from(["", " ", "  "]),
)
def test_every_sum_comes_back_as_it_was_written(signs: list[str], codes: list[str], blank: str):
    pairs = list(zip(signs, codes, strict=False))
    weights = read_sum(blank.join(f"{sign}{blank}{code}" for sign, code in pairs))
    assert weights == {code: (1 if sign == "+" else -1) / len(pairs) for sign, code in pairs}


@given(st.text(max_size=30))
def test_no_text_makes_a_sum_that_is_none(text: str):
    try:
        weights = read_sum(text)
    except SettingsError:
        return
    assert set(weights) <= set(SHOWN) | set(HELD)
    assert sum(abs(weight) for weight in weights.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("days = 0", "trend.days"), ("name_from = 2", "trend.name_from"), ("dayz = 3", "trend.dayz")],
)
def test_a_trend_that_cannot_be_is_named(tmp_path: Path, text: str, complaint: str):
    with pytest.raises(SettingsError, match=complaint):
        load_settings(write(tmp_path, f"[trend]\n{text}\n"))
