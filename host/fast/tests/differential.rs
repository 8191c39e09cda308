//! The fast machine against the model: the same records in, bit for bit the same records out.

use fast::Simd;
use model::machine::{Capacity, Machine as Model};
use model::record::{self, FLAG_BY_SLOT, FLAG_COMMIT, FLAG_HOLD, FLAG_RAW, Record, input, output};

const INSTRUMENTS: usize = 12;
const CAPACITY_OF_SEGMENT: u32 = 100;
const CAPACITY: Capacity = Capacity {
    lanes: 2,
    accounts_per_lane: 40,
    slots_per_lane: INSTRUMENTS * CAPACITY_OF_SEGMENT as usize,
    instruments: INSTRUMENTS,
};
const MARKS: [i128; 3] = [1_000, 50_000, 3_000_000];

struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Of any order of magnitude below 2^`bits`, either sign.
    fn signed(&mut self, bits: u32) -> i128 {
        let width = 1 + self.below(bits.into()) as u32;
        let magnitude = i128::from(self.next()) << 64 | i128::from(self.next());
        let magnitude = magnitude & ((1 << width) - 1);
        if self.once_in(2) { -magnitude } else { magnitude }
    }
}

/// Both machines, and how the stream has gone.
struct Pair {
    model: Model,
    fast: fast::Machine,
    sequence: u32,
    expected: Vec<Record>,
    found: Vec<Record>,
    /// By op of the answer.
    answers: [u64; 256],
    /// Most accounts seen in each layout at once.
    layouts: [usize; 3],
    /// FLAGs by severity before and after.
    moves: [[u64; 5]; 5],
    /// Comparisons of what would be at other marks.
    at_risk: u64,
}

impl Pair {
    fn new(simd: Simd) -> Self {
        Self::of(CAPACITY, simd)
    }

    fn of(capacity: Capacity, simd: Simd) -> Self {
        let mut pair = Self {
            model: Model::new(capacity),
            fast: fast::Machine::new(capacity).with_simd(simd),
            sequence: 0,
            expected: Vec::new(),
            found: Vec::new(),
            answers: [0; 256],
            layouts: [0; 3],
            moves: [[0; 5]; 5],
            at_risk: 0,
        };
        pair.send(Record::new(&input::RESYNC, 0));
        pair
    }

    fn send(&mut self, record: Record) {
        let record = record.with(&record::SEQUENCE, self.sequence.into());
        self.sequence = self.sequence.wrapping_add(1);
        self.expected.clear();
        self.found.clear();
        self.model.execute(&record, &mut self.expected);
        self.fast.execute(&record, &mut self.found);
        assert_eq!(self.expected, self.found, "answers to {record:?}");
        for answer in &self.found {
            self.answers[usize::from(answer.op())] += 1;
            if answer.op() == output::FLAG.op {
                let [from, to] = [answer.flags() >> 4, answer.flags() & 15].map(usize::from);
                self.moves[from][to] += 1;
            }
        }
    }

    fn setting(&mut self, index: u16, value: u32, flags: u8) {
        let record = Record::new(&input::SETTING, 0).with(&record::INDEX, index.into());
        self.send(record.with(&record::VALUE, value.into()).flagged(flags));
    }

    /// Two tiers from `floor` on; `step` breaks the recurrence.
    fn commit(
        &mut self,
        instrument: u16,
        floor: u32,
        rates: [u32; 2],
        weights: [u32; 2],
        step: u32,
        flags: u8,
    ) {
        let deduction = i128::from(floor) * i128::from(rates[1] - rates[0]) + i128::from(step);
        for (at, (floor, deduction)) in [(0, 0), (i128::from(floor), deduction)].into_iter().enumerate() {
            let tier = Record::new(&input::TIER, 0).with(&record::INSTRUMENT, instrument.into());
            let tier = tier.with(&record::STEP, at as i128).with(&record::FLOOR, floor);
            self.send(tier.with(&record::RATE, rates[at].into()).with(&record::DEDUCTION, deduction));
        }
        let base = u32::from(instrument) * CAPACITY_OF_SEGMENT;
        let header = Record::new(&input::INSTRUMENT, 0)
            .with(&record::INSTRUMENT, instrument.into())
            .with(&record::WEIGHT_LONG, weights[0].into())
            .with(&record::WEIGHT_SHORT, weights[1].into())
            .with(&record::BASE, base.into())
            .with(&record::CAPACITY, CAPACITY_OF_SEGMENT.into())
            .with(&record::PRICE_BITS, 24)
            .with(&record::SIZE_BITS, 35)
            .with(&record::TIER_COUNT, 2);
        self.send(header.flagged(FLAG_COMMIT | flags));
    }

