"""What was reached, held against what is wanted."""

from dataclasses import asdict, dataclass

from .pairs import Spread, shown


@dataclass(frozen=True)
class Goal:
    """A figure with a bound."""

    what: str
    seen: Spread
    bound: float
    # Whether it is to be at most that, rather than at least.
    most: bool = False
    unit: str = ""

    @property
    def met(self):
        return self.seen.median <= self.bound if self.most else self.seen.median >= self.bound

    def row(self):
        bound = f"{'at most' if self.most else 'at least'} {shown(self.bound)}{self.unit}"
        return f"| {self.what} | {bound} | {self.seen}{self.unit} | {'yes' if self.met else '**no**'} |"

    @classmethod
    def recorded(cls, record):
        """As it was written down."""
        seen = Spread(record["median"], record["least"], record["most"])
        unit = f" {record['unit']}" if record["unit"] else ""
        return cls(record["what"], seen, record["bound"], record["at_most"], unit)

    def record(self):
        return {"what": self.what, "bound": self.bound, "at_most": self.most, "unit": self.unit.strip(),
                "met": self.met, **asdict(self.seen)}


def table(goals):
    """As Markdown."""
    return "\n".join(["| | wanted | seen: median (least to most) | met |", "|---|---|---|---|",
                      *(goal.row() for goal in goals)])
