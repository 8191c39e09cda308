//! Where journal and snapshots lie: the files of one directory. The seam for a simulated disk.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// Files by name, each a row of bytes. What is written is durable after [`Disk::sync`] of its file; a name that came or went, after
/// [`Disk::sync_names`].
pub trait Disk: Send + 'static {
    /// Of all files, in any order.
    fn names(&mut self) -> io::Result<Vec<String>>;

    fn length(&mut self, name: &str) -> io::Result<u64>;

    /// Fills `into` from `offset` on; fewer bytes only at the file's end.
    fn read(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// A new file of `bytes` zeros with its space allocated. An error leaves no file.
    fn create(&mut self, name: &str, bytes: u64) -> io::Result<()>;

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    fn sync(&mut self, name: &str) -> io::Result<()>;

    /// Cuts the file to `bytes`; durable after [`Disk::sync`].
    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()>;

    /// Takes the place of a file of that name.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&mut self, name: &str) -> io::Result<()>;

    fn sync_names(&mut self) -> io::Result<()>;
}

/// A directory of the file system.
#[derive(Debug)]
pub struct FileDisk {
    directory: PathBuf,
    /// Opened so far; never more than one journal's newest segments and a snapshot.
    open: BTreeMap<String, File>,
}

/// Files held open at once.
const OPEN_MAX: usize = 8;

/// The same directory; files are opened anew.
impl Clone for FileDisk {
    fn clone(&self) -> Self {
        Self::new(&self.directory)
    }
}

impl FileDisk {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), open: BTreeMap::new() }
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            if self.open.len() == OPEN_MAX {
                self.open.pop_first();
            }
            let path = self.directory.join(name);
            // Journals are looked at where they may not be written, too.
            let file = OpenOptions::new().read(true).write(true).open(&path).or_else(|error| {
                if error.kind() == io::ErrorKind::NotFound { Err(error) } else { File::open(&path) }
            })?;
            self.open.insert(name.to_owned(), file);
        }
        Ok(&self.open[name])
    }
}

impl Disk for FileDisk {
    fn names(&mut self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.directory)?;
        entries
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect()
    }

    fn length(&mut self, name: &str) -> io::Result<u64> {
        Ok(self.file(name)?.metadata()?.len())
    }

    fn read(&mut self, name: &str, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.file(name)?;
        let mut read = 0;
        while read < into.len() {
            match file.read_at(&mut into[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(read)
    }

    fn create(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        let path = self.directory.join(name);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let allocated = match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            // The file system cannot: a file of that length will do.
            Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes),
            allocated => allocated.map_err(io::Error::from),
        };
        if let Err(error) = allocated {
            fs::remove_file(&path)?;
            return Err(error);
        }
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn truncate(&mut self, name: &str, bytes: u64) -> io::Result<()> {
        self.file(name)?.set_len(bytes)
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.open.remove(from);
        self.open.remove(to);
        fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        fs::remove_file(self.directory.join(name))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}
