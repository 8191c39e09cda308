//! Retention: segments that are full go to an archive. At any moment each segment is whole in at least one of the two places.

use std::fmt::{self, Display};
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::JournalError;
use super::care::check;
use super::disk::Disk;
use super::format::{SECTOR, SegmentHeader, segment_index};
use crate::report::text::count;

/// What was archived.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Archived {
    /// Segments that are in the archive now and not here any more.
    pub moved: Vec<String>,
    /// First record of the journal that is left here.
    pub first_record: u64,
    /// Of these, full segments that stay because no snapshot is after them.
    pub held_back: usize,
}

impl Display for Archived {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { moved, first_record, held_back } = self;
        writeln!(
            f,
            "{} segments moved; the journal here begins with record {}",
            moved.len(),
            count(*first_record)
        )?;
        match held_back {
            0 => write!(f, "nothing is held back"),
            held => write!(
                f,
                "{held} more are full and stay: no good snapshot is after them (replay --snapshot-every)"
            ),
        }
    }
}

/// Moves all full segments but the last `keep` to `archive`, those whose records are all before record `before`, which a good snapshot is after: what
/// stays can be recovered without the archive. All of the journal is checked first. It may be stopped at any moment and called again.
///
/// # Errors
/// The journal's damage; or if the archive holds another segment of that name, or a disk refuses.
pub fn archive<D: Disk + Clone, A: Disk>(
    (mut live, path): (D, &Path),
    (mut to, archive): (A, &Path),
    keep: u32,
    before: u64,
    progress: impl FnMut(u64),
) -> Result<Archived, JournalError> {
    let checked = check(live.clone(), path, progress)?;
    let mut segments = Vec::new();
    for name in live.names().map_err(|cause| JournalError::read(path, 0, cause))? {
        if segment_index(&name).is_some() {
            segments.push(name);
        }
    }
    segments.sort_unstable();
    let full = segments.len().saturating_sub(keep.max(1) as usize);
    let (mut moved, mut first_record) = (Vec::new(), checked.first_record);
    for pair in segments.windows(2).take(full) {
        let next = first_of(&mut live, path, &pair[1])?;
        if next > before {
            break;
        }
        let name = &pair[0];
        let failed = |cause| JournalError::Write {
            path: archive.to_path_buf(),
            operation: "archive",
            records: next,
            bytes: 0,
            cause: Arc::new(cause),
        };
        copy(&mut live, &mut to, name).map_err(failed)?;
        live.remove(name).and_then(|()| live.sync_names()).map_err(failed)?;
        moved.push(name.clone());
        first_record = next;
    }
    let held_back = full - moved.len();
    Ok(Archived { moved, first_record, held_back })
}

/// Number of the first record of a segment.
fn first_of(live: &mut impl Disk, path: &Path, name: &str) -> Result<u64, JournalError> {
    let mut sector = [0; SECTOR];
    let read = live.read(name, 0, &mut sector).map_err(|cause| JournalError::read(path, 0, cause))?;
    // It was checked a moment ago.
    let damaged = |_| JournalError::DamagedHeader { path: path.join(name), found: "it has changed".into() };
    let header = SegmentHeader::decode(&sector[..read]).map_err(damaged)?;
    Ok(header.place.record)
}

/// Copies a segment, durably and under its name only when it reads back the same.
fn copy(live: &mut impl Disk, to: &mut impl Disk, name: &str) -> io::Result<()> {
    let bytes = whole(live, name)?;
    let names = to.names()?;
    if names.iter().any(|there| there == name) {
        return match whole(to, name)? == bytes {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "the archive has another {name}; it is of another journal, or damaged: name another archive"
            ))),
        };
    }
    let fresh = format!("{name}.new");
    if names.contains(&fresh) {
        to.remove(&fresh)?;
    }
    to.create(&fresh, bytes.len() as u64)?;
    to.write(&fresh, 0, &bytes)?;
    to.sync(&fresh)?;
    if whole(to, &fresh)? != bytes {
        return Err(io::Error::other(format!(
            "{name} does not read back as it was written; check that disk"
        )));
    }
    to.rename(&fresh, name)?;
    to.sync_names()
}

