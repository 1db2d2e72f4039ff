"""The browser, the server, and a page that fails the test on errors in its console."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.page import walker
from tests.page.fake_server import FakeServer

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parent / "images"
PATIENCE_MS = 60_000
"""Maximum wait for an element: normally it appears at once, but the machine may be busy."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "walk.mp4"
    path.write_bytes(walker.video())
    return path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    made = FakeServer(tmp_path / "server")
    made.start()
    yield made
    made.close()


@pytest.fixture
def open_page(browser: Browser, server: FakeServer) -> Iterator[Callable[..., Page]]:
    """Opens pages of the server. The test fails where a page reports an unexpected error."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(path: str = "/", expected: str = "422", **options: Any) -> Page:
        """Chromium reports every refused request as an error; 422 answers the form's check before a video is chosen."""
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}
        context = browser.new_context(base_url=server.url, timezone_id="UTC", **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()

        def complain(text: str) -> None:
            if not re.search(f"422|{expected}", text):
                complaints.append(text)

        page.on("console", lambda message: complain(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complain(str(error)))
        page.on("request", lambda request: complain(request.url) if not _is_ours(request.url, server) else None)
        page.goto(path)
        return page

    expect.set_options(timeout=PATIENCE_MS)
    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def _is_ours(url: str, server: FakeServer) -> bool:
    return url.startswith((server.url, "blob:", "data:"))


def thread_seconds(page: Page, work: Callable[[], object]) -> float:
    """Processor time of the page's main thread, independent of other load."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    before = busy()
    work()
    return busy() - before


def fill_form(page: Page, video: Path) -> None:
    """Choose the video and fill in every required field."""
    page.locator("#video-file").set_input_files(video)
    page.get_by_label("Height in centimetres").fill("178")
    page.get_by_label("Weight in kilograms").fill("75")
    page.get_by_label("The person in the video knows").check()


def submit(page: Page, video: Path) -> None:
    """Fill the form and start; returns when the run's page is shown."""
    fill_form(page, video)
    page.get_by_role("button", name="Start the analysis").click()
    page.wait_for_url(re.compile("#/runs/"))


@pytest.fixture
def image() -> Callable[[Page, str], None]:
    """Saves a screenshot of a page for visual inspection."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return keep
