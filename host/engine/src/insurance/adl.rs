pub struct Claim {
    pub weight: u128,
    pub cap: u128,
}
pub fn capped_pro_rata(_amount: u128, claims: &[Claim]) -> Vec<u128> {
    vec![0; claims.len()]
}
