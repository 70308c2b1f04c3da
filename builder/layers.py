"""What an image is made of, and how much of it a registry has already."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# What Docker's history says of a step that adds a layer, be it an empty one: BuildKit's own words.
# The classic builder writes its empty steps as `/bin/sh -c #(nop) ENV …`.
MAKES_A_LAYER = re.compile(
    r"^(RUN|COPY|ADD|WORKDIR) |^/bin/(ba)?sh -c (?!#\(nop\))|#\(nop\) (COPY|ADD) "
)
UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer: the digest of its content, its size in bytes, the step that made it."""

    diff_id: str
    size: int
    made_by: str


def layers_of(diff_ids: Sequence[str], history: Iterable[Mapping[str, Any]]) -> list[Layer]:
    """The layers of an image, lowest first.

    Docker tells digests and sizes apart. Its history has steps without a layer in between, and
    their number tells which: those of no size that add nothing. Where that does not come out even,
    the layers are matched from the top, and those left below have no size of their own.

    Args:
        diff_ids: as `docker image inspect` has them, lowest first.
        history: as `docker history` has it, latest first.
    """
    steps = list(history)
    made = [step for step in steps if step["Size"] or MAKES_A_LAYER.search(step["CreatedBy"])]
    if len(made) != len(diff_ids):
        made = [step for step in steps if step["Size"]]
    found = [
        Layer(diff_id, step["Size"], step["CreatedBy"])
        for diff_id, step in zip(reversed(diff_ids), made, strict=False)
    ]
    below = [Layer(diff_id, 0, "") for diff_id in diff_ids[: len(diff_ids) - len(found)]]
    return [*below, *reversed(found)]


def size(count: float) -> str:
    """Bytes as a person reads them: `381 MB`, in Docker's units of a thousand."""
    for unit in UNITS:
        if count < 999.5 or unit == UNITS[-1]:
            break
        count /= 1000
    return f"{count:.3g} {unit}"


def table(layers: Iterable[Layer], known: frozenset[str] | None) -> str:
    """A line for each layer, lowest first: its size, whether the registry has it, its step.

    Args:
        layers: an image's.
        known: those that the registry has; None where that is not known.
    """

    def word(layer: Layer) -> str:
        if known is None:
            return ""
        return f"{'there' if layer.diff_id in known else 'new':<5}  "

    return "\n".join(
        f"{size(layer.size):>9}  {word(layer)}{step(layer.made_by)}" for layer in layers
    )


def step(made_by: str) -> str:
    """What made a layer, in a line's length: without shell, flags and build arguments."""
    plain = re.sub(r"^RUN (\|\d+ .*?)?/bin/(ba)?sh -c ", "RUN ", made_by)
    plain = re.sub(r"^/bin/(ba)?sh -c (#\(nop\) )?", "", plain).removesuffix(" # buildkit")
    plain = " ".join(plain.split())
    return plain if len(plain) <= 80 else f"{plain[:79]}…"


def in_registry(images: Iterable[Any], repository: str) -> frozenset[str]:
    """The layers that a repository has, as far as this engine knows: of what it pushed or pulled.

    Only the classic image store knows that: containerd's gives every local name a digest.

    Args:
        images: the docker SDK's.
        repository: as the engine writes it, `user/name`.
    """
    there = f"{repository}@"
    return frozenset(
        diff_id
        for image in images
        if any(digest.startswith(there) for digest in image.attrs.get("RepoDigests") or ())
        for diff_id in image.attrs["RootFS"]["Layers"]
    )
