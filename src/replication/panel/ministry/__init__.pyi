from .fields import field_panel as field_panel
from .fields import world_panel as world_panel
from .panels import ONE_SIDE as ONE_SIDE
from .panels import UNCOUNTED as UNCOUNTED
from .panels import binned as binned
from .panels import edition_panel as edition_panel
from .panels import kept as kept
from .panels import window_panel as window_panel
