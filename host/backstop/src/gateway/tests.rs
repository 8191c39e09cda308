//! Each rule by hand.

use engine::event::{AccountId, Event, InstrumentId, TimeMs};

use super::*;

const A: SourceId = 7;
const B: SourceId = 9;

/// Small bounds: 3 frames wait, asked for twice 100 ms apart, snapshots every 300 ms, stale after 1,000 ms.
fn config() -> Config {
    Config {
        frame_events_max: 2,
        snapshot_events_max: 3,
        waiting_max: 3,
        jump_max: 50,
        ahead_ms_max: 5_000,
        request_timeout_ms: 100,
        requests_max: 2,
        snapshot_timeout_ms: 300,
        stale_ms: 1_000,
        ..Config::of([A, B])
    }
}

fn gateway() -> Gateway {
    Gateway::new(config()).expect("bounds are in range")
}

fn event(sequence: u64) -> Event {
    Event::Deposited { account: AccountId(sequence), quanta: 1 }
}

fn frame(source: SourceId, sequence: u64, time_ms: TimeMs) -> Frame {
    Frame { source, sequence, time_ms, events: vec![event(sequence)] }
}

fn heartbeat(source: SourceId, sequence: u64, time_ms: TimeMs) -> Frame {
    Frame { source, sequence, time_ms, events: Vec::new() }
}

fn snapshot(source: SourceId, sequence: u64, time_ms: TimeMs) -> Snapshot {
    let events = vec![Event::Mark { instrument: InstrumentId(0), price: sequence }];
    Snapshot { source, sequence, time_ms, events }
}

fn request(from: u64, to: u64) -> Output {
    Output::Request { source: A, from, to }
}

fn snapshot_request(after: u64) -> Output {
    Output::SnapshotRequest { source: A, after }
}

/// Frames of `A` as they are handed on at a clock.
fn frames(sequences: impl IntoIterator<Item = u64>, clock_ms: TimeMs) -> Vec<Output> {
    sequences.into_iter().map(|sequence| Output::Frame(frame(A, sequence, clock_ms))).collect()
}

fn counts(gateway: &Gateway) -> Counts {
    *gateway.counts(A).expect("A is configured")
}

fn state(gateway: &Gateway) -> State {
    gateway.state(A).expect("A is configured")
}

#[test]
fn a_frame_in_order_goes_on_at_once() {
    let mut gateway = gateway();
    assert_eq!(gateway.receive(frame(A, 1, 10)), Ok(frames([1], 10)));
    assert_eq!(gateway.receive(frame(A, 2, 10)), Ok(frames([2], 10)));
    assert_eq!((gateway.positions(), state(&gateway)), (vec![(A, 2), (B, 0)], State::Live));
    assert_eq!(counts(&gateway), Counts { frames: 2, ..Counts::default() });
}

#[test]
fn a_duplicate_is_counted_whether_it_was_handed_on_or_waits() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    gateway.receive(frame(A, 3, 0)).unwrap();
    assert_eq!(gateway.receive(frame(A, 1, 1)), Ok(vec![]));
    assert_eq!(gateway.receive(frame(A, 3, 1)), Ok(vec![]));
    assert_eq!((counts(&gateway).duplicates, gateway.waiting(A)), (2, Some(1)));
    assert_eq!(gateway.receive(frame(A, 2, 2)), Ok(frames([2, 3], 2)));
}

#[test]
fn frames_ahead_wait_and_each_gap_is_asked_for_when_it_shows() {
    let mut gateway = gateway();
    assert_eq!(gateway.receive(frame(A, 3, 0)), Ok(vec![request(1, 2)]));
    assert_eq!(gateway.receive(frame(A, 4, 1)), Ok(vec![]));
    assert_eq!(gateway.receive(frame(A, 7, 2)), Ok(vec![request(5, 6)]));
    assert_eq!((state(&gateway), gateway.waiting(A)), (State::Gap, Some(3)));
    // Both gaps are asked for again, after the timeout of the first.
    assert_eq!(gateway.tick(99), vec![]);
    assert_eq!(gateway.tick(100), vec![request(1, 2), request(5, 6)]);
    assert_eq!(gateway.receive(frame(A, 1, 101)), Ok(frames([1], 101)));
    assert_eq!(gateway.receive(frame(A, 2, 102)), Ok(frames([2, 3, 4], 102)));
    // That was progress: what is still missing has its two attempts from here on.
    assert_eq!(gateway.tick(201), vec![]);
    assert_eq!(gateway.tick(202), vec![request(5, 6)]);
    assert_eq!(gateway.tick(302), vec![snapshot_request(4)]);
    assert_eq!(counts(&gateway).requests, 5);
}

