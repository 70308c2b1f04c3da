"""Providers' names for types and results, the canonical ones, and their Korean words."""

from enum import StrEnum


class Tone(StrEnum):
    """A line's mood; the wire's own words."""

    DEFAULT = "DEFAULT"
    EXCITED = "EXCITED"
    ANGRY = "ANGRY"
    SAD = "SAD"
    CALM = "CALM"
    QUESTION = "QUESTION"
    EMPHASIS = "EMPHASIS"


class ActionType(StrEnum):
    """What kind of action a row tells, whoever provides it."""

    PASS = "pass"
    CROSS = "cross"
    THROW_IN = "throw_in"
    FREEKICK_PASS = "freekick_pass"
    CORNER = "corner"
    GOAL_KICK = "goal_kick"
    RECEIVE = "receive"
    CARRY = "carry"
    TAKE_ON = "take_on"
    SHOT = "shot"
    SHOT_FREEKICK = "shot_freekick"
    PENALTY = "penalty"
    GOAL = "goal"
    OWN_GOAL = "own_goal"
    GOAL_CONCEDED = "goal_conceded"
    TACKLE = "tackle"
    DUEL = "duel"
    INTERCEPTION = "interception"
    INTERVENTION = "intervention"
    RECOVERY = "recovery"
    CLEARANCE = "clearance"
    BLOCK = "block"
    KEEPER_CATCH = "keeper_catch"
    KEEPER_PARRY = "keeper_parry"
    KEEPER_CLAIM = "keeper_claim"
    KEEPER_SWEEP = "keeper_sweep"
    ERROR = "error"
    DEFLECTION = "deflection"
    HIT = "hit"
    FOUL = "foul"
    HANDBALL = "handball"
    FOUL_THROW = "foul_throw"
    OFFSIDE = "offside"
    OUT = "out"
    PAUSE = "pause"
    OTHER = "other"


class Outcome(StrEnum):
    """What came of an action."""

    SUCCESS = "success"
    FAILURE = "failure"
    GOAL = "goal"
    ON_TARGET = "on_target"
    OFF_TARGET = "off_target"
    BLOCKED = "blocked"
    LOW_QUALITY = "low_quality"
    KEEPER_RUSH_OUT = "keeper_rush_out"
    OFFSIDE = "offside"
    UNKNOWN = "unknown"


class Card(StrEnum):
    """The card shown for a foul."""

    YELLOW = "yellow"
    SECOND_YELLOW = "second_yellow"
    RED = "red"


class SetPiece(StrEnum):
    """The dead ball an action was played from."""

    CORNER = "corner"
    FREE_KICK = "free_kick"
    GOAL_KICK = "goal_kick"
    KICK_OFF = "kick_off"
    PENALTY = "penalty"
    THROW_IN = "throw_in"
