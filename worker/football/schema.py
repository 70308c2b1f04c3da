"""A commentary request as its callers really send it: every accepted spelling of the wire."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from worker.errors import InvalidInput
from worker.football.pitch import LENGTH, MARGIN, WIDTH, Coordinates, Orientation, Team
from worker.football.vocabulary import SPADL_RESULTS, SPADL_TYPES
from worker.football.wire import Fields, canonical_id, is_missing

__all__ = [
    "Action",
    "CommentaryRequest",
    "Coordinates",
    "Match",
    "Orientation",
    "Persona",
    "Score",
    "TableForm",
]

MAX_ACTIONS: Final = 20  # of the wire contract; ten are normal
_LINE_LIMIT: Final = 500  # unit: characters of a line in previousScript
_MAX_SEED: Final = 2**63 - 1  # vLLM takes a signed 64-bit seed
_RATES: Final = (0.5, 2.0)  # of speech: beyond them no voice is understood


class Persona(StrEnum):
    """Who speaks; `style` on the wire."""

    CASTER = "CASTER"
    ANALYST = "ANALYST"
    FRIEND = "FRIEND"


class TableForm(StrEnum):
    """How the model is shown the actions."""

    FACTS = "facts"
    COORDINATES = "coordinates"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Score:
    """The running score, at the first action of the request."""

    home: int
    away: int


@dataclass(frozen=True, slots=True)
class Match:
    """What `matchInfo` says of the game; everything may be None.

    `home_score` and `away_score` are the FINAL score: they exist for checks against spoilers and
    must never be told or shown to a model. Fields that nothing depends on are never an error.
    """

    home_team_id: str | None = None
    away_team_id: str | None = None
    home_team_name: str | None = None
    home_team_name_ko: str | None = None
    home_team_name_ko_short: str | None = None
    away_team_name: str | None = None
    away_team_name_ko: str | None = None
    away_team_name_ko_short: str | None = None
    venue: str | None = None
    competition_name: str | None = None
    country_name: str | None = None
    season_name: str | None = None
    game_day: str | None = None
    game_date: str | None = None
    weather: str | None = None
    temperature: str | None = None
    home_score: str | None = None
    away_score: str | None = None
    game_id: str | None = None
    season_id: str | None = None
    competition_id: str | None = None
    audience_num: str | None = None
    referee: str | None = None
    assistant_referees: str | None = None
    fourth_official: str | None = None
    var_referees: str | None = None
    tsg: str | None = None
    home_rank: str | None = None
    away_rank: str | None = None
    home_team_uniform: str | None = None
    away_team_uniform: str | None = None

    @classmethod
    def read(cls, given: Fields) -> "Match":
        """A match from its fields. Raises InvalidInput if what is told or a team id is no text."""
        return cls(**{each.name: _match_field(given, each.name) for each in fields(cls)})

    def team_id(self, side: Team) -> str | None:
        """The id of a side."""
        return self.home_team_id if side is Team.HOME else self.away_team_id

    def names(self, side: Team) -> tuple[str, ...]:
        """The names of a side, the one that is spoken first."""
        home = (self.home_team_name_ko_short, self.home_team_name_ko, self.home_team_name)
        away = (self.away_team_name_ko_short, self.away_team_name_ko, self.away_team_name)
        return tuple(name for name in (home if side is Team.HOME else away) if name)


_SPOKEN: Final = frozenset(
    {
        *("home_team_name", "home_team_name_ko", "home_team_name_ko_short"),
        *("away_team_name", "away_team_name_ko", "away_team_name_ko_short"),
        *("venue", "competition_name", "season_name", "weather"),
    }
)


def _match_field(given: Fields, name: str) -> str | None:
    if name in ("home_team_id", "away_team_id"):
        return given.identifier(name)
    return given.text(name) if name in _SPOKEN else given.loose(name)


@dataclass(frozen=True, slots=True)
class Action:
    """One row as its provider wrote it, whichever way its columns are called.

    Attributes:
        index: 0-based place in the request.
        action_id: the id to echo: a string as sent, a number in its shortest form.
        period_id: 1 and 2 the halves, 3 and 4 extra time, 5 the shoot-out; or None.
        time_seconds: seconds since the period began, or None.
        time_text: the time to echo, as text; None, null on the wire, where none was sent.
        team_id, player_id, receiver_id: in the form in which ids are compared.
        start_x, start_y, end_x, end_y, dx, dy: the numbers as sent; the end is the start plus
            dx, dy where no end is given, and the start where neither is.
        team_name_short: the short name, or the long one where there is none.
        receiver: who got the ball, where the column does not say whether it holds a name or an id.
        shirt_number: the number on the player's back, which a line may then say.
        set_piece_type … duel_type: kloppy's qualifiers.

    All text is one clean line. SPADL's numbers are already names.
    """

    index: int
    action_id: str
    period_id: int | None = None
    time_seconds: float | None = None
    time_text: str | None = None
    team_id: str | None = None
    player_id: str | None = None
    type_name: str | None = None
    type_name_ko: str | None = None
    result_name: str | None = None
    start_x: float | None = None
    start_y: float | None = None
    end_x: float | None = None
    end_y: float | None = None
    dx: float | None = None
    dy: float | None = None
    player_name: str | None = None
    team_name: str | None = None
    team_name_short: str | None = None
    position_name: str | None = None
    main_position: str | None = None
    receiver_id: str | None = None
    receiver_name: str | None = None
    receiver: str | None = None
    shirt_number: int | None = None
    set_piece_type: str | None = None
    pass_type: str | None = None
    card_type: str | None = None
    goalkeeper_type: str | None = None
    duel_type: str | None = None

    @classmethod
    def read(cls, given: Fields, index: int, coordinates: Coordinates) -> "Action":
        """An action from its fields. Raises InvalidInput for what is neither missing nor usable."""
        time_seconds, time_text = given.seconds("timeSeconds", "timestamp", "eventSec")
        start_x, end_x, dx = _axis(given, "x", coordinates.scale[0], LENGTH)
        start_y, end_y, dy = _axis(given, "y", coordinates.scale[1], WIDTH)
        team_name = given.text("teamNameKo", "teamName")
        return cls(
            index=index,
            action_id=_action_id(given),
            period_id=given.whole("periodId", "period", low=1, high=5),
            time_seconds=time_seconds,
            time_text=time_text,
            team_id=given.identifier("teamId"),
            player_id=given.identifier("playerId"),
            type_name=_type_name(given),
            type_name_ko=given.text("typeNameKo"),
            result_name=_result_name(given),
            start_x=start_x,
            start_y=start_y,
            end_x=end_x,
            end_y=end_y,
            dx=dx,
            dy=dy,
            player_name=given.text("playerNameKo", "playerName"),
            team_name=team_name,
            team_name_short=given.text("teamNameKoShort") or team_name,
            position_name=given.text("positionName"),
            main_position=given.text("mainPosition"),
            receiver_id=given.identifier("receiverPlayerId", "relativePlayerId"),
            receiver_name=given.text("receiverName"),
            receiver=given.identifier("receiver"),
            shirt_number=_shirt_number(given),
            set_piece_type=given.text("setPieceType"),
            pass_type=given.text("passType"),
            card_type=given.text("cardType"),
            goalkeeper_type=given.text("goalkeeperType"),
            duel_type=given.text("duelType"),
        )


def _shirt_number(given: Fields) -> int | None:
    """The number on a shirt; nothing depends on it, so what is none is left out."""
    loose = (given.loose(name) for name in ("shirtNumber", "jerseyNumber", "backNumber"))
    text = next(filter(None, loose), "").removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:3]) < 100 else None


def _action_id(given: Fields) -> str:
    action_id = given.echo("actionId", "eventId", "originalEventId")
    if action_id is None:
        raise given.error("actionId", "is missing")
    return action_id


def _type_name(given: Fields) -> str | None:
    return given.text("typeName", "eventType") or _numbered(SPADL_TYPES, given, "typeId")


def _result_name(given: Fields) -> str | None:
    name, value = given.value("resultName", "result", "outcome", "success")
    if isinstance(value, bool):
        return str(value)
    return given.text(name) or _numbered(SPADL_RESULTS, given, "resultId")


def _numbered(names: Sequence[str], given: Fields, name: str) -> str | None:
    """SPADL's name for a number; anything else stays the label it is."""
    label = given.identifier(name)
    known = {str(number): each for number, each in enumerate(names)}
    return known.get(label, label) if label else None


