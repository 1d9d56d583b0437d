"""A figure's alternative text gets from the output into the page, or there is a warning."""

import base64
import warnings
from io import StringIO
from pathlib import Path

import nbformat
import pytest
from docutils.core import publish_string
from myst_nb.docutils_ import Parser
from nbformat.v4 import new_code_cell, new_notebook, new_output

# One transparent pixel.
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000a49444154789c6300"
        "0100000500010d0a2db40000000049454e44ae426082"
    )
).decode()


def page(tmp_path: Path, metadata: dict[str, object], cell: dict[str, object] | None = None) -> str:
    """A page with one figure, without Sphinx. Its warnings go to the log."""
    output = new_output("display_data", {"image/png": PIXEL}, metadata=metadata)
    code = new_code_cell("show()", execution_count=1, outputs=[output], metadata=cell or {})
    settings = {
        "nb_execution_mode": "off",
        "nb_output_folder": str(tmp_path),
        "output_encoding": "unicode",
        # MyST-NB keeps writing to the stream of the first page, so it must stay open.
        "warning_stream": StringIO(),
    }
    with warnings.catch_warnings():
        # docutils announces changes of its own defaults.
        warnings.simplefilter("ignore")
        return publish_string(
            nbformat.writes(new_notebook(cells=[code])),
            parser=Parser(),
            writer_name="html5",
            settings_overrides=settings,
        )


def test_text_of_the_output_is_the_images_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Estimates rise from 0.1 to 0.4 after 2018 估计值"
    html = page(tmp_path, {"image/png": {"alt": text}})
    assert f'alt="{text}"' in html
    assert not caplog.records


def test_text_is_escaped(tmp_path: Path) -> None:
    html = page(tmp_path, {"image/png": {"alt": 'p < 0.05 & "flat"'}})
    assert 'alt="p &lt; 0.05 &amp; &quot;flat&quot;"' in html


@pytest.mark.parametrize("metadata", [{}, {"image/png": {}}, {"image/png": {"alt": "  "}}])
def test_missing_text_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, metadata: dict[str, object]
) -> None:
    page(tmp_path, metadata)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "a figure (image/png) has no alternative text" in record.message


def test_text_of_the_cell_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    html = page(tmp_path, {}, {"mystnb": {"image": {"alt": "drawn by hand"}}})
    assert 'alt="drawn by hand"' in html
    assert not caplog.records


def test_size_of_the_output_is_kept(tmp_path: Path) -> None:
    html = page(tmp_path, {"image/png": {"alt": "a line", "width": 320}})
    assert "width: 320px" in html or 'width="320"' in html
