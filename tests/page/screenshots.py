"""`make pictures`: screenshots for README and tour, with the sample video analysed by the whole system."""

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from humanpose3d.client import Client
from humanpose3d.options import PoseModel
from shared.runtime.local_system import System
from tests.page.conftest import ARGUMENTS, CHROMIUM
from tests.servers import REPOSITORY, free_port

DOCS = REPOSITORY / "docs"
SAMPLE = REPOSITORY / "examples" / "sample.mp4"
COLOURS = 192
SHOWN_FRAME = 62
DESKTOP: dict[str, Any] = {"locale": "en-GB", "color_scheme": "light", "viewport": {"width": 1280, "height": 1080}}
PHONE: dict[str, Any] = {
    "locale": "en-GB",
    "color_scheme": "dark",
    "viewport": {"width": 390, "height": 1010},
    "has_touch": True,
}
SESSIONS: dict[str, PoseModel] = {"2026-09-02": "full", "2026-11-10": "lite"}
"""Of the same subject, and the networks used, since with the same one both would be equal."""


def main() -> None:
    """Analyse the sample and save screenshots."""
    with (
        tempfile.TemporaryDirectory() as folder,
        System(Path(folder), "127.0.0.1", free_port(), 1) as system,
        Client(system.url) as client,
        sync_playwright() as playwright,
    ):
        runs = [analysed(client, session, network) for session, network in SESSIONS.items()]
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        draw(chromium, system.url, runs)
        report(chromium, client, runs[0], Path(folder))
        chromium.close()


def analysed(client: Client, session: str, network: PoseModel) -> str:
    """The key of a finished run of the sample."""
    run_key = client.submit(
        SAMPLE,
        height=1.72,
        weight=70,
        consent=True,
        subject="P07",
        session=session,
        pose_model=network,
        estimate_missing=True,
        plot_all_joint_angles=True,
    )
    client.wait(run_key)
    return run_key


def draw(chromium: Browser, url: str, runs: list[str]) -> None:
    """The page's screens."""
    page = chromium.new_page(base_url=url, **DESKTOP)
    page.goto("/#/new")
    page.locator("#video-file").set_input_files(SAMPLE)
    page.get_by_label("Height in centimetres").fill("172")
    page.get_by_label("Weight in kilograms").fill("70")
    page.get_by_text("60 frames/s").wait_for()
    keep(page, DOCS / "images" / "tour_new.png")
    page.goto(f"/#/runs/{runs[0]}")
    settled(page)
    keep(page, DOCS / "page_results.png")
    show(page, "h2:text-is('Joint angles')")
    keep(page, DOCS / "images" / "tour_curves.png")
    page.goto("/#/subjects/P07")
    page.get_by_role("heading", name="P07").wait_for()
    page.wait_for_timeout(2000)
    keep(page, DOCS / "images" / "tour_subject.png")
    page.goto(f"/#/compare/{runs[0]}/{runs[1]}")
    page.locator(".chart").nth(2).wait_for()
    page.wait_for_timeout(2000)
    keep(page, DOCS / "images" / "tour_compare.png")
    page.close()
    phone = chromium.new_page(base_url=url, **PHONE)
    phone.goto(f"/#/runs/{runs[0]}")
    settled(phone)
    show(phone, ".view:has(.space)")
    keep(phone, DOCS / "page_phone.png")
    phone.close()


def settled(page: Page) -> None:
    """Wait until the results are drawn at a frame that shows something."""
    page.locator(".chart").nth(5).wait_for(timeout=120_000)
    page.get_by_role("slider", name="Time").fill(str(SHOWN_FRAME))
    page.wait_for_function("() => !document.querySelector('.stage video').seeking", timeout=60_000)
    page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    page.wait_for_timeout(3000)  # until the 3D view is at rest and drawn at full resolution


def show(page: Page, part: str) -> None:
    """Scroll to a part of the page."""
    page.locator(part).first.evaluate("(element) => element.scrollIntoView()")
    page.wait_for_timeout(1500)


def report(chromium: Browser, client: Client, run_key: str, folder: Path) -> None:
    """The report's first page; and the figure of all joint angles."""
    client.download(run_key, folder / "results")
    [html] = (folder / "results").rglob("report.html")
    page = chromium.new_page(color_scheme="light", viewport={"width": 820, "height": 1160})
    page.goto(html.as_uri())
    page.wait_for_timeout(1000)
    keep(page, DOCS / "images" / "tour_report.png")
    page.close()
    [figure] = (folder / "results").rglob("*_all_joint_angles.png")
    save(Image.open(figure), DOCS / "sample_joint_angles.png")


def keep(page: Page, path: Path) -> None:
    """Save a screenshot of the window."""
    save(Image.open(io.BytesIO(page.screenshot(timeout=120_000))), path)


def save(image: Image.Image, path: Path) -> None:
    """Save with few colours, for a small file."""
    image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
