"""Each class of violation: what is one, and what only looks like one."""

import pytest

from tests.commentary.guard.judged import alone, kinds, kinds_of, mended
from tests.commentary.made import HARU, fact
from tests.rows import AWAY_ID, HOME_ID, request_document, ten_rows
from worker.commentary.guard import Context, Kind, check, mend
from worker.football.facts import Person, Team, facts_of
from worker.football.schema import CommentaryRequest, Persona
from worker.football.vocabulary import ActionType, Outcome

F = Persona.FRIEND
SAME_CITY = {"homeTeamId": HOME_ID, "awayTeamId": AWAY_ID} | dict.fromkeys(
    ("homeTeamNameKoShort", "awayTeamNameKoShort"), "수원"
)


def lines(*cases):
    """Cases of (scene, line) with ids that can be read."""
    return pytest.mark.parametrize(("scene", "line"), cases, ids=[case[1] for case in cases])


NAMES = lines(
    ("pass", "백가람이 강누림에게 패스를 보냅니다."),  # somebody else of the match
    ("pass", "하도율이 백가람에게 패스를 보냅니다."),  # the wrong way round
    ("pass", "하도율의 패스를 백가람이 받습니다."),
    ("pass", "하도율에서 백가람으로 이어지는 패스입니다."),
    ("pass", "백가람이 김민준에게 패스를 보냅니다."),  # nobody
    ("pass", "백가람이 골키퍼에게 패스를 보냅니다."),
    ("shot_goal", "골망을 흔듭니다!"),  # who?
    ("shot_goal", "최강호 선수가 골을 넣습니다! 강누림입니다!"),
    ("shot_goal", "골키퍼 강누림이 골을 넣습니다!"),
    ("shot_goal", "수비수 강누림이 골을 넣습니다!"),
    ("shot_goal", "누리 강누림이 골을 넣습니다!"),
    ("shot_goal", "강누림이 가온 골망을 흔듭니다!"),  # his own side's net
    ("foul", "도마루가 반칙을 얻어 냅니다!"),  # the offender, not the fouled
    ("shot_off_target", "진해솔의 슛이 빗나갑니다. 감독이 고개를 젓습니다."),
    ("foul", "도마루가 반칙을 범합니다! 도한결 주심이 단호합니다!"),  # the referee of the sheet
)


@NAMES
def test_a_name_that_the_action_does_not_have_there_is_one(scene, line):
    assert "name" in kinds(scene, line)


@lines(
    ("pass", "백가람의 패스를 하도율이 받습니다."),
    ("pass", "하도율을 향한 백가람의 긴 패스가 연결됩니다."),
    ("shot_goal", "강누림이 누리 골문을 엽니다!"),
    ("shot_goal", "가온의 강누림이 골을 넣습니다!"),
    ("shot_goal", "공격수 강누림이 골을 넣습니다!"),
    ("catch", "골키퍼 노을찬의 선방입니다."),
    ("catch", "노을찬이 진해솔의 슛을 잡아 냅니다."),  # the shot before it
    ("receive", "백가람의 패스를 주하나가 받습니다."),
    ("own_goal", "도마루의 자책골로 가온이 득점합니다!"),
    ("foul_yellow", "주심이 주하나에게 경고를 꺼냅니다!"),
    ("goal_told_by_own_goal", "누리의 득점으로 기록됩니다!"),
)
def test_a_name_in_its_role_is_none(scene, line):
    assert kinds(scene, line) == set()


def test_names_are_whole_words():
    """A team called as a verb begins is not in it, a player's name not in another word."""
    gaon = {"actor": Person("강누림", "누리", "CF", Team.HOME), "receiver": None}
    assert kinds_of("강누림이 자유를 누리며 패스를 보냅니다.", **gaon) == set()


def test_without_names_in_the_data_none_is_missed():
    nobody = {"actor": Person(None, None), "receiver": None}
    assert kinds_of("한 선수가 패스를 보냅니다.", **nobody) == set()


