"""What MkDocs does besides: pages whose source lies outside of docs/, and links to them.

A page of the site has one source, which also reads well in the repository. So links in it are those
of the repository; here they become links of the site.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "README.md": "index.md",
    "config/README.md": "reference/configuration.md",
    "d4rl/README.md": "reference/environments.md",
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "explanations/contributing.md",
    "SECURITY.md": "explanations/security.md",
}
"""Pages made of files outside of docs/: file in the repository, page of the site."""
LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s:]+)\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the pages whose source lies outside of docs/."""
    from mkdocs.structure.files import File

    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of a page from those of the repository into those of the site."""
    place = page.file.src_uri
    source = next((file for file, made in OUTSIDE.items() if made == place), f"docs/{place}")
    return LINK.sub(lambda link: link_of_site(link, source, place), markdown)


def link_of_site(link: re.Match[str], source: str, place: str) -> str:
    """Return a link of a source as one of its page; of a file that is no page, the text alone."""
    path, mark, anchor = link[2].partition("#")
    target = os.path.normpath(PurePosixPath(source).parent / path) if path else source
    page = OUTSIDE.get(target) or target.removeprefix("docs/")
    if page == target and (ROOT / target).exists():
        return link[1]
    return f"[{link[1]}]({os.path.relpath(page, PurePosixPath(place).parent)}{mark}{anchor})"
