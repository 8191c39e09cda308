//! The command line as a user meets it: exit codes, remedies, and output that a script can read.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use backstop::journal::JournalReader;

fn backstop(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstop")).args(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_request_that_cannot_be_carried_out_exits_with_2_and_names_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, tape) = (dir.path().to_str().unwrap(), &tape_of(&dir, &["A"], 30, &[]));
    let used = dir.path().join("used");
    std::fs::create_dir(&used).unwrap();
    std::fs::write(used.join("journal"), "").unwrap();
    let used = used.to_str().unwrap();
    let fresh = dir.path().join("fresh");
    let out = fresh.to_str().unwrap();
    for (args, words) in [
        (vec!["replay", "--frobnicate"], "unexpected argument"),
        (vec!["replay", "--tape", "/nowhere/tape.csv"], "check the path"),
        (vec!["replay", "--audit", "sampled:0"], "sampled:N"),
        (vec!["replay", "--device", "abacus"], "a device is cpu, cpu-fast, sim"),
        (vec!["replay", "--accounts", "0"], "0 is not in 16..=16777216"),
        (vec!["replay", "--accounts", "1"], "1 is not in"),
        (vec!["replay", "--accounts", "15"], "15 is not in"),
        (vec!["replay", "--accounts", "4294967295"], "4294967295 is not in"),
        (vec!["replay", "--tape", folder, "--out", out], "not a regular file"),
        (vec!["replay", "--tape", tape, "--symbols", "", "--out", out], "a symbol is empty"),
        (vec!["replay", "--tape", tape, "--symbols", "A,", "--out", out], "a symbol is empty"),
        (vec!["replay", "--tape", tape, "--symbols", "B", "--out", out], "it holds A"),
        (vec!["replay", "--tape", tape, "--episode", "1", "--out", out], "has 1, counted from 0"),
        (vec!["replay", "--tape", tape, "--out", used], "holds a run already"),
        (vec!["replay", "--tape", tape, "--out", tape], "is not a directory"),
        (vec!["replay", "--device", "cpu", "--trace", "x.fst"], "needs --device sim"),
        (vec!["replay", "--drill", "5", "--audit", "off", "--out", out], "--drill needs --audit full"),
        (vec!["replay", "--drill", "5", "--audit", "sampled:9", "--out", out], "--drill needs --audit full"),
        (vec!["replay", "--lanes", "3"], "a device has 1, 2, 4 or 8 lanes"),
        (vec!["verify", "/nowhere/journal"], "check the path"),
        (vec!["conform", "/nowhere"], "check the path"),
        (vec![], "Usage"),
    ] {
        let output = backstop(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
        assert!(!fresh.exists(), "{args:?} left files behind");
    }
}

/// A tape of minutes around 100 for each symbol; at some of them, counted from 0, the first symbol has these prices instead.
fn tape_of(dir: &tempfile::TempDir, symbols: &[&str], minutes: i64, instead: &[(i64, &str)]) -> String {
    let mut rows = String::from("symbol,ts_ms,open,high,low,close\n");
    for minute in 0..minutes {
        for (at, symbol) in symbols.iter().enumerate() {
            let other = instead.iter().find(|row| at == 0 && row.0 == minute);
            let prices = other.map_or("100,101,99,100", |row| row.1);
            rows += &format!("{symbol},{},{prices}\n", 1_640_991_660_000i64 + 60_000 * minute);
        }
    }
    let path = dir.path().join("minutes.csv");
    std::fs::write(&path, rows).unwrap();
    path.to_str().unwrap().into()
}

#[test]
fn a_price_beyond_the_instrument_is_a_refused_row() {
    let dir = tempfile::tempdir().unwrap();
    let tape = tape_of(&dir, &["A"], 30, &[(7, "1e11,1e11,1e11,1e11"), (8, "100,101,1e-12,100")]);
    let out = dir.path().join("run");
    let out = out.to_str().unwrap();
    let args = ["replay", "--tape", &tape, "--accounts", "50", "--out", out, "--json"];
    let strict = backstop(&[&args[..], &["--strict"]].concat());
    assert_eq!(strict.status.code(), Some(1), "{}", stderr(&strict));
    assert!(stderr(&strict).contains("minutes.csv:9: price has no integer form"), "{}", stderr(&strict));
    // Nothing of the strict run stands in the way.
    let run = backstop(&args);
    assert!(run.status.success(), "{}", stderr(&run));
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((summary["refused_rows"].as_i64(), summary["marks"].as_i64()), (Some(2), Some(28 * 4)));
    for words in
        ["minutes.csv:9: price", "needs more than 32 bits", "minutes.csv:10: price", "rounds to zero"]
    {
        assert!(stderr(&run).contains(words), "{words}: {}", stderr(&run));
    }
}

#[test]
fn the_model_holds_as_many_instruments_as_the_tape_has() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|at| format!("S{at:02}")).collect();
    let tape = tape_of(&dir, &names.iter().map(String::as_str).collect::<Vec<_>>(), 10, &[]);
    let run = backstop(&["replay", "--tape", &tape, "--accounts", "50", "--device", "cpu", "--json"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((summary["marks"].as_i64(), summary["disagreements"].as_i64()), (Some(1_600), Some(0)));
    assert_eq!(summary["symbols"].as_object().unwrap().len(), 40);
}

/// What fails before the first round can be asked again with the same `--out`.
#[test]
fn a_run_that_never_began_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..70).map(|at| format!("S{at:02}")).collect();
    let tape = tape_of(&dir, &names.iter().map(String::as_str).collect::<Vec<_>>(), 3, &[]);
    let out = dir.path().join("run");
    let run = backstop(&["replay", "--tape", &tape, "--accounts", "16", "--out", out.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(1), "{}", stderr(&run));
    assert!(stderr(&run).contains("already holds 64 instruments"), "{}", stderr(&run));
    assert!(!out.exists());
}

