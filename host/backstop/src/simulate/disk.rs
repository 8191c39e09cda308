//! A disk that loses power, tears and reorders writes, fills up and flips bits, all by plan.

use std::collections::BTreeMap;
use std::io::{self, Error, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::feed::draw::Draw;
use crate::journal::{Disk, SECTOR};

/// Directories that lose power together.
#[derive(Clone, Debug, Default)]
pub struct Power(Arc<Mutex<Supply>>);

#[derive(Debug, Default)]
struct Supply {
    /// Operations that change a disk, so far.
    operations: u64,
    /// Operation during which the power goes, if one is planned.
    cut_at: Option<u64>,
    is_off: bool,
}

impl Power {
    /// Writes, syncs, creations, cuts, renamings and removals so far.
    pub fn operations(&self) -> u64 {
        self.supply().operations
    }

    pub fn is_off(&self) -> bool {
        self.supply().is_off
    }

    /// The power goes during operation `at`, counted from 0 over all directories.
    pub fn cut_at(&self, at: u64) {
        self.supply().cut_at = Some(at);
    }

    /// The power goes between two operations.
    pub fn cut(&self) {
        self.supply().is_off = true;
    }

    /// There is power again, and nothing was lost: it was the program that ended.
    pub fn restore(&self) {
        let mut supply = self.supply();
        (supply.is_off, supply.cut_at) = (false, None);
    }

    fn supply(&self) -> MutexGuard<'_, Supply> {
        self.0.lock().expect("nobody panics with it")
    }
}

/// Whether an operation takes place.
enum Current {
    On,
    /// The power goes while it is at it.
    Fails,
}

#[derive(Clone, Debug, Default)]
struct Content {
    /// As programs see it.
    bytes: Vec<u8>,
    /// As it was at the last sync.
    synced: Vec<u8>,
    /// Sectors written since: offset of the sector's part that was, and the bytes.
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Files {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    /// Names as they were at the last sync of names, and after each change since.
    history: Vec<BTreeMap<String, usize>>,
    /// Bytes that may be allocated in all; none: as many as wanted.
    capacity: Option<u64>,
    /// A sync says that it is done and does nothing: for planted bugs.
    syncs_skipped: bool,
}

/// One directory. Clones are the same directory.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    files: Arc<Mutex<Files>>,
    power: Power,
}

impl SimulatedDisk {
    pub fn new(power: &Power) -> Self {
        let files = Files { history: vec![BTreeMap::new()], ..Files::default() };
        Self { files: Arc::new(Mutex::new(files)), power: power.clone() }
    }

    /// The power comes back: of what was not synced each sector is there, is not, or ends early; names are as after one of their changes.
    pub fn restart(&self, draw: &mut Draw) {
        let mut files = self.files();
        let kept = draw.below(files.history.len() as u64) as usize;
        files.names = files.history[kept].clone();
        files.history = vec![files.names.clone()];
        for content in &mut files.contents {
            let mut bytes = std::mem::take(&mut content.synced);
            // The length may have grown with what was written, or not.
            if draw.below(2) == 0 {
                bytes.resize(bytes.len().max(content.bytes.len()), 0);
            }
            for (offset, written) in std::mem::take(&mut content.unsynced) {
                let length = match draw.below(4) {
                    0 => 0,
                    1 => draw.below(written.len() as u64 + 1) as usize,
                    _ => written.len(),
                };
                let end = (offset + length).min(bytes.len());
                if offset < end {
                    bytes[offset..end].copy_from_slice(&written[..end - offset]);
                }
            }
            (content.synced, content.bytes) = (bytes.clone(), bytes);
        }
        drop(files);
        self.power.restore();
    }

