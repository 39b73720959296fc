from tailorbird.api.rehearsal import rehearse
from tailorbird.config import Config


def test_the_rehearsal_learns_and_decides_on_an_engine_of_its_own(client, app):
    engine = rehearse(Config())
    assert engine.seq == 9
    assert len(engine.catalogue) == 3
    assert len(engine.state.person("u:u1").history) == 3
    assert set(engine.retrievers) == {"popular", "trending", "covisitation"}
    assert app.engine.seq == app.log.last_seq() == len(app.engine.catalogue) == 0
    assert app.ledger.recent(10) == []
    assert client.get("/health/ready").json()["items"] == 0
