use engine::Engine;
use engine::apply::Applied;
use engine::event::{Command, Event, Flag, Round};
use engine::ledger::{Amount, Owner, Transfer};

use super::auditor::{Auditor, Seen};
use super::*;
use crate::recovery::{Followed, follow_watched};

#[test]
fn seeds_come_right_and_every_kind_of_fault_strikes() {
    let report = run(10_000, 60, |_| {});
    assert!(report.failure.is_none(), "{report}");
    assert_eq!(report.seeds, 60);
    assert!(report.struck.values().all(|&times| times > 0), "{report}");
    assert!(report.events_min >= 2_000 && report.accounts_min >= 64 && report.faults_min >= 3, "{report}");
    assert!(report.restarts_from_snapshots > 0 && report.device_losses > 0, "{report}");
    for (what, times) in { report.checks }.counts() {
        assert!(*times > 0, "{what}: none");
    }
}

#[test]
fn a_seed_is_the_same_world_every_time_and_a_part_of_it_can_be_played() {
    let whole = play(&Scenario::of(7)).unwrap();
    assert_eq!(play(&Scenario::of(7)).unwrap(), whole);
    assert_ne!(play(&Scenario::of(8)).unwrap().hash, whole.hash);
    let part = Scenario { seed: 7, faults: Some(Vec::new()), messages: Some(500) };
    let part = play(&part).unwrap();
    assert_eq!((part.faults, part.messages, part.restarts), (0, 500, 0));
}

/// A round, open to be tampered with.
struct Told {
    round: Round,
    applied: Applied,
    flags: Vec<Flag>,
    commands: Vec<Command>,
}

/// What the auditor says of a seed's journal when the first round that `tamper` takes an interest in is told otherwise than it was.
fn audited(tamper: impl Fn(&mut Told, &Engine) -> bool) -> String {
    let (rules, entries) = world::journal_of(11);
    let mut auditor = Auditor::new(rules);
    let mut is_done = false;
    let followed = follow_watched(None, entries.into_iter().map(Ok), None, &mut |followed| {
        let Followed { engine, round, applied, verdicts, commands } = followed;
        let Applied { updates: _, ref dues, ref transfers, ref actions, ref refused, ref touched } = *applied;
        let (dues, transfers) = (dues.clone(), transfers.clone());
        let (actions, refused, touched) = (actions.clone(), refused.clone(), touched.clone());
        let applied = Applied { updates: Vec::new(), dues, transfers, actions, refused, touched };
        let (flags, commands) = (verdicts.to_vec(), commands.to_vec());
        let mut told = Told { round: round.clone(), applied, flags, commands };
        if !is_done {
            is_done = tamper(&mut told, engine);
        }
        let Told { round, applied, flags, commands } = &told;
        auditor
            .round(engine, &Seen { round, applied, flags, commands, given: None })
            .map_err(anyhow::Error::msg)
    });
    match followed {
        Ok(_) => format!("nothing ({is_done})"),
        Err(error) => format!("{error:#}"),
    }
}

#[track_caller]
fn finds(words: &str, tamper: impl Fn(&mut Told, &Engine) -> bool) {
    let said = audited(tamper);
    assert!(said.contains(words), "{said}");
}

#[test]
fn the_auditor_finds_what_is_wrong() {
    assert_eq!(audited(|_, _| false), "nothing (false)");
    // Money that moved and is in nobody's books, and the other way round.
    finds("in the ledger", |told, _| told.applied.transfers.pop().is_some());
    finds("in the ledger", |told, _| {
        let Some(&first) = told.applied.transfers.first() else { return false };
        told.applied
            .transfers
            .push((told.round.first_sequence + told.round.events.len() as u64 - 1, first.1));
        true
    });
    finds("quanta below zero", |told, _| {
        let amount = Amount::Quote(i128::from(u64::MAX));
        let from_fund = Transfer { from: Owner::Insurance, to: Owner::Outside, amount };
        let Some(first) = told.applied.transfers.first_mut() else { return false };
        first.1 = from_fund;
        true
    });
    finds("leaves an estate", |told, _| {
        let Some(first) = told.applied.transfers.first_mut() else { return false };
        first.1.to = Owner::Estate;
        true
    });
    finds("without an event", |told, _| {
        let Some(first) = told.applied.transfers.first_mut() else { return false };
        first.0 += 10_000;
        true
    });
    // Verdicts.
    finds("verdicts due, of", |told, _| {
        told.applied.dues.last_mut().filter(|due| due.holders > 0).map(|due| due.holders -= 1).is_some()
    });
    finds("nobody was judged", |told, _| {
        told.round.events.iter().any(|event| matches!(event, Event::Mark { .. }))
            && told.applied.dues.iter().any(|due| due.holders > 0)
            && told.applied.dues.drain(..).count() > 0
    });
    finds("the last flag said", |told, _| told.flags.pop().is_some());
    // Orders.
    let place = |told: &mut Told, change: fn(&mut i64)| {
        told.commands.iter_mut().any(|command| match command {
            Command::PlaceOrder { lots, .. } => {
                change(lots);
                true
            }
            _ => false,
        })
    };
    finds("of a position of", |told, _| place(told, |lots| *lots = -*lots));
    finds("of a position of", |told, _| place(told, |lots| *lots *= 1_000_000));
    finds("has order", |told, _| {
        let placed = told.commands.iter().find(|command| matches!(command, Command::PlaceOrder { .. }));
        let Some(again) = placed.cloned() else { return false };
        told.commands.push(again);
        true
    });
    finds("is not out and its report was taken", |told, _| {
        let placed = told.commands.len();
        told.commands.retain(|command| !matches!(command, Command::PlaceOrder { .. }));
        told.commands.len() < placed
    });
    finds("were posted", |told, _| {
        told.round.events.iter_mut().any(|event| match event {
            Event::Filled { lots, quote, .. } if *lots < 0 => {
                *quote += 1;
                true
            }
            _ => false,
        })
    });
}
