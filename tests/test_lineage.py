"""The drawing of a family: nothing overlaps, no edge is lost, folding keeps the line to where one is."""

import itertools
import random

import pytest

from containers_app import lineage
from containers_app.lineage import HEIGHT, WIDTH, Node


def a_family(number, *, seed=1, here=0):
    """A random family of so many nodes, clones of clones in it; the node at that place is `here`."""
    chance = random.Random(seed)
    nodes = [Node("container", "node-0", "/0/")]
    for place in range(1, number):
        parent = chance.choice(nodes[-12:])
        kind = "checkpoint" if parent.kind == "container" else "container"
        nodes.append(Node(kind, f"node-{place}", f"/{place}/"))
        parent.children.append(nodes[-1])
    nodes[here].here = True
    return nodes[0], nodes


@pytest.mark.parametrize("seed", range(20))
def test_no_two_boxes_touch_and_each_but_the_first_has_its_edge(seed):
    root, nodes = a_family(60, seed=seed)
    drawing = lineage.draw(root)
    assert set(drawing.nodes) == set(nodes) and len(drawing.edges) == 59
    for one, other in itertools.combinations(nodes, 2):
        assert abs(one.x - other.x) >= WIDTH + 20 or abs(one.y - other.y) >= HEIGHT + 10
    assert all(0 <= node.x <= drawing.width - WIDTH and 0 <= node.y <= drawing.height - HEIGHT for node in nodes)


@pytest.mark.parametrize("seed", range(20))
def test_no_edge_runs_through_the_trunk_of_another_parent(seed):
    root, _ = a_family(60, seed=seed)
    lineage.draw(root)
    spans = [
        (node.x, node.y, max(child.y for child in node.children)) for node, _, _ in lineage.walk(root) if node.children
    ]
    for (x, top, bottom), (other_x, other_top, other_bottom) in itertools.combinations(spans, 2):
        assert x != other_x or bottom < other_top or other_bottom < top


@pytest.mark.parametrize("seed", range(20))
def test_a_first_child_stands_beside_and_others_below_their_elders(seed):
    _, nodes = a_family(60, seed=seed)
    lineage.draw(nodes[0])
    for node in nodes:
        lines = [child.y for child in node.children]
        assert lines == sorted(set(lines)) and lines[:1] == [node.y][: len(lines)]


def test_little_stays_empty():
    root, _ = a_family(60, seed=3)
    deep = root
    for _ in range(20):
        deep.children += [Node("checkpoint", "next", "/"), Node("checkpoint", "beside", "/")]
        deep = deep.children[-2]
    assert lineage.draw(root).height < 62 * 40


def test_a_line_of_descent_is_a_straight_line():
    root = node = Node("container", "first", "/")
    for _ in range(3000):
        node.children.append(Node("checkpoint", "next", "/"))
        node = node.children[0]
    drawing = lineage.draw(root)
    assert {node.y for node in drawing.nodes} == {root.y} and all("v" not in edge for edge in drawing.edges)


def test_the_outline_is_the_same_tree():
    root, nodes = a_family(60)
    told = lineage.draw(root).outline
    assert [node for word, node in told if word != "close"] == list(lineage.draw(root).nodes)
    assert sum(word == "open" for word, _ in told) == sum(word == "close" for word, _ in told)
    assert {node for word, node in told if word == "leaf"} == {node for node in nodes if not node.children}


@pytest.mark.parametrize("seed", range(20))
def test_a_large_family_is_folded_around_where_one_is_and_counts_what_it_hides(seed):
    root, _ = a_family(600, seed=seed, here=seed * 29)
    line = lineage._line_to_here(root)
    drawing = lineage.draw(root, most=80)
    assert set(line) <= set(drawing.nodes)
    assert len(drawing.nodes) <= max(80, 3 * len(line))
    assert drawing.hidden + sum(node.kind != "fold" for node in drawing.nodes) == 600


def test_a_thousand_clones_of_one_checkpoint_fold_into_one():
    root = Node("container", "cache", "/", here=True)
    root.children = [Node("checkpoint", "warm", "/c/")]
    root.children[0].children = [Node("container", f"cache-{number}", f"/{number}/") for number in range(1000)]
    drawing = lineage.draw(root, most=60)
    assert [node.title for node in drawing.nodes][-1] == "997 more" and drawing.hidden == 997


def test_what_is_near_begins_with_what_it_came_from():
    root, nodes = a_family(300, here=250)
    line = lineage._line_to_here(root)
    near = lineage.nearby(root)
    assert near.kind == "fold" and near.children == [line[-2]]
    assert near.hidden + lineage.size(line[-2]) == 300
    nodes[250].here, root.here = False, True
    assert lineage.nearby(root) is root


def test_what_fits_is_not_folded():
    root, _ = a_family(60)
    assert lineage.draw(root, most=60).hidden == 0


def test_a_long_title_is_cut_in_its_box_and_whole_in_words():
    node = Node("container", "a-name-that-is-much-longer-than-a-box", "/", note="running on local", here=True)
    assert node.label == "a-name-th…han-a-box"
    assert node.words == "container a-name-that-is-much-longer-than-a-box, running on local, you are here"