    fn price(&mut self, op: &record::Layout, instrument: u16, price: i128, flags: u8) {
        let field = if op.op == input::MARK.op { &record::PRICE } else { &record::INDEX_DELTA };
        let record = Record::new(op, 0).with(&record::INSTRUMENT, instrument.into()).with(field, price);
        self.send(record.flagged(flags));
    }

    fn count_layouts(&mut self) {
        let census = self.fast.census();
        for (most, now) in self.layouts.iter_mut().zip([census.compact, census.blocks, census.wide]) {
            *most = now.max(*most);
        }
    }

    fn compare_all(&mut self) {
        for account in 0..(CAPACITY.lanes * CAPACITY.accounts_per_lane) as u32 {
            self.send(Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into()));
        }
    }
}

impl Pair {
    /// What would be at such marks, against a model to which they happen. An account is bad if it does not take a CASH of nothing.
    fn compare_at_risk(&mut self, permille: &[i32; INSTRUMENTS], marks: &[i128]) {
        for (index, value, flags) in [(2, 256, FLAG_HOLD), (1, 300, FLAG_HOLD), (3, 171, 0)] {
            self.setting(index, value, flags);
        }
        let found = self.fast.at_risk(permille);
        let (mut model, mut sequence, mut answers) = (self.model.clone(), self.sequence, Vec::new());
        let mut grow_bad = false;
        let mut send = |record: Record| {
            answers.clear();
            model.execute(&record.with(&record::SEQUENCE, sequence.into()), &mut answers);
            sequence = sequence.wrapping_add(1);
            answers.clone()
        };
        for (instrument, (&mark, &permille)) in marks.iter().zip(permille).enumerate() {
            let moved = (mark * (1_000 + i128::from(permille)) / 1_000).min((1 << 24) - 1);
            let price = Record::new(&input::MARK, 0).with(&record::INSTRUMENT, instrument as i128);
            if moved != mark {
                let answers = send(price.with(&record::PRICE, moved));
                grow_bad |= answers.iter().any(|answer| answer.op() == output::ERROR_ACCOUNT.op);
            }
        }
        // Compares those as well that a hold has passed over.
        send(Record::new(&input::SETTING, 0).with(&record::INDEX, 3).with(&record::VALUE, 171));
        let mut expected = fast::AtRisk::default();
        for account in 0..(CAPACITY.lanes * CAPACITY.accounts_per_lane) as i128 {
            let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account).flagged(FLAG_HOLD);
            let is_bad = !send(cash).is_empty();
            let word = send(Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account))[0];
            if !is_bad {
                expected.accounts[record::SEVERITY_NEW.get(&word) as usize] += 1;
                expected.shortfall -= word.equity().min(0);
            }
        }
        // On the way to several marks an account may leave its range that has come back at the last of them.
        if grow_bad && permille.iter().filter(|&&permille| permille != 0).count() > 1 {
            return;
        }
        self.at_risk += 1;
        assert_eq!(found, expected, "{permille:?}");
        self.compare_all();
    }
}

