"""A line as it will be heard: how long it takes, and its SSML for a text-to-speech voice."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from worker.commentary.korean import syllables
from worker.commentary.script import Line
from worker.football.delivery import SYLLABLES_PER_SECOND
from worker.football.vocabulary import Tone


class Prosody(NamedTuple):
    """How a tone sounds: SSML's name for the speed, and the pitch in semitones."""

    rate: str
    pitch: str


# The tones of the wire contract; DEFAULT has none. Source: https://www.w3.org/TR/speech-synthesis11/
# section 3.2.4, prosody.
PROSODY = {
    Tone.EXCITED: Prosody("fast", "+3st"),
    Tone.ANGRY: Prosody("fast", "+1st"),
    Tone.SAD: Prosody("slow", "-2st"),
    Tone.CALM: Prosody("slow", "-1st"),
    Tone.QUESTION: Prosody("medium", "+1st"),
    Tone.EMPHASIS: Prosody("medium", "+2st"),
}

# What the names of speeds come to. SSML leaves that to the voice; these are our choice, within what
# speakers really do.
SPEEDS = {"fast": 1.15, "medium": 1.0, "slow": 0.87}

# Silence after a line, in seconds: what is left until the next action, within what sounds like one
# speaker who breathes. Our choice.
SHORTEST_BREAK, LONGEST_BREAK = 0.2, 1.0


def seconds(text: str, tone: Tone, rate: float) -> float:
    """How long a line takes to speak, in seconds.

    Args:
        text: the line.
        tone: it makes the voice faster or slower.
        rate: the voice's own speed, as a multiple of 7 syllables a second.
    """
    speed = SPEEDS[PROSODY[tone].rate] if tone in PROSODY else 1.0
    return syllables(text) / (SYLLABLES_PER_SECOND * speed * rate)


def ssml(line: Line, rate: float) -> str:
    """A line as an SSML document of its own, with the silence that follows it."""
    return f"<speak>{_spoken(line, rate)}{_silence(line, rate)}</speak>"


def script_ssml(lines: Sequence[Line], rate: float) -> str:
    """A script as one SSML document; no silence follows its last line."""
    spoken = [f"{_spoken(line, rate)}{_silence(line, rate)}" for line in lines[:-1]]
    return f"<speak>{''.join(spoken)}{_spoken(lines[-1], rate)}</speak>"


def _spoken(line: Line, rate: float) -> str:
    """The text in the prosody of its tone; at a speed of its own, both as one percentage."""
    prosody = PROSODY.get(line.tone)
    attributes = []
    if rate != 1.0:
        speed = rate * (SPEEDS[prosody.rate] if prosody else 1.0)
        attributes.append(f'rate="{speed:.0%}"')
    elif prosody:
        attributes.append(f'rate="{prosody.rate}"')
    if prosody:
        attributes.append(f'pitch="{prosody.pitch}"')
    text = escape(line.text)
    return f"<prosody {' '.join(attributes)}>{text}</prosody>" if attributes else text


def _silence(line: Line, rate: float) -> str:
    left, gap = SHORTEST_BREAK, line.fact.gap
    if gap is not None:
        left = max(left, min(LONGEST_BREAK, gap - seconds(line.text, line.tone, rate)))
    return f'<break time="{left * 1000:.0f}ms"/>'
