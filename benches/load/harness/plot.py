"""Draws how cost grows."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 (the line above has to come first)

INK, OTHER, FAINT = "#1b4d8f", "#c2571a", "#888888"


def memory(plot, points, at, colour=FAINT):
    """Along the bottom what jeton had in memory."""
    for point in points:
        plot.annotate(f"{point['memory_mb']:.0f} MB", (at(point), 0), (0, 6), color=colour, fontsize=7, ha="center",
                      xycoords=("data", "axes fraction"), textcoords="offset points")


def draw(growth, to):
    """Three plots side by side: tokens, connections, processors."""
    plt.rcParams.update({"svg.hashsalt": "jeton", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, (tokens, connections, processors) = plt.subplots(1, 3, figsize=(11, 3.4))

    for token, colour in (("hot", INK), ("random", OTHER)):
        points = [point for point in growth["tokens"]["points"] if point["token"] == token]
        tokens.plot([p["tokens"] for p in points], [p["rate"]["median"] / 1000 for p in points], "o-", color=colour,
                    label="one token again and again" if token == "hot" else "any token")
    memory(tokens, points, lambda point: point["tokens"])
    tokens.set(xscale="log", xlabel="tokens", title="Checks a second, thousands", xlim=(500, 2e7))
    tokens.legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.85))

    for name, colour in (("gate", INK), ("Rocket hello", FAINT)):
        points = [point for point in growth["connections"]["points"] if point["of"] == name]
        at = [p["connections"] for p in points]
        connections.plot(at, [p["p99_us"]["median"] / 1000 for p in points], "o-", color=colour, label=f"{name}, p99")
        connections.plot(at, [p["p50_us"]["median"] / 1000 for p in points], "o:", color=colour, label=f"{name}, p50")
    # Two that are as near to each other as 512 and 1,000 have room for one label.
    labelled = [p for p in growth["connections"]["points"] if p["of"] == "gate" and p["connections"] != 512]
    memory(connections, labelled, lambda p: p["connections"])
    connections.set(xscale="log", yscale="log", xlabel="connections", title="Milliseconds to an answer",
                    xlim=(0.6, 1800), ylim=(0.02, None))
    connections.legend(frameon=False)

    points = growth["processors"]["points"]
    processors.bar([str(p["processors"]) for p in points], [p["rate"]["median"] / 1000 for p in points], color=INK,
                   width=0.5)
    memory(processors, points, lambda point: point["processors"] - 1, "white")
    processors.set(xlabel="processors, the last shared with the load", title="Checks a second, thousands")
    for plot in (tokens, processors):
        plot.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(to, metadata={"Date": None})