def _axis(
    given: Fields, axis: str, scale: float, extent: float
) -> tuple[float | None, float | None, float | None]:
    """Start, end and difference along one axis, as sent; each place is on the pitch."""
    start_name, end_name, moved_name = f"start_{axis}", f"end_{axis}", f"d{axis}"
    start = _first(given, start_name, axis, f"coordinates_{axis}", scale=scale, extent=extent)
    end = _first(given, end_name, f"end_coordinates_{axis}", scale=scale, extent=extent)
    moved = given.number(moved_name)
    if end is None and start is not None and moved is not None:
        end = start + moved
        _check_on_pitch(given, moved_name, end * scale, extent)
    return start, start if end is None else end, moved


def _first(given: Fields, *names: str, scale: float, extent: float) -> float | None:
    number = given.number(*names)
    if number is not None:
        _check_on_pitch(given, given.value(*names)[0], number * scale, extent)
    return number


def _check_on_pitch(given: Fields, name: str, metres: float, extent: float) -> None:
    if not -MARGIN <= metres <= extent + MARGIN:
        off = f"lies at {metres:.6g} m, more than {MARGIN:g} m off a pitch of {extent:g} m"
        raise given.error(name, off)


@dataclass(frozen=True, slots=True)
class CommentaryRequest:
    """One commentary job, validated.

    Attributes:
        game_id: echoed; None when not given.
        personas: who speaks, one script each; the first one's is the job's own.
        match: what is known of the game.
        actions: 1 to 20, in order, their ids distinct.
        coordinates: how the rows' numbers are meant.
        previous_script: lines told before these actions, oldest first.
        current_score: the running score at the first action, or None; never derived.
        fanout, table, temperature, top_p, seed, deadline_s: this job's own values, None for the
            worker's defaults. `deadline_s` is in seconds.
        stream: whether each line is wanted as soon as it is finished.
        explain: whether each line is wanted with what it rests on and what was wrong at first.
        ssml: whether each line is wanted as SSML, too.
        speech_rate: how fast the voice speaks, as a multiple of 7 syllables a second.
        min_salience: below it an action is told in a word or two; 0 tells all in full.
    """

    game_id: str | None
    personas: tuple[Persona, ...]
    match: Match
    actions: tuple[Action, ...]
    coordinates: Coordinates = field(default_factory=Coordinates)
    previous_script: tuple[str, ...] = ()
    current_score: Score | None = None
    fanout: int | None = None
    table: TableForm | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    deadline_s: float | None = None
    stream: bool = False
    explain: bool = False
    ssml: bool = False
    speech_rate: float = 1.0
    min_salience: float = 0.0

    @classmethod
    def parse(cls, document: object) -> "CommentaryRequest":
        """The request that any JSON document makes. Raises InvalidInput, and nothing else."""
        if not isinstance(document, dict):
            raise InvalidInput("The request must be an object with style, matchInfo and rawData.")
        given = Fields(document)
        coordinates = _coordinates(given)
        return cls(
            game_id=given.echo("gameId"),
            personas=_personas(given),
            match=Match.read(given.fields("matchInfo")),
            actions=_actions(given, coordinates),
            coordinates=coordinates,
            previous_script=tuple(_previous_script(given)),
            current_score=_score(given),
            fanout=given.whole("fanout", low=1, high=MAX_ACTIONS),
            table=given.choice("tableForm", TableForm),
            temperature=_number(given, "temperature", at_least=0, at_most=2),
            top_p=_number(given, "topP", above=0, at_most=1),
            seed=given.whole("seed", low=0, high=_MAX_SEED),
            deadline_s=_number(given, "deadlineSeconds", above=0),
            stream=bool(given.flag("stream")),
            explain=bool(given.flag("explain")),
            ssml=bool(given.flag("ssml")),
            speech_rate=_speech_rate(given),
            min_salience=_number(given, "minSalience", at_least=0, at_most=1) or 0.0,
        )


