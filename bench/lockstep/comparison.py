"""What two commits cost, side by side: the logic of the table, without the measuring."""

MINIMUM_CHANGE = 1.0  # percent from which on an object's instructions are shown by themselves


def best(rounds):
    """The least time of each scenario, of results of bench/lockstep; scenarios without a time are left out."""
    times = {}
    for result in rounds:
        for scenario in result["scenarios"]:
            for system in scenario["systems"]:
                if system["best"] is not None:
                    times[scenario["name"]] = min(system["best"], times.get(scenario["name"], system["best"]))
    return times


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


def cells(name, times, counts):
    def figure(value, pattern, scale=1):
        return "-" if value is None else pattern.format(value / scale)
    return [name, figure(times[0], "{:.2f} us", 1000), figure(times[1], "{:.2f} us", 1000), ratio(*times),
            figure(counts[0], "{:,.0f}"), figure(counts[1], "{:,.0f}"), ratio(*counts)]


def table(scenarios, times, counts):
    """Lines of the table.

    times: (before, after), each {scenario: nanoseconds}; counts: (before, after), each {scenario: {object: instructions}}.
    A scenario that one side lacks has a dash there.
    """
    rows = [["scenario", "before", "after", "ratio", "instructions", "after", "ratio"]]
    for name in scenarios:
        splits = [side.get(name) for side in counts]
        rows.append(cells(name, [side.get(name) for side in times],
                          [None if split is None else sum(split.values()) for split in splits]))
        if None not in splits:
            for changed, before, after in changed_objects(*splits):
                rows.append(["  " + changed, "", "", "", f"{before:,.0f}", f"{after:,.0f}", ratio(before, after)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
