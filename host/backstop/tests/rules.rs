//! `backstop rules` and `backstop replay --rules` as a user meets them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use backstop::journal::JournalReader;

fn backstop(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstop")).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn default_rules() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/default.toml").to_str().unwrap().into()
}

fn written(dir: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().into()
}

const TIERS: &str = "symbol,tier,notional_floor,notional_cap,mmr,max_leverage,cum_maintenance_amount
A,1,0,5000,0.01,50,0
A,2,5000,50000,0.02,25,50
B,1,0,5000,0.004,125,0
";

/// Half an hour of minutes around 100 for each symbol.
fn tape(dir: &tempfile::TempDir, symbols: &[&str]) -> String {
    let mut rows = String::from("symbol,ts_ms,open,high,low,close\n");
    for minute in 0..30 {
        for symbol in symbols {
            rows += &format!("{symbol},{},100,101,99,100\n", 1_640_991_660_000i64 + 60_000 * minute);
        }
    }
    written(dir, &format!("{}.csv", symbols.concat()), &rows)
}

#[test]
fn check_lists_every_error_of_every_file_and_says_so_in_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let good = default_rules();
    let text = std::fs::read_to_string(&good).unwrap();
    let bad = written(
        &dir,
        "bad.toml",
        &text.replace("fee = 0.0015", "fee = 2").replace("target = 282", "target = 1"),
    );
    let check = backstop(&["rules", "check", &good]);
    assert!(
        check.status.success() && stdout(&check).contains("good: default, version 1, 0 instruments, hash ")
    );
    let check = backstop(&["rules", "check", &good, &bad]);
    assert_eq!(check.status.code(), Some(1), "{}", stderr(&check));
    for words in [
        "default.toml: good",
        "bad.toml: refused, 2 errors",
        "rules.target: target 1",
        "defaults.fee: 2 is outside",
    ] {
        assert!(stdout(&check).contains(words), "{words}: {}", stdout(&check));
    }
    let check = backstop(&["rules", "check", "--json", &bad, &good]);
    assert_eq!(check.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&check.stdout).unwrap();
    assert_eq!(
        (&answer["good"], &answer["files"][0]["good"], &answer["files"][1]["good"]),
        (&false.into(), &false.into(), &true.into())
    );
    assert_eq!(answer["files"][0]["errors"][1]["path"], "defaults.fee");
    assert_eq!(answer["files"][0]["errors"].as_array().unwrap().len(), 2);
    let check = backstop(&["rules", "check", "/nowhere/rules.toml"]);
    assert_eq!(check.status.code(), Some(2), "{}", stderr(&check));
}

