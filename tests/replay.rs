//! The main job across crates: both devices on the same input, the journal verified, damage refused, and an episode of a real tape.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use backstop::device_kind::DeviceKind;
use backstop::replay::audit::Audit;
use backstop::replay::verify::verify;
use backstop::replay::{Options, Outcome, Source, VenueOptions, replay};

fn options(device: DeviceKind, out: Option<&Path>) -> Options {
    Options {
        source: Source::Scenario,
        rules: backstop::rules::built_in(),
        venue: VenueOptions::default(),
        no_budget: false,
        accounts: 120,
        seed: 7,
        device,
        lanes: 1,
        audit: Audit::Full,
        patrol: 10,
        durable: false,
        resume: false,
        snapshot_every: 0,
        upsets: 0,
        drill: 0,
        out: out.map(Into::into),
        trace: None,
        deadline: None,
        progress: false,
    }
}

/// What must hold after any run.
fn assert_sound(outcome: &Outcome) {
    let summary = &outcome.summary;
    assert_eq!(summary.warnings(), [""; 0]);
    assert_eq!(summary.disagreements, 0);
    assert!(summary.verdicts_due > 0 && summary.verdicts_given == summary.verdicts_due);
    assert!(summary.audited > 0 && summary.ledger_balanced);
    assert!(summary.counters.liquidations_partial > 0, "some accounts are liquidated in parts");
    assert!(summary.counters.liquidations_full + summary.counters.takeovers > 0, "some whole");
}

