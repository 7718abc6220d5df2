"""Samples of interleaved rounds, and what may be said of them.

Every round measures each tool once, in an order of its own, so that what changes on the machine meets all
of them alike; a tool's sample is compared with the untraced one of its own round. One more untraced run a
round, `control`, shows what differs where nothing does.
"""
import random
import statistics
import time

BASELINE = "untraced"
CONTROL = "control"
MACHINE = "machine"  # under which name stands what else ran while the others were measured
RESAMPLES = 2000
FOREIGN_SHARE_MAX = 0.1


class Samples:
    """Flat records: load, tool, round, metric, value."""

    def __init__(self, seed):
        self.records = []
        self.random = random.Random(seed)

    def add(self, load, tool, number, **metrics):
        for metric, value in metrics.items():
            self.records.append({"load": load, "tool": tool, "round": number, "metric": metric,
                                 "value": value})

    def rounds(self, count, tools, seconds_max, warm_up=True):
        """Yield (round, tool), each round in random order; round 0 is the warm-up, which values() drops.
        No round begins that would end, if it takes as long as the one before, after seconds_max."""
        begin = time.monotonic()
        for number in range(0 if warm_up else 1, count + 1):
            round_begin = time.monotonic()
            for tool in self.random.sample(tools, len(tools)):
                yield number, tool
            now = time.monotonic()
            if number > 0 and now + (now - round_begin) > begin + seconds_max:
                break

    def values(self, load, tool, metric):
        """{round: value}, without the warm-up."""
        return {record["round"]: record["value"] for record in self.records
                if (record["load"], record["tool"], record["metric"]) == (load, tool, metric)
                and record["round"] > 0}

    def foreign_share(self):
        """What other programs took of the processors, at the median."""
        shares = [record["value"] for record in self.records if record["metric"] == "foreign_share"]
        return statistics.median(shares) if shares else 0.0

    def median(self, load, tool, metric):
        values = self.values(load, tool, metric)
        return statistics.median(values.values()) if values else None

    def ratios(self, load, tool, metric, baseline=BASELINE):
        """Tool against baseline, round by round."""
        base = self.values(load, baseline, metric)
        return [value / base[number] for number, value in self.values(load, tool, metric).items()
                if base.get(number)]

    def spread(self, load, tool, metric):
        return Spread(list(self.values(load, tool, metric).values()))

    def ratio_spread(self, load, tool, metric, baseline=BASELINE):
        return Spread(self.ratios(load, tool, metric, baseline))

    def kept_by_processor_time(self, load, tool):
        """What a load that has all processors would keep if nothing else ran: processor time an operation,
        the tool's own included, against the untraced one's."""
        return Spread([1 / ratio for ratio in self.ratios(load, tool, "ns_per_operation")])

    def is_shared(self):
        """Whether other programs took so much that the clock tells more of them than of the tools."""
        return self.foreign_share() > FOREIGN_SHARE_MAX

    def kept(self, load, tool):
        """Throughput kept: by the clock, or by processor time on a shared machine. Not strace: what it costs
        is waited for, not computed."""
        if not self.is_shared() or tool == "strace":
            return self.ratio_spread(load, tool, "rate")
        metric = "ns_per_operation" if self.values(load, tool, "ns_per_operation") else "cpu_ns"
        return Spread([1 / ratio for ratio in self.ratios(load, tool, metric)])


class Spread:
    """Median, least and greatest of some values, and between which bounds the median lies (95 %)."""

    def __init__(self, values):
        self.values = sorted(values)

    def __bool__(self):
        return bool(self.values)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def least(self):
        return self.values[0]

    @property
    def greatest(self):
        return self.values[-1]

    def interval(self):
        """By resampling; the same values give the same bounds."""
        chance = random.Random(len(self.values))
        medians = sorted(statistics.median(chance.choices(self.values, k=len(self.values)))
                         for _ in range(RESAMPLES))
        return medians[RESAMPLES // 40], medians[-1 - RESAMPLES // 40]
