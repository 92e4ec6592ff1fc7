"""The history room's only public face: long series in, exact or reduced series out.

Contract
--------
*In.* A stream (history or events) of a run is a list of lines, counted from 0 per writer. `append` puts lines at their
number: what is stored already is skipped, so a repeated request changes nothing; a gap is refused. The caller holds a
transaction and the run's row lock; everything `append` does, sealing included, is in it.

*Out.* `read_points` and `read_cells` speak numpy, never JSON. A run's points come sorted by x, points of equal x in the
order they were logged. The same stored lines give the same arrays, sealed or not, on every database, to the last bit for
points and to 1e-9 relative for cells. Only numbers are series values: booleans, text, lists and objects are kept and come
back from `rows`, but are in no series. NaN and infinities are points like any other; cells count them apart.

Steps are the client's `_step` (history). Events have none: their line number is their step.
"""
