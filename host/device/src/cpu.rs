//! The CPU devices: the model's machine, or the fast one, behind the device seam.

use model::machine::{Capacity, Machine};
use model::record::{ABI_HASH, Record};

use crate::{Identity, MarginDevice};

/// Answers that may wait before no further record is taken.
pub const ANSWERS_MAX: usize = 4_096;

/// A machine on this processor: records in, records out.
pub trait CpuMachine {
    const NAME: &'static str;

    /// A machine after reset.
    fn reset(capacity: Capacity) -> Self;
    fn capacity(&self) -> Capacity;
    /// Executes the first record, and those behind it that belong to the same tick; what they answer is appended to `out`. Gives how many.
    fn execute(&mut self, records: &[Record], out: &mut Vec<Record>) -> usize;
}

macro_rules! cpu_machine {
    ($machine:ty, $name:literal, $execute:expr) => {
        impl CpuMachine for $machine {
            const NAME: &'static str = $name;

            fn reset(capacity: Capacity) -> Self {
                Self::new(capacity)
            }

            fn capacity(&self) -> Capacity {
                self.capacity()
            }

            fn execute(&mut self, records: &[Record], out: &mut Vec<Record>) -> usize {
                ($execute)(self, records, out)
            }
        }
    };
}

cpu_machine!(Machine, "cpu", |machine: &mut Machine, records: &[Record], out| {
    machine.execute(&records[0], out);
    1
});
cpu_machine!(fast::Machine, "cpu-fast", fast::Machine::execute_next);

/// A machine with a bounded queue of answers.
///
/// A record is executed whole, and a tick, so the queue holds at most [`ANSWERS_MAX`] and the answers of one tick more.
#[derive(Clone, Debug)]
pub struct CpuDevice<M = Machine> {
    machine: M,
    answers: Vec<Record>,
    /// Answers already polled, at the front of `answers`.
    polled: usize,
    answers_max: usize,
}

impl CpuDevice {
    /// A device after reset.
    pub fn new(capacity: Capacity) -> Self {
        Self::with_answers_max(capacity, ANSWERS_MAX)
    }

    /// The same with another bound on waiting answers, at least 1.
    ///
    /// # Panics
    /// If the bound is 0: such a device takes nothing, ever.
    pub fn with_answers_max(capacity: Capacity, answers_max: usize) -> Self {
        Self::of(Machine::new(capacity), answers_max)
    }

    /// The model itself, to break its words in tests and drills.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl CpuDevice<fast::Machine> {
    /// The fast machine after reset.
    ///
    /// # Errors
    /// If its memory is not there.
    pub fn fast(capacity: Capacity) -> Result<Self, fast::TooLarge> {
        Ok(Self::of(fast::Machine::checked(capacity)?, ANSWERS_MAX))
    }
}

impl<M> CpuDevice<M> {
    fn of(machine: M, answers_max: usize) -> Self {
        assert!(answers_max > 0, "a device without room for an answer takes no record");
        Self { machine, answers: Vec::new(), polled: 0, answers_max }
    }

    fn waiting(&self) -> usize {
        self.answers.len() - self.polled
    }
}

impl<M: CpuMachine> MarginDevice for CpuDevice<M> {
    fn identity(&self) -> Identity {
        Identity { name: M::NAME, abi_hash: ABI_HASH }
    }

    fn capacity(&self) -> Capacity {
        self.machine.capacity()
    }

    fn reset(&mut self) {
        self.machine = M::reset(self.machine.capacity());
        self.answers.clear();
        self.polled = 0;
    }

    fn submit(&mut self, records: &[Record]) -> usize {
        if self.polled >= self.answers_max {
            self.answers.drain(..self.polled);
            self.polled = 0;
        }
        let mut taken = 0;
        while taken < records.len() && self.waiting() < self.answers_max {
            taken += self.machine.execute(&records[taken..], &mut self.answers);
        }
        taken
    }

    fn poll(&mut self, answers: &mut [Record]) -> usize {
        let count = self.waiting().min(answers.len());
        answers[..count].copy_from_slice(&self.answers[self.polled..self.polled + count]);
        self.polled += count;
        if self.polled == self.answers.len() {
            self.answers.clear();
            self.polled = 0;
        }
        count
    }

    fn clocks(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::record::{TOKEN, input, output};

    const CAPACITY: Capacity = Capacity { lanes: 1, accounts_per_lane: 4, slots_per_lane: 4, instruments: 1 };

    #[test]
    fn a_machine_beyond_memory_is_refused_with_its_need() {
        let large = Capacity { accounts_per_lane: 1 << 31, slots_per_lane: 1 << 31, ..CAPACITY };
        let refused = CpuDevice::fast(Capacity { lanes: 1, ..large }).map(|_| ());
        let free = std::fs::read_to_string("/proc/meminfo").is_ok();
        let need = (1u64 << 31) * (56 + 12);
        match refused {
            Err(error) => {
                assert!(error.need == need && error.there < need);
                assert!(error.to_string().contains("need 139264 MiB"), "{error}");
            }
            Ok(()) => assert!(!free, "so much is free"),
        }
    }

    #[test]
    fn a_full_queue_refuses_and_stays_small_however_long_it_runs() {
        let mut device = CpuDevice::with_answers_max(CAPACITY, 8);
        let mut sent = 0u32;
        let mut answered = 0u32;
        assert_eq!(device.submit(&[Record::new(&input::RESYNC, u32::MAX)]), 1);
        assert_eq!(device.poll(&mut [Record::default(); 4]), 1);
        while answered < 10_000 {
            let burst: Vec<Record> = (0..13)
                .map(|i| Record::new(&input::FENCE, sent + i).with(&TOKEN, (sent + i).into()))
                .collect();
            let taken = device.submit(&burst);
            sent += taken as u32;
            assert!(device.waiting() <= 8);
            assert!(device.answers.len() <= 16);
            let mut answers = [Record::default(); 3];
            let polled = device.poll(&mut answers);
            for answer in &answers[..polled] {
                assert_eq!((answer.op(), TOKEN.get(answer)), (output::FENCE_ECHO.op, answered.into()));
                answered += 1;
            }
        }
    }
}