#[test]
fn a_full_buffer_asks_for_a_snapshot_and_keeps_the_newest() {
    let mut gateway = gateway();
    for sequence in [2, 3, 4] {
        gateway.receive(frame(A, sequence, 0)).unwrap();
    }
    assert_eq!(gateway.receive(frame(A, 5, 1)), Ok(vec![snapshot_request(0)]));
    assert_eq!(state(&gateway), State::Stale(Cause::Snapshot));
    assert_eq!(gateway.receive(frame(A, 9, 2)), Ok(vec![]), "a snapshot is awaited, no frames");
    assert_eq!((gateway.waiting(A), counts(&gateway).evicted), (Some(3), 2));
    // 4, 5 and 9 wait; the snapshot covers 4.
    let restored = gateway.restore(snapshot(A, 4, 3)).unwrap();
    let mut expected = vec![Output::Snapshot(snapshot(A, 4, 3))];
    expected.extend(frames([5], 3));
    expected.push(request(6, 8));
    assert_eq!((restored, state(&gateway)), (expected, State::Gap));
    let found = counts(&gateway);
    assert_eq!((found.snapshots, found.replaced, found.covered, found.frames), (1, 4, 1, 1));
}

#[test]
fn a_snapshot_is_asked_for_when_requests_are_used_up_and_until_it_comes() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    assert_eq!(gateway.receive(frame(A, 4, 0)), Ok(vec![request(2, 3)]));
    assert_eq!(gateway.tick(100), vec![request(2, 3)]);
    assert_eq!(gateway.tick(200), vec![snapshot_request(1)]);
    assert_eq!(gateway.tick(499), vec![]);
    assert_eq!(gateway.tick(500), vec![snapshot_request(1)]);
    assert_eq!(gateway.tick(1_000_000), vec![snapshot_request(1)], "once, however much time has passed");
    assert_eq!(state(&gateway), State::Stale(Cause::Snapshot));
    let mut expected = vec![Output::Snapshot(snapshot(A, 3, 1_000_001))];
    expected.extend(frames([4], 1_000_001));
    assert_eq!(gateway.restore(snapshot(A, 3, 1_000_001)), Ok(expected));
    assert_eq!((state(&gateway), gateway.positions()[0]), (State::Live, (A, 4)));
    assert_eq!((counts(&gateway).snapshot_requests, counts(&gateway).requests), (3, 2));
}

#[test]
fn late_frames_end_the_wait_for_a_snapshot_once_nothing_is_missing() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 3, 0)).unwrap();
    gateway.tick(100);
    assert_eq!(gateway.tick(200), vec![snapshot_request(0)]);
    assert_eq!(gateway.receive(frame(A, 1, 201)), Ok(frames([1], 201)));
    assert_eq!(state(&gateway), State::Stale(Cause::Snapshot));
    assert_eq!(gateway.receive(frame(A, 2, 202)), Ok(frames([2, 3], 202)));
    assert_eq!(state(&gateway), State::Live);
    assert_eq!(gateway.tick(10_000), vec![]);
}

#[test]
fn all_frames_again_answer_a_request_for_a_snapshot() {
    let mut gateway = gateway();
    for sequence in [3, 4, 5, 6] {
        gateway.receive(frame(A, sequence, 0)).unwrap();
    }
    assert_eq!((state(&gateway), counts(&gateway).evicted), (State::Stale(Cause::Snapshot), 1));
    // 4, 5 and 6 wait; the source starts at 1.
    assert_eq!(gateway.receive(frame(A, 1, 1)), Ok(frames([1], 1)));
    assert_eq!(gateway.receive(frame(A, 2, 1)), Ok(frames([2], 1)));
    assert_eq!(gateway.receive(frame(A, 3, 1)), Ok(frames([3, 4, 5, 6], 1)));
    assert_eq!(gateway.receive(frame(A, 4, 1)), Ok(vec![]));
    assert_eq!((state(&gateway), counts(&gateway).snapshots), (State::Live, 0));
}

#[test]
fn a_snapshot_behind_what_was_handed_on_is_dropped() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    gateway.receive(frame(A, 2, 0)).unwrap();
    assert_eq!(gateway.restore(snapshot(A, 1, 1)), Ok(vec![]));
    assert_eq!(gateway.restore(snapshot(A, 2, 1)), Ok(vec![]));
    assert_eq!((counts(&gateway).snapshots_old, gateway.positions()[0]), (2, (A, 2)));
    assert_eq!(gateway.receive(frame(A, 3, 2)), Ok(frames([3], 2)));
}

