from .confounding import Sensitivity as Sensitivity
from .confounding import oster as oster
from .confounding import sensitivity as sensitivity
from .leave_out import leave_one_out as leave_one_out
from .parallel_trends import breakdown as breakdown
from .parallel_trends import honest_bounds as honest_bounds
from .parallel_trends import pretrend_power as pretrend_power