@lines(
    ("shot_off_target", "진해솔이 골망을 흔듭니다!"),
    ("pass", "백가람이 강력한 슛을 때립니다!"),
    ("pass_failed", "오한빛의 슛이 이어지지 않습니다."),  # a shot that fails was still none
    ("block", "문새벽의 환상적인 선방입니다!"),
    ("foul", "도마루가 경고를 받습니다!"),
    ("foul_yellow", "주하나가 곧바로 퇴장당합니다!"),
    ("foul_red", "도마루가 경고를 받습니다!"),
    ("cross", "하도율이 코너킥을 올립니다!"),
    ("interception", "문새벽의 깔끔한 태클입니다."),
    ("shot_on_target", "백가람의 슛이 골키퍼에게 막힙니다!"),
    ("shot_goal", "강누림이 왼발로 골을 넣습니다!"),
    ("carry", "하도율이 공을 몰고 갑니다. 비디오 판독입니다."),
    ("out", "하도율의 어시스트입니다."),
)
def test_what_did_not_happen_is_an_event(scene, line):
    assert "event" in kinds(scene, line)


@lines(
    ("shot_off_target", "진해솔의 슛이 골이 되지 못하고 골문을 벗어납니다."),
    ("take_on_unknown", "강누림이 수비를 제치려고 합니다."),
    ("receive_in_box", "하도율의 크로스를 강누림이 박스 안에서 받습니다!"),
    ("shot_from_corner", "코너킥 상황에서 강누림의 슛이 빗나갑니다."),
    ("block", "문새벽이 진해솔의 슛을 막아 냅니다."),
    ("pass_offside", "백가람의 패스가 오프사이드에 걸립니다."),
    ("foul_second_yellow", "윤슬기가 두 번째 경고를 받고 퇴장당합니다!"),
    ("recovery_by_keeper", "표단비가 흐른 공을 품에 안습니다."),
)
def test_what_is_denied_or_only_meant_is_no_event(scene, line):
    assert kinds(scene, line) == set()


@lines(
    ("pass_failed", "오한빛의 패스가 정확히 연결됩니다."),
    ("pass", "백가람이 하도율에게 보낸 패스가 끊깁니다."),
    ("pass_unknown", "서온유의 패스가 성공합니다."),
    ("take_on_failed", "하도율이 상대를 제쳐 냅니다!"),
    ("tackle", "문새벽의 태클이 실패합니다."),
    ("duel_unknown", "도마루가 경합을 이겨 냅니다."),
    ("intervention", "도마루가 공을 따냅니다."),
    ("shot_blocked", "하도율의 슛이 골문을 벗어납니다."),
    ("parry", "표단비가 공을 품에 안습니다!"),
    ("catch", "노을찬이 공을 쳐 냅니다."),
    ("shot_goal", "강누림의 슛이 골문을 외면합니다!"),
    ("goal_told", "강누림이 골망을 흔듭니다!"),  # told a line ago
    ("goal_told", "강누림의 멋진 순간입니다!"),  # and so it is for the record only
    ("own_goal", "도마루가 골을 넣습니다!"),
    ("own_goal", "도마루의 자책골입니다! 누리의 득점입니다!"),  # the other side's
    ("goal_told_by_own_goal", "진해솔의 득점으로 기록됩니다!"),
)
def test_the_wrong_outcome_is_one(scene, line):
    assert "outcome" in kinds(scene, line)


@lines(
    ("pass_failed", "오한빛의 패스가 정확하지 않습니다."),
    ("penalty_goal", "강누림이 기회를 놓치지 않고 골을 넣습니다!"),
    ("carry", "하도율이 망설이지 않고 공을 몰고 갑니다."),
    ("goal_told", "강누림이 득점자로 이름을 올립니다!"),
    ("own_goal", "도마루의 자책골입니다! 가온의 득점입니다!"),
)
def test_the_right_outcome_is_none(scene, line):
    assert kinds(scene, line) == set()


@lines(
    ("carry", "하도율이 오른쪽 측면에서 공을 몰고 갑니다."),
    ("carry", "하도율이 왼쪽에서 뒤로 공을 몰고 갑니다."),
    ("pass", "백가람이 하도율에게 짧게 패스를 보냅니다."),
    ("pass", "백가람이 오른쪽으로 하도율에게 패스를 보냅니다."),
    ("pass", "백가람이 상대 진영에서 하도율에게 패스를 보냅니다."),
    ("pass_without_places", "서온유가 왼쪽에서 오한빛에게 패스를 보냅니다."),
    ("shot_goal", "강누림이 중거리에서 골을 넣습니다!"),
    ("shot_goal", "강누림이 골문 왼쪽 구석에 골을 넣습니다!"),  # no row says where
    ("tackle", "문새벽이 상대 페널티 박스 안에서 태클에 성공합니다."),
    ("tackle", "문새벽이 왼쪽에서 태클에 성공합니다."),  # a defender's side is nobody's left
    ("pass_square", "문새벽이 반대편으로 주하나에게 패스를 보냅니다."),
)
def test_a_place_that_is_not_the_fact_s_is_one(scene, line):
    assert kinds(scene, line) == {"place"}


