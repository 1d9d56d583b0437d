from .curve import Curve as Curve
from .curve import Specification as Specification
from .curve import specification_curve as specification_curve
from .explained import explained as explained
