"""Each fault of a built site is found, and a good site passes."""

from pathlib import Path

import pytest

from replication.page.site import check_site

BADGE = '<p class="source-badges"><span class="source-badge source-simulated">Simulated</span></p>'
GOOD = f"""<!doctype html>
<html lang="en"><head><title>A page</title>
<link rel="stylesheet" href="_static/style.css?v=1">
<link rel="canonical" href="https://example.org/book/page.html">
<style>p {{ background: url("_static/dot.png") }}</style>
<script src="_static/code.js"></script></head>
<body><h1 id="start">A page</h1>{BADGE}
<p>Text. <a href="#start">Up</a> <a href="other.html#two%20words">Over</a>
<a href="https://example.org/">Elsewhere</a> <a href="mailto:a@example.org">Mail</a></p>
<img src="_static/dot.png" alt="One dot">
<img src="data:image/png;base64,AAAA" alt="A dot within the page"></body></html>
"""
OTHER = (
    f'<html><head><title>Other</title></head><body>{BADGE}<h2 id="two words">x</h2></body></html>'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site without a fault."""
    static = tmp_path / "_static"
    static.mkdir()
    (static / "style.css").write_text("p { background: url(dot.png) } /* url(https://a.b/) */")
    (static / "code.js").write_text("")
    (static / "dot.png").write_bytes(b"")
    (static / "template.html").write_text("<p>a part of a page, not a page</p>")
    (tmp_path / "page.html").write_text(GOOD)
    (tmp_path / "other.html").write_text(OTHER)
    (tmp_path / "search.html").write_text("<title>Search</title><p>needs no badge</p>")
    (tmp_path / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=page.html">')
    return tmp_path


def test_a_good_site_has_no_problem(site: Path) -> None:
    assert check_site(site) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('href="#start"', 'href="#strat"', "a place that is not in the page: #strat"),
        ('"other.html#two%20words"', '"other.html#three"', "not in the page: other.html#three"),
        ('"other.html#two%20words"', '"ohter.html"', "a file that is not there: ohter.html"),
        ('"other.html#two%20words"', '"../up.html"', "leaves the site: ../up.html"),
        ('src="_static/dot.png"', 'src="_static/dto.png"', "not there: _static/dto.png"),
        ("style.css?v=1", "stlye.css?v=1", "not there: _static/stlye.css"),
        ('src="_static/code.js"', 'src="https://cdn.example.org/code.js"', "<script> asks another"),
        ('href="_static/style.css?v=1"', 'href="//example.org/a.css"', "<link> asks another host"),
        ('rel="canonical"', 'rel="preconnect"', "<link> asks another host"),
        ('src="_static/dot.png"', 'src="http://example.org/a.png"', "<img> asks another host"),
        ('src="_static/dot.png"', 'srcset="https://example.org/a.png 2x"', "<img> asks another"),
        ("</body>", '<iframe src="https://example.org"></iframe></body>', "<iframe> asks another"),
        ("</body>", '<embed src="//example.org/a.svg"></body>', "<embed> asks another"),
        ("</body>", '<object data="//example.org/a"></object></body>', "<object> asks another"),
        ('url("_static/dot.png")', 'url("https://example.org/a.png")', "a style asks another host"),
        ("</style>", '@import "https://example.org/a.css";</style>', "a style asks another host"),
        ("<h1 ", '<h1 style="background: url(//example.org/a.png)" ', "a style asks another host"),
        ("</body>", '<script>import "https://example.org/a.js"</script></body>', "a script asks"),
        ('alt="One dot"', "", "without alternative text: _static/dot.png"),
        ('alt="One dot"', 'alt=" "', "without alternative text"),
        ('alt="One dot"', 'alt="_static/dot.png"', "is a file name, '_static/dot.png'"),
        ('alt="One dot"', 'alt="dot"', "is a file name, 'dot'"),
        ("<title>A page</title>", "", "no title"),
        ("<title>A page</title>", "<title> </title>", "no title"),
        ('class="source-badge ', 'class="', "does not say where its numbers come from"),
        ('class="source-badges"', 'class="cards"', "does not say where its numbers come from"),
    ],
)
def test_one_fault_is_one_problem(site: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    (site / "page.html").write_text(GOOD.replace(old, new, 1))
    (problem,) = check_site(site)
    assert problem.startswith("page.html: ")
    assert says in problem


@pytest.mark.parametrize("rule", ['@import "https://a.b/c.css";', "p { src: url('//a.b/c.woff') }"])
def test_a_style_sheet_that_asks_another_host_is_found(site: Path, rule: str) -> None:
    (site / "_static" / "style.css").write_text(rule)
    (problem,) = check_site(site)
    assert problem.startswith("_static/style.css: asks another host for ")


def test_a_redirect_to_nowhere_is_found(site: Path) -> None:
    (site / "index.html").write_text('<meta http-equiv="refresh" content="0; url=gone.html">')
    assert check_site(site) == ["index.html: <meta> points to a file that is not there: gone.html"]


def test_a_folder_without_a_site_is_said(tmp_path: Path) -> None:
    (problem,) = check_site(tmp_path)
    assert "build the book first" in problem