/// A stream of `records`; of `calm` ones nearly all are small moves of a mark, else anything goes.
fn stream(seed: u64, records: u64, calm: bool) -> Pair {
    let here = Simd::here();
    const S: u32 = 10_000;
    let mut draw = Draw(seed);
    let mut pair = Pair::new(here[seed as usize % here.len()]);
    pair.setting(record::SETTING_SCALE, S, 0);
    pair.setting(1, 300, 0);
    pair.setting(3, 171, 0);
    let mut marks: Vec<i128> = MARKS.iter().copied().cycle().take(INSTRUMENTS).collect();
    for (instrument, &mark) in marks.iter().enumerate() {
        pair.commit(instrument as u16, 1_000_000, [100, 300], [S; 2], 0, 0);
        pair.price(&input::MARK, instrument as u16, mark, 0);
    }
    // Slots as the stream believes them to be, by lane and instrument: account and size.
    let mut slots = vec![Vec::<(u32, i128)>::new(); 2 * INSTRUMENTS];
    for at in 0..records {
        let instrument = draw.below(INSTRUMENTS as u64) as u16;
        let mark = &mut marks[usize::from(instrument)];
        let lane = draw.below(2) as u32;
        let account = draw.below(40) as u32 * 2 + lane;
        let segment = &mut slots[usize::from(instrument) * 2 + lane as usize];
        let flags = if draw.once_in(if calm { 200 } else { 6 }) { FLAG_HOLD } else { 0 };
        let kind = if calm && at > 2_000 { draw.below(400).min(40) } else { draw.below(40) };
        match kind {
            0..=8 => {
                let own = segment.iter().position(|slot| slot.0 == account);
                let slot = own.filter(|_| !draw.once_in(300)).unwrap_or(segment.len());
                let bits = if draw.once_in(50) { 35 } else { 14 };
                let size = if draw.once_in(6) { 0 } else { draw.signed(bits) };
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::SLOT, slot as i128)
                    .with(&record::SIZE, size)
                    .with(&record::CASH_DELTA, -size * *mark + draw.signed(24));
                pair.send(position.flagged(flags));
                if pair.found.first().is_none_or(|answer| answer.op() == output::FLAG.op) {
                    segment.resize((slot + 1).max(segment.len()), (account, size));
                    segment[slot] = (account, size);
                }
            }
            9..=13 => {
                // Towards the line, and now and then right onto it.
                let word = Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into());
                pair.send(word);
                let (equity, requirement) = (pair.found[0].equity(), pair.found[0].requirement());
                let near = (requirement - equity) / i128::from(S) + draw.signed(6);
                let delta = if draw.once_in(8) { draw.signed(30) } else { near };
                let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into());
                pair.send(cash.with(&record::DELTA, delta).flagged(flags));
            }
            14 => {
                let bits = if draw.once_in(20) { 90 } else { 36 };
                let value = draw.signed(bits);
                let offset = Record::new(&input::OFFSET, 0).with(&record::ACCOUNT, account.into());
                pair.send(offset.with(&record::OFFSET, value).flagged(flags));
            }
            15 if draw.once_in(10) => {
                let rise = draw.below(300) as u32;
                let weights = [draw.below(2) as u32, draw.below(2) as u32].map(|more| S + more * 500);
                let step = if draw.once_in(3) { draw.below(9_000_000) as u32 } else { 0 };
                let floor = 1 + draw.below(1 << 25) as u32;
                pair.commit(instrument, floor, [100, 100 + rise], weights, step, flags);
            }
            16 if draw.once_in(4) => {
                let delta = draw.signed(12);
                pair.price(&input::FUNDING, instrument, delta, flags);
            }
            17 if draw.once_in(6) => {
                let index = 1 + draw.below(4) as u16;
                let value = [draw.below(2) as u32, 100 + draw.below(300) as u32][usize::from(index < 4)];
                pair.setting(index, value, flags);
            }
            18 if draw.once_in(3) && !segment.is_empty() => {
                let slot = draw.below(segment.len() as u64 + 1) as usize;
                let size = draw.signed(14);
                let raw = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::SLOT, slot as i128)
                    .with(&record::SIZE, size);
                pair.send(raw.flagged(FLAG_RAW | flags));
                if pair.found.is_empty() {
                    segment.resize((slot + 1).max(segment.len()), (account, size));
                    segment[slot] = (account, size);
                }
            }
            19 if draw.once_in(3) => {
                let bits = if draw.once_in(2) { 87 } else { 40 };
                let edge = if bits == 87 { (1 << 87) - 1 - draw.signed(30).abs() } else { draw.signed(40) };
                let load = Record::new(&input::LOAD, 0).with(&record::ACCOUNT, account.into());
                pair.send(load.with_account_word(edge, draw.signed(bits)).flagged(flags));
            }
            20..=22 if !segment.is_empty() => {
                let from = segment.len() - 1;
                let hole = segment.iter().position(|slot| slot.1 == 0);
                let to = hole.unwrap_or(draw.below(segment.len() as u64) as usize);
                let go = Record::new(&input::MOVE, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, segment[from].0.into())
                    .with(&record::FROM, from as i128)
                    .with(&record::TO, to as i128);
                pair.send(go);
                if pair.found.is_empty() {
                    segment.swap_remove(to);
                }
            }
            23 => {
                let slot = draw.below(segment.len() as u64 + 1);
                let read = Record::new(&input::READBACK, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::SLOT, slot.into());
                pair.send(read.flagged(FLAG_BY_SLOT));
            }
            24 if draw.once_in(5) => {
                let mut noise = Record::default();
                noise.0.iter_mut().for_each(|byte| *byte = draw.next() as u8);
                noise.0[0] &= 15;
                pair.send(noise);
                pair.send(Record::new(&input::RESYNC, 0));
                pair.send(Record::new(&input::RESYNC, 0).with(&record::TOKEN, at.into()));
                pair.send(Record::new(&input::FENCE, 0).with(&record::TOKEN, at.into()));
            }
            _ => {
                let span = if draw.once_in(40) { *mark / 5 } else { *mark / 1_000 + 1 };
                *mark = (*mark + draw.signed(40) % (span + 1)).clamp(0, (1 << 24) - 1);
                if draw.once_in(100) {
                    *mark = MARKS[usize::from(instrument) % 3];
                }
                pair.price(&input::MARK, instrument, *mark, flags);
            }
        }
        if at % 50 == 0 {
            pair.count_layouts();
        }
        if at % 5_000 == 0 {
            pair.compare_all();
            let one = draw.below(INSTRUMENTS as u64) as usize;
            let together = draw.signed(10) as i32;
            pair.compare_at_risk(&std::array::from_fn(|at| if at == one { together } else { 0 }), &marks);
            pair.compare_at_risk(&[together.clamp(-1_000, 1_000); INSTRUMENTS], &marks);
        }
    }
    pair.compare_all();
    pair
}

