//! What docs/ARCHITECTURE.md says of the repository: who may depend on whom, as cargo reads it from the manifests, and where claims are tested.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crate, and the crates of this workspace that its manifest may name, for whatever purpose.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("hdl", &["model"]),
    ("sim", &["hdl", "model"]),
    ("engine", &["model"]),
    ("fast", &["model"]),
    ("device", &["model", "engine", "fast", "sim"]),
    ("backstop", &["model", "engine", "device"]),
    ("backstop-suite", &["model", "hdl", "sim", "engine", "device", "backstop"]),
];

/// What cargo prints, run in this workspace.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("cargo metadata has no {key} in {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("cargo metadata has no {key} in {value}"))
}

/// What breaks a rule: each dependency of each package, also one that is renamed, optional, or for builds, tests or one target only.
fn faults(metadata: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{name} is not in ALLOWED"));
            continue;
        };
        for dependency in list(package, "dependencies") {
            let other = text(dependency, "name");
            // No source means a folder, and so a crate of this workspace.
            if dependency["source"].is_null() && !allowed.contains(&other) {
                faults.push(format!("{name} must not depend on {other}"));
            }
            if other.starts_with("rust-hdl") && name != "hdl" {
                faults.push(format!("{name} must not depend on {other}: rust-hdl appears only in hdl/"));
            }
            if name == "sim" && other == "hdl" && dependency["kind"] != "build" {
                faults.push("sim may use hdl in its build script only".into());
            }
        }
    }
    faults
}

#[test]
fn every_dependency_points_left() {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).expect("JSON");
    let found: BTreeSet<&str> =
        list(&metadata, "packages").iter().map(|package| text(package, "name")).collect();
    assert_eq!(found, ALLOWED.iter().map(|(name, _)| *name).collect(), "the crates of the workspace");
    assert_eq!(faults(&metadata), [""; 0]);
    let hdl =
        list(&metadata, "packages").iter().find(|package| text(package, "name") == "hdl").expect("found");
    assert!(list(hdl, "dependencies").iter().any(|dependency| text(dependency, "name") == "rust-hdl"));
}

#[test]
fn a_dependency_that_points_right_is_found_in_every_form() {
    let package = |name: &str, dependency: Value| serde_json::json!({ "packages": [{ "name": name, "dependencies": [dependency] }] });
    let local = |name: &str, kind: Value, optional: bool| serde_json::json!({ "name": name, "source": null, "kind": kind, "optional": optional, "rename": "other" });
    for (from, to, kind, optional) in [
        ("engine", "hdl", Value::Null, false),
        ("engine", "device", "dev".into(), false),
        ("backstop", "sim", Value::Null, true),
        ("model", "hdl", "build".into(), false),
        ("sim", "hdl", Value::Null, false),
    ] {
        assert_eq!(faults(&package(from, local(to, kind, optional))).len(), 1, "{from} on {to}");
    }
    assert!(faults(&package("sim", local("hdl", "build".into(), false))).is_empty());
    let rust_hdl = serde_json::json!({ "name": "rust-hdl", "source": "registry", "kind": "dev" });
    assert_eq!(faults(&package("sim", rust_hdl.clone())).len(), 1);
    assert!(faults(&package("hdl", rust_hdl)).is_empty());
    assert_eq!(faults(&serde_json::json!({ "packages": [{ "name": "new", "dependencies": [] }] })).len(), 1);
}

/// Crates that cargo would build for `backstop` with these features, as its resolver says.
fn built_with(features: &[&str]) -> BTreeSet<String> {
    let arguments = ["tree", "--offline", "-p", "backstop", "--prefix", "none", "--format", "{p}"];
    let tree = cargo(&[&arguments, features].concat());
    tree.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

#[test]
fn without_default_features_there_is_no_gateware() {
    let gateware = ["sim", "hdl", "rust-hdl"];
    let (with, without) = (built_with(&[]), built_with(&["--no-default-features"]));
    assert!(gateware.iter().all(|name| with.contains(*name)), "by default there is: {with:?}");
    assert!(gateware.iter().all(|name| !without.contains(*name)), "{without:?}");
    assert!(without.contains("device") && without.contains("backstop"), "{without:?}");
}

/// The tests that the page names, with their files: between backticks, a path ending in `.rs`, then functions of it.
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let mut tests = Vec::new();
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let mut file = None;
        for name in row.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") && name.contains('/') {
                file = Some(name);
            } else if name.contains('_')
                && let Some(file) = file
            {
                tests.push((file, name));
            }
        }
    }
    tests
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).expect("the page");
    let tests = named_tests(&page);
    assert!(tests.len() > 30, "the table of tests: {tests:?}");
    for (file, name) in tests {
        let source =
            std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let is_there = source.contains(&format!("fn {name}(")) && source.contains("#[test]");
        assert!(is_there, "docs/ARCHITECTURE.md names {name} in {file}");
    }
}
