"""What happens when things break: real processes under load, one fault a file, an independent count at the end.

``./townwatch bench --faults`` carries them out. A sender keeps what was answered 202 and sends the rest again; when a
fault is over, every accepted record must be in the event store exactly once and in the figures, compared with a plain
count of what was accepted. Nothing here mends anything: the product has to come back by itself.
"""
