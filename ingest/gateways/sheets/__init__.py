"""Tables from files, through the same door as every other record.

``reading`` finds the sheet and its rows (workbooks in a process of their own), ``columns`` says what a header means,
``cells`` what a cell says, ``rows`` makes records with lasting ids of them, ``report`` and ``outgoing`` tell what is
wrong, and ``desk`` keeps, commits and withdraws imports.

A file is read whole or not at all (one sentence says why); a row is taken or reported by row and column, and a row that
is not taken is kept as a dead letter. Cells are data and nothing else: a formula is a piece of text. Columns that carry
people's names or numbers are dropped unread, and so is every column that no field is read from.
"""
