"""The page in the browser's language, or in the one that was chosen on it."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.fake_server import FakeServer

OpenPage = Callable[..., Page]


def test_the_page_is_in_the_language_of_the_browser(open_page: OpenPage):
    page = open_page(locale="fr-CH")
    expect(page.get_by_role("heading", name="Nouvelle analyse")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "fr"


def test_a_browser_in_a_language_without_texts_gets_english(open_page: OpenPage):
    expect(open_page(locale="fi-FI").get_by_role("heading", name="New analysis")).to_be_visible()


def test_a_choice_of_language_is_kept_and_goes_with_the_run(open_page: OpenPage, server: FakeServer, video: Path):
    page = open_page()
    page.get_by_role("combobox", name="Language").select_option("Deutsch")
    expect(page.get_by_role("link", name="Neue Analyse")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Neue Analyse")).to_be_visible()
    page.locator("#video-file").set_input_files(video)
    page.get_by_label("Körpergröße in Zentimetern").fill("178")
    page.get_by_label("Gewicht in Kilogramm").fill("75,5")
    page.get_by_label("Die Person im Video weiß").check()
    page.get_by_role("button", name="Analyse starten").click()
    expect(page.get_by_role("heading", name="walk", exact=True)).to_be_visible()
    answers = page.locator(".answers")
    expect(answers).to_contain_text("Kniebeugen, im Video erkannt.")
    expect(answers.get_by_role("row", name="Tiefe")).to_contain_text("0,40 ± 0,03 m")
    key = page.url.rsplit("/", 1)[-1]
    assert page.request.get(f"/api/runs/{key}/").json()["options"]["language"] == "de"
