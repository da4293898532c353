"""troth.toml: everything has a default, and what cannot be is named with what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from troth.errors import SettingsError
from troth.settings import Settings, load_settings


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
