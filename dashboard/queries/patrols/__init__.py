"""The parts of the page of patrols: its rows and figures, beats by hour, places, tables."""
