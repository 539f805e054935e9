"""What makes alerts and tells of them: who is to be told of what, until somebody has taken it and it is over.

``conditions`` says what is the matter on a board, ``machine`` what becomes of one cause as time goes on, ``store``
writes it to SQL, ``engine`` brings them together beside the worker, ``deliver`` tells the world outside. What an alert
is and how pages read it: ``dashboard.queries.alerting``.
"""