@lines(
    ("carry", "하도율이 왼쪽 측면에서 상대 진영으로 몰고 갑니다."),
    ("pass", "중원에서 백가람이 왼쪽의 하도율에게 길게 패스를 보냅니다."),
    ("sweep", "표단비가 자기 진영에서 앞으로 나와 수비합니다."),
    ("shot_on_target", "백가람의 중거리 슛이 골문으로 향합니다!"),
    ("shot_goal", "강누림이 누리 문전에서 골을 넣습니다!"),
    ("pass", "하도율 앞으로 백가람이 길게 패스를 보냅니다."),
)
def test_a_place_that_is_the_fact_s_is_none(scene, line):
    assert kinds(scene, line) == set()


@lines(
    ("shot_goal", "강누림이 골을 넣습니다! 점수는 3대 1입니다!"),
    ("shot_goal", "강누림이 골을 넣습니다! 일 대 영입니다!"),
    ("shot_goal", "강누림이 동점골을 넣습니다!"),
    ("shot_goal", "강누림이 골을 넣습니다! 가온이 앞서 나갑니다!"),
    ("shot_goal", "강누림이 시즌 5호 골을 넣습니다!"),
    ("pass", "백가람이 하도율에게 패스를 보냅니다. 승리가 보입니다."),
)
def test_a_score_that_nobody_gave_is_one(scene, line):
    assert "score" in kinds(scene, line)


GIVEN = {"currentScore": {"home": 0, "away": 1}}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("강누림이 골을 넣습니다! 1대 1입니다!", False),
        ("강누림이 동점골을 넣습니다!", False),
        ("강누림이 골을 넣습니다! 일 대 일입니다!", False),
        ("강누림이 골을 넣습니다! 3대 1입니다!", True),  # the final score of the sheet
        ("강누림이 골을 넣습니다! 0대 1입니다!", True),  # the score before it
        ("강누림이 선제골을 넣습니다!", True),
        ("강누림이 결승골을 넣습니다!", True),
    ],
)
def test_a_given_score_is_told_as_it_stands_after_the_action(line, wrong):
    assert ("score" in kinds("shot_goal", line, **GIVEN)) is wrong


def test_one_two_is_a_way_to_play():
    assert kinds("pass", "백가람이 하도율과 2대1 패스를 주고받습니다.") == set()
    assert kinds("duel", "서온유가 경합에서 앞섭니다.") == set()


@lines(
    ("shot_goal", "강누림이 30미터에서 골을 넣습니다!"),
    ("shot_goal", "강누림이 이십 미터 밖에서 골을 넣습니다!"),
    ("pass", "백가람이 80퍼센트 확률로 하도율에게 패스를 보냅니다."),
    ("pass", "백가람이 5초 만에 하도율에게 패스를 보냅니다."),
    ("carry", "하도율이 좌표 왼쪽에서 공을 몰고 갑니다."),
    ("take_on", "오한빛이 두 명을 제칩니다!"),
    ("shot_goal", "등번호 9번 강누림이 골을 넣습니다!"),
    ("shot_goal", "후반 12분 강누림이 골을 넣습니다!"),
    ("shot_goal", "전반 30분 강누림이 골을 넣습니다!"),
)
def test_a_number_that_is_not_the_data_s_is_one(scene, line):
    assert "numbers" in kinds(scene, line)


@pytest.mark.parametrize("minute", ["후반 30분", "후반 31분", "75분", "76분"])
def test_the_minute_may_be_told_as_it_runs_or_as_it_is_counted(minute):
    assert kinds("shot_goal", f"{minute}, 강누림이 골을 넣습니다!") == set()


def test_a_shirt_number_may_be_told_where_it_is_given():
    line, haru = "10번 백하루가 패스를 보냅니다.", HARU
    ten = Person(haru.name, haru.team, haru.position, haru.side, 10)
    assert kinds_of(line, actor=haru) == {"numbers"}
    assert kinds_of(line, actor=ten) == set()


