"""The run's memory: one SQLite file in the run's folder; the only place that knows sqlite3 (the sandbox aside).

What survives what: the journal is in WAL mode with synchronous=FULL from the first request on, so a commit is on disk
before `claim` returns.

- `planned`   certainly not applied. Survives a kill and a power cut; the next run sends it.
- `sending`   on disk before the first byte leaves. Whoever opens the journal later must take it as in doubt: the
              process may have died before the request, between request and answer, or before the answer was written.
- `in_doubt`  sent, no usable answer. Never sent again before the target has been asked.
- `unbound`   the target has it and gave its id; it is still to be added to a group's list, or may have been: each pair
              is in the table `binding`, as `adding` from before the PUT. Adding again does no harm.
              A pair that an undo is to remove is `leaving`, its record `planned` or `sending`.
- `reported`  only a report, away from its journal, says that the target has it: it counts once the target says so.
- a `Status`  decided. Outcomes are committed in groups: if a kill lost one, the record is `sending` again; the target
              is asked, and has it.

What remains impossible: a target that applies a request after it was asked about it, a list that is stale or
incomplete, someone else who creates the same record in between, a journal that is deleted or rolled back.
"""
