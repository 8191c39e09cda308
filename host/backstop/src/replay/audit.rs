//! Which of a round's accounts are read back from the device and compared with the ledger.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// How closely the device is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Audit {
    /// Every account that a record of the round touched.
    Full,
    /// So many of them a round, drawn by the seed.
    Sampled {
        accounts: usize,
        seed: u64,
    },
    Off,
}

impl Audit {
    /// The indices to compare, out of those touched: all, some or none, each at most once.
    pub fn draw<'a>(&self, touched: &'a [usize], round: u64) -> Cow<'a, [usize]> {
        match *self {
            Self::Full => Cow::Borrowed(touched),
            Self::Off => Cow::Borrowed(&[]),
            Self::Sampled { accounts, .. } if touched.len() <= accounts => Cow::Borrowed(touched),
            Self::Sampled { accounts, seed } => {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(round);
                let mut left = touched.to_vec();
                for at in 0..accounts {
                    let range = (left.len() - at) as u128;
                    left.swap(at, at + ((u128::from(random.next_u64()) * range) >> 64) as usize);
                }
                left.truncate(accounts);
                Cow::Owned(left)
            }
        }
    }

    /// The same audit with draws by `seed`.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        match self {
            Self::Sampled { accounts, .. } => Self::Sampled { accounts, seed },
            other => other,
        }
    }
}

impl Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Sampled { accounts, .. } => write!(f, "sampled:{accounts}"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl FromStr for Audit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "off" => Ok(Self::Off),
            _ => text
                .strip_prefix("sampled:")
                .and_then(|count| count.parse().ok())
                .filter(|&accounts| accounts > 0)
                .map(|accounts| Self::Sampled { accounts, seed: 0 })
                .ok_or_else(|| format!("`{text}` is none of full, off, sampled:N with N above 0")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_drawn_from_the_touched_and_differs_by_round() {
        let touched: Vec<usize> = (100..1_100).collect();
        let audit: Audit = "sampled:50".parse().unwrap();
        let first = audit.draw(&touched, 1);
        assert_eq!(first.len(), 50);
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(distinct.len() == 50 && distinct.iter().all(|index| touched.contains(index)));
        assert_ne!(first, audit.draw(&touched, 2));
        assert_ne!(first, audit.seeded(9).draw(&touched, 1));
        assert_eq!(audit.draw(&touched[..7], 1), &touched[..7]);
        assert!("off".parse::<Audit>().unwrap().draw(&touched, 1).is_empty());
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "Full", "sampled", "sampled:", "sampled:0", "sampled:-1", "sampled:x"] {
            assert!(text.parse::<Audit>().is_err(), "{text}");
        }
    }
}
