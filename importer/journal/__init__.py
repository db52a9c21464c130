"""The run's memory: one SQLite file in the run's folder; the only place that knows sqlite3 (the sandbox aside).

What survives what. WAL with synchronous=FULL from the first request on: a commit is on disk before `claim` returns, so

- `planned`   certainly not applied. Survives a kill and a power cut; the next run sends it.
- `sending`   on disk before the first byte leaves. Whoever opens the journal later must take it as in doubt: the
              process may have died before the request, between request and answer, or before the answer was written.
- `in_doubt`  sent, no usable answer. Never sent again before the target was asked.
- `unbound`   the target has it and gave its id; it is still to be added to a group's list, or may have been: each pair
              stands in the table `binding`, as `adding` from before the PUT. Adding again does no harm.
              An undo's journal has what is to be taken out of a group as `leaving`, its record `planned` or `sending`.
- `reported`  only a report, away from its journal, says that the target has it: it counts once the target says so.
- a `Status`  decided. Outcomes are committed in groups: one that a kill took away is `sending` again, is asked for, and
              found.

What remains impossible: a target that applies a request after it was asked about it, a list that is stale or
incomplete, someone else who creates the same record in between, a journal that is deleted or rolled back.
"""
