//! A rate that grows in a line with the size of a position.

use model::units::Scale;

/// `base + slope * size`, over the scale, at most the scale. `slope` is per unit of size.
/// Source: Deribit's maintenance margin, a rate plus a factor of the position's size in coins.
pub fn linear_rate(base: u32, slope: u32, size: u64, scale: Scale) -> u32 {
    let rate = u128::from(base) + u128::from(slope) * u128::from(size);
    rate.min(scale.get().into()) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_grows_with_size_up_to_the_scale() {
        let scale = Scale::new(1_000).unwrap();
        for (size, rate) in [(0, 10), (1, 13), (329, 997), (330, 1_000), (331, 1_000), (u64::MAX, 1_000)] {
            assert_eq!(linear_rate(10, 3, size, scale), rate, "{size}");
        }
    }
}