#[test]
fn any_stream_gets_the_answers_of_the_model() {
    let mut bad = 0;
    for seed in 1..=8 {
        let pair = stream(seed * 0x9e37_79b9, 40_000, false);
        for answer in [&output::FLAG, &output::RECEIPT, &output::ERROR_RECORD, &output::READBACK_SLOT] {
            assert!(pair.answers[usize::from(answer.op)] > 100, "{}", answer.name);
        }
        assert!(pair.layouts.iter().all(|&most| most > 2), "{:?}", pair.layouts);
        bad += pair.answers[usize::from(output::ERROR_ACCOUNT.op)];
        assert!(pair.at_risk > 8, "{}", pair.at_risk);
        let moved = |from: usize, to: usize| from == to || pair.moves[from][to] > 0;
        assert!((0..5).all(|from| (0..5).all(|to| moved(from, to))), "{:?}", pair.moves);
    }
    assert!(bad > 20, "{bad} accounts went bad in a sweep");
}

#[test]
fn a_million_marks_miss_no_flag_and_add_none() {
    let pair = stream(7, 1_000_000, true);
    let flags: u64 = pair.moves.iter().flatten().sum();
    assert!(flags > 10_000, "{flags}");
    assert!(pair.at_risk > 390, "{}", pair.at_risk);
}