def _personas(given: Fields) -> tuple[Persona, ...]:
    """Those of `styles`, which goes before `style`; CASTER where neither is given."""
    style = given.choice("style", Persona)
    names = given.items("styles")
    if names is None:
        return (style or Persona.CASTER,)
    place = given.spelt("styles")
    each = [Fields({f"{place}[{index}]": name}) for index, name in enumerate(names)]
    chosen = [name.choice(f"{place}[{index}]", Persona) for index, name in enumerate(each)]
    personas = tuple(persona for persona in chosen if persona)
    if not personas or len(set(personas)) < len(chosen):
        raise given.error("styles", f"must hold different ones of {', '.join(Persona)}")
    return personas


def _speech_rate(given: Fields) -> float:
    speech = given.fields("speech")
    speech.require_known(("rate",))
    return _number(speech, "rate", at_least=_RATES[0], at_most=_RATES[1]) or 1.0


def _coordinates(given: Fields) -> Coordinates:
    option = given.fields("coordinates")  # misread, every side would be wrong: nothing is ignored
    option.require_known(("orientation", "normalised", "yDown"), aliases=("normalized",))
    return Coordinates(
        orientation=option.choice("orientation", Orientation) or Orientation.HOME_LTR,
        normalised=bool(option.flag("normalised", "normalized")),
        y_down=bool(option.flag("yDown")),
    )


