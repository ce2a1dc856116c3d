"""Measurements of cmo against its goals, each beside a naive yardstick measured in the same run.

`python -m benchmarks [NAME ...] [--json]` (`make bench`) runs them and prints one table. A benchmark is a module with
`run() -> list[Row]`; what several need is made once in a run. Nothing here is imported by cmo.

    accuracy.py limits.py cost.py faults.py soak.py   jobs against the sandbox          (sandboxed.py)
    state.py memory.py                                jobs with up to 30,000 leads      (bulk.py)
    startup.py demo.py                                whole commands
    screens.py                                        the full screen in a pseudo-terminal
    screenshots.py                                    no measurement: pictures of it for README
    naive_github.py naive_state.py                    the yardsticks
    worker.py children.py clock.py resuming.py        a job in a process of its own, on a clock that is shared
    table.py measure.py                               rows, the table, memory, bytes
"""
