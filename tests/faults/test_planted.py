"""Faults planted on purpose in copies of what is committed: each is caught by its check.

Every one of them passed all checks once.
"""

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import jupytext
import matplotlib as mpl
import nbformat
import pandas as pd
import pytest
from matplotlib.axes import Axes
from nbformat.v4 import new_output
from PIL import Image

import replication as rp
from replication.config import NOTEBOOKS, ROOT
from replication.page import compare
from replication.records.schema import RECORDS
from tests.repository.test_prose import ALLOWED, names
from tests.support import leaks, rules
from tests.support.chapter import MODEL, RESULTS, code, copy_chapter, edit_outputs, figure
from tests.support.prose import exceptions, registered, typed_numbers

PAGE = f"notebooks/{MODEL}.md"
PICTURE = RESULTS / MODEL / "fig-outcome.png"


# A picture ------------------------------------------------------------------------------------


def changed(edit: Callable[[Image.Image], Image.Image]) -> bytes:
    buffer = io.BytesIO()
    edit(Image.open(PICTURE).convert("RGB")).save(buffer, "png")
    return buffer.getvalue()


def histogram(panel: pd.DataFrame, edit: Callable[[Axes], object], **options: object) -> bytes:
    """The figure drawn again, with one thing in it changed."""
    canvas = rp.figures.histogram(panel, "patents_joint").canvas
    edit(canvas.axes[0])
    buffer = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({k: v for k, v in options.items() if k != "dpi"})
        canvas.savefig(buffer, format="png", dpi=options.get("dpi", "figure"))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return rp.load_panel("simulated")


def bar_moved(axes: Axes) -> None:
    bar, limits = axes.patches[3], axes.get_ylim()
    bar.set_height(bar.get_height() + 0.02 * (limits[1] - limits[0]))
    axes.set_ylim(limits)


@pytest.mark.parametrize(
    "edit",
    [
        bar_moved,
        lambda axes: axes.set_ylabel("cells"),
        lambda axes: axes.patches[3].set_color("0.8"),
        lambda axes: axes.patches[3].remove(),
    ],
)
def test_one_thing_in_a_picture_is_seen(
    panel: pd.DataFrame, edit: Callable[[Axes], object]
) -> None:
    (line,) = compare.compare_pictures(PICTURE.read_bytes(), histogram(panel, edit))
    assert line.startswith("the picture is another one")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"text.hinting": "no_hinting"},
        {"text.hinting": "force_autohint"},
        {"dpi": 199},
        {"dpi": 203},
        {"text.hinting": "no_hinting", "dpi": 197},
    ],
)
def test_another_machine_s_letters_are_no_alarm(
    panel: pd.DataFrame, options: dict[str, object]
) -> None:
    fresh = histogram(panel, lambda axes: None, **options)
    assert compare.compare_pictures(fresh, PICTURE.read_bytes()) == []


@pytest.mark.parametrize(
    "picture",
    [
        changed(lambda image: Image.new("RGB", image.size, "white")),
        changed(lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        changed(lambda image: image.resize((image.width * 2, image.height * 2))),
        (RESULTS / MODEL / "fig-trends.png").read_bytes(),
        PICTURE.read_bytes()[:5000],
    ],
    ids=["blank", "mirrored", "doubled", "another figure", "cut off"],
)
def test_a_picture_replaced_in_notebook_and_results_alike(tmp_path: Path, picture: bytes) -> None:
    chapter = copy_chapter(tmp_path)
    (chapter / "results" / MODEL / PICTURE.name).write_bytes(picture)
    old = base64.b64encode(PICTURE.read_bytes()).decode()

    def replace(notebook: nbformat.NotebookNode) -> None:
        outputs = [o for cell in code(notebook) for o in cell.outputs]
        (shown,) = [o for o in outputs if o.get("data", {}).get("image/png", "").strip() == old]
        shown.data["image/png"] = base64.b64encode(picture).decode()

    edit_outputs(chapter / f"{MODEL}.ipynb", replace)
    # The two agree, which is all that was looked at.
    assert not list(rules.output_breaches(chapter / f"{MODEL}.ipynb", chapter / "results" / MODEL))
    fresh = nbformat.read(NOTEBOOKS / f"{MODEL}.ipynb", as_version=4)
    of_results, of_notebook = (
        compare.compare_results(RESULTS / MODEL, chapter / "results" / MODEL),
        compare.compare_run(fresh, RESULTS / MODEL, chapter / f"{MODEL}.ipynb", RESULTS / MODEL),
    )
    assert len(of_results) == len(of_notebook) == 1
    assert "the picture" in of_results[0]
    assert "the picture" in of_notebook[0]


# A number -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "like"),
    [
        ("The effect is about 0.16.", "registered"),
        ("It is 31 % of all rows.", "'zero_share'"),
        ("It is a share of 0.310.", "as a share 'zero_share'"),
        ("约占31%。", "'zero_share'"),
        ("Nobody has registered 0.48213.", "no registered number"),
        ("There are 4,321 firms.", "no registered number"),
        ("It is $0.48213$ or so.", "no registered number"),
    ],
)
@pytest.mark.parametrize("page", [PAGE, "book/study.md"])
def test_a_number_typed_in_prose(page: str, sentence: str, like: str) -> None:
    text, may = (ROOT / page).read_text(encoding="utf-8"), exceptions(page, ALLOWED)
    (line,) = typed_numbers(f"{text}\n\n{sentence}\n", registered(ROOT / "results"), may)
    assert like in line or like == "registered"


