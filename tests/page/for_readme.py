"""`make pictures`: the README's screenshots of the page, with the sample video analysed by the whole system."""

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from shared.runtime.local_system import System
from tests.page.conftest import ARGUMENTS, CHROMIUM
from tests.servers import REPOSITORY, free_port

DOCS = REPOSITORY / "docs"
SAMPLE = REPOSITORY / "examples" / "sample.mp4"
COLOURS = 192
SHOWN_FRAME = 62
LOOKS: dict[str, dict[str, Any]] = {
    "page_results.png": {"color_scheme": "light", "viewport": {"width": 1280, "height": 1285}},
    "page_phone.png": {"color_scheme": "dark", "viewport": {"width": 390, "height": 1010}, "has_touch": True},
}


def main() -> None:
    """Analyse the sample through the page and save screenshots."""
    with (
        tempfile.TemporaryDirectory() as folder,
        System(Path(folder), "127.0.0.1", free_port(), 1) as system,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        address = analysed(chromium, system.url)
        for name, look in LOOKS.items():
            page = chromium.new_page(locale="en-GB", **look)
            page.goto(address)
            keep(page, DOCS / name, scroll="has_touch" in look)
            page.close()
        chromium.close()


def analysed(chromium: Browser, url: str) -> str:
    """Submit the sample; returns the address of its results once they are available."""
    page = chromium.new_page(base_url=url)
    page.goto("/")
    page.locator("#video-file").set_input_files(SAMPLE)
    page.get_by_label("Height in centimetres").fill("172")
    page.get_by_label("Weight in kilograms").fill("70")
    page.get_by_label("The person in the video knows").check()
    page.get_by_text("For experts").click()
    page.get_by_label("Is a limb hidden").check()
    page.get_by_role("button", name="Start the analysis").click()
    page.get_by_role("slider", name="Time").wait_for(timeout=900_000)
    address = page.url
    page.close()
    return address


def keep(page: Page, path: Path, *, scroll: bool) -> None:
    """Save a screenshot of the window, scrolled to the 3D view where `scroll`, with few colours for a small file."""
    page.locator(".chart").nth(5).wait_for(timeout=120_000)
    page.get_by_role("slider", name="Time").fill(str(SHOWN_FRAME))
    page.wait_for_function("() => !document.querySelector('.stage video').seeking", timeout=60_000)
    page.evaluate(
        """(scroll) => {
          document.activeElement.blur();
          if (scroll) document.querySelector(".view:has(.space)").scrollIntoView();
        }""",
        scroll,
    )
    page.wait_for_timeout(1500)  # until the 3D view is at rest and drawn at full resolution
    image = Image.open(io.BytesIO(page.screenshot(timeout=120_000))).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