def _actions(given: Fields, coordinates: Coordinates) -> tuple[Action, ...]:
    rows = given.items("rawData")
    if not rows:
        raise given.error("rawData", f"must hold 1 to {MAX_ACTIONS} actions, but holds none")
    if len(rows) > MAX_ACTIONS:
        raise given.error("rawData", f"must hold 1 to {MAX_ACTIONS} actions, not {len(rows)}")
    readable = [_row(given, index, row) for index, row in enumerate(rows)]
    actions = tuple(Action.read(row, index, coordinates) for index, row in enumerate(readable))
    _check_distinct(actions, readable)
    _check_unit(actions, coordinates, given)
    return actions


def _row(given: Fields, index: int, row: object) -> Fields:
    place = f"{given.spelt('rawData')}[{index}]"
    if not isinstance(row, dict):
        raise InvalidInput(f"{place} must be an object with one action.", place)
    return Fields(row, place)


def _check_distinct(actions: Sequence[Action], rows: Sequence[Fields]) -> None:
    seen: dict[str, int] = {}
    for action, row in zip(actions, rows, strict=True):
        first = seen.setdefault(canonical_id(action.action_id), action.index)
        if first != action.index:
            name = row.value("actionId", "eventId", "originalEventId")[0]
            raise row.error(name, f"repeats the id of action {first}, {action.action_id}")


def _check_unit(actions: Sequence[Action], coordinates: Coordinates, given: Fields) -> None:
    """Refuse what can only be fractions of a pitch read as metres: every side would be wrong."""
    places = {(a.start_x, a.start_y) for a in actions if a.start_x is not None}
    numbers = [number for place in places for number in place if number is not None]
    if coordinates.normalised or len(places) < 3 or not all(0 <= n <= 1 for n in numbers):
        return
    advice = "holds coordinates from 0 to 1 only, which are not metres"
    raise given.error("rawData", f"{advice}: set coordinates.normalised to true")


def _previous_script(given: Fields) -> Iterator[str]:
    for index, line in enumerate(given.items("previousScript") or ()):
        place = f"{given.spelt('previousScript')}[{index}]"
        if is_missing(line):
            continue
        if not isinstance(line, str | dict):
            raise InvalidInput(f"{place} must be a line of text or a line of a script.", place)
        text = _line(line, place)
        if text is not None:
            yield text


def _line(line: str | dict[object, object], place: str) -> str | None:
    if isinstance(line, dict):
        return Fields(line, place).text("description", limit=_LINE_LIMIT)
    return Fields({place: line}).text(place, limit=_LINE_LIMIT)


def _score(given: Fields) -> Score | None:
    if not given.has("currentScore"):
        return None
    score = given.fields("currentScore")
    home, away = (score.whole(side, low=0, high=99) for side in ("home", "away"))
    if home is None or away is None:
        raise given.error("currentScore", "must give both home and away")
    return Score(home, away)


def _number(
    given: Fields,
    name: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
) -> float | None:
    number = given.number(name)
    if number is None:
        return None
    if at_least is not None and number < at_least:
        raise given.error(name, f"must be at least {at_least:g}, not {number:g}")
    if above is not None and number <= above:
        raise given.error(name, f"must be above {above:g}, not {number:g}")
    if at_most is not None and number > at_most:
        raise given.error(name, f"must be at most {at_most:g}, not {number:g}")
    return number
