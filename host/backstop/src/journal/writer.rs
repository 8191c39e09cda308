//! Appends entries to a new journal file, on a thread of its own behind a bounded channel.
//! Appended is not durable: what leaves the program waits for [`JournalWriter::sync`].

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};

use super::format::{Frame, Header, PAYLOAD_MAX, chain_start};
use super::{Entry, JournalError};

const BUFFER_BYTES: usize = 1 << 20;

/// Where the bytes go: a file, or a test's stand-in.
pub trait Sink: Write + Send + 'static {
    /// Returns once everything written is durable.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// What a closed journal holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Closed {
    pub records: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Chain hash of the last record.
    pub chain: [u8; 32],
}

/// A journal being written, without a thread.
pub struct JournalFile<S: Sink = File> {
    path: PathBuf,
    sink: BufWriter<S>,
    payload: Vec<u8>,
    at: Closed,
}

impl JournalFile {
    /// A new file that holds the header; its name is durable.
    ///
    /// # Errors
    /// If the file exists and is not empty, or cannot be created or written.
    pub fn create(path: &Path, header: &Header) -> Result<Self, JournalError> {
        let failed = |cause| failure(path, "create", Closed { records: 0, bytes: 0, chain: [0; 32] }, cause);
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes != 0 {
            return Err(JournalError::Exists { path: path.to_path_buf(), bytes });
        }
        let mut journal = Self::new(file, path, header)?;
        journal.sync()?;
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
        Ok(journal)
    }
}

impl<S: Sink> JournalFile<S> {
    /// Writes the header to `sink`; `path` names it in messages.
    ///
    /// # Errors
    /// If the header cannot be written.
    pub fn new(sink: S, path: &Path, header: &Header) -> Result<Self, JournalError> {
        let bytes = header.encode();
        let at = Closed { records: 0, bytes: bytes.len() as u64, chain: chain_start(&bytes) };
        let sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
        let mut journal = Self { path: path.to_path_buf(), sink, payload: Vec::new(), at };
        journal.attempt("begin", |sink| sink.write_all(&bytes).and_then(|()| sink.flush()))?;
        Ok(journal)
    }

    /// Buffers `entry` as the next record, or records if its list is long.
    ///
    /// # Errors
    /// If it is too long or the disk refuses; the journal then ends at some earlier byte and must not be appended to.
    pub fn append(&mut self, entry: Entry) -> Result<(), JournalError> {
        for part in entry.into_parts() {
            let mut payload = std::mem::take(&mut self.payload);
            payload.clear();
            borsh::to_writer(&mut payload, &part).expect("writing to memory");
            if payload.len() > PAYLOAD_MAX as usize {
                return Err(JournalError::TooLong { path: self.path.clone(), bytes: payload.len() });
            }
            let frame = Frame::new(self.at.records, &self.at.chain, &payload);
            let bytes = frame.encode();
            self.attempt("append to", |sink| sink.write_all(&bytes).and_then(|()| sink.write_all(&payload)))?;
            self.at.records += 1;
            self.at.bytes += (bytes.len() + payload.len()) as u64;
            self.at.chain = frame.chain;
            self.payload = payload;
        }
        Ok(())
    }

    /// Hands buffered records to the system; they survive the program, not a power cut.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        self.attempt("write", BufWriter::flush)
    }

    /// Returns once every record appended is durable.
    ///
    /// # Errors
    /// If the disk refuses; nothing since the last sync may be taken as durable then.
    pub fn sync(&mut self) -> Result<Closed, JournalError> {
        self.flush()?;
        self.attempt("sync", |sink| sink.get_mut().sync())?;
        Ok(self.at)
    }

    /// The sink, after a flush that the caller has seen succeed.
    #[cfg(test)]
    pub fn into_sink(self) -> S {
        self.sink.into_parts().0
    }

    fn attempt(
        &mut self,
        operation: &'static str,
        action: impl FnOnce(&mut BufWriter<S>) -> io::Result<()>,
    ) -> Result<(), JournalError> {
        action(&mut self.sink).map_err(|cause| failure(&self.path, operation, self.at, cause))
    }
}

fn failure(path: &Path, operation: &'static str, at: Closed, cause: io::Error) -> JournalError {
    let cause = Arc::new(cause);
    JournalError::Write { path: path.to_path_buf(), operation, records: at.records, bytes: at.bytes, cause }
}