@pytest.mark.parametrize(
    "pointing",
    ["여기서", "저쪽으로", "이쪽에서", "거기로", "이 선수,", "그 공을", "이렇게", "저곳에서"],
)
def test_whoever_cannot_see_is_not_pointed_to(pointing):
    line = f"백가람이 {pointing} 하도율에게 패스를 보냅니다."
    assert "demonstrative" in kinds("pass", line)


@pytest.mark.parametrize(
    "word", ["그리고", "그대로", "이번에", "이제", "그 순간", "기회로 여기고", "이어서", "그만"]
)
def test_ordinary_words_that_contain_a_demonstrative_are_none(word):
    line = f"백가람이 {word} 하도율에게 패스를 보냅니다."
    assert kinds("pass", line) == set()


@pytest.mark.parametrize(
    ("persona", "line", "wrong"),
    [
        (Persona.CASTER, "백가람이 하도율에게 패스를 보냅니다.", False),
        (Persona.CASTER, "백가람이 하도율에게 패스를 보내네요!", False),
        (Persona.ANALYST, "백가람이 하도율에게 패스를 보내네요!", True),
        (Persona.CASTER, "백가람이 하도율에게 패스를 보내요.", True),
        (Persona.CASTER, "백가람이 하도율에게 패스를 보냈어.", True),
        (Persona.CASTER, "멋졌어! 백가람이 하도율에게 패스를 보냅니다.", True),
        (Persona.CASTER, "아! 백가람이 하도율에게 패스를 보냅니다.", False),
        (F, "백가람이 하도율한테 패스를 보냈어.", False),
        (F, "백가람이 하도율한테 패스를 보냈다!", False),
        (F, "백가람이 하도율한테 패스를 보냅니다.", True),
        (F, "백가람이 하도율한테 패스를 보냈어요.", True),
        (F, "좋습니다! 백가람이 하도율한테 패스를 보냈어.", True),
        (F, "하도율한테 간 패스, 백가람 게 아니다.", False),
    ],
)
def test_each_persona_speaks_its_own_level_in_every_sentence(persona, line, wrong):
    assert ("register" in kinds("pass", line, persona)) is wrong


@pytest.mark.parametrize("word", ["goal", "球", "ก", "гол", "ㅋㅋ", "⚽"])
def test_another_script_is_one(word):
    assert "script" in kinds("pass", f"백가람이 {word} 하도율에게 패스를 보냅니다.")


def test_latin_names_of_the_data_are_korean_enough():
    hwang = Person("Hwang In-beom", "가온", "CM", Team.HOME)
    line = "Hwang In-beom 선수가 패스를 보냅니다."
    assert kinds_of(line, actor=hwang, budget=30) == set()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("백가람가 하도율에게 패스를 보냅니다.", "백가람이 하도율에게 패스를 보냅니다."),
        ("백가람는 하도율를 찾습니다.", "백가람은 하도율을 찾습니다."),
        ("백가람와 하도율의 연결입니다.", "백가람과 하도율의 연결입니다."),
        ("백가람로부터 하도율으로 갑니다.", "백가람으로부터 하도율로 갑니다."),
        ("백가람 선수이 하도율에게 패스를 보냅니다.", "백가람 선수가 하도율에게 패스를 보냅니다."),
        ("백가람이 하도율에게 패스를 보냅니다.", "백가람이 하도율에게 패스를 보냅니다."),
    ],
)
def test_a_particle_of_another_sound_is_one_and_is_mended_by_code(wrong, right):
    assert ("particle" in kinds("pass", wrong)) is (wrong != right)
    assert mended("pass", wrong) == right
    assert "particle" not in kinds("pass", right)


@pytest.mark.parametrize("particle", ["이", "가", "은", "는"])
def test_how_a_latin_name_sounds_its_letters_do_not_tell(particle):
    """Hwang is 황 and takes 이, Silva takes 가: whichever stands there stays there."""
    hwang = fact(actor=Person("Hwang", "가온", "CM", Team.HOME), receiver=None, budget=30)
    line = f"Hwang{particle} 패스를 보냅니다."
    about = alone(Persona.CASTER, hwang)
    assert check(line, hwang, about) == ()
    assert mend(line, hwang, about) == line


def test_a_name_that_two_teams_share_says_nothing_of_whose_it_is():
    """Both are called by the city: a line may say it of either."""
    same = {"teamNameKo": "수원", "teamNameKoShort": "수원"}
    rows = [{**row, **same} for row in ten_rows()]
    request = CommentaryRequest.parse(request_document(rawData=rows, matchInfo=SAME_CITY))
    facts = facts_of(request)
    for each in (facts[0], facts[2]):  # one of the away team's, one of the home team's
        found = check(f"수원의 {each.actor.name}입니다.", each, Context.of(request, facts))
        assert Kind.NAME not in {violation.kind for violation in found}