/// Of the run's own words only the summary names lanes and patrol.
#[test]
fn no_number_of_lanes_and_no_patrol_changes_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    let run = |lanes: &str, patrol: &str| {
        let out = dir.path().join(format!("{lanes}-{patrol}"));
        let args = ["--accounts", "60", "--device", "cpu", "--lanes", lanes, "--patrol", patrol, "--json"];
        let run = backstop(&[&["replay", "--out", out.to_str().unwrap()], &args[..]].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(summary["lanes"], lanes.parse::<u64>().unwrap());
        assert_eq!(summary["patrolled"].as_u64() > Some(0), patrol != "0");
        let files = ["liquidations.csv", "plot.svg"].map(|name| std::fs::read(out.join(name)).unwrap());
        let hashes = ["state_hash", "journal_chain"].map(|key| summary[key].as_str().unwrap().to_owned());
        (hashes, summary["flags"].as_u64(), files)
    };
    let one = run("1", "10");
    assert!(one.1 > Some(0));
    for (lanes, patrol) in [("2", "10"), ("4", "10"), ("8", "10"), ("1", "0"), ("8", "1000")] {
        assert!(run(lanes, patrol) == one, "{lanes} lanes, patrol {patrol}");
    }
}

#[cfg(feature = "sim")]
#[test]
fn a_waveform_is_of_one_lane() {
    let run = backstop(&["replay", "--device", "sim", "--lanes", "2", "--trace", "x.fst"]);
    assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
    assert!(stderr(&run).contains("--trace needs --lanes 1"), "{}", stderr(&run));
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let dir = tempfile::tempdir().unwrap();
    let tape = tape_of(&dir, &["A"], 10, &[]);
    let out = dir.path().join("run");
    let journal = out.join("journal");
    let (out, journal) = (out.to_str().unwrap(), journal.to_str().unwrap());
    let cases = tempfile::tempdir().unwrap();
    std::fs::write(cases.path().join("cases.json"), r#"{"cases": []}"#).unwrap();
    let quiet = |args: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_backstop")).args(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""), "{args:?}");
    };
    quiet(&["replay", "--tape", &tape, "--accounts", "50", "--device", "cpu", "--json", "--out", out]);
    quiet(&["replay", "--tape", &tape, "--accounts", "50", "--device", "cpu"]);
    quiet(&["verify", journal, "--json"]);
    quiet(&["export", journal]);
    quiet(&["explain", journal, "1000000", "110"]);
    quiet(&["conform", cases.path().to_str().unwrap()]);
}