# A person, a record, a key --------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "Write to wang.wei" + "@" + "ecnu.edu.cn.",
        "联系人:li" + "＠" + "163.com",
        "jane (at) " + "stanford.edu",
        "call 138" + "1234" + "5678",
        "电话 +86 139" + "-1234-5678",
        "身份证 110105" + "19491231" + "002X",
        "CN2018" + "10123456" + ".7 was filed",
        "the patent CN1085" + "12345A",
    ],
)
def test_a_person_or_a_patent_in_prose(text: str) -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert list(names(page)) == []
    assert len(list(names(f"{page}\n{text}\n"))) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"text/plain": "application  applicants\n1  x"},
        {"text/html": "<table><tr><td>x</td></tr></table>"},
        {"text/html": '<p class="exhibit-title" id="tab-other">x</p>'},
        {"application/json": {"applicants": "x"}},
    ],
)
def test_a_record_in_a_notebook(tmp_path: Path, data: dict[str, object]) -> None:
    path = copy_chapter(tmp_path) / f"{MODEL}.ipynb"
    registry = {
        name: {"source": "simulated"}
        for name in json.loads((RESULTS / MODEL / "exhibits.json").read_text(encoding="utf-8"))
    }
    assert list(leaks.foreign_outputs(path, registry)) == []
    edit_outputs(path, lambda n: code(n)[0].outputs.append(new_output("display_data", data)))
    assert len(list(leaks.foreign_outputs(path, registry))) == 1
    of_records = registry | {"tab-own": {"source": "restricted"}}
    assert len(list(leaks.foreign_outputs(path, of_records))) == 2


def test_a_firm_in_what_is_shown() -> None:
    assert leaks.firms("江海精密" + "机械有限公司与东湖大学")
    assert leaks.firms("Alpha Machines Co., " + "Ltd. and others")
    assert not leaks.firms("universities and firms 公司")


PLACES = [
    "notebooks/x.csv",
    "book/_static/x.parquet",
    "data/x.csv",
    "data/restricted/patents.csv",
    "data/restricted/patents.txt",
    "data/records/papers.parquet",
    "x.xlsx",
    "tests/x.zip",
    "results/01_baseline/tab-x.csv",
    "data/truth.csv",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", ["patents", "papers"])
@pytest.mark.parametrize("chinese", [False, True])
def test_a_file_of_records(tmp_path: Path, place: str, table: str, chinese: bool) -> None:
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / "data" / "README.md", tmp_path / "data")
    columns = RECORDS[table].columns.items()
    rows = pd.DataFrame({c.metadata["zh"] if chinese else n: ["x"] for n, c in columns})
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path) if path.suffix == ".parquet" else rows.to_csv(path)
    assert len(list(leaks.record_files(tmp_path, [place]))) == 1


EXPORTS = {
    "yearly": "申请人类型,公开公告号,授权公告号,IPC分类号,申请号,申请日,申请人",
    "incoPat": "公开（公告）号,申请号,申请日,申请人,IPC主分类号,IPC,当前法律状态",
    "PatSnap": "公开(公告)号,申请号,申请日,[标]原始申请(专利权)人,IPC分类号,简单法律状态",
    "CNIPA": "申请号,申请日,公开（公告）号,公开（公告）日,IPC分类号,申请（专利权）人",
    "PATSTAT": "appln_auth,appln_nr,appln_filing_date,granted,person_name,ipc_class_symbol",
    "Google": "publication_number,application_number,filing_date,assignee,ipc,grant_date",
    "Web of Science": "PT,AU,TI,SO,C1,PY,WC,UT",
    "OpenAlex": "id,title,publication_year,authorships.institutions.display_name",
    "CNKI": "SrcDatabase-来源库,Title-题名,Author-作者,Organ-单位",
}
"""Headers that the vendors' own files have."""


