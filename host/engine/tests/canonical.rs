//! The state as bytes: what is no state is refused.

#[allow(dead_code, reason = "it needs a part of the world only")]
mod common;

use common::{BTC, FAIR, World};
use engine::Engine;
use engine::canonical::StateError;
use proptest::prelude::*;

/// A state with an order at the venue, a fund and positions on both sides.
fn state() -> Vec<u8> {
    let mut world = World::new(1_000_000, FAIR);
    world.open(1, BTC, 1_000, 10_000_000);
    world.open(2, BTC, -1_000, 900_000_000);
    world.time_ms += 1_000;
    let (_, commands) = world.apply(vec![engine::event::Event::Mark { instrument: BTC, price: 994_000 }]);
    assert!(commands.iter().any(|command| command.venue_order().is_some()), "{commands:?}");
    let mut bytes = Vec::new();
    world.engine.write_state(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_cut_or_longer_state_is_refused() {
    let bytes = state();
    for length in 0..bytes.len() {
        assert!(Engine::read_state(&mut &bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(Engine::read_state(&mut &longer[..]), Err(StateError::Inconsistent(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    /// A changed byte never panics, and never gives a state that writes other bytes than those it came from.
    #[test]
    fn a_changed_state_is_refused_or_another_state(at in any::<prop::sample::Index>(), change in 1u8..) {
        let mut bytes = state();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        if let Ok(engine) = Engine::read_state(&mut &bytes[..]) {
            let mut again = Vec::new();
            engine.write_state(&mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }
}
