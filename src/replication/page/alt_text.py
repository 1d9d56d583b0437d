"""Alternative text of figures, from the notebook into the book.

A figure is shown by ``IPython.display.Image(data, alt=...)``, which keeps its text in the
metadata of the output. MyST-NB reads alternative text from the metadata of the cell alone, where
a computed text cannot stand; this plugin (entry point ``myst_nb.mime_renderers``) reads it from
the output.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from docutils import nodes
    from myst_nb.core.render import MimeData, NbElementRenderer


class AltText:
    """Renders a raster image with the alternative text that its output carries."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(
        renderer: "NbElementRenderer", data: "MimeData", inline: bool
    ) -> "list[nodes.Element] | None":
        """What MyST-NB makes of an image, with ``alt`` set; None for what is no image.

        An image left without a text is reported as a warning, which a strict build (``-W``) turns
        into a failure. `inline` changes nothing: an image is the same node in both places.
        """
        if not data.mime_type.startswith("image/"):
            return None
        images = renderer.render_image(data)
        text = str(data.output_metadata.get(data.mime_type, {}).get("alt") or "").strip()
        for image in images:
            if text:
                image["alt"] = text
            elif not image.get("alt", "").strip():
                renderer.logger.warning(
                    f"a figure ({data.mime_type}) has no alternative text",
                    subtype="alt_text",
                    line=data.line,
                )
        return images
