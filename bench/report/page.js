"use strict";
// Plots of the results in the page. Everything in them is in the tables too.
(() => {
    const results = JSON.parse(document.getElementById("data").textContent);
    const element = id => document.getElementById(id);

    // Colours that people with the usual kinds of colour blindness tell apart: for a light page and for a dark one.
    const emphasised = "coil";
    const secondLine = "coil-epoll";  // the same library, so the same colour
    const emphasis = ["#d24a00", "#ff7a2f"];
    const palette = [
        ["#0a6ebd", "#4da3ea"], ["#5bb8e8", "#9ad7f7"], ["#008f6b", "#2fc39a"], ["#c9a400", "#e6c84a"],
        ["#c46aa3", "#e79acb"], ["#6b3fa0", "#b08be0"], ["#7a2e4d", "#c8708f"], ["#7d7f1f", "#b5b85a"],
        ["#6f7780", "#9aa3ad"], ["#1f3f77", "#7f95d8"],
    ];
    const shapes = ["circle", "rect", "triangle", "rectRot"];
    const dashes = [[], [7, 3], [2, 3]];

    const servers = results.systems.filter(one => one.kind === "server" && one.missing === null).map(one => one.name);
    const own = name => name === emphasised || name === secondLine;
    const others = servers.filter(name => !own(name));
    const hidden = new Set();
    const dark = matchMedia("(prefers-color-scheme: dark)");

    const place = name => others.indexOf(name);
    const colour = name => (own(name) ? emphasis : palette[place(name) % palette.length])[dark.matches ? 1 : 0];
    const shape = name => name === emphasised ? "circle" : name === secondLine ? "rectRot" : shapes[(place(name) + 1) % shapes.length];
    const dash = name => name === emphasised ? [] : name === secondLine ? dashes[1] : dashes[Math.floor(place(name) / palette.length) % dashes.length];
    const style = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
    const font = (size, weight) => ({size, weight, family: getComputedStyle(document.body).fontFamily});
    const shorten = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;

    const digits = value => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
    const duration = value => {
        const units = ["ns", "µs", "ms", "s"];
        let unit = 0;
        for (; unit + 1 < units.length && value >= 999.5; ++unit) value /= 1000;
        return digits(value) + " " + units[unit];
    };
    const roundDuration = value => duration(value).replace(/\.0+(?= )|(\.\d*[1-9])0+(?= )/, "$1");
    const bytes = value => value < 1000 * 1024 ? digits(value / 1024) + " KiB" : digits(value / 1024 / 1024) + " MiB";
    const cost = (scenario, value) => scenario.unit === "bytes" ? bytes(value) : duration(value);

    const charts = [];
    const chart = (canvas, description, config) => {
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", description + " The tables below hold the same figures.");
        charts.push(new Chart(canvas, config));
    };
    const make = (tag, text, parent, className) => {
        const made = document.createElement(tag);
        if (text) made.textContent = text;
        if (className) made.className = className;
        parent.append(made);
        return made;
    };

    // Marks over a plot with a row for each system: the floor, figures beside the rows, and arrows where bars go on.
    const figureSize = 12;
    const figureGap = 8;
    const figureRoom = texts => {
        const context = document.createElement("canvas").getContext("2d");
        context.font = `700 ${figureSize}px ${font().family}`;
        return figureGap + Math.ceil(Math.max(0, ...texts.map(text => context.measureText(text).width)));
    };
    const marks = {
        id: "marks",
        afterDatasetsDraw(drawn, _, {names, figures, values, floor}) {
            const {ctx, chartArea: area, scales: {x, y}} = drawn;
            ctx.save();
            if (floor) {
                ctx.strokeStyle = style("floor");
                ctx.setLineDash([4, 3]);
                ctx.beginPath();
                ctx.moveTo(x.getPixelForValue(floor), area.top);
                ctx.lineTo(x.getPixelForValue(floor), area.bottom);
                ctx.stroke();
            }
            ctx.textBaseline = "middle";
            names.forEach((name, row) => {
                const middle = y.getPixelForValue(row);
                ctx.fillStyle = style("ink");
                ctx.font = `${name === emphasised ? 700 : 400} ${figureSize}px ${font().family}`;
                ctx.fillText(figures[row], area.right + figureGap, middle);
                if (values && values[row] > x.max) {
                    ctx.fillStyle = style("card");
                    ctx.fillText("▸", area.right - 12, middle);
                }
            });
            ctx.restore();
        },
    };

    const bars = (parent, title, aside, scenario, cells, value, label, limit, floor) => {
        const panel = make("div", "", parent, "panel");
        const heading = make("h3", title + " ", panel);
        make("small", aside, heading);
        const shown = cells.filter(one => value(one) !== null && !hidden.has(one.system));
        shown.sort((a, b) => value(a) - value(b));
        const unit = scenario.unit === "bytes" ? 1024 : 1;  // so that the axis has round figures
        const holder = make("div", "", panel, "plot");
        holder.style.height = shown.length * 23 + 34 + "px";
        const names = shown.map(one => one.system);
        const values = shown.map(one => value(one) / unit);
        const figures = shown.map(one => label(one) + (one.noisy ? " ~" : ""));
        chart(make("canvas", "", holder), `${title}: ${shown.map(one => `${one.system} ${label(one)}`).join(", ")}.`, {
            type: "bar",
            plugins: [marks],
            data: {
                labels: names.map(name => shorten(name, 14)),
                datasets: [{
                    data: values,
                    backgroundColor: shown.map(one => colour(one.system) + (one.noisy ? "66" : "")),
                    borderColor: names.map(colour),
                    borderWidth: shown.map(one => one.noisy ? {top: 1, right: 1, bottom: 1, left: 0} : 0),
                    borderRadius: 2,
                    barThickness: 15,
                }],
            },
            options: {
                indexAxis: "y",
                animation: false,
                maintainAspectRatio: false,
                layout: {padding: {right: figureRoom(figures)}},
                scales: {
                    x: {
                        min: 0,
                        max: limit / unit,
                        grid: {color: style("grid"), drawBorder: false},
                        ticks: {
                            color: style("soft"), font: font(11), maxTicksLimit: 5, maxRotation: 0, includeBounds: false,
                            callback: tick => scenario.unit === "bytes" ? tick + " KiB" : tick,
                        },
                    },
                    y: {
                        grid: {display: false, drawBorder: false},
                        ticks: {
                            autoSkip: false,
                            color: context => style(names[context.index] === emphasised ? "ink" : "soft"),
                            font: context => font(12, names[context.index] === emphasised ? 700 : 400),
                        },
                    },
                },
                plugins: {
                    legend: {display: false},
                    marks: {names, figures, values, floor: floor / unit},
                    tooltip: {
                        callbacks: {
                            title: items => names[items[0].dataIndex],
                            label: item => describe(scenario, shown[item.dataIndex]),
                        },
                    },
                },
            },
        });
        absent(panel, scenario);
    };

    const describe = (scenario, one) => [
        `${cost(scenario, one.median)} per ${scenario.operation}` + (one.ratio === null ? "" : `, ${digits(one.ratio)} of the floor`),
        `best round ${cost(scenario, one.minimum)}`,
        ...(one.noisy ? ["noisy: most rounds were disturbed"] : []),
        ...(one.failure ? ["failed after some rounds"] : []),
    ];

    const absent = (panel, scenario) => {
        const there = new Map(scenario.systems.map(one => [one.system, one]));
        const failed = servers.filter(name => there.has(name) && there.get(name).failure);
        const inapplicable = servers.filter(name => !there.has(name));
        const parts = [];
        if (failed.length) parts.push("Failed: " + failed.join(", ") + ".");
        if (inapplicable.length) parts.push("Does not apply: " + inapplicable.join(", ") + ".");
        if (parts.length) make("p", parts.join(" "), panel, "absent");
    };

    const serversIn = scenario => servers.flatMap(name => scenario.systems.filter(one => one.system === name));
    const withFigures = (section, scenarios) => {
        element("s-" + section).hidden = scenarios.length === 0;
        return scenarios;
    };

    const drawRatios = () => {
        const scenarios = withFigures("ratio", results.scenarios.filter(
            one => one.unit !== "bytes" && one.systems.some(cell => cell.ratio !== null)));
        const ratios = scenarios.flatMap(serversIn).map(one => one.ratio).filter(one => one !== null);
        const limit = Math.min(Math.max(...ratios, 1), 4);
        for (const one of scenarios)
            bars(element("ratio"), one.name, `per ${one.operation} · floor ${duration(one.floor)}`, one, serversIn(one),
                 cell => cell.ratio, cell => `${digits(cell.ratio)} · ${duration(cell.median)}`, limit, 1);
    };

    const drawMemory = () => {
        const scenarios = withFigures("memory", results.scenarios.filter(
            one => one.unit === "bytes" && one.systems.some(cell => cell.median !== null)));
        const all = scenarios.flatMap(serversIn).map(one => one.median || 0);
        for (const one of scenarios)
            bars(element("memory"), one.name, one.floor === null ? "" : `floor ${bytes(one.floor)}`, one, serversIn(one),
                 cell => cell.median, cell => bytes(cell.median), Math.max(...all), one.floor);
    };

    // A quantile on the axis of nines: 0.9 is 1, 0.99 is 2; the slowest of all stands at the end.
    const slowest = 5;
    const nines = share => share >= 1 ? slowest : -Math.log10(1 - share);
    const named = new Map([[nines(0.5), "p50"], [1, "p90"], [2, "p99"], [3, "p99.9"], [4, "p99.99"], [slowest, "max"]]);
    const latencyScenarios = results.scenarios.filter(one => !one.storm && one.systems.some(cell => cell.took));

    const axisOfTime = values => ({
        type: "logarithmic",
        min: Math.min(...values) * 0.8,
        max: Math.max(...values) * 1.2,
        grid: {color: style("grid"), drawBorder: false},
        ticks: {
            color: style("soft"), font: font(11), maxRotation: 0, autoSkip: false,
            callback: tick => [1, 2, 5].includes(Number((tick / 10 ** Math.floor(Math.log10(tick) + 1e-9)).toFixed(6))) ? roundDuration(tick) : "",
        },
    });

    const drawLatency = () => {
        withFigures("latency", latencyScenarios);
        const scenario = latencyScenarios[element("latency-scenario").selectedIndex];
        if (!scenario) return;
        const shown = serversIn(scenario).filter(one => one.took && !hidden.has(one.system));
        chart(element("latency"), `Latency in ${scenario.name} by quantile: ` +
              shown.map(one => `${one.system} p99 ${duration(one.took[results.quantiles.indexOf(0.99)])}`).join(", ") + ".", {
            type: "line",
            data: {
                datasets: shown.map(one => ({
                    label: one.system,
                    order: one.system === emphasised ? 0 : 1,  // on top of the others
                    clip: false,
                    data: results.quantiles.map((share, i) => ({x: nines(share), y: one.took[i], share}))
                        .filter(point => point.share >= 0.5),
                    borderColor: colour(one.system) + (one.noisy ? "99" : ""),
                    backgroundColor: colour(one.system),
                    borderWidth: one.system === emphasised ? 3.5 : 1.75,
                    borderDash: dash(one.system),
                    pointStyle: shape(one.system),
                    pointRadius: one.system === emphasised ? 4.5 : 3.5,
                    tension: 0,
                })),
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: {mode: "nearest", intersect: false},
                scales: {
                    x: {
                        type: "linear", min: nines(0.5), max: slowest,
                        grid: {color: style("grid"), drawBorder: false},
                        afterBuildTicks: axis => { axis.ticks = [...named.keys()].map(value => ({value})); },
                        ticks: {color: style("soft"), font: font(11), maxRotation: 0, callback: tick => named.get(tick)},
                    },
                    y: axisOfTime(shown.flatMap(one => one.took.slice(results.quantiles.indexOf(0.5)))),
                },
                plugins: {
                    legend: {
                        position: "bottom",
                        labels: {color: style("ink"), font: font(12), usePointStyle: true, boxHeight: 7, padding: 14,
                                 generateLabels: drawn => Chart.defaults.plugins.legend.labels.generateLabels(drawn)
                                     .map(item => ({...item, text: shorten(item.text, 20), fillStyle: colour(shown[item.datasetIndex].system)}))},
                        onClick() {},
                    },
                    tooltip: {
                        callbacks: {
                            title: items => named.get(items[0].raw.x),
                            label: item => `${item.dataset.label}: ${duration(item.raw.y)}`,
                        },
                    },
                },
            },
        });
    };

    const drawStorm = () => {
        const at99 = results.quantiles.indexOf(0.99);
        for (const scenario of withFigures("storm", results.scenarios.filter(one => one.storm))) {
            const shown = serversIn(scenario).filter(one => one.took && one.took_before && !hidden.has(one.system));
            shown.sort((a, b) => a.took[at99] - b.took[at99]);
            const panel = make("div", "", element("storm"), "panel");
            panel.style.gridColumn = "1 / -1";
            const heading = make("h3", scenario.name + " ", panel);
            make("small", `${scenario.connections} connections that were there`, heading);
            const holder = make("div", "", panel, "plot");
            holder.style.height = shown.length * 28 + 50 + "px";
            const names = shown.map(one => one.system);
            const label = one => `${duration(one.took_before[at99])} → ${duration(one.took[at99])}`;
            const growth = one => `× ${digits(one.took[at99] / one.took_before[at99])}`;
            const narrow = holder.clientWidth < 480;
            const figures = shown.map(one => (narrow ? growth(one) : label(one)) + (one.noisy ? " ~" : ""));
            chart(make("canvas", "", holder), `99th percentile before and in the storm: ` +
                  shown.map(one => `${one.system} ${label(one)}`).join(", ") + ".", {
                type: "line",
                plugins: [marks],
                data: {
                    datasets: shown.map((one, row) => ({
                        data: [{x: one.took_before[at99], y: row}, {x: one.took[at99], y: row}],
                        borderColor: colour(one.system) + (one.noisy ? "99" : ""),
                        borderWidth: one.system === emphasised ? 4 : 2.5,
                        pointBackgroundColor: [style("card"), colour(one.system)],
                        pointBorderColor: colour(one.system),
                        pointBorderWidth: 2,
                        pointRadius: 5,
                    })),
                },
                options: {
                    animation: false,
                    maintainAspectRatio: false,
                    layout: {padding: {right: figureRoom(figures)}},
                    interaction: {mode: "nearest", intersect: false, axis: "y"},
                    scales: {
                        x: axisOfTime(shown.flatMap(one => [one.took_before[at99], one.took[at99]])),
                        y: {
                            type: "linear", min: -0.5, max: shown.length - 0.5, reverse: true,
                            grid: {display: false, drawBorder: false},
                            afterBuildTicks: axis => { axis.ticks = shown.map((_, value) => ({value})); },
                            ticks: {
                                autoSkip: false,
                                callback: row => shorten(names[row], 14),
                                color: context => style(names[context.tick.value] === emphasised ? "ink" : "soft"),
                                font: context => font(12, context.tick && names[context.tick.value] === emphasised ? 700 : 400),
                            },
                        },
                    },
                    plugins: {
                        legend: {display: false},
                        marks: {names, figures},
                        tooltip: {
                            callbacks: {
                                title: items => names[items[0].datasetIndex],
                                label: item => (item.dataIndex === 0 ? "before: " : "in it: ") + duration(item.raw.x),
                            },
                        },
                    },
                },
            });
            absent(panel, scenario);
        }
    };

    const draw = () => {
        for (const one of charts.splice(0)) one.destroy();
        for (const id of ["ratio", "memory", "storm"]) element(id).replaceChildren();
        for (const button of element("systems").querySelectorAll("button"))
            button.style.setProperty("--colour", colour(button.value));
        drawRatios();
        drawLatency();
        drawMemory();
        drawStorm();
    };

    for (const name of servers) {
        const button = make("button", "", element("systems"), name === emphasised ? "emphasised" : "");
        make("span", name, button);
        button.type = "button";
        button.value = name;
        button.title = results.systems.find(one => one.name === name).description;
        button.setAttribute("aria-pressed", "true");
        button.addEventListener("click", () => {
            if (!hidden.delete(name)) hidden.add(name);
            button.setAttribute("aria-pressed", String(!hidden.has(name)));
            draw();
        });
    }
    for (const one of latencyScenarios) make("option", one.name, element("latency-scenario"));
    element("latency-scenario").addEventListener("change", draw);
    dark.addEventListener("change", draw);
    element("plots").hidden = false;
    draw();
})();
