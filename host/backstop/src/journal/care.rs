//! Looking after a journal: is it whole, and how it is made whole again.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::disk::Disk;
use super::export::hex;
use super::format::{BatchHeader, SECTOR, SegmentHeader, segment_index, segment_name};
use super::log::Log;
use super::scan::{Scan, Start};
use super::{JournalError, JournalReader};
use crate::report::text::count;

/// Bytes copied at once.
const STRIDE: usize = 1 << 20;

/// What a journal holds that is not damaged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Checked {
    pub segments: usize,
    /// Above 0 where the segments before are archived.
    pub first_record: u64,
    /// Number of the next record.
    pub records: u64,
    /// Of the last record, hex.
    pub chain: String,
    /// False if it is being written, or its program was stopped.
    pub closed: bool,
    /// A batch at the end that was never finished.
    pub torn: Option<String>,
}

/// Goes through all of a journal that is there; `progress` is told how many bytes it has gone through.
///
/// # Errors
/// The first damage.
pub fn check<D: Disk>(
    mut disk: D,
    path: &Path,
    mut progress: impl FnMut(u64),
) -> Result<Checked, JournalError> {
    let names = disk.names().map_err(|cause| JournalError::read(path, 0, cause))?;
    let segments = names.iter().filter(|name| segment_index(name).is_some()).count();
    let mut reader = JournalReader::of_what_is_there(disk, path)?;
    let first_record = reader.records();
    let mut torn = None;
    while let Some(entry) = reader.next() {
        match entry {
            Err(error) if error.is_torn_tail() => torn = Some(error.to_string()),
            entry => drop(entry?),
        }
        progress(reader.offset());
    }
    let (records, chain, closed) = (reader.records(), hex(&reader.chain_hash()), reader.is_closed());
    Ok(Checked { segments, first_record, records, chain, closed, torn })
}

impl Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { segments, first_record, records, chain, closed, torn } = self;
        let records = count(records - first_record);
        writeln!(f, "sound: {records} records in {segments} segments, from record {first_record} on")?;
        writeln!(
            f,
            "{}",
            if *closed { "closed" } else { "not closed: it is being written, or its program was stopped" }
        )?;
        if let Some(torn) = torn {
            writeln!(f, "{torn}")?;
        }
        write!(f, "chain hash {chain}")
    }
}

/// What was done to a journal.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Repaired {
    /// A batch at the end that was never finished was cut off.
    pub cut: bool,
    /// Segments taken from the replica; what they replace lies beside them as `NAME.damaged`.
    pub replaced: Vec<String>,
    pub now: Checked,
}

impl Display for Repaired {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match (self.cut, self.replaced.as_slice()) {
            (false, []) => writeln!(f, "nothing to repair")?,
            (true, _) => writeln!(f, "a batch that was never finished is cut off")?,
            (false, names) => writeln!(f, "taken from the replica: {}", names.join(", "))?,
        }
        write!(f, "{}", self.now)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("the replica is no good either: {0}")]
    Replica(JournalError),
    #[error("the replica is not of this journal: {0}")]
    Foreign(String),
    #[error(
        "the replica ends with record {replica}, here there are records up to {here} behind the damage; take a longer one"
    )]
    Short { replica: u64, here: u64 },
}

/// Makes a journal whole: a torn tail is cut off; from the first damaged segment on, segments come from a replica that holds the same records
/// before it.
///
/// # Errors
/// The damage, if there is no replica; or why the replica does not serve. The journal is as it was then.
pub fn repair<D: Disk + Clone>(
    disk: D,
    path: &Path,
    replica: Option<(D, &Path)>,
) -> Result<Repaired, RepairError> {
    let sound = check(disk.clone(), path, |_| {});
    let (damage, (replica, of)) = match (sound, replica) {
        (Ok(Checked { torn: Some(_), .. }), _) => {
            Log::open(disk.clone(), path, Log::<D>::SEGMENT_BYTES)?;
            return Ok(Repaired { cut: true, replaced: Vec::new(), now: check(disk, path, |_| {})? });
        }
        (Ok(now), _) => return Ok(Repaired { cut: false, replaced: Vec::new(), now }),
        (Err(damage), None) => return Err(damage.into()),
        (Err(damage), Some(replica)) => (damage, replica),
    };
    let theirs = check(replica.clone(), of, |_| {}).map_err(RepairError::Replica)?;
    let first = first_damaged(&disk, path, &damage, &replica, of)?;
    let here = last_record(disk.clone(), path, first)?;
    if theirs.records < here {
        return Err(RepairError::Short { replica: theirs.records, here });
    }
    let replaced = replace_from(disk.clone(), path, first, replica, of)?;
    Ok(Repaired { cut: false, replaced, now: check(disk, path, |_| {})? })
}

