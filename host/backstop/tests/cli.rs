//! The command line as a user meets it: exit codes, remedies, and output that a script can read.

use std::process::{Command, Output};

fn backstop(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstop")).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_request_that_cannot_be_carried_out_exits_with_2_and_names_the_remedy() {
    for (args, words) in [
        (vec!["replay", "--frobnicate"], "unexpected argument"),
        (vec!["replay", "--tape", "/nowhere/tape.csv"], "check the path"),
        (vec!["replay", "--audit", "sampled:0"], "sampled:N"),
        (vec!["replay", "--device", "abacus"], "possible values"),
        (vec!["replay", "--accounts", "0"], "0 is not in"),
        (vec!["verify", "/nowhere/journal"], "check the path"),
        (vec!["conform", "/nowhere"], "check the path"),
        (vec![], "Usage"),
    ] {
        let output = backstop(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_run_is_replayed_verified_exported_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let (out, journal) = (out.to_str().unwrap(), out.join("journal"));
    let journal = journal.to_str().unwrap();
    let run =
        backstop(&["replay", "--accounts", "60", "--seed", "3", "--device", "cpu", "--out", out, "--json"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).expect("one JSON object");
    for key in [
        "marks",
        "marks_held",
        "marks_dropped",
        "verdicts_due",
        "verdicts_given",
        "audited",
        "flags",
        "liquidations_partial",
        "liquidations_full",
        "takeovers",
        "insurance_start",
        "insurance_in",
        "insurance_out",
        "insurance_end",
        "bad_debt",
        "disagreements",
        "episodes",
        "refused_rows",
        "device_clocks",
    ] {
        assert!(summary[key].is_i64(), "{key}: {}", summary[key]);
    }
    assert_eq!(summary["ledger_balanced"], true);

    let verified = backstop(&["verify", journal, "--json"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    let verified: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!(verified["state_hash"], summary["state_hash"]);

    let export = backstop(&["export", journal]);
    let lines: Vec<serde_json::Value> = String::from_utf8(export.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is one object"))
        .collect();
    let flags: usize = lines.iter().filter_map(|line| line["flags"].as_array()).map(Vec::len).sum();
    assert_eq!(flags as i64, summary["flags"].as_i64().unwrap());
    let flagged = lines
        .iter()
        .find_map(|line| line["flags"].as_array()?.first().cloned())
        .expect("somebody is flagged");
    let account = flagged["account"].to_string();
    let sequence = flagged["sequence"].to_string();

    let page = backstop(&["explain", journal, &account, &sequence]);
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.status.success() && text.contains(&format!("Account {account} after event {sequence}")),
        "{text}"
    );
    for word in ["Inputs", "tier", "Verdict", "256*E/R", "flagged"] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    let stranger = backstop(&["explain", journal, "1"]);
    assert_eq!(stranger.status.code(), Some(1));
    assert!(stderr(&stranger).contains("does not occur"), "{}", stderr(&stranger));
}

#[test]
fn bad_rows_are_refused_by_line_and_the_run_goes_on_unless_strict() {
    let dir = tempfile::tempdir().unwrap();
    let tape = dir.path().join("tape.csv");
    let mut rows = String::from("ts_ms,open,high,low,close\n");
    for minute in 0..30 {
        let ts = 1_640_991_660_000i64 + 60_000 * minute;
        let row = match minute {
            5 => format!("{ts},NaN,1,1,1"),
            6 => format!("{ts},1e30,1e30,1e30,1e30"),
            7 => format!("{ts},-5,100,90,95"),
            8 => format!("{ts},0,0,0,0"),
            9 => format!("{ts},100,101"),
            10 => format!("{},100,101,99,100", ts - 60_000 * 6),
            _ => format!("{ts},100,101,99,100"),
        };
        rows += &(row + "\n");
    }
    std::fs::write(&tape, rows).unwrap();
    let tape = tape.to_str().unwrap();
    let run = backstop(&["replay", "--tape", tape, "--accounts", "50", "--device", "cpu", "--json"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(
        (summary["refused_rows"].as_i64(), summary["marks"].as_i64()),
        (Some(6), Some(96)),
        "{}",
        stderr(&run)
    );
    for line in [7, 8, 9, 10, 11, 12] {
        assert!(
            stderr(&run).contains(&format!("{tape}:{line}"))
                || stderr(&run).contains(&format!("line {line}")),
            "{}",
            stderr(&run)
        );
    }
    let strict = backstop(&["replay", "--tape", tape, "--accounts", "50", "--device", "cpu", "--strict"]);
    assert_eq!(strict.status.code(), Some(1), "{}", stderr(&strict));
    assert!(stderr(&strict).contains('7'), "{}", stderr(&strict));
}
