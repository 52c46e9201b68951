"""What two commits cost, side by side: the logic of the table, without the measuring."""

MINIMUM_CHANGE = 1.0  # percent up to which a change says nothing
SERVER = "coil"
FLOOR = ("openssl", "tcp")
LEGEND = ("better and worse: by more than one percent, and times by more than the floor has changed, which is the same program "
          "on both sides")


def best(rounds, system=SERVER):
    """A system's least time in each scenario, of results of bench/lockstep; scenarios without a time are left out."""
    times = {}
    for result in rounds:
        for scenario in result["scenarios"]:
            for one in scenario["systems"]:
                if one["system"] == system and one["best"] is not None:
                    times[scenario["name"]] = min(one["best"], times.get(scenario["name"], one["best"]))
    return times


def floor(rounds):
    """The floor of each scenario: its parts' least times together; scenarios in which one is missing are left out."""
    parts = [best(rounds, system) for system in FLOOR]
    return {name: sum(part[name] for part in parts) for name in parts[0] if all(name in part for part in parts)}


def percent(before, after):
    """How far `after` lies from `before`."""
    return 100 * abs(after - before) / before


def verdict(before, after, noise):
    """What a change of costs means, of which `noise` percent mean nothing; a dash where one of the three is not known."""
    if not before or after is None or noise is None:
        return "-"
    if percent(before, after) <= noise:
        return "same"
    return "better" if after < before else "worse"


def noise_of_times(floors):
    """Percent that a time may change without a change of the server.

    floors: before and after. Both are the same program, so that what they differ by is the machine's doing. None where one
    is not known.
    """
    if not floors[0] or floors[1] is None:
        return None
    return max(MINIMUM_CHANGE, percent(*floors))


def left_out(scenarios, sides):
    """Of (before, after), each {scenario: anything}: a line for each side of each scenario that has nothing."""
    return [f"{name}: nothing {when}" for name in scenarios
            for when, side in zip(("before", "after"), sides) if name not in side]


def ratio(before, after):
    return f"{after / before:.3f}" if before and after is not None else "-"


def changed_objects(before, after):
    """(object, instructions before, after) where they differ by more than MINIMUM_CHANGE percent and by what would show in
    the sum, the largest difference first."""
    noticeable = sum(before.values()) / 10_000
    rows = [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in set(before) | set(after)]
    rows = [row for row in rows
            if abs(row[2] - row[1]) > max(row[1] * MINIMUM_CHANGE / 100, noticeable)]
    return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), row[0]))


def cells(name, times, floors, counts):
    def figure(value, pattern, scale=1):
        return "-" if value is None else pattern.format(value / scale)
    return [name, figure(times[0], "{:.2f} us", 1000), figure(times[1], "{:.2f} us", 1000), ratio(*times),
            ratio(*floors), verdict(*times, noise_of_times(floors)),
            figure(counts[0], "{:,.0f}"), figure(counts[1], "{:,.0f}"), ratio(*counts), verdict(*counts, MINIMUM_CHANGE)]


def table(scenarios, times, floors, counts):
    """Lines of the table.

    times, floors: (before, after), each {scenario: nanoseconds}; counts: (before, after), each {scenario: {object:
    instructions}}. A scenario that one side lacks has a dash there.
    """
    rows = [["scenario", "before", "after", "ratio", "floor's", "verdict", "instructions", "after", "ratio", "verdict"]]
    for name in scenarios:
        splits = [side.get(name) for side in counts]
        rows.append(cells(name, [side.get(name) for side in times], [side.get(name) for side in floors],
                          [None if split is None else sum(split.values()) for split in splits]))
        if None not in splits:
            for changed, before, after in changed_objects(*splits):
                rows.append(["  " + changed, "", "", "", "", "", f"{before:,.0f}", f"{after:,.0f}", ratio(before, after), ""])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
