"""The time a training has used: its own steps, not the pauses while it was stopped. `until` ends it at a time of day all the same."""
import time

LONGEST_STEP = 10                      # seconds; what takes longer was a pause


class Clock:
    def __init__(self, minutes, used=0.0, until=None):
        self.budget, self.used, self.last = minutes * 60, used, time.time()
        self.until = None if until is None else next_time(until)

    def fraction(self):
        """Of the budget, up to now. Called at least once a step."""
        now = time.time()
        self.used += min(now - self.last, LONGEST_STEP)
        self.last = now
        left = float("inf") if self.until is None else self.until - now
        return 1.0 if left <= 0 else self.used / min(self.budget, self.used + left)

    @property
    def minutes(self):
        return self.used / 60


def next_time(text):
    """Seconds since 1970 of the next HH:MM."""
    hour, minute = map(int, text.split(":"))
    now = time.localtime()
    at = time.mktime((*now[:3], hour, minute, 0, *now[6:8], -1))
    return at if at > time.time() else at + 86400
