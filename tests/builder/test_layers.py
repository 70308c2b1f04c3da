"""An image's layers: which step made which, how large, and what a registry lacks of them."""

from types import SimpleNamespace

import pytest

from builder.build import told
from builder.layers import Layer, in_registry, layers_of, size, step, table


def history(*steps):
    """Docker's history, given lowest first."""
    return [{"CreatedBy": made_by, "Size": count} for made_by, count in reversed(steps)]


def test_steps_that_add_nothing_have_no_layer():
    """ENV, LABEL and the like lie between the layers and take none of their digests."""
    steps = history(("COPY a /", 7), ("ENV A=1", 0), ("WORKDIR /app", 0), ("RUN |1 A=1 true", 0))
    found = layers_of(["one", "two", "three"], steps)
    assert [(layer.diff_id, layer.size) for layer in found] == [
        ("one", 7),
        ("two", 0),
        ("three", 0),
    ]


def test_the_classic_builder_s_empty_steps_have_none_either():
    """`#(nop)` marks what adds nothing, but for COPY and ADD."""
    steps = history(
        ("/bin/sh -c #(nop) ADD file:1 in / ", 5),
        ("/bin/sh -c #(nop) CMD x", 0),
        ("/bin/sh -c true", 0),
        ("/bin/sh -c #(nop) COPY dir:2 in / ", 0),
    )
    assert [layer.size for layer in layers_of(["a", "b", "c"], steps)] == [5, 0, 0]


def test_an_imported_base_counts_by_its_size():
    """A step without a word is a layer where it has a size."""
    found = layers_of(["base", "code"], history(("", 100), ("COPY worker worker", 3)))
    assert found == [Layer("base", 100, ""), Layer("code", 3, "COPY worker worker")]


def test_where_it_does_not_come_out_even_the_upper_layers_are_right():
    """Layers nobody tells the step of are the lowest ones: what we add lies on top."""
    found = layers_of(["a", "b", "c"], history(("COPY x /", 4)))
    assert found == [Layer("a", 0, ""), Layer("b", 0, ""), Layer("c", 4, "COPY x /")]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (381_234_567, "381 MB"),
        (14_500_000_000, "14.5 GB"),
    ],
)
def test_sizes_are_told_in_docker_s_units(count, told):
    """A thousand to the next unit, three figures."""
    assert size(count) == told


def test_a_step_is_told_in_a_line():
    """Shell, build arguments and BuildKit's mark are left out; what is too long is cut."""
    assert step("RUN |2 A=b c C=d /bin/sh -c apt-get  update # buildkit") == "RUN apt-get update"
    assert step("RUN |1 A=b /bin/bash -c pip list # buildkit") == "RUN pip list"
    assert step("/bin/sh -c #(nop) ADD file:1 in / ") == "ADD file:1 in /"
    assert len(step("COPY " + "x" * 200)) == 80


def test_the_registry_has_what_was_pushed_to_it_from_here():
    """The layers of every image with a digest of this repository count, and of no other."""
    images = [
        SimpleNamespace(attrs={"RepoDigests": digests, "RootFS": {"Layers": layers}})
        for digests, layers in (
            (["me/worker@sha256:1"], ["a", "b"]),
            (["me/worker-two@sha256:1"], ["c"]),
            (None, ["d"]),
            ([], ["e"]),
        )
    ]
    assert in_registry(images, "me/worker") == {"a", "b"}


def test_the_table_says_of_each_layer_whether_it_is_new():
    """Lowest first: size, there or new, what made it."""
    told = table([Layer("a", 5, "RUN x"), Layer("b", 2000, "COPY y /")], frozenset({"a"}))
    assert [line.split(maxsplit=3) for line in told.splitlines()] == [
        ["5", "B", "there", "RUN x"],
        ["2", "kB", "new", "COPY y /"],
    ]


def test_where_nobody_knows_what_the_registry_has_the_table_does_not_say():
    """Neither there nor new."""
    told = table([Layer("a", 5, "RUN x")], None)
    assert told.split() == ["5", "B", "RUN", "x"]


class Engine:
    """An engine with one image, built as me/worker:1; `pushed` is what it calls its digests."""

    def __init__(self, driver, pushed):
        layers = {"Layers": ["a", "b"]}
        self.attrs = {"RepoDigests": pushed, "RootFS": layers}
        self.images, self.driver = self, driver

    def info(self):
        return {"DriverStatus": self.driver}

    def get(self, _reference):
        return self

    def list(self, all):  # noqa: A002  # the SDK's name
        return [self] if all else []

    def history(self):
        return history(("COPY a /", 2_000_000), ("COPY b /", 1000))


@pytest.mark.parametrize(
    ("pushed", "words"),
    [
        ([], "uploads 2 of 2 layers, 2 MB before compression"),
        (["me/worker@sha256:1"], "uploads 0 of 2 layers, 0 B before compression"),
    ],
)
def test_a_build_says_what_a_push_would_upload(pushed, words):
    """The classic store gives a digest to what was pushed, also where it was built once more."""
    text = told(Engine([["Backing Filesystem", "extfs"]], pushed), "me/worker:1")
    assert f"me/worker:1 (2 MB): a push to me/worker {words}" in text


def test_a_build_does_not_say_what_the_engine_cannot_know():
    """Containerd's store gives every image a digest, pushed or not."""
    driver = [["driver-type", "io.containerd.snapshotter.v1"]]
    text = told(Engine(driver, ["me/worker@sha256:1"]), "me/worker:1")
    assert "uploads 0" not in text
    assert "there" not in text
    assert text.endswith("containerd's image store does not know.")
