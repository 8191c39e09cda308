//! Amounts by the price below which they count, kept sorted: what counts at a price costs one search, whoever holds it.

/// Entries that wait unsorted at the least; a sixteenth of the sorted ones may.
const FRESH_MIN: usize = 1_024;

/// Amounts of `N` kinds, each with a key: it counts at every price below that. Taking back is adding the opposite.
#[derive(Clone, Debug)]
pub(super) struct Ladder<const N: usize> {
    /// Ascending, each once.
    keys: Vec<u64>,
    /// By key: what it and the keys above it sum to.
    sums: Vec<[i128; N]>,
    fresh: Vec<(u64, [i128; N])>,
}

impl<const N: usize> Default for Ladder<N> {
    fn default() -> Self {
        Self { keys: Vec::new(), sums: Vec::new(), fresh: Vec::new() }
    }
}

impl<const N: usize> Ladder<N> {
    /// A key of [`u64::MAX`] counts at every price.
    pub fn add(&mut self, key: u64, amounts: [i128; N]) {
        self.fresh.push((key, amounts));
    }

    /// Sorts in what is fresh once it is many. Called once a round: amortised it costs a few moves an entry.
    pub fn sort(&mut self) {
        if self.fresh.len() <= FRESH_MIN + self.keys.len() / 16 {
            return;
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable_by_key(|entry| entry.0);
        let (mut keys, mut sums) = (Vec::new(), Vec::new());
        let mut sum = [0; N];
        // From the highest key down.
        let mut old = (0..self.keys.len()).rev().peekable();
        let mut new = fresh.iter().rev().peekable();
        while let Some(key) = old.peek().map(|&at| self.keys[at]).max(new.peek().map(|entry| entry.0)) {
            let before = sum;
            if let Some(at) = old.next_if(|&at| self.keys[at] == key) {
                let above = self.sums.get(at + 1).copied().unwrap_or([0; N]);
                sum = std::array::from_fn(|kind| sum[kind] + self.sums[at][kind] - above[kind]);
            }
            while let Some((_, amounts)) = new.next_if(|entry| entry.0 == key) {
                sum = std::array::from_fn(|kind| sum[kind] + amounts[kind]);
            }
            if sum != before {
                keys.push(key);
                sums.push(sum);
            }
        }
        keys.reverse();
        sums.reverse();
        (self.keys, self.sums) = (keys, sums);
    }

    /// What counts at each of the prices, which ascend.
    pub fn at(&self, prices: &[u64]) -> Vec<[i128; N]> {
        let sorted = |&price: &u64| {
            let place = self.keys.partition_point(|&key| key <= price);
            self.sums.get(place).copied().unwrap_or([0; N])
        };
        let mut counted: Vec<[i128; N]> = prices.iter().map(sorted).collect();
        // By how many of the prices lie below a fresh key.
        let mut fresh = vec![[0; N]; prices.len() + 1];
        for (key, amounts) in &self.fresh {
            let below = prices.partition_point(|price| price < key);
            fresh[below] = std::array::from_fn(|kind| fresh[below][kind] + amounts[kind]);
        }
        let mut sum = [0; N];
        for (counted, fresh) in counted.iter_mut().zip(&fresh[1..]).rev() {
            sum = std::array::from_fn(|kind| sum[kind] + fresh[kind]);
            *counted = std::array::from_fn(|kind| counted[kind] + sum[kind]);
        }
        counted
    }

    pub fn bytes(&self) -> usize {
        self.keys.capacity() * size_of::<u64>()
            + self.sums.capacity() * size_of::<[i128; N]>()
            + self.fresh.capacity() * size_of::<(u64, [i128; N])>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_amount_counts_below_its_key_until_it_is_taken_back() {
        let mut ladder = Ladder::default();
        for (key, amount) in [(10, 1), (20, 2), (u64::MAX, 4), (10, 8)] {
            ladder.add(key, [amount]);
        }
        let at = |ladder: &Ladder<1>| ladder.at(&[0, 9, 10, 19, 20, u64::MAX - 1]);
        assert_eq!(at(&ladder), [[15], [15], [6], [6], [4], [4]]);
        ladder.add(20, [-2]);
        assert_eq!(at(&ladder), [[13], [13], [4], [4], [4], [4]]);
    }

    proptest! {
        #[test]
        fn sorted_or_fresh_it_counts_the_same(
            adds in prop::collection::vec((0u64..50, -3i128..4), 0..3_000),
            sort_at in prop::collection::vec(0usize..3_000, 0..4),
        ) {
            let mut ladder = Ladder::default();
            for (at, &(key, amount)) in adds.iter().enumerate() {
                ladder.add(key, [amount, 1]);
                if sort_at.contains(&at) {
                    ladder.sort();
                }
            }
            ladder.sort();
            let prices: Vec<u64> = (0..52).collect();
            let expected = prices.iter().map(|&price| {
                let above = adds.iter().filter(|add| add.0 > price);
                above.fold([0, 0], |sum, add| [sum[0] + add.1, sum[1] + 1])
            });
            prop_assert_eq!(ladder.at(&prices), expected.collect::<Vec<_>>());
        }
    }
}
