//! Made-up lines through the whole page; no figure here was measured.

use super::figures::Figures;
use super::section::{Part, Section};
use super::{all, html, terminal};

const HOST: &str =
    r#"{"bench":"host","name":"t","cpu":"<c>","cores":2,"load":"0 0 0","date":"2026-01-01","mode":"full"}"#;

/// `ns` is the mean of the zones at 1 bp; at 10 % it is a thousand times that.
fn marks(ns: f64, hash: &str) -> String {
    let mut lines = String::new();
    for (name, bp, way, mean, hash) in [
        ("1 bp", 1, "zones", ns, "a"),
        ("1 bp", 1, "model", 1e6, hash),
        ("10 %", 1_000, "zones", ns * 1e3, "b"),
    ] {
        lines += &format!(
            r#"{{"bench":"mark","accounts":1000,"move":"{name}","move_bp":{bp},"scope":"one instrument","population":"spread","way":"{way}","p50_ns":{mean},"mean_ns":{mean},"p99_ns":{mean},"hash":"{hash}"}}"#
        );
        lines.push('\n');
    }
    lines
}

/// 1,000 holders on 1 lane in 1,024 clocks of 10 ns.
fn fpga() -> String {
    let line = |what| {
        format!(
            r#"{{"bench":"fpga","lanes":1,"what":"{what}","holders":1000,"clocks":1024,"mhz":100,"kind":"simulated"}}"#
        )
    };
    [line("1 bp mark"), line("10 % mark")].join("\n")
}

fn check(ns: f64) -> String {
    format!(
        r#"{{"bench":"check","positions":4,"way":"packed","ours":true,"exact":true,"ns":{ns},"hash":"h"}}"#
    )
}

fn sections(texts: &[&str]) -> anyhow::Result<Vec<Section>> {
    let mut figures = Figures::default();
    figures.read_text("t.jsonl", &texts.join("\n"))?;
    all(&figures)
}

fn conclusion(texts: &[&str]) -> String {
    let sections = sections(texts).expect("lines are well formed");
    terminal::text(&sections[..1])
}

#[test]
fn the_conclusion_follows_the_figures() {
    let words = conclusion(&[HOST, &marks(100.0, "a"), &fpga(), &check(4.0)]);
    assert!(
        words.contains(
            "Large moves are the FPGA's: over 1,000 accounts the FPGA of 1 lane answers a mark in 10.2 µs;"
        ),
        "{words}"
    );
    assert!(words.contains("10 % (100 µs, 9.77 times as long)"), "{words}");
    assert!(words.contains("1 bp in 100 ns (102 times as fast, zones)"), "{words}");
    assert!(words.contains("212 to 250 checks"), "{words}");
    let slow = conclusion(&[&marks(20_000.0, "a"), &fpga(), &check(4_000.0)]);
    assert!(
        slow.contains("the CPU wins at none") && slow.contains("the bus alone does not rule it out"),
        "{slow}"
    );
    let fast = conclusion(&[&marks(1.0, "a"), &fpga()]);
    assert!(fast.contains("the FPGA wins at none") && !fast.contains("PCIe"), "{fast}");
    assert!(conclusion(&[HOST]).contains("do not allow a conclusion"));
}

#[test]
fn nothing_is_lost_silently() {
    let words = conclusion(&[&marks(1.0, "other"), r#"{"bench":"new"}"#, &check(1.0), &check(2.0)]);
    assert!(words.contains("ERROR: Hashes of the same work differ, mark of 1 bp, 1,000 accounts"), "{words}");
    assert!(words.contains("line 5: kind `new` is unknown and not shown"), "{words}");
    assert!(words.contains("line 7 measures again what t.jsonl, line 6 did"), "{words}");
    let error = |line: &str| format!("{:#}", sections(&[HOST, line]).expect_err("the line is malformed"));
    assert!(error("{").starts_with("t.jsonl, line 2: not JSON"));
    assert!(
        error(r#"{"bench":"truth","checks":1}"#)
            .contains("line 2: not a line of kind `truth`: missing field")
    );
    assert!(error(&check(-1.0)).contains("found -1 where a number above 0"));
    let truth = sections(&[r#"{"bench":"truth","checks":9,"missed":1,"spurious":0}"#]).expect("well formed");
    assert!(truth[0].alarms().next().is_some());
    let folder = tempfile::tempdir().expect("a folder");
    let none = Figures::read(folder.path()).expect_err("no file");
    assert!(none.to_string().ends_with("run `make bench` first"));
}

#[test]
fn the_page_is_well_formed() {
    let pipeline = r#"{"bench":"pipeline","rate":10,"journal":true,"what":"a & b","events":9,"quantiles_ns":{"0.5":1,"0.99":5,"1":9},"kept_up":false}"#;
    let sections =
        sections(&[HOST, &marks(100.0, "a"), &fpga(), &check(4.0), pipeline]).expect("well formed");
    let plots = sections.iter().flat_map(|s| &s.parts).filter(|part| matches!(part, Part::Plot(_))).count();
    assert_eq!(plots, 4);
    assert_eq!(open_tags(&html::page(&sections)), Vec::<String>::new());
}

/// Tags left open; panics at an end that closes another.
fn open_tags(page: &str) -> Vec<String> {
    let body = page.split_once("</style>").expect("has a style").1;
    let mut open = vec!["html".to_string(), "head".into()];
    for tag in body.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default().to_string());
        }
    }
    open
}
