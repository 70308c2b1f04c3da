from itertools import islice

from builder import corpus


def test_the_same_seed_gives_the_same_text_and_another_seed_another():
    one, same, other = (list(islice(corpus.documents(seed), 200)) for seed in (3, 3, 4))
    assert one == same != other


def test_there_are_as_many_texts_as_said():
    assert sum(1 for _ in corpus.documents(0)) == corpus.DOCUMENTS


def test_every_kind_of_text_occurs():
    text = "\n".join(corpus.documents(0))
    for sign in (
        '"rawData"',
        '"raw_data"',
        '"description"',
        "typeNameKo,",
        "합니다.",
        "해!",
        "보입니다.",
    ):
        assert sign in text


def test_particles_follow_the_last_sound():
    assert corpus._particle("문새벽", "이", "가") == "문새벽이"
    assert corpus._particle("하누리", "이", "가") == "하누리가"
    assert corpus._particle("가온 FC", "은", "는") == "가온 FC는"
