//! Stand-in until the branch with the real one is merged.

use ethnum::U256;

pub struct Claim {
    pub weight: u128,
    pub cap: u128,
}

pub fn capped_pro_rata(amount: u128, claims: &[Claim]) -> Vec<u128> {
    let mut shares = vec![0u128; claims.len()];
    let mut left = amount;
    let mut open: Vec<usize> =
        (0..claims.len()).filter(|&i| claims[i].weight > 0 && claims[i].cap > 0).collect();
    loop {
        let total: U256 = open.iter().map(|&i| U256::from(claims[i].weight)).sum();
        if open.is_empty() || left == 0 {
            return shares;
        }
        let share = |i: usize| U256::from(left) * U256::from(claims[i].weight) / total;
        let full: Vec<usize> =
            open.iter().copied().filter(|&i| share(i) >= U256::from(claims[i].cap)).collect();
        if full.is_empty() {
            let mut rest: Vec<(std::cmp::Reverse<U256>, usize)> = open
                .iter()
                .map(|&i| (std::cmp::Reverse(U256::from(left) * U256::from(claims[i].weight) % total), i))
                .collect();
            let mut given = 0;
            for &i in &open {
                shares[i] = share(i).as_u128();
                given += shares[i];
            }
            rest.sort();
            for (_, i) in rest.into_iter().take((left - given) as usize) {
                shares[i] += 1;
            }
            return shares;
        }
        for i in full {
            shares[i] = claims[i].cap;
            left -= claims[i].cap;
            open.retain(|&o| o != i);
        }
    }
}