#[test]
fn a_snapshot_as_of_the_last_frame_ends_a_wait_for_frames_that_were_never_sent() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    assert_eq!(gateway.receive(heartbeat(A, 5, 0)), Ok(vec![request(2, 5)]));
    gateway.tick(100);
    assert_eq!(gateway.tick(200), vec![snapshot_request(1)]);
    assert_eq!(gateway.restore(snapshot(A, 1, 201)), Ok(vec![Output::Snapshot(snapshot(A, 1, 201))]));
    assert_eq!((state(&gateway), counts(&gateway).replaced), (State::Live, 0));
    assert_eq!(gateway.receive(frame(A, 2, 202)), Ok(frames([2], 202)));
}

#[test]
fn a_snapshot_nobody_asked_for_may_jump_and_is_how_a_source_gets_over_a_long_outage() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    assert!(matches!(gateway.receive(frame(A, 1_000, 1)), Err(Refusal::Jump { .. })));
    assert_eq!(gateway.restore(snapshot(A, 999, 2)), Ok(vec![Output::Snapshot(snapshot(A, 999, 2))]));
    assert_eq!(gateway.receive(frame(A, 1_000, 3)), Ok(frames([1_000], 3)));
}

#[test]
fn a_heartbeat_keeps_alive_and_shows_a_lost_tail() {
    let mut gateway = gateway();
    assert_eq!(gateway.receive(heartbeat(A, 0, 0)), Ok(vec![]));
    assert_eq!(state(&gateway), State::Live);
    gateway.receive(frame(A, 1, 500)).unwrap();
    gateway.receive(heartbeat(A, 1, 1_400)).unwrap();
    gateway.tick(2_399);
    assert_eq!(state(&gateway), State::Live, "heard 999 ms ago");
    assert_eq!(gateway.receive(heartbeat(A, 3, 2_399)), Ok(vec![request(2, 3)]));
    assert_eq!(gateway.receive(heartbeat(A, 3, 2_400)), Ok(vec![]), "asked for already");
    assert_eq!(state(&gateway), State::Gap);
    assert_eq!(gateway.receive(frame(A, 3, 2_401)), Ok(vec![]));
    assert_eq!(gateway.receive(frame(A, 2, 2_402)), Ok(frames([2, 3], 2_402)));
    assert_eq!((counts(&gateway).heartbeats, counts(&gateway).silences), (4, 0));
}

#[test]
fn a_silent_source_is_stale_and_its_missing_frame_is_asked_for_again() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 0)).unwrap();
    assert_eq!(gateway.receive(heartbeat(A, 2, 0)), Ok(vec![request(2, 2)]));
    assert_eq!(state(&gateway), State::Gap);
    assert_eq!(gateway.tick(1_000), vec![request(2, 2)]);
    assert_eq!(state(&gateway), State::Stale(Cause::Silent));
    assert_eq!(gateway.receive(frame(A, 2, 1_001)), Ok(frames([2], 1_001)));
    assert_eq!(state(&gateway), State::Live);
}

#[test]
fn silence_makes_stale_and_is_counted_once() {
    let mut gateway = gateway();
    assert_eq!(state(&gateway), State::Stale(Cause::Silent), "never heard");
    gateway.receive(frame(A, 1, 0)).unwrap();
    gateway.tick(999);
    assert_eq!((state(&gateway), counts(&gateway).silences), (State::Live, 0));
    gateway.tick(1_000);
    gateway.tick(5_000);
    assert_eq!((state(&gateway), counts(&gateway).silences), (State::Stale(Cause::Silent), 1));
    // What repeats the past is no sign of life.
    gateway.receive(frame(A, 1, 5_000)).unwrap();
    gateway.receive(heartbeat(A, 0, 5_000)).unwrap();
    gateway.restore(snapshot(A, 1, 5_000)).unwrap();
    assert_eq!(state(&gateway), State::Stale(Cause::Silent));
    gateway.receive(frame(A, 2, 5_001)).unwrap();
    assert_eq!(state(&gateway), State::Live);
    // A silence that no tick saw is counted too.
    gateway.receive(frame(A, 3, 6_001)).unwrap();
    assert_eq!((state(&gateway), counts(&gateway).silences), (State::Live, 2));
}

