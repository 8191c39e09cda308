//! Curves and counts over event time that stay small however long the tape is. For pictures only, hence floats.

/// A value at a time, UTC milliseconds.
pub type Point = (i64, f64);

/// A curve of at most so many points. When it is full it halves itself: two buckets of time become one, which keeps its first, lowest, highest and
/// last point, so that no spike is ever lost.
#[derive(Clone, Debug)]
pub struct Series {
    buckets: Vec<Bucket>,
    buckets_max: usize,
    width_ms: i64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    first: Point,
    low: Point,
    high: Point,
    last: Point,
}

impl Bucket {
    fn of(point: Point) -> Self {
        Self { first: point, low: point, high: point, last: point }
    }

    fn join(&mut self, later: &Self) {
        if later.low.1 < self.low.1 {
            self.low = later.low;
        }
        if later.high.1 > self.high.1 {
            self.high = later.high;
        }
        self.last = later.last;
    }
}

impl Series {
    /// Panics below 8 points.
    pub fn new(points_max: usize) -> Self {
        assert!(points_max >= 8, "two buckets of four points");
        Self { buckets: Vec::new(), buckets_max: points_max / 4, width_ms: 1 }
    }

    /// A time before the last one counts as the last one; a value that is not a number is left out.
    pub fn push(&mut self, time_ms: i64, value: f64) {
        let time_ms = self.last().map_or(time_ms, |last| time_ms.max(last.0));
        if !value.is_finite() {
            return;
        }
        let bucket = Bucket::of((time_ms, value));
        self.put(bucket);
        while self.buckets.len() > self.buckets_max {
            self.width_ms *= 2;
            let full = std::mem::take(&mut self.buckets);
            full.into_iter().for_each(|bucket| self.put(bucket));
        }
    }

    fn put(&mut self, bucket: Bucket) {
        let at = bucket.first.0.div_euclid(self.width_ms);
        match self.buckets.last_mut() {
            Some(last) if last.first.0.div_euclid(self.width_ms) == at => last.join(&bucket),
            _ => self.buckets.push(bucket),
        }
    }

    /// In order of time.
    pub fn points(&self) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::with_capacity(4 * self.buckets.len());
        for bucket in &self.buckets {
            let (early, late) = if bucket.low.0 <= bucket.high.0 {
                (bucket.low, bucket.high)
            } else {
                (bucket.high, bucket.low)
            };
            for point in [bucket.first, early, late, bucket.last] {
                if points.last() != Some(&point) {
                    points.push(point);
                }
            }
        }
        points
    }

    pub fn first(&self) -> Option<Point> {
        self.buckets.first().map(|bucket| bucket.first)
    }

    pub fn last(&self) -> Option<Point> {
        self.buckets.last().map(|bucket| bucket.last)
    }

    /// Lowest and highest value.
    pub fn range(&self) -> Option<(f64, f64)> {
        let range =
            |(low, high): (f64, f64), bucket: &Bucket| (low.min(bucket.low.1), high.max(bucket.high.1));
        let first = self.buckets.first()?;
        Some(self.buckets.iter().fold((first.low.1, first.high.1), range))
    }
}

/// Bucket widths that people read off an axis; each divides the next. Then they double.
const WIDTHS_MS: [i64; 12] = [
    15_000,
    30_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
];

/// The next wider bucket.
pub fn wider_ms(width_ms: i64) -> i64 {
    WIDTHS_MS.into_iter().find(|&width| width > width_ms).unwrap_or(2 * width_ms)
}

/// How often something happened per bucket of time, in at most so many buckets.
#[derive(Clone, Debug)]
pub struct Counts {
    start_ms: Option<i64>,
    counts: Vec<u64>,
    buckets_max: usize,
    width_ms: i64,
}

impl Counts {
    pub fn new(buckets_max: usize) -> Self {
        assert!(buckets_max > 0, "somewhere to count");
        Self { start_ms: None, counts: Vec::new(), buckets_max, width_ms: WIDTHS_MS[0] }
    }

    /// Starts the first bucket, unless it has started.
    pub fn start(&mut self, time_ms: i64) {
        self.start_ms.get_or_insert(time_ms);
    }

    /// One more at that time, which is not before the start.
    pub fn add(&mut self, time_ms: i64) {
        let start_ms = *self.start_ms.get_or_insert(time_ms);
        let after_ms = (time_ms - start_ms).max(0);
        while after_ms / self.width_ms >= self.buckets_max as i64 {
            let width_ms = wider_ms(self.width_ms);
            (self.counts, self.width_ms) = (self.widened(width_ms), width_ms);
        }
        let at = (after_ms / self.width_ms) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    pub fn width_ms(&self) -> i64 {
        self.width_ms
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The counts in wider buckets from the same start; the width is one that [`wider_ms`] leads to.
    pub fn widened(&self, width_ms: i64) -> Vec<u64> {
        let ratio = (width_ms / self.width_ms).max(1) as usize;
        self.counts.chunks(ratio).map(|chunk| chunk.iter().sum()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_divide_one_another() {
        let mut width = WIDTHS_MS[0];
        for _ in 0..20 {
            let next = wider_ms(width);
            assert_eq!(next % width, 0);
            width = next;
        }
    }

    #[test]
    fn one_print_in_a_million_is_kept() {
        let mut series = Series::new(64);
        for minute in 0..1_000_000_i64 {
            series.push(minute * 60_000, if minute == 777_777 { 1.06 } else { 106.0 });
        }
        assert!(series.points().len() <= 64 && series.buckets.len() >= 8, "{}", series.buckets.len());
        assert!(series.points().contains(&(777_777 * 60_000, 1.06)));
    }

    #[test]
    fn a_late_value_does_not_turn_the_curve_back() {
        let mut series = Series::new(64);
        for (time_ms, value) in [(10, 1.0), (20, 2.0), (15, 3.0), (25, f64::NAN)] {
            series.push(time_ms, value);
        }
        assert_eq!(series.points(), [(10, 1.0), (20, 2.0), (20, 3.0)]);
    }

    proptest! {
        #[test]
        fn a_series_keeps_its_ends_and_extremes(
            steps in proptest::collection::vec((0_i64..100_000, -1e9..1e9), 1..500),
            points_max in 8_usize..80,
        ) {
            let mut series = Series::new(points_max);
            let (mut time_ms, mut all) = (-5_000, Vec::new());
            for (step, value) in steps {
                time_ms += step;
                series.push(time_ms, value);
                all.push((time_ms, value));
            }
            let points = series.points();
            prop_assert!(points.len() <= points_max);
            prop_assert!(points.iter().all(|point| all.contains(point)));
            prop_assert!(points.is_sorted_by_key(|point| point.0));
            prop_assert_eq!((points[0], points[points.len() - 1]), (all[0], all[all.len() - 1]));
            let low = all.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
            let high = all.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(series.range(), Some((low, high)));
        }

        #[test]
        fn counts_lose_nothing(
            times in proptest::collection::vec(0_i64..10_000_000_000, 1..300),
            buckets_max in 1_usize..60,
        ) {
            let mut counts = Counts::new(buckets_max);
            counts.start(0);
            times.iter().for_each(|&time_ms| counts.add(time_ms));
            prop_assert_eq!(counts.total(), times.len() as u64);
            prop_assert!(counts.counts.len() <= buckets_max);
            let width = wider_ms(wider_ms(counts.width_ms()));
            for (at, count) in (0..).zip(counts.widened(width)) {
                let there = times.iter().filter(|&time_ms| time_ms / width == at).count();
                prop_assert_eq!(count, there as u64);
            }
        }
    }
}
