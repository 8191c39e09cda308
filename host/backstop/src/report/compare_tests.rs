use super::*;

/// A run's folder by hand.
fn folder(dir: &Path, name: &str, figures: &[(&str, i64)], liquidations: &str, impact: &str) -> PathBuf {
    let run = dir.join(name);
    std::fs::create_dir(&run).unwrap();
    let mut summary = serde_json::json!({"source": "t.csv", "seed": 1, "venue": VenueConfig::default(), "no_budget": false});
    for name in [
        "accounts",
        "slices",
        "liquidations_partial",
        "liquidations_full",
        "takeovers",
        "bankruptcies",
        "insurance_start",
        "insurance_in",
        "insurance_out",
        "insurance_end",
        "bad_debt",
    ] {
        summary[name] = 0.into();
    }
    for (name, value) in figures {
        summary[*name] = (*value).into();
    }
    std::fs::write(run.join("summary.json"), summary.to_string()).unwrap();
    let header = "time_ms,action,symbol,quote,fee_to_fund,fund_paid\n";
    std::fs::write(run.join("liquidations.csv"), format!("{header}{liquidations}")).unwrap();
    let header = "episode,time_ms,symbol,tape,mark,deviation_ppm\n";
    std::fs::write(run.join("impact.csv"), format!("{header}{impact}")).unwrap();
    run
}

#[test]
fn two_runs_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let one = folder(
        dir.path(),
        "budget",
        &[("takeovers", 1), ("slices", 2), ("insurance_start", 100_000_000)],
        "0,slice,X,100.5,0.5,0\n59999,takeover,X,-50,0,1.25\n60000,full_close,X,20,0,0\n",
        "0,0,X,100,100,0\n0,60000,X,100,99,-10000\n0,120000,Y,5,5.1,20000\n",
    );
    let two = folder(
        dir.path(),
        "free",
        &[("takeovers", 4), ("seed", 2), ("insurance_start", 100_000_000), ("bad_debt", 7_000_000)],
        "0,slice,X,1000,0.5,0\n",
        "0,0,X,100,100,0\n0,60000,X,100,90,-100000\n",
    );
    let runs = [Run::read(&one).unwrap(), Run::read(&two).unwrap()];
    let comparison = Comparison::of(&runs);
    assert_eq!(comparison.differences, ["seed: 1 and 2"]);
    let [first, second] = &comparison.sides;
    assert_eq!((first.liquidated, first.liquidated_on_book), (170_500_000, 120_500_000));
    assert_eq!(first.liquidated_in_a_minute, 150_500_000);
    assert_eq!(first.liquidated_by_minute, BTreeMap::from([(0, 150_500_000), (60_000, 20_000_000)]));
    let worst = Deviation { episode: 0, symbol: "Y".into(), time_ms: 120_000, ppm: 20_000 };
    assert_eq!(first.deviation.as_ref(), Some(&worst));
    assert_eq!(second.deviation.as_ref().map(|worst| worst.ppm), Some(-100_000));
    let page = comparison.to_string();
    for words in ["seed: 1 and 2", "170.50", "-100000", "+80000", "+3", "7.00"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let json: serde_json::Value = serde_json::from_str(&comparison.to_json()).unwrap();
    assert_eq!(json["sides"][1]["bad_debt"], 7_000_000);
    let svg = to_svg(&runs).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Mark of X") && svg.contains("budget and free"), "{svg}");
}

#[test]
fn a_folder_that_is_no_run_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = format!("{:#}", Run::read(dir.path()).unwrap_err());
    assert!(error.contains("summary.json") && error.contains("replay --out"), "{error}");
    let run = folder(dir.path(), "run", &[], "0,slice,X,1.1234567,0,0\n", "");
    let error = format!("{:#}", Run::read(&run).unwrap_err());
    assert!(error.contains("liquidations.csv, line 2") && error.contains("six places"), "{error}");
    std::fs::write(run.join("liquidations.csv"), "time_ms\n").unwrap();
    let error = format!("{:#}", Run::read(&run).unwrap_err());
    assert!(error.contains("no column action"), "{error}");
    let empty = folder(dir.path(), "empty", &[], "", "");
    let runs = [Run::read(&empty).unwrap(), Run::read(&empty).unwrap()];
    assert!(to_svg(&runs).unwrap().contains("Nothing happened"));
    assert!(Comparison::of(&runs).sides[0].deviation.is_none());
}
