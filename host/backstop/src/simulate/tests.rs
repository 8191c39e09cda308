use super::*;

#[test]
fn seeds_come_right() {
    let number = |name, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let from = number("SEEDS_FROM", 0);
    let mut failed = Vec::new();
    let mut struck = [0; KINDS.len()];
    for seed in from..from + number("SEEDS", 20) {
        let scenario = Scenario { seed, faults: None, messages: None };
        match std::panic::catch_unwind(|| play(&scenario)) {
            Ok(Ok(outcome)) => struck.iter_mut().zip(outcome.struck).for_each(|(sum, times)| *sum += times),
            Ok(Err(failure)) => failed.push(format!("seed {seed}: {failure:?}")),
            Err(_) => failed.push(format!("seed {seed}: panicked")),
        }
    }
    println!("{struck:?}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