@pytest.mark.parametrize("headers", EXPORTS.values(), ids=EXPORTS)
@pytest.mark.parametrize(
    "place",
    ["results/01_baseline/tab-x.csv", "data/truth.parquet", "x.xlsx", "book/x.txt", "n.ipynb"],
)
def test_an_export_of_a_vendor(tmp_path: Path, place: str, headers: str) -> None:
    (tmp_path / "data").mkdir()
    described = (ROOT / "data" / "README.md").read_text("utf-8")
    (tmp_path / "data" / "README.md").write_text(f"{described}\n| `truth.parquet` |\n", "utf-8")
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame({header: ["x"] for header in headers.split(",")})
    if path.suffix == ".parquet":
        rows.to_parquet(path)
    elif path.suffix == ".xlsx":
        # No workbook is committed at all, whatever is in it.
        path.write_bytes(b"PK")
    elif path.suffix == ".ipynb":
        shown = new_output("display_data", {"text/html": rows.to_html()})
        cell = nbformat.v4.new_code_cell("rows", outputs=[shown])
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    else:
        rows.to_csv(path, index=False)
    assert list(leaks.record_files(tmp_path, [place]))


def test_a_notebook_of_licensed_records(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(metadata={"replication_source": "restricted"})
    nbformat.write(notebook, tmp_path / "x.ipynb")
    assert list(leaks.in_notebook(tmp_path / "x.ipynb")) == ["was run on licensed records"]


# In pieces, so that this file holds no key itself.
HEX = "3f9ac1d2 7b4e88a0 5c6d1e2f 9b7a4c30".replace(" ", "")
WORD = "Zq8sN2vY w4Rk1LtX b6Hc0JmP d5Ef7Gu9 Ta3S".replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        f"Our key is {HEX}, use it.",
        f"api_key: {HEX}",
        f"`{HEX}` opens the service",
        "The key AKIA" + "Q7ZPL2VNXW4TB3RD works.",
        f"token ghp_{WORD}",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        f"https://user:{WORD[:10]}" + "@" + "example.org/x",
        f'pass{"word"} = "{WORD[:14]}"',
    ],
)
def test_a_key_in_prose(tmp_path: Path, text: str) -> None:
    path = tmp_path / "study.md"
    path.write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    assert list(leaks.secrets([path]))


# A hidden output ------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [".md", ".ipynb"])
@pytest.mark.parametrize(
    "edit",
    [
        *(
            (lambda cell, tag=tag: cell.metadata.update(tags=[tag]))
            for tag in (
                "remove-output",
                "hide-output",
                "remove-cell",
                "hide-cell",
                "nbval-skip",
                "nbval-ignore-output",
                "raises-exception",
                "skip-execution",
                "remove-stdout",
                "scroll-output",
            )
        ),
        lambda cell: cell.metadata.update(mystnb={"remove_code_outputs": True}),
        lambda cell: cell.metadata.update(jupyter={"outputs_hidden": True}),
        lambda cell: cell.update(source="# NBVAL_IGNORE_OUTPUT\n" + cell.source),
        lambda cell: cell.update(source="%%capture\n" + cell.source),
    ],
)
def test_an_output_hidden_by_a_tag(
    tmp_path: Path, half: str, edit: Callable[[nbformat.NotebookNode], None]
) -> None:
    path = tmp_path / f"{MODEL}{half}"
    notebook = jupytext.read(NOTEBOOKS / f"{MODEL}{half}")
    edit(code(notebook)[-1])
    jupytext.write(notebook, path)
    assert len(list(rules.metadata_breaches(path))) == 1


def test_the_figure_of_a_copy_is_the_committed_one() -> None:
    shown = figure(nbformat.read(NOTEBOOKS / f"{MODEL}.ipynb", as_version=4))
    picture = base64.b64decode(shown.data["image/png"])
    assert compare.compare_pictures(picture, PICTURE.read_bytes()) == []