#[test]
fn show_without_a_file_is_the_built_in_rules() {
    let [built_in, file] =
        [vec!["rules", "show"], vec!["rules", "show", &default_rules()]].map(|args| backstop(&args));
    assert!(built_in.status.success(), "{}", stderr(&built_in));
    assert_eq!(stdout(&built_in), stdout(&file));
    for words in
        ["hash ", "200000000        0.5               62029000          2", "initial             none"]
    {
        assert!(stdout(&built_in).contains(words), "{words}: {}", stdout(&built_in));
    }
    let json = backstop(&["rules", "show", "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(stdout(&built_in).contains(shown["hash"].as_str().unwrap()));
    assert_eq!(shown["defaults"]["brackets"][8]["deduction"], "62029000");
    assert_eq!(shown["rules"]["close_factor"]["portion"], "0.2");
}

#[test]
fn what_is_imported_is_checked_shown_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let tiers = written(&dir, "tiers.csv", TIERS);
    let out: PathBuf = dir.path().join("imported.toml");
    let out = out.to_str().unwrap();
    let args = ["rules", "import", "--format", "binance-tiers", &tiers, "--out", out];
    let import = backstop(&args);
    assert!(import.status.success(), "{}", stderr(&import));
    assert!(stdout(&import).contains("The scale 2,000 is the smallest"), "{}", stdout(&import));
    let again = backstop(&args);
    assert_eq!(again.status.code(), Some(2), "{}", stderr(&again));
    assert!(stderr(&again).contains("exists already"));
    assert!(backstop(&["rules", "check", out]).status.success());
    let show = backstop(&["rules", "show", out]);
    assert!(stdout(&show).contains("5000       0.02                     50         50"), "{}", stdout(&show));
    let one = backstop(&["rules", "import", "--format", "binance-tiers", &tiers, "--symbols", "B"]);
    assert!(stdout(&one).contains("[instruments.B]") && !stdout(&one).contains("[instruments.A]"));

    let run = dir.path().join("run");
    let run = run.to_str().unwrap();
    let base = ["--accounts", "50", "--device", "cpu", "--json", "--rules", out, "--out", run];
    // A symbol without an entry is refused by name before anything is written.
    let refused = backstop(&[&["replay", "--tape", &tape(&dir, &["A", "C"])], &base[..]].concat());
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("symbols without rules: C;"), "{}", stderr(&refused));
    let refused = backstop(&[&["replay"], &base[..]].concat());
    assert!(
        stderr(&refused).contains("the scenario has symbols without rules: BTC-PERP,"),
        "{}",
        stderr(&refused)
    );
    assert!(!Path::new(run).exists());
    let replay = backstop(&[&["replay", "--tape", &tape(&dir, &["A", "B"])], &base[..]].concat());
    assert!(replay.status.success(), "{}", stderr(&replay));
    let journal = format!("{run}/journal");
    assert!(backstop(&["verify", &journal]).status.success());
    let export = stdout(&backstop(&["export", &journal]));
    assert!(export.contains("\"scale\":2000"), "the journal holds the file's rules");
    assert!(export.contains("[[0,20],[5000000000,40]]"), "and its instruments");
    let wrong = written(&dir, "wrong.csv", &TIERS.replace(",25,50", ",25,49"));
    let import = backstop(&["rules", "import", "--format", "binance-tiers", &wrong]);
    assert_eq!(import.status.code(), Some(1));
    assert!(stderr(&import).contains("line 3: A: cum_maintenance_amount 49"), "{}", stderr(&import));
}

/// The file of the built-in rules, named or not, gives one journal; a refused file gives none.
/// Chain hash of a journal's last record; none if there is no journal.
fn chain(journal: &Path) -> Option<[u8; 32]> {
    let mut reader = JournalReader::open(journal).ok()?;
    assert!(reader.by_ref().all(|entry| entry.is_ok()) && reader.is_closed());
    Some(reader.chain_hash())
}

#[test]
fn a_replay_runs_on_the_rules_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let tape = tape(&dir, &["A"]);
    let run = |name: &str, more: &[&str]| {
        let out = dir.path().join(name);
        let args = [
            "replay",
            "--tape",
            &tape,
            "--accounts",
            "50",
            "--device",
            "cpu",
            "--out",
            out.to_str().unwrap(),
        ];
        let run = backstop(&[&args[..], more].concat());
        (run, chain(&out.join("journal")))
    };
    let rules = default_rules();
    let (_, plain) = run("plain", &[]);
    let (_, named) = run("named", &["--rules", &rules]);
    assert!(plain.is_some() && plain == named);
    let text = std::fs::read_to_string(&rules).unwrap();
    let initial =
        written(&dir, "initial.toml", &text.replace("initial = []", "initial = [{ floor = 0, rate = 0.5 }]"));
    let (with_initial, journal) = run("initial", &["--rules", &initial]);
    assert!(with_initial.status.success() && journal != plain, "{}", stderr(&with_initial));
    let stated =
        text.replace("\"at-first-price\"", "{ lot = 1, tick = 0.01, price_bits = 32, size_bits = 27 }");
    let (with_grid, _) = run("grid", &["--rules", &written(&dir, "grid.toml", &stated)]);
    assert!(with_grid.status.success(), "{}", stderr(&with_grid));
    let bad = written(&dir, "bad.toml", &text.replace("target = 282", "target = 1"));
    let (refused, journal) = run("bad", &["--rules", &bad]);
    assert_eq!((refused.status.code(), journal), (Some(2), None));
    assert!(stderr(&refused).contains("rules.target: target 1"), "{}", stderr(&refused));
}
