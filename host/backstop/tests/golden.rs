//! Journals and snapshots as versions before wrote them stay readable. `golden/journal-N` is a journal of version N, `journal-N.jsonl` what that version
//! exported of it; `snapshot-N` holds a snapshot of version N. A file that is here is never changed: a new version adds its own.

use std::fs;
use std::path::{Path, PathBuf};

use backstop::journal::export::export;
use backstop::journal::{FileDisk, Header, JournalReader, VERSION};
use backstop::recovery::Snapshots;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The lines but the first, which says the version.
fn entries(lines: &str) -> &str {
    lines.split_once('\n').expect("a header").1
}

#[test]
fn journals_of_every_version_are_read() {
    for version in 3..=VERSION {
        let mut lines = Vec::new();
        let journal = golden(&format!("journal-{version}"));
        export(&journal, &mut lines).unwrap_or_else(|error| panic!("version {version}: {error}"));
        let expected = fs::read_to_string(golden(&format!("journal-{version}.jsonl"))).unwrap();
        assert_eq!(entries(&String::from_utf8(lines).unwrap()), entries(&expected), "version {version}");
        assert!(JournalReader::bytes(&journal) > 4_096, "there is something in it");
    }
}

#[test]
fn snapshots_of_every_version_are_read() {
    let header: Header = *JournalReader::open(&golden("journal-3")).unwrap().header();
    let folder = golden("snapshot-1");
    let (found, passed) = Snapshots::new(FileDisk::new(&folder), &folder, header, 1).newest().unwrap();
    let found = found.unwrap_or_else(|| panic!("{passed:?}"));
    assert_eq!((found.position.record, found.position.chain), (69, [5; 32]));
    assert_eq!((found.state.next_round, found.state.taken[&0]), (11, 10));
    // Eleven deposits of 1 to 11 quanta.
    let cash: i128 = (0..11).map(|index| found.state.engine.ledger().margin(index).cash).sum();
    assert_eq!((found.state.engine.ledger().accounts(), cash), (11, 66));
}
