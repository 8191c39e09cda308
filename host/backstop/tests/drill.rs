//! Whole runs in which the device is lost again and again: the same verdicts, decisions and state hash as without a fault, and every fault
//! noticed.

use std::path::Path;

use backstop::journal::{Entry, JournalReader};
use backstop::replay::audit::Audit;
use backstop::replay::verify::verify;
use backstop::replay::{DeviceKind, Options, Source, replay};

fn options(seed: u64, lanes: usize, drill: u32, out: &Path) -> Options {
    Options {
        source: Source::Scenario,
        accounts: 48,
        seed,
        device: DeviceKind::Cpu,
        lanes,
        audit: Audit::Full,
        patrol: 10,
        upsets: 0,
        drill,
        out: Some(out.to_owned()),
        trace: None,
        progress: false,
    }
}

/// What a journal says, and its notes apart.
fn read(run: &Path) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut notes) = (Vec::new(), Vec::new());
    for entry in JournalReader::open(&run.join("journal")).unwrap() {
        match entry.unwrap() {
            Entry::Note { text, .. } => notes.push(text),
            entry => entries.push(entry),
        }
    }
    (entries, notes)
}

#[test]
fn a_thousand_faults_change_no_verdict_no_decision_and_no_hash() {
    let dir = tempfile::tempdir().unwrap();
    let mut struck = 0;
    for (seed, lanes) in [(1, 1), (2, 2), (3, 4)] {
        let (sound, drilled) = (dir.path().join(format!("{seed}")), dir.path().join(format!("{seed}-drill")));
        let expected = replay(&options(seed, lanes, 0, &sound)).unwrap().summary;
        let outcome = replay(&options(seed, lanes, 400, &drilled)).unwrap();
        let summary = &outcome.summary;
        println!(
            "seed {seed}, {lanes} lanes: {} faults struck, {} losses, {} attached again, {} not; {} of {} rounds on the CPU",
            summary.faults_struck,
            summary.losses,
            summary.reattachments,
            summary.reattachments_failed,
            summary.rounds_on_cpu,
            summary.rounds
        );
        assert_eq!(summary.warnings(), Vec::<String>::new(), "a fault that strikes is noticed, once");
        assert_eq!(summary.state_hash, expected.state_hash);
        assert_eq!(summary.verdicts_given, expected.verdicts_given);
        assert!(expected.takeovers + expected.slices > 0, "somebody is liquidated");
        assert!(summary.reattachments > 200 && summary.reattachments_failed > 10);
        assert!(summary.rounds_on_cpu > 500 && summary.rounds_on_cpu < summary.rounds / 2);
        struck += summary.faults_struck;

        let (entries, notes) = read(&drilled);
        assert!(entries == read(&sound).0, "seed {seed}: the journals differ in more than notes");
        let count = |words| notes.iter().filter(|note| note.contains(words)).count() as u64;
        assert_eq!(count("device lost: "), summary.losses);
        assert_eq!(count("device re-attached: "), summary.reattachments);
        assert_eq!(count("device not re-attached: "), summary.reattachments_failed);
        assert!(count("disagree") > 10, "some devices lied, and the audit found them");
        assert_eq!(verify(&drilled.join("journal")).unwrap().state_hash, expected.state_hash);
    }
    assert!(struck >= 1_000, "{struck} faults struck");
}