#[cfg(feature = "sim")]
#[test]
fn a_comparison_is_one_object_too() {
    let dir = tempfile::tempdir().unwrap();
    let tape = tape_of(&dir, &["A"], 10, &[]);
    let run = backstop(&["replay", "--tape", &tape, "--accounts", "16", "--compare", "--json"]);
    assert!(run.status.success(), "{}", stderr(&run));
    let summary: serde_json::Value = serde_json::from_slice(&run.stdout).expect("one JSON object");
    assert_eq!((summary["agreed"].as_bool(), summary["marks"].as_i64()), (Some(true), Some(40)));
    let names: Vec<String> = (0..17).map(|at| format!("S{at:02}")).collect();
    let tape = tape_of(&dir, &names.iter().map(String::as_str).collect::<Vec<_>>(), 10, &[]);
    for args in [["--tape", &tape], ["--accounts", "16777216"]] {
        let run = backstop(&[&["replay", "--device", "sim"], &args[..]].concat());
        assert_eq!(run.status.code(), Some(2), "{}", stderr(&run));
        assert!(stderr(&run).contains("the simulated gateware holds"), "{}", stderr(&run));
    }
}

/// The fast machine decides as the model does: the same state and the same chain over the journal.
#[test]
fn the_fast_device_writes_the_journal_of_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let run_on = |device: &str| {
        let out = dir.path().join(device);
        let args = ["--accounts", "400", "--seed", "5", "--audit", "full", "--device", device, "--json"];
        let run = backstop(&[&["replay", "--out", out.to_str().unwrap()], &args[..]].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        let summary: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(summary["disagreements"].as_i64(), Some(0));
        assert!(summary["flags"].as_i64() > Some(10), "{summary}");
        ["state_hash", "journal_chain"].map(|key| summary[key].as_str().unwrap().to_owned())
    };
    assert_eq!(run_on("cpu"), run_on("cpu-fast"));
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
        "patrolled",
        "reloads",
        "lanes",
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
        "losses",
        "reattachments",
        "reattachments_failed",
        "rounds_on_cpu",
        "faults_asked",
        "faults_struck",
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
        .rev()
        .filter_map(|line| line["flags"].as_array())
        .find_map(|flags| flags.iter().find(|flag| flag["severity_new"].as_u64() >= Some(2)).cloned())
        .expect("somebody is flagged");
    let account = flagged["account"].to_string();
    let sequence = flagged["sequence"].to_string();

    let page = backstop(&["explain", journal, &account, &sequence]);
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.status.success() && text.contains(&format!("Account {account} after event {sequence}")),
        "{text}"
    );
    for word in [
        "Inputs",
        "tier",
        "Verdict",
        "256*E/R",
        "Receipt",
        "verdicts were due",
        "the device: flagged",
        "episode 0",
    ] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
    let stranger = backstop(&["explain", journal, "1"]);
    assert_eq!(stranger.status.code(), Some(1));
    assert!(stderr(&stranger).contains("does not occur"), "{}", stderr(&stranger));
}

