"""The time a training has used: its own steps, not the pauses while it was stopped."""
import time

LONGEST_STEP = 10                      # seconds; what takes longer was a pause


class Clock:
    def __init__(self, minutes):
        self.budget, self.used, self.last = minutes * 60, 0.0, time.time()

    def fraction(self):
        """Of the budget, up to now. Called at least once a step."""
        now = time.time()
        self.used += min(now - self.last, LONGEST_STEP)
        self.last = now
        return self.used / self.budget

    @property
    def minutes(self):
        return self.used / 60