/// Ticks of several marks, from a basis point to a fifth, given to the machine at once; the model gets them one by one. Accounts hold several instruments,
/// some are large, some in blocks, some stand right on their line, and now and then cash comes without a comparison.
#[test]
fn marks_of_a_tick_are_marks_one_by_one() {
    for (seed, simd) in Simd::here().into_iter().enumerate() {
        let mut draw = Draw(77 + seed as u64);
        let mut pair = Pair::of(Capacity { accounts_per_lane: 200, ..CAPACITY }, simd);
        pair.setting(record::SETTING_SCALE, 10_000, 0);
        let mut marks: Vec<i128> = MARKS.iter().copied().cycle().take(INSTRUMENTS).collect();
        for (instrument, &mark) in marks.iter().enumerate() {
            pair.commit(instrument as u16, 20_000_000, [100, 3_000], [10_000, 10_000], 0, 0);
            pair.price(&input::MARK, instrument as u16, mark, 0);
        }
        let mut slots = [[0; 2]; INSTRUMENTS];
        for account in 0..160u32 {
            let holds = 1 + draw.below(INSTRUMENTS as u64);
            for instrument in 0..holds as usize {
                let notional = 1 + draw.signed(27).abs();
                let lots = (notional / marks[instrument]).max(1);
                let lots = if account % 10 == 9 { (1 << 33) + draw.signed(32) } else { lots };
                let size = if draw.once_in(2) { -lots } else { lots };
                let slot = &mut slots[instrument][account as usize % 2];
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument as i128)
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::SLOT, *slot)
                    .with(&record::SIZE, size)
                    .with(&record::CASH_DELTA, -size * marks[instrument]);
                pair.send(position);
                *slot += 1;
            }
        }
        let mut flags = 0;
        for tick in 0..3_000u32 {
            for _ in 0..draw.below(4) {
                let account = draw.below(160);
                let word = Record::new(&input::READBACK, 0).with(&record::ACCOUNT, account.into());
                pair.send(word);
                let short = (pair.found[0].requirement() - pair.found[0].equity()) / 10_000;
                let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into());
                let hold = if draw.once_in(3) { FLAG_HOLD } else { 0 };
                pair.send(cash.with(&record::DELTA, short + draw.signed(20)).flagged(hold));
            }
            let span = [1, 10, 100, 2_000][draw.below(4) as usize];
            let first = draw.below(INSTRUMENTS as u64) as usize;
            let several = 2 + draw.below(INSTRUMENTS as u64 - 1) as usize;
            let records: Vec<Record> = (0..several)
                .map(|at| {
                    let instrument = (first + at) % INSTRUMENTS;
                    let mark = &mut marks[instrument];
                    let step = *mark * span / 10_000;
                    let up = draw.once_in(2);
                    *mark = (*mark + if up { step } else { -step }).clamp(500, (1 << 24) - 1);
                    pair.sequence += 1;
                    Record::new(&input::MARK, 0)
                        .with(&record::SEQUENCE, i128::from(pair.sequence - 1))
                        .with(&record::INSTRUMENT, instrument as i128)
                        .with(&record::PRICE, *mark)
                })
                .collect();
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            records.iter().for_each(|record| pair.model.execute(record, &mut expected));
            pair.fast.execute_all(&records, &mut found);
            assert_eq!(found, expected, "{simd:?}, tick {tick}");
            flags += found.len() - 2 * records.len();
            if tick % 100 == 0 {
                pair.compare_all();
            }
        }
        assert!(flags > 5_000, "{flags}");
        pair.count_layouts();
        assert!(pair.layouts.iter().all(|&most| most > 2), "{:?}", pair.layouts);
        assert!(pair.fast.passes() > 500, "{}", pair.fast.passes());
    }
}

