"""The learning rate as a function of the epoch."""

import math

from sdd_claims.spec import ScheduleSpec


def learning_rate(schedule: ScheduleSpec, lr: float, epoch: int, epochs: int) -> float:
    """Learning rate during an epoch (0 .. epochs - 1) of a schedule that starts at `lr`."""
    if schedule.name == "step":
        return lr * schedule.factor ** sum(epoch >= milestone for milestone in schedule.milestones)
    if schedule.name == "cosine":
        return lr * (1 + math.cos(math.pi * epoch / epochs)) / 2
    return lr