#[test]
fn what_is_refused_changes_nothing_but_its_count() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 1, 1_000)).unwrap();
    gateway.receive(frame(A, 3, 1_000)).unwrap();
    let long = Frame { events: vec![event(2); 3], ..frame(A, 2, 1_000) };
    let long_snapshot = Snapshot { events: vec![event(2); 4], ..snapshot(A, 9, 1_000) };
    let cases = [
        (
            long,
            "source 7, 2: 3 events, at most 2 are taken; split it up, or raise the bound (frame_events_max)",
        ),
        (
            frame(A, 0, 1_000),
            "source 7: a frame with events has sequence 0; frames count from 1, and 0 is the heartbeat of a source that has sent none",
        ),
        (
            frame(A, u64::MAX, 1_000),
            "source 7: sequence 18446744073709551615 is the end of the numbers; let it go on under another source number",
        ),
        (
            heartbeat(A, u64::MAX, 1_000),
            "source 7: sequence 18446744073709551615 is the end of the numbers; let it go on under another source number",
        ),
        (
            frame(A, 54, 1_000),
            "source 7, 54: the highest sequence known is 3, and 50 more is the farthest jump that is believed (jump_max); if the number is right, have the source send a snapshot",
        ),
        (
            heartbeat(A, 54, 1_000),
            "source 7, 54: the highest sequence known is 3, and 50 more is the farthest jump that is believed (jump_max); if the number is right, have the source send a snapshot",
        ),
        (
            frame(A, 2, 999),
            "source 7, 2: arrived at 999 ms, before the last one of the source (1000 ms); mend the receiver's clock",
        ),
        (
            frame(A, 2, 6_001),
            "source 7, 2: arrived at 6001 ms, more than 5000 ms (ahead_ms_max) after the gateway's clock (1000 ms); mend the receiver's clock, or tick the gateway",
        ),
        (
            frame(8, 1, 1_000),
            "source 8 is not configured; add it to the gateway's sources, or stop its sender",
        ),
    ];
    let untouched = gateway.clone();
    for (refused, text) in cases {
        assert_eq!(gateway.receive(refused).expect_err(text).to_string(), text);
    }
    for (refused, text) in [
        (
            long_snapshot,
            "source 7, 9: 4 events, at most 3 are taken; split it up, or raise the bound (snapshot_events_max)",
        ),
        (
            snapshot(A, u64::MAX, 1_000),
            "source 7: sequence 18446744073709551615 is the end of the numbers; let it go on under another source number",
        ),
        (
            snapshot(A, 9, 999),
            "source 7, 9: arrived at 999 ms, before the last one of the source (1000 ms); mend the receiver's clock",
        ),
        (
            snapshot(8, 9, 1_000),
            "source 8 is not configured; add it to the gateway's sources, or stop its sender",
        ),
    ] {
        assert_eq!(gateway.restore(refused).expect_err(text).to_string(), text);
    }
    let refused = Refused { too_long: 2, zero: 1, exhausted: 3, jump: 2, time_back: 2, time_ahead: 1 };
    assert_eq!(counts(&gateway), Counts { refused, ..counts(&untouched) });
    assert_eq!((gateway.counts(B), gateway.unknown()), (untouched.counts(B), 2));
    assert_eq!((gateway.positions(), state(&gateway)), (untouched.positions(), state(&untouched)));
}

#[test]
fn what_is_just_within_its_bounds_is_taken() {
    let mut gateway = gateway();
    let long = |sequence, time_ms| Frame { events: vec![event(sequence); 2], ..frame(A, sequence, time_ms) };
    assert_eq!(gateway.receive(long(1, 1_000)), Ok(vec![Output::Frame(long(1, 1_000))]));
    assert_eq!(gateway.receive(frame(A, 51, 6_000)), Ok(vec![request(2, 50)]));
    assert_eq!(gateway.receive(frame(A, 2, 6_000)), Ok(frames([2], 6_000)));
    let snapshot = Snapshot { events: vec![event(50); 3], ..snapshot(A, 50, 6_001) };
    let mut expected = vec![Output::Snapshot(snapshot.clone())];
    expected.extend(frames([51], 6_001));
    assert_eq!(gateway.restore(snapshot), Ok(expected));
    assert!(matches!(gateway.receive(frame(A, 52, 6_000)), Err(Refusal::TimeBack { last_ms: 6_001, .. })));
}

#[test]
fn sources_share_nothing_but_the_clock() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 2, 100)).unwrap();
    // B's receiver is behind; its frame goes on at the clock, so that what is journaled never goes back in time.
    assert_eq!(gateway.receive(frame(B, 1, 40)), Ok(vec![Output::Frame(frame(B, 1, 100))]));
    assert_eq!(gateway.state(B), Some(State::Live));
    assert_eq!((state(&gateway), gateway.positions()), (State::Gap, vec![(A, 0), (B, 1)]));
    gateway.tick(50);
    assert_eq!(
        gateway.receive(frame(A, 1, 100)),
        Ok(frames([1, 2], 100)),
        "a tick never turns the clock back"
    );
    assert_eq!((gateway.state(8), gateway.counts(8), gateway.waiting(8)), (None, None, None));
}

