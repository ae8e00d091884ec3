"""The workloads, by the names that `--workloads` takes."""
from workloads import catchup, idle, latency, ring, startup

WORKLOADS = {
    "unsigned": catchup.unsigned,
    "signed": catchup.signed,
    "chained": catchup.chained,
    "bodies": catchup.bodies,
    "clocks": catchup.clocks,
    "far": catchup.far,
    "latency": latency.run,
    "idle": idle.run,
    "ring": ring.run,
    "startup": startup.run,
    "million": catchup.million,
}
