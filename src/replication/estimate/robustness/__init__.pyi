from .counts import scales as scales
from .dose import dose_bins as dose_bins
from .dose import dose_spline as dose_spline
from .dose import dose_weights as dose_weights
from .placebo import fake_years as fake_years
from .placebo import instrumented as instrumented
from .placebo import shuffled as shuffled