#[test]
fn it_goes_on_after_its_positions() {
    let mut gateway = gateway();
    for sequence in [1, 2, 4] {
        gateway.receive(frame(A, sequence, 0)).unwrap();
    }
    let mut resumed = Gateway::resume(config(), &gateway.positions()).unwrap();
    assert_eq!(resumed.positions(), vec![(A, 2), (B, 0)]);
    assert_eq!(state(&resumed), State::Stale(Cause::Silent));
    assert_eq!(resumed.receive(frame(A, 2, 10)), Ok(vec![]));
    assert_eq!(resumed.receive(heartbeat(A, 4, 10)), Ok(vec![request(3, 4)]), "4 had waited and is gone");
    assert_eq!(resumed.receive(frame(A, 3, 11)), Ok(frames([3], 11)));
    assert_eq!(resumed.receive(frame(A, 4, 12)), Ok(frames([4], 12)));
}

#[test]
fn the_last_number_is_one_below_the_end() {
    let last = u64::MAX - 1;
    let mut gateway = Gateway::resume(config(), &[(A, last - 2)]).unwrap();
    assert_eq!(gateway.receive(frame(A, last, 0)), Ok(vec![request(last - 1, last - 1)]));
    assert_eq!(gateway.receive(frame(A, last - 1, 0)), Ok(frames([last - 1, last], 0)));
    assert_eq!(gateway.receive(heartbeat(A, last, 1)), Ok(vec![]));
    assert!(matches!(gateway.receive(frame(A, u64::MAX, 1)), Err(Refusal::Exhausted { source_id: A })));
    assert_eq!(state(&gateway), State::Live);
    let mut gateway = Gateway::new(config()).unwrap();
    gateway.restore(snapshot(A, last, 0)).unwrap();
    assert_eq!(gateway.positions()[0], (A, last));
}

#[test]
fn times_at_the_ends_of_their_range_stop_nothing() {
    let mut gateway = gateway();
    gateway.receive(frame(A, 2, TimeMs::MIN)).unwrap();
    assert!(matches!(gateway.receive(frame(A, 1, TimeMs::MAX)), Err(Refusal::TimeAhead { .. })));
    assert_eq!(gateway.tick(TimeMs::MAX), vec![request(1, 1)]);
    assert_eq!(gateway.receive(frame(A, 1, TimeMs::MAX)), Ok(frames([1, 2], TimeMs::MAX)));
}

#[test]
fn a_gateway_that_makes_no_sense_is_not_made() {
    let of = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        Gateway::new(config).expect_err("out of range").to_string()
    };
    assert_eq!(of(|config| config.waiting_max = 0), "gateway: waiting_max is 0, expected 1 to 65536");
    assert_eq!(
        of(|config| config.frame_events_max = 4_097),
        "gateway: frame_events_max is 4097, expected 1 to 4096"
    );
    assert_eq!(
        of(|config| config.snapshot_events_max = 0),
        "gateway: snapshot_events_max is 0, expected 1 to 1048576"
    );
    assert_eq!(
        of(|config| config.jump_max = 0),
        "gateway: jump_max is 0, expected 1 to 18446744073709551615"
    );
    assert_eq!(of(|config| config.requests_max = 0), "gateway: requests_max is 0, expected 1 to 4294967295");
    assert_eq!(of(|config| config.stale_ms = -1), "gateway: stale_ms is -1, expected 1 to 86400000");
    assert_eq!(of(|config| config.ahead_ms_max = 0), "gateway: ahead_ms_max is 0, expected 1 to 86400000");
    assert_eq!(
        of(|config| config.request_timeout_ms = 86_400_001),
        "gateway: request_timeout_ms is 86400001, expected 1 to 86400000"
    );
    assert_eq!(
        of(|config| config.snapshot_timeout_ms = 0),
        "gateway: snapshot_timeout_ms is 0, expected 1 to 86400000"
    );
    let resumed = |positions: &[(SourceId, u64)]| Gateway::resume(config(), positions).map(|_| ());
    assert_eq!(resumed(&[(8, 1)]), Err(ConfigError::UnknownSource { source_id: 8 }));
    assert_eq!(resumed(&[(A, 1), (A, 1)]), Err(ConfigError::Twice { source_id: A }));
    assert_eq!(resumed(&[(B, u64::MAX)]), Err(ConfigError::Exhausted { source_id: B }));
    assert_eq!(Gateway::new(Config::of([])).map(|gateway| gateway.positions()), Ok(vec![]));
}
