"""The workloads, by the names that `--workloads` takes."""

from workloads import catchup, idle, latency, ring

WORKLOADS = {
    "unsigned": catchup.unsigned,
    "signed": catchup.signed,
    "chained": catchup.chained,
    "paged": catchup.paged,
    "bodies": catchup.bodies,
    "clocks": catchup.clocks,
    "far": catchup.far,
    "latency": latency.run,
    "idle": idle.run,
    "ring": ring.run,
    "million": catchup.million,
    "million-signed": catchup.million_signed,
    "million-chained": catchup.million_chained,
}