/// What was held of an instrument beyond those that packed accounts can name is still among an account's positions when it has come down to nothing.
#[test]
fn instruments_without_codes_are_never_packed() {
    const BEYOND: u16 = 2_040;
    let capacity = Capacity {
        slots_per_lane: (usize::from(BEYOND) + 1) * CAPACITY_OF_SEGMENT as usize,
        instruments: usize::from(BEYOND) + 1,
        ..CAPACITY
    };
    for simd in Simd::here() {
        let mut pair = Pair::of(capacity, simd);
        pair.setting(record::SETTING_SCALE, 10_000, 0);
        for instrument in [0, 54, 55, 1_984, 1_985, BEYOND] {
            pair.commit(instrument, 1 << 20, [100, 300], [10_000; 2], 0, 0);
            pair.price(&input::MARK, instrument, 1_000 + i128::from(instrument), 0);
            for size in [500, -3, 0] {
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument.into())
                    .with(&record::ACCOUNT, i128::from(instrument % 2) * 2)
                    .with(&record::SIZE, size);
                pair.send(position.with(&record::CASH_DELTA, 100_000));
                pair.price(&input::MARK, instrument, 900 + i128::from(instrument) + size, 0);
                pair.compare_all();
            }
        }
        let census = pair.fast.census();
        assert_eq!((census.wide, census.blocks), (2, 0), "{census:?}");
    }
}

/// Sizes and marks double until no 64 bits would do, and halve again: accounts become wide, and packed again when they are touched.
#[test]
fn whales_cross_the_bound_both_ways() {
    let mut pair = Pair::new(Simd::best());
    pair.setting(record::SETTING_SCALE, 1_000_000, 0);
    for instrument in 0..2 {
        pair.commit(instrument, 1 << 30, [10_000, 30_000], [1_000_000; 2], 0, 0);
        pair.price(&input::MARK, instrument, 1_000, 0);
    }
    let (mut marks, mut wide) = ([1_000i128; 2], Vec::new());
    for turn in 0..400u32 {
        let instrument = (turn % 2) as usize;
        let climbs = (turn / 100).is_multiple_of(2);
        if turn % 5 == 0 {
            let mark = &mut marks[instrument];
            *mark = if climbs { (*mark * 2).min((1 << 24) - 1) } else { (*mark / 2).max(1) };
            let mark = *mark;
            pair.price(&input::MARK, instrument as u16, mark, 0);
        }
        for account in 0..6u32 {
            let bits = if climbs { turn % 100 * 35 / 100 } else { 34 - turn % 100 * 35 / 100 };
            let size = ((1i128 << bits) + i128::from(account) * 7) * if account % 2 == 0 { 1 } else { -1 };
            let position = Record::new(&input::POSITION, 0)
                .with(&record::INSTRUMENT, instrument as i128)
                .with(&record::ACCOUNT, account.into())
                .with(&record::SLOT, (account / 2).into())
                .with(&record::SIZE, size)
                .with(&record::CASH_DELTA, (size.abs() * marks[instrument]) % 1_000_003 - 400_000);
            pair.send(position);
        }
        wide.push(pair.fast.census().wide);
    }
    pair.compare_all();
    assert_eq!((wide[0], wide[99], wide[199], wide[299], wide[399]), (0, 6, 0, 6, 0), "{wide:?}");
}