/// Two episodes, and in both the device is lost and attached again: a success that says what was done and changes no result.
#[test]
fn a_drill_says_what_it_does_and_succeeds() {
    let dir = tempfile::tempdir().unwrap();
    let tape = dir.path().join("minutes.csv");
    let mut rows = String::from("ts_ms,open,high,low,close\n");
    for minute in (0..40).chain(1_000..1_040) {
        let price = 100 - minute % 1_000;
        rows += &format!("{},{price},{price},{price},{price}\n", 1_640_991_660_000i64 + 60_000 * minute);
    }
    std::fs::write(&tape, rows).unwrap();
    let run = |drill: &str, json: &[&str]| {
        let args = ["replay", "--tape", tape.to_str().unwrap(), "--accounts", "50", "--device", "cpu"];
        let run = backstop(&[&args, &["--drill", drill][..], json].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        run
    };
    let summary = |drill| -> serde_json::Value {
        serde_json::from_slice(&run(drill, &["--json"]).stdout).expect("one JSON object")
    };
    let (sound, drilled) = (summary("0"), summary("40"));
    assert_eq!((sound["losses"].as_u64(), sound["episodes"].as_u64()), (Some(0), Some(2)));
    for key in ["state_hash", "verdicts_given", "flags", "insurance_end", "episodes"] {
        assert_eq!(drilled[key], sound[key], "{key}");
    }
    let count = |key: &str| drilled[key].as_u64().unwrap();
    assert!(count("losses") > 10 && count("rounds_on_cpu") > 10, "{drilled}");
    assert_eq!(count("losses") + count("reattachments_failed"), count("faults_struck"));
    assert!(drilled["first_loss"].is_string());

    let page = run("40", &[]);
    for words in ["device lost: ", "drill: the device is attached again, 50 accounts are equal"] {
        assert!(stderr(&page).contains(words), "{}", stderr(&page));
    }
    let text = String::from_utf8(page.stdout).unwrap();
    assert!(text.contains("drill: faults asked / struck") && !text.contains("WARNING"), "{text}");
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

#[test]
fn a_run_with_a_slow_venue_is_verified_and_two_runs_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let run = |name: &str, more: &[&str]| {
        let out = path(name);
        let args = ["replay", "--device", "cpu", "--accounts", "60", "--out", &out, "--json"];
        let run = backstop(&[&args[..], more].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        let verified = backstop(&["verify", &format!("{out}/journal")]);
        assert!(verified.status.success(), "{}", stderr(&verified));
        assert!(String::from_utf8_lossy(&verified.stdout).contains("note: venue: {\"latency_ms\":"));
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap()
    };
    let slow =
        ["--venue-latency", "250", "--venue-rejects", "200000", "--venue-impact", "20000", "--no-budget"];
    let summary = run("slow", &slow);
    assert_eq!(
        (summary["venue"]["latency_ms"].as_i64(), summary["no_budget"].as_bool()),
        (Some(250), Some(true))
    );
    let mut book = String::from("symbol,ts_ms,side,price,qty\n");
    for (side, price) in [("B", "99.9"), ("B", "90"), ("A", "100.1"), ("A", "110")] {
        book += &format!("BTC-PERP,1626992741261,{side},{price},5000\n");
    }
    std::fs::write(path("books.csv"), book).unwrap();
    let summary = run("books", &["--books", &path("books.csv")]);
    assert_eq!(summary["books"]["BTC-PERP"], "its own book at 1626992741261 ms");
    assert_eq!(summary["books"]["ETH-PERP"], "median of 1 books");
    let svg = path("compare.svg");
    let compared = backstop(&["report", "compare", &path("books"), &path("slow"), "--svg", &svg]);
    assert!(compared.status.success(), "{}", stderr(&compared));
    let page = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(
        page.contains("worst mark off the tape")
            && page.contains("not only the budget differs: venue's latency_ms: 0 and 250"),
        "{page}"
    );
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg"));
    let json = backstop(&["report", "compare", &path("books"), &path("slow"), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(json["sides"][1]["deviation"]["ppm"].as_i64().unwrap() != 0);

    for (args, words) in [
        (vec!["--venue-latency", "60001", "--venue-impact", "2000000"], "2000000"),
        (vec!["--books", "/nowhere.csv"], "check the path"),
        (vec!["--contract-size", "X=1"], "--books"),
        (vec!["--books", "x", "--contract-size", "X"], "BTCUSD_PERP=100"),
    ] {
        let output = backstop(&[&["replay"][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
    let missing = backstop(&["report", "compare", "/nowhere", "/nowhere"]);
    assert_eq!(missing.status.code(), Some(2), "{}", stderr(&missing));
}

#[test]
fn a_durable_run_is_the_same_run_and_says_how_long_its_orders_waited() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| -> serde_json::Value {
        let out = dir.path().join(name);
        let args =
            ["replay", "--device", "cpu", "--accounts", "64", "--json", "--out", out.to_str().unwrap()];
        let run = backstop(&[&args[..], more].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let (plain, durable) = (run("plain", &[]), run("durable", &["--durable"]));
    assert_eq!(plain["journal_chain"], durable["journal_chain"]);
    assert!(plain.get("latencies").is_none());
    for what in ["decision", "release"] {
        let [median, p99, longest] = ["median_ns", "p99_ns", "longest_ns"]
            .map(|key| durable["latencies"][what][key].as_u64().unwrap());
        assert!(durable["latencies"][what]["count"].as_u64() > Some(0), "{what}");
        assert!(0 < median && median <= p99 && p99 <= longest, "{what}: {median} {p99} {longest}");
    }
    let nowhere = backstop(&["replay", "--durable"]);
    assert_eq!(nowhere.status.code(), Some(2));
}

#[test]
fn snapshots_are_made_beside_a_run_and_lead_to_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| -> serde_json::Value {
        let out = dir.path().join(name);
        let args =
            ["replay", "--device", "cpu", "--accounts", "64", "--json", "--out", out.to_str().unwrap()];
        let run = backstop(&[&args[..], more].concat());
        assert!(run.status.success(), "{}", stderr(&run));
        serde_json::from_slice(&run.stdout).unwrap()
    };
    let (plain, with) = (run("plain", &[]), run("with", &["--snapshot-every", "2000"]));
    assert_eq!(plain["journal_chain"], with["journal_chain"]);
    let snapshots = &with["snapshots"];
    assert!(snapshots["made"].as_u64() > Some(0) && snapshots["failed"].is_null(), "{snapshots}");
    assert!(snapshots["newest_record"].as_u64() > Some(2_000), "{snapshots}");
    let kept = std::fs::read_dir(dir.path().join("with/snapshots")).unwrap().count();
    assert!((1..=2).contains(&kept), "{kept}");
    // Where there can be none the run goes on, and says so.
    std::fs::create_dir(dir.path().join("none")).unwrap();
    std::fs::write(dir.path().join("none/snapshots"), "a file").unwrap();
    let out = dir.path().join("none");
    let args = ["replay", "--device", "cpu", "--accounts", "64", "--snapshot-every", "2000", "--out"];
    let without = backstop(&[&args[..], &[out.to_str().unwrap()]].concat());
    assert_eq!(without.status.code(), Some(1));
    let said = String::from_utf8_lossy(&without.stdout).into_owned();
    assert!(said.contains("snapshots stopped, the run did not"), "{said}");
    assert!(out.join("summary.json").exists());
    let journal = dir.path().join("with/journal");
    let to = dir.path().join("archive");
    let archive = ["journal", "archive", journal.to_str().unwrap(), "--to", to.to_str().unwrap()];
    let archived = backstop(&archive);
    let said = String::from_utf8_lossy(&archived.stdout).into_owned();
    assert!(archived.status.success() && said.contains("0 segments moved"), "{said}{}", stderr(&archived));
}

/// A process is killed again and again, wherever it is, and resumed until it ends: journal, reports and totals are those of a run that nobody killed.
#[test]
fn a_killed_run_is_resumed_and_is_the_same_run() {
    let dir = tempfile::tempdir().unwrap();
    let args = |out: &Path, more: &[&str]| {
        let out = out.to_str().unwrap();
        let plain = ["replay", "--device", "cpu", "--accounts", "300", "--json", "--out", out];
        [&plain[..], more].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let run = |out: &Path, more: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_backstop")).args(args(out, more)).output().unwrap()
    };
    let (plain, killed) = (dir.path().join("plain"), dir.path().join("killed"));
    let whole = run(&plain, &[]);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let mut kills = 0;
    for milliseconds in [20, 60, 100, 150, 200, 300, 400, 600] {
        let is_begun = killed.join("journal/0000000000.segment").exists();
        let more: &[&str] = if is_begun { &["--resume"] } else { &[] };
        let mut child = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(args(&killed, more))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        kills += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // The first segment has no header yet: nothing was recorded.
        let path = killed.join("journal");
        if path.exists() && JournalReader::open(&path).is_err() {
            std::fs::remove_dir_all(&killed).unwrap();
        }
    }
    assert!(kills > 3, "{kills}");
    let resumed = run(&killed, &["--resume"]);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    let json = |output: &Output| -> serde_json::Value { serde_json::from_slice(&output.stdout).unwrap() };
    for what in ["state_hash", "journal_chain", "verdicts_given", "flags", "audited", "rounds", "bad_debt"] {
        assert_eq!(json(&resumed)[what], json(&whole)[what], "{what}");
    }
    for file in ["liquidations.csv", "impact.csv", "plot.svg"] {
        let [one, other] = [&plain, &killed].map(|out| std::fs::read(out.join(file)).unwrap());
        assert!(one == other, "{file}");
    }
    // What has ended comes again and stays as it is; what is another run is refused.
    assert_eq!(json(&run(&killed, &["--resume"]))["journal_chain"], json(&whole)["journal_chain"]);
    for (more, words) in [
        (&["--resume", "--seed", "2"][..], "another tape or seed"),
        (&["--resume", "--no-budget"], "resume with the tape, rules and options that it was recorded with"),
    ] {
        let refused = run(&killed, more);
        assert!(!refused.status.success() && stderr(&refused).contains(words), "{}", stderr(&refused));
    }
    let nowhere = run(&dir.path().join("nowhere"), &["--resume"]);
    assert_eq!((nowhere.status.code(), stderr(&nowhere).contains("holds no run")), (Some(2), true));
    let checked = backstop(&["journal", "check", killed.join("journal").to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}

#[test]
fn risk_looks_at_any_event_of_a_journal() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let run = backstop(&["replay", "--device", "cpu", "--accounts", "64", "--out", out.to_str().unwrap()]);
    assert!(run.status.success(), "{}", stderr(&run));
    let (journal, svg) = (out.join("journal"), dir.path().join("risk.svg"));
    let journal = journal.to_str().unwrap();
    let risk = |more: &[&str]| backstop(&[&["risk", "--journal", journal][..], more].concat());
    let output = risk(&["--sequence", "400", "--what-if", "-300", "--svg", svg.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["sequence"], &report["accounts"]), (&400.into(), &64.into()));
    let falls = |profile: &serde_json::Value| -> Vec<u64> {
        profile["accounts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
    };
    let correlated = falls(&report["correlated"]);
    assert!(correlated[..26].is_sorted_by(|a, b| a >= b) && correlated[26..].is_sorted(), "{correlated:?}");
    assert!(correlated[0] > 0, "somebody falls at half the price: {correlated:?}");
    let shock = &report["what_if"];
    assert_eq!(shock["unresolved"], 0);
    let acted = ["liquidations", "takeovers", "bankruptcies"].map(|key| shock[key].as_u64().unwrap());
    assert!(acted.iter().sum::<u64>() > 0, "{shock}");
    let picture = std::fs::read_to_string(&svg).unwrap();
    assert!(
        picture.starts_with("<svg")
            && picture.contains("Liquidation at risk")
            && picture.contains("BTC-PERP")
    );
    let page = risk(&[]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("Liquidated if marks moved by") && page.contains("for the two largest failures"),
        "{page}"
    );
    for (args, words) in [
        (vec!["--sequence", "99999999"], "is beyond the journal's last"),
        (vec!["--what-if", "-1000"], "leaves no mark"),
    ] {
        let output = risk(&args);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let folder = backstop(&["risk", "--journal", out.to_str().unwrap(), "--sequence", "400"]);
    assert!(folder.status.success(), "{}", stderr(&folder));
    assert_eq!(folder.stdout, risk(&["--sequence", "400"]).stdout);
    let empty = backstop(&["risk", "--journal", dir.path().to_str().unwrap()]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(stderr(&empty).contains("no segment of a journal"), "{}", stderr(&empty));
}

#[test]
fn risk_without_a_run_looks_at_the_bottom_of_the_built_in_crash() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(["risk", "--json"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["source"], "built-in scenario");
    assert_eq!(report["time_ms"], 1_735_704_000_000_u64);
    assert!(report["fund_paid"].as_i64().unwrap() > 0, "the crash has cost the funds something");
}
