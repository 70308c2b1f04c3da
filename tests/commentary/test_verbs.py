import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.commentary import verbs

SHAPES = [
    ("보내", "보내 보냅 보낸 보낼 보냄 보냈"),
    ("제치", "제치 제칩 제친 제칠 제침 제쳐 제쳤"),
    ("받", "받"),
    ("넣", "넣"),
    ("막", "막"),
    ("흔들", "흔들 흔드 흔듭 흔든 흔듦"),
    ("가르", "가르 가릅 가른 가를 가름 갈라 갈랐"),
    ("흐르", "흐르 흐릅 흐른 흐를 흐름 흘러 흘렀"),
    ("오르", "오르 오릅 오른 오를 오름 올라 올랐"),
    ("저지르", "저지르 저지릅 저지른 저지를 저지름 저질러 저질렀"),
    ("따르", "따르 따릅 따른 따를 따름 따라 따랐"),
    ("뒤따르", "뒤따르 뒤따릅 뒤따른 뒤따를 뒤따름 뒤따라 뒤따랐"),
    ("치르", "치르 치릅 치른 치를 치름 치러 치렀"),
    ("들르", "들르 들릅 들른 들를 들름 들러 들렀"),
    ("이르", "이르 이릅 이른 이를 이름"),
    ("뜨", "뜨 뜹 뜬 뜰 뜸 떠 떴"),
    ("쓰", "쓰 씁 쓴 쓸 씀 써 썼"),
    ("모으", "모으 모읍 모은 모을 모음 모아 모았"),
    ("줍", "줍 주우 주운 주울 주움 주워 주웠"),
    ("돕", "돕 도우 도운 도울 도움 도와 도왔"),
    ("잡", "잡"),
    ("뽑", "뽑"),
    ("입", "입"),
    ("잇", "잇 이으 이은 이을 이음 이어 이었"),
    ("뺏", "뺏"),
    ("빼앗", "빼앗"),
    ("듣", "듣 들 들어 들었"),
    ("걷", "걷"),
    ("놓", "놓 놔 놨"),
    ("하", "하 합 한 할 함 해 했"),
    ("시도하", "시도하 시도합 시도한 시도할 시도함 시도해 시도했"),
    ("되", "되 됩 된 될 됨 돼 됐"),
    ("나가", "나가 나갑 나간 나갈 나감 나갔"),
    ("쏘", "쏘 쏩 쏜 쏠 쏨 쏴 쐈"),
    ("나오", "나오 나옵 나온 나올 나옴 나와 나왔"),
    ("주", "주 줍 준 줄 줌 줘 줬"),
    ("싸우", "싸우 싸웁 싸운 싸울 싸움 싸워 싸웠"),
    ("때리", "때리 때립 때린 때릴 때림 때려 때렸"),
    ("펴", "펴 폅 편 펼 폄 폈"),
    ("서", "서 섭 선 설 섬 섰"),
    ("내", "내 냅 낸 낼 냄 냈"),
    ("개", "개 갭 갠 갤 갬 갰"),
    ("메", "메 멥 멘 멜 멤 멨"),
    ("뛰", "뛰 뜁 뛴 뛸 뜀"),
    ("띄", "띄 띕 띈 띌 띔"),
    ("이어지지 않", "이어지지 않"),
]