enum Order {
    Append(Entry),
    Sync(Sender<Result<Closed, JournalError>>),
}

/// The journal's thread, seen from the engine. The first failure is kept and told to every later call.
#[must_use = "close it, so that a failure of the last records is seen"]
pub struct JournalWriter {
    path: PathBuf,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<OnceLock<JournalError>>,
    /// Whether a caller has heard of the failure.
    told: AtomicBool,
    stalls: AtomicU64,
}

impl JournalWriter {
    /// Entries that may wait for the disk before `append` does.
    pub const WAITING_MAX: usize = 4096;

    /// Starts a journal in a new file, behind [`Self::WAITING_MAX`] entries.
    ///
    /// # Errors
    /// As [`JournalFile::create`].
    pub fn spawn(path: &Path, header: &Header) -> Result<Self, JournalError> {
        Ok(Self::spawn_on(JournalFile::create(path, header)?, Self::WAITING_MAX))
    }

    /// Moves `journal` to a thread, behind at most `waiting_max` entries.
    pub fn spawn_on<S: Sink>(journal: JournalFile<S>, waiting_max: usize) -> Self {
        let path = journal.path.clone();
        let (orders, inbox) = bounded(waiting_max);
        let failed = Arc::new(OnceLock::new());
        let slot = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || {
                if let Err(error) = write_all(journal, &inbox) {
                    slot.set(error).expect("only this thread fails");
                }
            })
            .expect("the system refuses a thread");
        let (told, stalls) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { path, orders: Some(orders), thread: Some(thread), failed, told, stalls }
    }

    /// Hands `entry` to the thread; waits while it is full, which [`Self::stalls`] counts.
    ///
    /// # Errors
    /// The thread's first failure, whichever entry met it.
    pub fn append(&self, entry: Entry) -> Result<(), JournalError> {
        self.send(Order::Append(entry))
    }

    /// Returns once everything appended before is durable, with what the journal then holds.
    ///
    /// # Errors
    /// The thread's first failure; nothing since the last sync may be taken as durable then.
    pub fn sync(&self) -> Result<Closed, JournalError> {
        let (reply, durable) = bounded(1);
        self.send(Order::Sync(reply))?;
        durable.recv().unwrap_or_else(|_| Err(self.failure()))
    }

    /// Times that `append` or `sync` found the channel full and waited.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Syncs and ends the thread.
    ///
    /// # Errors
    /// The thread's first failure.
    pub fn close(mut self) -> Result<Closed, JournalError> {
        let closed = self.sync();
        self.join();
        closed
    }

    fn send(&self, order: Order) -> Result<(), JournalError> {
        let orders = self.orders.as_ref().expect("open until dropped");
        match orders.try_send(order) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(order)) => {
                self.stalls.fetch_add(1, Ordering::Relaxed);
                orders.send(order).map_err(|_| self.failure())
            }
            Err(TrySendError::Disconnected(_)) => Err(self.failure()),
        }
    }

    /// Why the thread no longer listens. It records the failure before it lets go of the channel.
    fn failure(&self) -> JournalError {
        self.told.store(true, Ordering::Relaxed);
        self.failed.get().cloned().unwrap_or_else(|| JournalError::WriterLost { path: self.path.clone() })
    }

    fn join(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic shows as `WriterLost` to whoever asks
        }
    }
}

impl Drop for JournalWriter {
    /// Writes what was appended; a failure that nobody can be told any more goes to the standard error.
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.join();
            if let (Some(error), false) = (self.failed.get(), self.told.load(Ordering::Relaxed)) {
                eprintln!("journal: {error}");
            }
        }
    }
}

/// Flushes whenever nothing waits, so that a killed program loses only what was still in the channel.
fn write_all<S: Sink>(mut journal: JournalFile<S>, inbox: &Receiver<Order>) -> Result<(), JournalError> {
    loop {
        let order = match inbox.try_recv() {
            Ok(order) => order,
            Err(_) => {
                journal.flush()?;
                let Ok(order) = inbox.recv() else { return Ok(()) };
                order
            }
        };
        match order {
            Order::Append(entry) => journal.append(entry)?,
            Order::Sync(reply) => {
                let synced = journal.sync();
                let _ = reply.send(synced.clone()); // the asker may be gone
                synced?;
            }
        }
    }
}