/// Accounts in four instruments whose marks jump and creep in turn: zones are left by one mark, and another moves then.
#[test]
fn jumps_between_calm_marks() {
    let mut flags = 0;
    for (seed, simd) in Simd::here().into_iter().cycle().take(6).enumerate() {
        let mut draw = Draw(77 + seed as u64);
        let mut pair = Pair::new(simd);
        pair.setting(record::SETTING_SCALE, 10_000, 0);
        pair.setting(1, 300, 0);
        pair.setting(3, 171, 0);
        let mut marks = [100_000i128; 4];
        for instrument in 0..4 {
            pair.commit(instrument, 2_000_000, [100, 300], [10_000; 2], 0, 0);
            pair.price(&input::MARK, instrument, 100_000, 0);
        }
        for account in 0..(CAPACITY.lanes * CAPACITY.accounts_per_lane) as u32 {
            let mut margin = 0;
            for instrument in 0..4 {
                let size = draw.signed(7) + 1;
                margin += size.abs() * 100_000 / (2 + i128::from(draw.below(30)));
                let position = Record::new(&input::POSITION, 0)
                    .with(&record::INSTRUMENT, instrument)
                    .with(&record::ACCOUNT, account.into())
                    .with(&record::SLOT, (account / CAPACITY.lanes as u32).into())
                    .with(&record::SIZE, if size == 0 { 1 } else { size })
                    .with(&record::CASH_DELTA, -size * 100_000);
                pair.send(position.flagged(FLAG_HOLD));
            }
            let cash = Record::new(&input::CASH, 0).with(&record::ACCOUNT, account.into());
            pair.send(cash.with(&record::DELTA, margin));
        }
        for _ in 0..20_000 {
            let instrument = draw.below(4) as usize;
            let parts = [1, 10, 300, 1_000, 2_500][draw.below(5) as usize];
            let step = marks[instrument] * parts / 10_000;
            let rises = marks[instrument] < 60_000 || draw.once_in(2) && marks[instrument] < 160_000;
            marks[instrument] += if rises { step } else { -step };
            pair.price(&input::MARK, instrument as u16, marks[instrument], 0);
        }
        pair.compare_all();
        flags += pair.moves.iter().flatten().sum::<u64>();
    }
    assert!(flags > 100_000, "{flags}");
}

/// Enough holders that a mark's sweep is shared out.
#[test]
fn workers_change_nothing() {
    const ACCOUNTS: u32 = 240_000;
    let capacity = Capacity {
        lanes: 3,
        accounts_per_lane: ACCOUNTS as usize / 3,
        slots_per_lane: ACCOUNTS as usize,
        instruments: 1,
    };
    let mut model = Model::new(capacity);
    let mut fast = fast::Machine::new(capacity).with_workers(2);
    let (mut sequence, mut expected, mut found) = (0u32, Vec::new(), Vec::new());
    let mut send = |record: Record| {
        let record = record.with(&record::SEQUENCE, sequence.into());
        sequence += 1;
        expected.clear();
        found.clear();
        model.execute(&record, &mut expected);
        fast.execute(&record, &mut found);
        assert_eq!(expected, found);
        found.len()
    };
    send(Record::new(&input::RESYNC, 0));
    send(Record::new(&input::SETTING, 0).with(&record::VALUE, 10_000));
    send(Record::new(&input::TIER, 0).with(&record::RATE, 100));
    let header = Record::new(&input::INSTRUMENT, 0)
        .with(&record::WEIGHT_LONG, 10_000)
        .with(&record::WEIGHT_SHORT, 10_000)
        .with(&record::CAPACITY, ACCOUNTS.into())
        .with(&record::PRICE_BITS, 24)
        .with(&record::SIZE_BITS, 30)
        .with(&record::TIER_COUNT, 1);
    send(header.flagged(FLAG_COMMIT));
    send(Record::new(&input::MARK, 0).with(&record::PRICE, 100_000));
    for account in 0..ACCOUNTS {
        let size = i128::from(account % 7) * 10 - 31;
        let margin = size.abs() * 100_000 * (5 + i128::from(account % 90)) / 1_000;
        let position = Record::new(&input::POSITION, 0)
            .with(&record::ACCOUNT, account.into())
            .with(&record::SLOT, (account / 3).into())
            .with(&record::SIZE, size)
            .with(&record::CASH_DELTA, margin - size * 100_000);
        send(position);
    }
    let answers: usize = [102_000, 95_000, 112_000, 100_100, 60_000]
        .map(|price| send(Record::new(&input::MARK, 0).with(&record::PRICE, price)))
        .into_iter()
        .sum();
    assert!(answers > 200_000, "{answers}");
}
