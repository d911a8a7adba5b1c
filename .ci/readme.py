"""READMEs as docutils renders them, at whose slightest problem it stops; every link in a page leads somewhere."""

import html.parser
import pathlib
import sys

import docutils
from docutils.core import publish_string
from docutils.utils import Reporter


class Page(html.parser.HTMLParser):
    """A page's links, and what can be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.links = []
        self.ids = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Take the links and the ids of an element."""
        found = dict(attributes)
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if "id" in found:
            self.ids.add(found["id"])


def check(path):
    """Return what was checked, in a line. Raises SystemMessage, or AssertionError, for what is not."""
    strict = {"halt_level": Reporter.INFO_LEVEL, "report_level": Reporter.INFO_LEVEL, "traceback": True}
    page = Page(publish_string(path.read_bytes(), str(path), writer="html5", settings_overrides=strict).decode())
    inside = [link[1:] for link in page.links if link.startswith("#")]
    files = [link for link in page.links if not link.startswith(("#", "https://"))]
    assert page.ids.issuperset(inside), set(inside) - page.ids
    assert all((path.parent / file).exists() for file in files), files
    return f"{path}: {len(page.links)} links, {len(inside)} of them inside"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(check(pathlib.Path(argument)))
    print(f"docutils {docutils.__version__} has nothing to say")