def test_one_syllable_of_a_verb_is_nobody_s_name():
    """A player called 가 is not in 몰고 가네; he is where he has a particle or a title."""
    ga = fact(actor=Person("가", "가온", "CM", Team.HOME), receiver=None, budget=30)
    about = alone(Persona.FRIEND, ga)
    kinds_found = {each.kind for each in check("가 선수가 패스를 차고 가네.", ga, about)}
    assert Kind.NAME not in kinds_found


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("상대가 1대 0으로 앞섭니다. 강누림의 골!", True),
        ("가온이 1대 0으로 앞섭니다! 강누림이 골을 넣습니다!", False),
        ("0대 1입니다! 강누림이 골을 넣습니다!", True),
        ("누리가 0대 1로 뒤집니다! 강누림이 골을 넣습니다!", False),
    ],
)
def test_a_score_is_told_from_the_side_that_is_named(line, wrong):
    score = {"currentScore": {"home": 0, "away": 0}}
    assert ("score" in kinds("shot_goal", line, **score)) is wrong


def test_a_shirt_number_is_its_bearer_s():
    ten = Person("백하루", "가온", "CM", Team.HOME, 10)
    seven = Person("윤누리", "가온", "LW", Team.HOME, 7)
    people = {"actor": ten, "receiver": seven, "budget": 30}
    assert kinds_of("10번 백하루가 윤누리에게 패스를 보냅니다.", **people) == set()
    assert kinds_of("백하루가 7번 윤누리에게 패스를 보냅니다.", **people) == set()
    assert kinds_of("백하루가 10번 윤누리에게 패스를 보냅니다.", **people) == {"numbers"}


@pytest.mark.parametrize(
    "line",
    [
        "백가람의 패스, 메시가 받습니다.",
        "전북의 백가람이 하도율에게 패스를 보냅니다.",
        "백가람이 김민준과 함께 하도율에게 패스를 보냅니다.",
    ],
)
def test_a_name_from_elsewhere_is_invented(line):
    assert "name" in kinds("pass", line)


def test_mending_changes_nothing_but_particles_after_names():
    line = "상대 수비이 백가람의 패스을 봅니다."
    assert mended("pass", line) == line


def test_what_takes_longer_than_there_is_time_is_too_long():
    line = "백가람이 하도율에게 아주 차분하고 침착하게 그리고 정확하게 패스를 보냅니다."
    assert "length" in kinds("pass", line)


def test_nearly_the_same_sentence_as_beside_it_is_an_echo():
    line = "백가람이 하도율에게 패스를 보냅니다."
    assert kinds("pass", line, neighbours=["백가람이 하도율에게 볼을 보냅니다."]) == {"echo"}
    assert kinds("pass", line, neighbours=["강누림이 골망을 흔듭니다!"]) == set()


@pytest.mark.parametrize(
    ("persona", "line"),
    [
        (Persona.CASTER, "백가람이 하도율에게 패스를."),
        (Persona.CASTER, "백가람이 하도율에게 패스를 보냅."),
        (Persona.CASTER, "백가람이 하도율에게 보낸 패스."),
        (Persona.CASTER, "좋습니다! 백가람이 하도율에게."),
        (F, "백가람이 하도율한테 패스를."),
        (F, "백가람이 하도율한테 패스를 보내고."),
        (F, "백가람이 하도율한테 보낸."),
    ],
)
def test_a_sentence_that_does_not_come_to_its_end_is_cut(persona, line):
    assert "cut" in kinds("pass", line, persona)


def test_what_is_told_in_a_word_or_two_needs_no_verb():
    brief = {"brief": True, "budget": 11, "receiver": None}
    assert kinds_of("백하루, 패스.", **brief) == set()
    assert kinds_of("백하루, 슛.", **brief) == {"event"}
    assert kinds_of("백하루가 보냈어요.", **brief) == {"register"}


def test_a_goal_of_a_team_that_nobody_knows_is_credited_to_nobody():
    goal = {"type": ActionType.GOAL, "outcome": Outcome.GOAL, "receiver": None, "word": "골"}
    assert kinds_of("백하루가 골을 넣습니다!", start=None, end=None, **goal) == set()
