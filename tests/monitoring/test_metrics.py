from tailorbird.monitoring import Metrics


def test_two_servers_in_one_process_do_not_add_up():
    one, other = Metrics(), Metrics()
    one.received(accepted=3, duplicates=0, rejected=0)
    assert 'tailorbird_events_total{verdict="accepted"} 3.0' in one.text().decode()
    assert 'verdict="accepted"} 3.0' not in other.text().decode()


def test_unknown_event_types_share_one_label():
    metrics = Metrics()
    for n in range(50):
        metrics.accepted_type(f"made-up-{n}")
    metrics.accepted_type("purchase")
    text = metrics.text().decode()
    assert 'type="other"} 50.0' in text
    assert 'type="purchase"} 1.0' in text
    assert "made-up" not in text


def test_the_follower_and_the_writer_have_figures():
    metrics = Metrics()
    metrics.followed(applied=5, seq=12, lag=3)
    metrics.appended(0.004)
    metrics.became_visible(0.001)
    text = metrics.text().decode()
    for line in ("tailorbird_seq 12.0", "tailorbird_follow_lag_records 3.0", "tailorbird_append_seconds_count 1.0"):
        assert line in text