    /// Bytes that all files may take together.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.files().capacity = bytes;
    }

    /// Syncs do nothing from now on.
    pub fn skip_syncs(&self) {
        self.files().syncs_skipped = true;
    }

    /// The file as programs see it.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let files = self.files();
        files.contents[files.names[name]].bytes.clone()
    }

    /// Puts other bytes in the file's place, durably.
    pub fn replace(&self, name: &str, bytes: Vec<u8>) {
        let mut files = self.files();
        let at = files.names[name];
        files.contents[at] = Content { synced: bytes.clone(), bytes, unsynced: Vec::new() };
    }

    /// Another directory with the same files, durable as programs see them.
    pub fn copy(&self) -> Self {
        let files = self.files();
        let contents = files.contents.iter().map(|content| {
            let bytes = content.bytes.clone();
            Content { synced: bytes.clone(), bytes, unsynced: Vec::new() }
        });
        let names = files.names.clone();
        let copied =
            Files { contents: contents.collect(), history: vec![names.clone()], names, ..Files::default() };
        Self { files: Arc::new(Mutex::new(copied)), power: Power::default() }
    }

    /// The same, under other power.
    pub fn on(&self, power: &Power) -> Self {
        Self { power: power.clone(), ..self.copy() }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().expect("nobody panics with it")
    }

    /// Counts an operation that changes the disk.
    fn begin(&self) -> io::Result<Current> {
        let mut supply = self.power.supply();
        if supply.is_off {
            return Err(no_power());
        }
        let at = supply.operations;
        supply.operations += 1;
        supply.is_off = supply.cut_at == Some(at);
        Ok(if supply.is_off { Current::Fails } else { Current::On })
    }

    fn reading(&self) -> io::Result<MutexGuard<'_, Files>> {
        if self.power.is_off() { Err(no_power()) } else { Ok(self.files()) }
    }
}

fn no_power() -> Error {
    Error::other("the power is off")
}

/// What an operation says after the power went in it or not.
fn ended(current: Current) -> io::Result<()> {
    match current {
        Current::On => Ok(()),
        Current::Fails => Err(no_power()),
    }
}

impl Files {
    fn content(&mut self, name: &str) -> io::Result<&mut Content> {
        let at = *self.names.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(&mut self.contents[at])
    }

    fn allocated(&self) -> u64 {
        self.names.values().map(|&at| self.contents[at].bytes.len() as u64).sum()
    }

    fn renamed(&mut self) {
        self.history.push(self.names.clone());
    }
}

impl Disk for SimulatedDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        Ok(self.reading()?.names.keys().cloned().collect())
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.reading()?.content(name)?.bytes.len() as u64)
    }

    fn read(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut files = self.reading()?;
        let bytes = files.content(name)?.bytes.get(offset as usize..).unwrap_or_default();
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn create(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let current = self.begin()?;
        let mut files = self.files();
        if files.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if files.capacity.is_some_and(|capacity| files.allocated() + bytes > capacity) {
            return Err(ErrorKind::StorageFull.into());
        }
        let at = files.contents.len();
        files.contents.push(Content { bytes: vec![0; bytes as usize], ..Content::default() });
        files.names.insert(name.to_owned(), at);
        files.renamed();
        ended(current)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let current = self.begin()?;
        let mut files = self.files();
        let (capacity, allocated) = (files.capacity, files.allocated());
        let content = files.content(name)?;
        let (offset, end) = (offset as usize, offset as usize + bytes.len());
        let grown = end.saturating_sub(content.bytes.len());
        if capacity.is_some_and(|capacity| allocated + grown as u64 > capacity) {
            return Err(ErrorKind::StorageFull.into());
        }
        content.bytes.resize(content.bytes.len() + grown, 0);
        content.bytes[offset..end].copy_from_slice(bytes);
        let mut at = offset;
        while at < end {
            let next = ((at / SECTOR + 1) * SECTOR).min(end);
            content.unsynced.push((at, bytes[at - offset..next - offset].to_vec()));
            at = next;
        }
        ended(current)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        // Where the power goes in a sync, it is as if there had been none: what was written is there in part.
        ended(self.begin()?)?;
        let mut files = self.files();
        if !files.syncs_skipped {
            let content = files.content(name)?;
            content.synced.clone_from(&content.bytes);
            content.unsynced.clear();
        }
        Ok(())
    }

    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let current = self.begin()?;
        let mut files = self.files();
        let content = files.content(name)?;
        content.bytes.truncate(bytes as usize);
        // Cutting is a change of the length alone: it is there after the power came back, or it is not.
        content.unsynced.retain(|(offset, _)| *offset < bytes as usize);
        ended(current)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let current = self.begin()?;
        let mut files = self.files();
        let at = files.names.remove(from).ok_or(ErrorKind::NotFound)?;
        files.names.insert(to.to_owned(), at);
        files.renamed();
        ended(current)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let current = self.begin()?;
        let mut files = self.files();
        files.names.remove(name).ok_or(ErrorKind::NotFound)?;
        files.renamed();
        ended(current)
    }

    fn sync_names(&mut self) -> io::Result<()> {
        ended(self.begin()?)?;
        let mut files = self.files();
        if !files.syncs_skipped {
            files.history = vec![files.names.clone()];
        }
        Ok(())
    }
}
