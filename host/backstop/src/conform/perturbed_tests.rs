//! Every expected number counts: a case of which one is changed fails.

use serde_json::{Value, json};

use super::*;

/// The same value, wrong: further away than any tolerance of the cases.
fn wrong(value: &Value) -> Value {
    match value {
        Value::Bool(is_so) => json!(!is_so),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| json!(number.as_f64().unwrap() + 1.0), |n| json!(n + 1))
        }
        Value::String(text) => {
            text.parse::<i128>().map_or_else(|_| json!("nothing"), |n| json!((n + 1).to_string()))
        }
        other => panic!("{other} is no single value"),
    }
}

/// `value` with each of its single values wrong in turn. A list is turned round, an empty one gets a position.
fn perturbed(value: &Value) -> Vec<Value> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, field)| {
                perturbed(field).into_iter().map(move |field| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), field);
                    Value::Object(fields)
                })
            })
            .collect(),
        Value::Array(values) if values.is_empty() => vec![json!([{"perpetual_id": 0, "base_quantums": 1}])],
        Value::Array(values) => vec![values.iter().rev().cloned().collect()],
        single => vec![wrong(single)],
    }
}

#[test]
fn a_shared_case_with_one_wrong_number_fails() {
    let Some(dir) = shared("BACKSTOP_VECTORS", "shared/vectors") else { return };
    let mut changes = 0;
    for file in [
        "dydx_deleveraging",
        "dydx_funding",
        "dydx_liquidation",
        "dydx_margin",
        "dydx_risk",
        "dydx_waterfall",
        "funding_docs",
        "liquidation_docs",
        "tiered_margin",
    ] {
        let text = std::fs::read_to_string(dir.join(format!("{file}.json"))).unwrap();
        let cases: Value = serde_json::from_str(&text).unwrap();
        let mut all = Vec::new();
        let judged = |case: &&Value| !case["kind"].as_str().unwrap().starts_with("bybit_inverse");
        for case in cases["cases"].as_array().unwrap().iter().filter(judged) {
            for expected in perturbed(&case["expected"]) {
                let mut case = case.clone();
                case["id"] = json!(format!("{}/{}", case["id"].as_str().unwrap(), all.len()));
                case["expected"] = expected;
                all.push(case);
            }
        }
        let ids: Vec<String> = all.iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect();
        let report = run_files(&[("a.json", &json!({ "cases": all }).to_string())]).unwrap();
        let passes = |id: &&String| !report.failures.iter().any(|failure| failure.id == **id);
        let passed: Vec<&String> = ids.iter().filter(passes).collect();
        assert!(passed.is_empty(), "{file}: a wrong number passes in {passed:?}");
        changes += report.failures.len();
    }
    assert!(changes >= 200, "{changes}");
}
