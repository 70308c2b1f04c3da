"""Lines judged against the scenes of the measure, and against facts made by hand."""

from benchmarks.faithfulness.scenes import BY_NAME, told
from tests.commentary.made import fact
from worker.commentary.guard import Context, check, mend
from worker.football.schema import CommentaryRequest, Persona

BARE = CommentaryRequest.parse({"rawData": [{"actionId": 1}]})


def context(scene, persona=Persona.CASTER, **more):
    """The context of a scene; `more` are further keys of its request."""
    chosen = BY_NAME[scene]
    return Context.of(chosen.request(**more), chosen.facts(**more), persona)


def kinds(scene, line, persona=Persona.CASTER, neighbours=(), **more):
    """The classes of violations that a line about a scene has."""
    about = BY_NAME[scene].facts(**more)[BY_NAME[scene].index] if more else told(scene)
    found = check(line, about, context(scene, persona, **more), neighbours)
    return {violation.kind.value for violation in found}


def mended(scene, line):
    """The line with its particles mended."""
    return mend(line, told(scene), context(scene))


def alone(persona, about):
    """The context of one fact that belongs to no request."""
    return Context(persona, (about,), {}, frozenset(), frozenset())


def kinds_of(line, persona=Persona.CASTER, **changes):
    """The classes of violations of a line about a fact made by hand."""
    about = fact(**changes)
    return {violation.kind.value for violation in check(line, about, alone(persona, about))}
