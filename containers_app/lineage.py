"""The drawing of a family: containers, their checkpoints, the containers restored from those. Plain layout, no Django.

Goes from left to right, a column for each step. A node's first child stands beside it, each other one below, as high
as there is room: a line of descent without branches is a straight line, no two edges cross, and little stays empty.
"""

from dataclasses import dataclass, field

WIDTH, HEIGHT = 172, 44  # of a box, in the drawing's own units, which are CSS pixels
GAP, LINE = 44, 62  # between two columns; from one line to the next
EDGE, TOP = 4, 18  # around it all: room for strokes; above, for the words "you are here"
LETTERS = 19  # of a title that fit into a box
KEPT = 3  # children without children of their own that stay when a family is folded


@dataclass(eq=False)
class Node:
    """A container, a checkpoint, or `fold`: some that are not drawn, `hidden` in number. `tone` colours it; `pk` is the
    row's, None of a fold."""

    kind: str
    title: str
    url: str
    note: str = ""
    tone: str = "quiet"
    here: bool = False
    gone: bool = False
    hidden: int = 0
    pk: int | None = None
    children: list = field(default_factory=list)
    x: int = 0
    y: int = 0

    @property
    def label(self):
        """The title, with its middle left out where it is long: names of one family differ at their ends."""
        half = LETTERS // 2
        return self.title if len(self.title) <= LETTERS else f"{self.title[:half]}…{self.title[-half:]}"

    @property
    def under(self):
        """As much of the note as fits below the title: its first part."""
        return self.note.partition(" · ")[0]

    @property
    def words(self):
        """All of it in a line, as whoever cannot see the drawing reads it."""
        said = [f"{self.kind} {self.title}" if self.kind != "fold" else self.title, self.note]
        return ", ".join(filter(None, [*said, "you are here" if self.here else ""]))


@dataclass(frozen=True)
class Drawing:
    """Placed nodes, the edges between them as SVG paths, and the same as an outline for a nested list."""

    width: int
    height: int
    nodes: list
    edges: list
    outline: list  # (word, node): `open` before its children, `close` after them, `leaf` for one without
    hidden: int


def draw(root, *, most=None):
    """The Drawing of the tree below `root`; with more nodes than `most`, folded around the one that is `here`."""
    if most and size(root) > most:
        fold(root, most)
    order = list(walk(root))
    lower = _lower(order)
    for node, parent, depth in order:
        node.x = EDGE + depth * (WIDTH + GAP)
        node.y = (parent.y if parent else TOP) + lower[node] * LINE
    nodes = [node for node, _, _ in order]
    return Drawing(
        width=max(node.x for node in nodes) + WIDTH + EDGE,
        height=max(node.y for node in nodes) + HEIGHT + EDGE,
        nodes=nodes,
        edges=[_edge(parent, node) for node, parent, _ in order if parent],
        outline=outline(root),
        hidden=sum(node.hidden for node in nodes),
    )


def _lower(order):
    """{node: lines that it stands below its parent}.

    A branch keeps its shape and is pushed down until it stands below its elder siblings in every column that both have.
    That its first line is a straight one keeps apart the edges in each gap between two columns.
    """
    lower, shapes = {}, {}
    for node, _, _ in reversed(order):
        tops, bottoms = [0], [0]  # the highest and lowest line of the branch in each column from this node's on
        for child in node.children:
            child_tops, child_bottoms = shapes.pop(child)
            both = zip(bottoms[1:], child_tops, strict=False)
            lower[child] = max((bottom + 1 - top for bottom, top in both), default=0)
            shifted = [[line + lower[child] for line in lines] for lines in (child_tops, child_bottoms)]
            tops[1:] = tops[1:] + shifted[0][len(tops) - 1 :]
            bottoms[1:] = shifted[1] + bottoms[1 + len(shifted[1]) :]
        shapes[node] = tops, bottoms
    return {**lower, order[0][0]: 0}


def _edge(parent, child):
    """From the right side of a box to the left side of one in the next column, round the corner where it is lower."""
    x, y = parent.x + WIDTH, parent.y + HEIGHT // 2
    down = child.y - parent.y
    if not down:
        return f"M{x} {y}H{child.x}"
    middle, bend = x + GAP // 2, 8
    return f"M{x} {y}H{middle - bend}q{bend} 0 {bend} {bend}v{down - 2 * bend}q0 {bend} {bend} {bend}H{child.x}"


def walk(root):
    """(node, parent, depth) of all of them, each before its children, first children first. Any depth."""
    waiting = [(root, None, 0)]
    while waiting:
        node, parent, depth = waiting.pop()
        yield node, parent, depth
        waiting += [(child, node, depth + 1) for child in reversed(node.children)]


def size(root):
    return sum(1 for _ in walk(root))


def outline(root):
    """[(word, node)] for a nested list; see Drawing."""
    told, waiting = [], [("open", root)]
    while waiting:
        word, node = waiting.pop()
        if word == "open" and not node.children:
            word = "leaf"
        told.append((word, node))
        if word == "open":
            waiting.append(("close", node))
            waiting += [("open", child) for child in reversed(node.children)]
    return told


def nearby(root):
    """The tree from what `here` came from on; what lies before and beside that is one fold in front of it."""
    line = _line_to_here(root)
    begin = line[-2:][0]
    hidden = size(root) - size(begin)
    return (
        Node("fold", f"{hidden:,} before", line[-1].url, "not drawn", hidden=hidden, children=[begin])
        if hidden
        else root
    )


def fold(root, most):
    """Take nodes out of the tree, far from `here` first, until it has `most`; a fold stands in the place of each group.

    Stays: the line from the root to `here`. First go childless siblings, then whole branches from the deepest on, then
    what is left of siblings, and those of `here` last.
    """
    line = _line_to_here(root)
    here, left = line[-1], size(root)
    for keep, spared in ((KEPT, here), (0, here), (KEPT, None), (0, None)):
        for node in _deepest_first(root):
            if left > most and node is not spared:
                left -= _fold_childless(node, keep, line)
        for node in _deepest_first(root):
            if left > most and node not in line and _drawn_below(node):
                left -= _fold_group(node, node.children)


def _deepest_first(root):
    return [node for node, _, _ in sorted(walk(root), key=lambda step: -step[2])]


def _fold_childless(node, keep, line):
    """Fold the childless children of a node beyond the first `keep`, except on the line to `here`; how many went."""
    loose = [child for child in node.children if child not in line and not _drawn_below(child)]
    return _fold_group(node, loose[keep:]) if len(loose) > keep + 1 else 0


def _drawn_below(node):
    return any(child.kind != "fold" for child in node.children)


def _fold_group(node, group):
    """Put one fold into the place of some children of a node; how many nodes fewer there are."""
    below = [each for child in group for each, _, _ in walk(child)]
    hidden = sum(each.hidden or 1 for each in below)
    kept = [child for child in node.children if child not in group]
    node.children = [*kept, Node("fold", f"{hidden:,} more", node.url, "not drawn", hidden=hidden)]
    return len(below) - 1


def _line_to_here(root):
    """The nodes from the root to the one that is `here`; the root alone when none is."""
    parents = {node: parent for node, parent, _ in walk(root)}
    node = next((node for node in parents if node.here), root)
    line = []
    while node:
        line.append(node)
        node = parents[node]
    return line[::-1]