fn whole(disk: &mut impl Disk, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; disk.length(name)? as usize];
    let mut at = 0;
    while at < bytes.len() {
        match disk.read(name, at as u64, &mut bytes[at..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => at += read,
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, written};
    use super::super::{Entry, JournalReader};
    use super::*;
    use crate::feed::draw::Draw;
    use crate::simulate::disk::{Power, SimulatedDisk};

    const LIVE: &str = "journal";
    const ARCHIVE: &str = "archive";

    fn moved(
        live: &SimulatedDisk,
        to: &SimulatedDisk,
        keep: u32,
        before: u64,
    ) -> Result<Archived, JournalError> {
        archive((live.clone(), Path::new(LIVE)), (to.clone(), Path::new(ARCHIVE)), keep, before, |_| {})
    }

    fn names(disk: &SimulatedDisk) -> Vec<String> {
        disk.clone().names().unwrap().into_iter().filter(|name| segment_index(name).is_some()).collect()
    }

    /// What both places hold together.
    fn read(live: &SimulatedDisk, to: &SimulatedDisk) -> Vec<Entry> {
        let mut both = live.copy();
        for name in names(to) {
            if !names(&both).contains(&name) {
                let bytes = to.bytes(&name);
                both.create(&name, bytes.len() as u64).unwrap();
                both.write(&name, 0, &bytes).unwrap();
            }
        }
        JournalReader::new(both, Path::new(LIVE)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn what_is_archived_and_what_is_left_are_the_journal() {
        for closed in [false, true] {
            let (live, to) = (written(&entries(), closed), SimulatedDisk::new(&Power::default()));
            let all = names(&live);
            let archived = moved(&live, &to, 1, u64::MAX).unwrap();
            assert_eq!((&archived.moved[..], archived.held_back), (&all[..all.len() - 1], 0));
            assert_eq!((names(&to), names(&live).len()), (archived.moved.clone(), 1));
            assert_eq!(read(&live, &to), entries());
            // What is left is sound, says where it begins, and goes on from there.
            let checked = check(live.clone(), Path::new(LIVE), |_| {}).unwrap();
            assert_eq!(checked.first_record, archived.first_record);
            let error = JournalReader::new(live.clone(), Path::new(LIVE)).err().unwrap();
            assert!(error.to_string().contains("are archived"), "{error}");
            let left: Vec<Entry> = JournalReader::of_what_is_there(live.clone(), Path::new(LIVE))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            assert!(entries().ends_with(&left) && !left.is_empty());
            assert_eq!(moved(&live, &to, 1, u64::MAX).unwrap().moved, [""; 0]);
        }
    }

    #[test]
    fn what_no_snapshot_is_after_stays() {
        let (live, to) = (written(&entries(), false), SimulatedDisk::new(&Power::default()));
        let all = names(&live).len();
        assert_eq!(
            moved(&live, &to, 1, 0).unwrap(),
            Archived { moved: Vec::new(), first_record: 0, held_back: all - 1 }
        );
        let some = moved(&live, &to, 1, entries().len() as u64 / 2).unwrap();
        assert!(
            !some.moved.is_empty() && some.held_back > 0 && some.first_record <= entries().len() as u64 / 2
        );
        assert_eq!(moved(&live, &to, all as u32, u64::MAX).unwrap().moved, [""; 0]);
        assert_eq!(read(&live, &to), entries());
    }

    #[test]
    fn another_segment_in_the_archive_is_not_touched_and_nothing_is_lost() {
        let (live, to) = (written(&entries(), false), SimulatedDisk::new(&Power::default()));
        let name = names(&live)[0].clone();
        to.clone().create(&name, 512).unwrap();
        let error = moved(&live, &to, 1, u64::MAX).unwrap_err().to_string();
        assert!(error.contains("the archive has another"), "{error}");
        assert_eq!(
            (read(&live, &SimulatedDisk::new(&Power::default())), to.bytes(&name).len()),
            (entries(), 512)
        );
    }

    /// The power goes in every operation on either disk: nothing is lost, and the next call finishes the work.
    #[test]
    fn no_power_cut_loses_a_segment() {
        let operations = {
            let (live, power) = (written(&entries(), false), Power::default());
            moved(&live, &SimulatedDisk::new(&power), 1, u64::MAX).unwrap();
            2 * power.operations()
        };
        let mut cuts = 0;
        for cut in 0..operations {
            for seed in 0..4 {
                let power = Power::default();
                let (live, to) = (written(&entries(), false).on(&power), SimulatedDisk::new(&power));
                power.cut_at(cut);
                cuts += u32::from(moved(&live, &to, 1, u64::MAX).is_err());
                let mut draw = Draw::new(seed, "archive", cut);
                live.restart(&mut draw);
                to.restart(&mut draw);
                assert_eq!(read(&live, &to), entries(), "cut {cut}, seed {seed}");
                moved(&live, &to, 1, u64::MAX).unwrap();
                assert_eq!((read(&live, &to), names(&live).len()), (entries(), 1), "cut {cut}, seed {seed}");
            }
        }
        assert!(cuts > 40, "{cuts}");
    }
}