/// Index of the segment from which on the replica is to be taken. The replica holds all that is good before it.
fn first_damaged<D: Disk + Clone>(
    disk: &D,
    path: &Path,
    damage: &JournalError,
    replica: &D,
    of: &Path,
) -> Result<u32, RepairError> {
    let theirs = Scan::open(replica.clone(), of, Start::Record(0)).map_err(RepairError::Replica)?;
    let Ok(mut ours) = Scan::open(disk.clone(), path, Start::Record(0)) else {
        // The header of the first segment: another header must say whose it is, or a batch, whose chain hash begins with the header.
        let mut disk = disk.clone();
        let names = disk.names().map_err(|cause| JournalError::read(path, 0, cause))?;
        let is_same = names.iter().filter(|name| segment_index(name).is_some()).any(|name| {
            let (mut sector, mut same, mut at) = ([0; SECTOR], [0; SECTOR], 0);
            let read = disk.read(name, at, &mut sector).unwrap_or(0);
            let mut found =
                SegmentHeader::decode(&sector[..read]).is_ok_and(|begun| begun.header == *theirs.header());
            while !found && disk.read(name, at, &mut sector).is_ok_and(|read| read == SECTOR) {
                let in_both = replica.clone().read(name, at, &mut same).is_ok_and(|read| read == SECTOR)
                    && sector == same;
                found = in_both && BatchHeader::decode(&sector).is_some();
                at += SECTOR as u64;
            }
            found
        });
        let none = "nothing here says which journal this was; put the replica in its place by hand";
        return if is_same { Ok(theirs.end().segment) } else { Err(RepairError::Foreign(none.into())) };
    };
    if ours.header() != theirs.header() {
        return Err(RepairError::Foreign("it has another instance or other rules".into()));
    }
    while let Ok(Some(_)) = ours.next() {}
    let end = ours.end();
    let begins = matches!(damage, JournalError::MissingSegment { .. } | JournalError::DamagedHeader { .. });
    let first = end.segment + u32::from(begins);
    let place = if begins { Some(end.place) } else { ours.begins(first)? };
    let mut theirs = theirs;
    if theirs.begins(first).map_err(RepairError::Replica)? != place {
        let name = segment_name(first);
        return Err(RepairError::Foreign(format!(
            "its {name} begins elsewhere; put the replica in its place by hand"
        )));
    }
    let reader = JournalReader::resume(replica.clone(), of, end.place.record, end.place.chain);
    reader.map_err(|error| RepairError::Foreign(error.to_string()))?;
    Ok(first)
}

/// Number after the last record that any batch from segment `first` on speaks of.
fn last_record<D: Disk>(mut disk: D, path: &Path, first: u32) -> Result<u64, JournalError> {
    let mut last = 0;
    let failed = |cause| JournalError::read(path, 0, cause);
    for name in disk.names().map_err(failed)? {
        if segment_index(&name).is_none_or(|index| index < first) {
            continue;
        }
        let (mut bytes, mut at) = (vec![0; STRIDE], 0);
        loop {
            let read = disk.read(&name, at, &mut bytes).map_err(failed)?;
            let ends = bytes[..read].chunks_exact(SECTOR).filter_map(BatchHeader::decode);
            last = ends.map(|header| header.place.record + u64::from(header.records)).fold(last, u64::max);
            at += read as u64;
            if read < STRIDE {
                break;
            }
        }
    }
    Ok(last)
}

/// Copies the replica's segments beside ours, then swaps the names.
fn replace_from<D: Disk>(
    mut disk: D,
    path: &Path,
    first: u32,
    mut replica: D,
    of: &Path,
) -> Result<Vec<String>, JournalError> {
    let is_later = |name: &String| segment_index(name).is_some_and(|index| index >= first);
    let listed = |disk: &mut D, path: &Path| {
        let names = disk.names().map_err(|cause| JournalError::read(path, 0, cause))?;
        let mut later: Vec<String> = names.into_iter().filter(is_later).collect();
        later.sort_unstable();
        Ok::<_, JournalError>(later)
    };
    let (theirs, ours) = (listed(&mut replica, of)?, listed(&mut disk, path)?);
    let mut copy = || {
        for name in &theirs {
            let fresh = format!("{name}.new");
            if disk.names()?.contains(&fresh) {
                disk.remove(&fresh)?;
            }
            disk.create(&fresh, replica.length(name)?)?;
            let (mut bytes, mut at) = (vec![0; STRIDE], 0);
            loop {
                let read = replica.read(name, at, &mut bytes)?;
                disk.write(&fresh, at, &bytes[..read])?;
                at += read as u64;
                if read < STRIDE {
                    break;
                }
            }
            disk.sync(&fresh)?;
        }
        disk.sync_names()?;
        for name in &ours {
            disk.rename(name, &format!("{name}.damaged"))?;
        }
        for name in &theirs {
            disk.rename(&format!("{name}.new"), name)?;
        }
        disk.sync_names()
    };
    copy().map_err(|cause| JournalError::Write {
        path: path.to_path_buf(),
        operation: "repair",
        records: 0,
        bytes: 0,
        cause: Arc::new(cause),
    })?;
    Ok(theirs)
}
