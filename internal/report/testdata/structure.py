"""What a browser or a screen reader needs of the page on stdin: argv is its language and a symbol that must be text."""

import html.parser
import json
import sys

VOID = {"meta", "link", "input", "br", "hr", "img", "line", "circle"}
problems: list[str] = []


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.tags: dict[str, int] = {}
        self.text: list[str] = []
        self.data = ""
        self.attrs: dict[str, list[dict[str, str | None]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        a = dict(attrs)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attrs.setdefault(tag, []).append(a)
        if "id" in a:
            self.ids.append(a["id"] or "")
        for name in a:
            if name.startswith("on"):
                problems.append(f"<{tag} {name}>")
        if tag == "a":
            self.links.append(a["href"] or "")
        if tag == "label":
            self.labels.add(a.get("for") or "")
        if tag in ("input", "select"):
            self.controls.append(a)
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if a.get("role") in ("img", "region") and not (a.get("aria-label") or a.get("aria-labelledby")):
            problems.append(f"<{tag} role={a['role']}> without a name")
        if tag == "section" and a.get("aria-labelledby") is None:
            problems.append("a section without a name")
        for name in ("src", "href", "action", "srcset"):
            if a.get(name) and not (a[name] or "").startswith(("#", "data:,")):
                problems.append(f"<{tag} {name}={a[name]}>")
        if tag == "th" and a.get("scope") is None:
            problems.append("a heading of a table without scope")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            problems.append(f"</{tag}> closes {self.open[-1:]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            if self.attrs["script"][-1].get("type") == "application/json":
                self.data += data
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)


lang, nasty = sys.argv[1:]
page = Page()
page.feed(sys.stdin.read())
page.close()
if page.open:
    problems.append(f"never closed: {page.open}")
if page.attrs["html"] != [{"lang": lang}]:
    problems.append(f"html {page.attrs['html']}")
for tag, count in {"main": 1, "header": 1, "nav": 1, "h1": 1, "title": 1, "script": 2}.items():
    if page.tags.get(tag) != count:
        problems.append(f"{page.tags.get(tag)} of <{tag}>")
if doubles := {i for i in page.ids if page.ids.count(i) > 1}:
    problems.append(f"ids twice: {doubles}")
for a in page.controls:
    if a.get("id") not in page.labels:
        problems.append(f"no label of {a}")
for link in page.links:
    if link.removeprefix("#") not in page.ids:
        problems.append(f"a link to nothing: {link}")
if any(b > a + 1 for a, b in zip([0, *page.headings], page.headings)):
    problems.append(f"headings leave a level out: {page.headings}")
if any(tag in page.tags for tag in ("img", "iframe", "object", "form")):
    problems.append(f"tags {page.tags}")
if page.tags.get("figure", 0) != page.tags.get("figcaption", 0):
    problems.append("a figure without words")
policy = [m for m in page.attrs["meta"] if m.get("http-equiv") == "Content-Security-Policy"]
if not policy or "default-src 'none'" not in (policy[0]["content"] or ""):
    problems.append(f"policy {policy}")
if nasty not in page.text:
    problems.append("the symbol is not shown as it is")


def refuse(constant: str) -> None:
    problems.append(f"JSON has {constant}")


charts = json.loads(page.data, parse_constant=refuse)
if nasty not in charts["graph"]["symbols"]:
    problems.append("the symbol is not in the graph")
for chart in charts["charts"]:
    if chart["id"] not in page.ids or any(len(s["values"]) != len(chart["x"]) for s in chart["series"]):
        problems.append(f"chart {chart['id']}")
sys.exit("\n".join(problems) or 0)
