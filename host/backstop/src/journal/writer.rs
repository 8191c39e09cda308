//! Appends entries to a new journal, on a thread of its own behind a bounded channel, and commits them in groups.
//! Appended is not durable: what leaves the program waits for [`JournalWriter::sync`].

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use super::disk::{Disk, FileDisk};
use super::format::{BATCH_BYTES_MAX, Header};
use super::log::{Committed, Log};
use super::{Entry, JournalError};

/// When entries that wait are committed: when they are many, when the first has waited long, or when somebody waits for them.
#[derive(Clone, Copy, Debug)]
pub struct GroupCommit {
    /// Entries that may wait for the disk before `append` does.
    pub waiting_max: usize,
    pub bytes_max: usize,
    pub linger: Duration,
    /// How long a full disk is waited for, and how often it is tried.
    pub full_wait: Duration,
    pub full_retry: Duration,
}

impl Default for GroupCommit {
    fn default() -> Self {
        Self {
            waiting_max: 4_096,
            bytes_max: BATCH_BYTES_MAX,
            linger: Duration::from_millis(2),
            full_wait: Duration::from_secs(600),
            full_retry: Duration::from_millis(100),
        }
    }
}

enum Order {
    Append(Entry),
    Sync(Sender<Result<Committed, JournalError>>),
}

/// What the thread tells everybody.
#[derive(Default)]
struct Shared {
    /// The first failure that is final.
    failed: OnceLock<JournalError>,
    /// The disk is full: nothing is accepted.
    full: AtomicBool,
    commits: AtomicU64,
}

/// The journal's thread, seen from the engine. The first failure is kept and told to every later call.
#[must_use = "close it, so that a failure of the last records is seen"]
pub struct JournalWriter {
    path: PathBuf,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    closed: Receiver<Committed>,
    /// Whether a caller has heard of the failure.
    told: AtomicBool,
    stalls: AtomicU64,
}

impl JournalWriter {
    /// Starts a journal in the new folder `path`.
    ///
    /// # Errors
    /// As [`Log::create`]; or if the folder cannot be made.
    pub fn create(path: &Path, header: &Header) -> Result<Self, JournalError> {
        fs::create_dir_all(path).map_err(|cause| JournalError::Write {
            path: path.to_path_buf(),
            operation: "create",
            records: 0,
            bytes: 0,
            cause: Arc::new(cause),
        })?;
        let log = Log::create(FileDisk::new(path), path, *header, Log::<FileDisk>::SEGMENT_BYTES)?;
        Ok(Self::spawn(log, GroupCommit::default()))
    }

    /// Goes on with the journal in the folder `path` where its last whole batch ends.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let (log, _) = Log::open(FileDisk::new(path), path, Log::<FileDisk>::SEGMENT_BYTES)?;
        Ok(Self::spawn(log, GroupCommit::default()))
    }

    /// Moves `log` to a thread.
    pub fn spawn<D: Disk>(log: Log<D>, group: GroupCommit) -> Self {
        let path = log.path().to_path_buf();
        let (orders, inbox) = bounded(group.waiting_max);
        let (sender, closed) = bounded(1);
        let shared = Arc::new(Shared::default());
        let thread = {
            let shared = Arc::clone(&shared);
            let work = move || match (Work { log, group, shared: &shared }).run(&inbox) {
                Ok(committed) => drop(sender.send(committed)),
                Err(error) => shared.failed.set(error).expect("only this thread fails"),
            };
            let builder = std::thread::Builder::new().name("journal".into());
            builder.spawn(work).expect("the system refuses a thread")
        };
        let (told, stalls) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { path, orders: Some(orders), thread: Some(thread), shared, closed, told, stalls }
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
    pub fn sync(&self) -> Result<Committed, JournalError> {
        let (reply, durable) = bounded(1);
        self.send(Order::Sync(reply))?;
        durable.recv().unwrap_or_else(|_| Err(self.failure()))
    }

    /// Times that `append` or `sync` found the channel full and waited.
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Batches written so far.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// True while the disk is full: what was appended waits, and goes on by itself when there is space.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// Commits what is left, says that nothing follows, and ends the thread.
    ///
    /// # Errors
    /// The thread's first failure.
    pub fn close(mut self) -> Result<Committed, JournalError> {
        self.join();
        self.closed.try_recv().map_err(|_| self.failure())
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
        let lost = || JournalError::WriterLost { path: self.path.clone() };
        self.shared.failed.get().cloned().unwrap_or_else(lost)
    }

    fn join(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic shows as `WriterLost` to whoever asks
        }
    }
}

impl Drop for JournalWriter {
    /// Commits what was appended; a failure that nobody can be told any more goes to the standard error.
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.join();
            if let (Some(error), false) = (self.shared.failed.get(), self.told.load(Ordering::Relaxed)) {
                eprintln!("journal: {error}");
            }
        }
    }
}

/// The thread's.
struct Work<'a, D: Disk> {
    log: Log<D>,
    group: GroupCommit,
    shared: &'a Shared,
}

impl<D: Disk> Work<'_, D> {
    fn run(mut self, inbox: &Receiver<Order>) -> Result<Committed, JournalError> {
        // When the open batch is to be committed at the latest.
        let mut due: Option<Instant> = None;
        loop {
            let order = match due {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => inbox.recv_deadline(due),
            };
            match order {
                Ok(Order::Append(entry)) => {
                    self.log.append(entry)?;
                    due.get_or_insert_with(|| Instant::now() + self.group.linger);
                    if self.log.waiting() < self.group.bytes_max {
                        continue;
                    }
                    self.commit()?;
                }
                Ok(Order::Sync(reply)) => {
                    let committed = self.commit();
                    let _ = reply.send(committed.clone()); // the asker may be gone
                    committed?;
                }
                Err(RecvTimeoutError::Timeout) => drop(self.commit()?),
                Err(RecvTimeoutError::Disconnected) => {
                    self.commit()?;
                    return self.log.close();
                }
            }
            due = None;
        }
    }

    /// Waits for space on a full disk; the channel fills meanwhile, and who appends waits.
    fn commit(&mut self) -> Result<Committed, JournalError> {
        let full = |full| self.shared.full.store(full, Ordering::Relaxed);
        let mut since: Option<Instant> = None;
        loop {
            match self.log.commit() {
                Err(error) if error.is_full() => {
                    if since.is_none() {
                        eprintln!("journal: {error}; nothing is accepted until there is space");
                        full(true);
                    }
                    if since.get_or_insert_with(Instant::now).elapsed() >= self.group.full_wait {
                        return Err(error);
                    }
                    std::thread::sleep(self.group.full_retry);
                }
                done => {
                    if let Some(since) = since {
                        eprintln!("journal: going on after {} s of a full disk", since.elapsed().as_secs());
                        full(false);
                    }
                    self.shared.commits.fetch_add(1, Ordering::Relaxed);
                    return done;
                }
            }
        }
    }
}