#[test]
fn both_devices_end_in_the_same_state_with_the_same_journal() {
    let dir = tempfile::tempdir().unwrap();
    let (cpu_dir, sim_dir) = (dir.path().join("cpu"), dir.path().join("sim"));
    let cpu = replay(&options(DeviceKind::Cpu, Some(&cpu_dir))).unwrap();
    let sim = replay(&options(DeviceKind::Sim, Some(&sim_dir))).unwrap();
    assert_sound(&cpu);
    assert_sound(&sim);
    assert!(cpu.agrees_with(&sim), "{}", cpu.agreement(&sim));
    assert!(sim.summary.device_clocks > sim.summary.verdicts_given, "the gateware was clocked");
    let liquidations = |dir: &Path| fs::read(dir.join("liquidations.csv")).unwrap();
    assert!(liquidations(&cpu_dir) == liquidations(&sim_dir), "liquidations.csv differs");
    assert_eq!(cpu.summary.journal_chain, sim.summary.journal_chain);
    let verified = verify(&cpu_dir.join("journal")).unwrap();
    assert_eq!(verified.state_hash, cpu.summary.state_hash);
    assert_eq!(verified.verdicts, cpu.summary.flags);
    let plot = fs::read_to_string(cpu_dir.join("plot.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains("BTC-PERP"));
}

/// The journal of a run on the model, cut off in the middle of a batch, is gone on with on the gateware: the run is the one that nothing stopped.
#[test]
fn a_run_that_was_stopped_goes_on_on_the_gateware() {
    let dir = tempfile::tempdir().unwrap();
    let (whole_dir, cut_dir) = (dir.path().join("whole"), dir.path().join("cut"));
    let whole = replay(&options(DeviceKind::Cpu, Some(&whole_dir))).unwrap();
    let segment = "journal/0000000000.segment";
    let mut bytes = fs::read(whole_dir.join(segment)).unwrap();
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
    bytes[end * 3 / 4..].fill(0);
    fs::create_dir_all(cut_dir.join("journal")).unwrap();
    fs::write(cut_dir.join(segment), bytes).unwrap();
    let on = Options { resume: true, ..options(DeviceKind::Sim, Some(&cut_dir)) };
    let resumed = replay(&on).unwrap();
    assert!(resumed.summary.device_clocks > 0, "the gateware was clocked");
    assert_eq!(resumed.summary.journal_chain, whole.summary.journal_chain);
    assert!(resumed.agrees_with(&whole), "{}", resumed.agreement(&whole));
}

#[test]
fn upsets_of_stored_words_change_no_verdict_and_no_state() {
    let cpu = replay(&options(DeviceKind::Cpu, None)).unwrap();
    for lanes in [1, 4] {
        let upset = Options { lanes, upsets: 200, ..options(DeviceKind::Sim, None) };
        let sim = replay(&upset).unwrap();
        assert_sound(&sim);
        assert_eq!(sim.summary.state_hash, cpu.summary.state_hash);
        assert!(sim.summary.reloads > 10, "{} reloads: some words were beyond repair", sim.summary.reloads);
    }
}

#[test]
fn the_same_seed_repeats_and_another_does_not() {
    let one = replay(&options(DeviceKind::Cpu, None)).unwrap();
    let same = replay(&Options { audit: Audit::Off, ..options(DeviceKind::Cpu, None) }).unwrap();
    let other = replay(&Options { seed: 8, ..options(DeviceKind::Cpu, None) }).unwrap();
    assert_eq!(one.summary.state_hash, same.summary.state_hash, "the audit is not part of the state");
    assert_ne!(one.summary.state_hash, other.summary.state_hash);
}

#[test]
fn a_run_does_not_write_over_another_and_a_damaged_journal_is_refused_where_it_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    replay(&options(DeviceKind::Cpu, Some(&out))).unwrap();
    let again = replay(&options(DeviceKind::Cpu, Some(&out))).unwrap_err().to_string();
    assert!(again.contains("holds a run already"), "{again}");

    let journal = out.join("journal");
    let segment = journal.join("0000000000.segment");
    let sound = fs::read(&segment).unwrap();
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 4;
    fs::write(&segment, &damaged).unwrap();
    let error = format!("{:#}", verify(&journal).unwrap_err());
    assert!(error.contains("damaged at byte"), "{error}");

    fs::write(&segment, &sound[..sound.len() - 5]).unwrap();
    assert!(verify(&journal).is_err(), "a cut end is said, not passed over");
}

/// The shared tapes, or a visible word that they are not here.
fn tape(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("BACKSTOP_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = data.join("tapes").join(name);
    if !path.exists() {
        // Written past the harness, which keeps what passing tests print.
        let message = format!("SKIPPED: {} is not there; set BACKSTOP_DATA\n", path.display());
        std::io::stderr().write_all(message.as_bytes()).expect("stderr takes a line");
        return None;
    }
    Some(path)
}

#[test]
fn an_episode_of_the_bitfinex_tape_agrees_on_both_devices_and_its_bad_prints_liquidate_nobody() {
    let Some(path) = tape("bitfinex_spot_1m_crash_windows_2013_2017.csv.zst") else { return };
    let source = Source::Tape { path, symbols: Vec::new(), episode: Some(0), strict: true };
    let dir = tempfile::tempdir().unwrap();
    let run = |device, out: Option<&Path>| {
        replay(&Options { source: source.clone(), accounts: 500, ..options(device, out) }).unwrap()
    };
    let cpu = run(DeviceKind::Cpu, Some(dir.path()));
    let sim = run(DeviceKind::Sim, None);
    assert_sound(&cpu);
    assert_sound(&sim);
    assert!(cpu.agrees_with(&sim), "{}", cpu.agreement(&sim));
    let btc = &cpu.summary.symbols["BTCUSD"];
    assert!(btc.dropped > 0 && btc.applied + btc.held + btc.dropped >= btc.marks);

    // The tape's own low in April 2013, bad prints (1.06, 15.0, 19.9) apart, is above 50.
    let mut rows = csv::Reader::from_path(dir.path().join("liquidations.csv")).unwrap();
    let mark = rows.headers().unwrap().iter().position(|name| name == "mark").unwrap();
    let marks: Vec<f64> = rows.records().map(|row| row.unwrap()[mark].parse().unwrap()).collect();
    assert!(!marks.is_empty() && marks.iter().all(|&mark| mark > 50.0), "a bad print liquidated somebody");
}
