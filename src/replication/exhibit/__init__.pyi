from . import article as article
from . import doses as doses
from . import evidence as evidence
from . import figures as figures
from . import in_print as in_print
from . import inference as inference
from . import studies as studies
from . import tables as tables