# stem, 합쇼체 now and past, 반말 now and past, before a noun, before another verb
FORMS = [
    ("보내", "보냅니다", "보냈습니다", "보내네", "보냈어", "보내는", "보내"),
    ("받", "받습니다", "받았습니다", "받네", "받았어", "받는", "받아"),
    ("흔들", "흔듭니다", "흔들었습니다", "흔드네", "흔들었어", "흔드는", "흔들어"),
    ("몰", "몹니다", "몰았습니다", "모네", "몰았어", "모는", "몰아"),
    ("가르", "가릅니다", "갈랐습니다", "가르네", "갈랐어", "가르는", "갈라"),
    ("따르", "따릅니다", "따랐습니다", "따르네", "따랐어", "따르는", "따라"),
    ("이르", "이릅니다", "이르렀습니다", "이르네", "이르렀어", "이르는", "이르러"),
    ("뜨", "뜹니다", "떴습니다", "뜨네", "떴어", "뜨는", "떠"),
    ("줍", "줍습니다", "주웠습니다", "줍네", "주웠어", "줍는", "주워"),
    ("돕", "돕습니다", "도왔습니다", "돕네", "도왔어", "돕는", "도와"),
    ("잡", "잡습니다", "잡았습니다", "잡네", "잡았어", "잡는", "잡아"),
    ("잇", "잇습니다", "이었습니다", "잇네", "이었어", "잇는", "이어"),
    ("빼앗", "빼앗습니다", "빼앗았습니다", "빼앗네", "빼앗았어", "빼앗는", "빼앗아"),
    ("뺏", "뺏습니다", "뺏었습니다", "뺏네", "뺏었어", "뺏는", "뺏어"),
    ("듣", "듣습니다", "들었습니다", "듣네", "들었어", "듣는", "들어"),
    ("하", "합니다", "했습니다", "하네", "했어", "하는", "해"),
    ("되", "됩니다", "됐습니다", "되네", "됐어", "되는", "돼"),
    ("나가", "나갑니다", "나갔습니다", "나가네", "나갔어", "나가는", "나가"),
    ("쏘", "쏩니다", "쐈습니다", "쏘네", "쐈어", "쏘는", "쏴"),
    ("주", "줍니다", "줬습니다", "주네", "줬어", "주는", "줘"),
    ("때리", "때립니다", "때렸습니다", "때리네", "때렸어", "때리는", "때려"),
    ("막히", "막힙니다", "막혔습니다", "막히네", "막혔어", "막히는", "막혀"),
    ("뛰", "뜁니다", "뛰었습니다", "뛰네", "뛰었어", "뛰는", "뛰어"),
    ("쳐 내", "쳐 냅니다", "쳐 냈습니다", "쳐 내네", "쳐 냈어", "쳐 내는", "쳐 내"),
    (
        *("이어지지 않", "이어지지 않습니다", "이어지지 않았습니다", "이어지지 않네"),
        *("이어지지 않았어", "이어지지 않는", "이어지지 않아"),
    ),
]
# Stems without an irregularity: any initial and any of these vowels, open or closed.
REGULAR = st.builds(
    lambda initial, vowel, final: chr(ord("가") + (initial * 21 + vowel) * 28 + final),
    st.integers(0, 18),
    st.sampled_from([0, 1, 4, 5, 8, 13, 20]),
    st.sampled_from([0, 1, 8, 16]),  # none, ㄱ, ㄹ, ㅁ
).filter(lambda syllable: syllable != "하")


@pytest.mark.parametrize(("stem", "expected"), SHAPES)
def test_a_stem_has_these_shapes_and_no_other(stem, expected):
    made = verbs.shapes(stem)
    assert set(made) == ({stem} if " " in stem else set(expected.split()))
    assert len(set(made)) == len(made)
    assert [len(shape) for shape in made] == sorted(map(len, made), reverse=True)


@pytest.mark.parametrize(
    ("stem", "formal", "formal_past", "plain", "plain_past", "attributive", "connective"), FORMS
)
def test_a_stem_has_these_forms(
    stem, formal, formal_past, plain, plain_past, attributive, connective
):
    assert verbs.formal(stem) == formal
    assert verbs.formal_past(stem) == formal_past
    assert verbs.plain(stem) == plain
    assert verbs.plain_past(stem) == plain_past
    assert verbs.attributive(stem) == attributive
    assert verbs.connective(stem) == connective


def forms(stem):
    return (
        *(verbs.formal(stem), verbs.formal_past(stem), verbs.plain(stem)),
        *(verbs.plain_past(stem), verbs.attributive(stem), verbs.connective(stem)),
    )


@pytest.mark.parametrize("stem", [row[0] for row in [*SHAPES, *FORMS]])
def test_the_shapes_find_every_form(stem):
    found = re.compile("|".join(map(re.escape, verbs.shapes(stem))))
    assert all(found.match(form) for form in forms(stem))


@given(REGULAR)
def test_any_regular_stem_gives_whole_syllables_that_its_shapes_find(stem):
    found = re.compile("|".join(verbs.shapes(stem)))
    for form in (*verbs.shapes(stem), *forms(stem)):
        assert found.match(form)
        assert re.fullmatch("[가-힣]+", form)
        assert unicodedata.normalize("NFC", form) == form


@given(REGULAR, st.sampled_from(["공을 ", "끊어 ", "나"]))
def test_what_stands_before_the_last_verb_stays(stem, before):
    assert verbs.formal(before + stem) == before + verbs.formal(stem)
    assert verbs.plain_past(before + stem) == before + verbs.plain_past(stem)
    assert verbs.shapes(before + stem) == tuple(before + shape for shape in verbs.shapes(stem))
