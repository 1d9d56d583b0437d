"""Time of the design analysis against the number of studies: the cost should be linear.

Run with ``python benchmarks/design_analysis.py``. Prints seconds and the ratio to the run before;
doubling the studies should double the time.
"""

import time

from replication.montecarlo.repeat import repeat
from replication.simulate.study import simulate

study = simulate()
before = None
for studies in (125, 250, 500, 1000):
    begin = time.perf_counter()
    repeat(study, studies)
    seconds = time.perf_counter() - begin
    ratio = f", {seconds / before:.2f} times the run before" if before else ""
    print(f"{studies:5d} studies: {seconds:6.1f} s{ratio}", flush=True)
    before = seconds
