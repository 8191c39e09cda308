//! Who may depend on whom: the arrows of docs/ARCHITECTURE.md, read from the manifests themselves.

use std::collections::BTreeSet;
use std::path::Path;

/// Crate, and the crates of this workspace that its manifest may name.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("model", &[]),
    ("hdl", &["model"]),
    ("sim", &["hdl", "model"]),
    ("host/engine", &["model"]),
    ("host/device", &["model", "engine", "sim"]),
    ("host/backstop", &["model", "engine", "device"]),
];

#[test]
fn every_dependency_points_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: BTreeSet<&str> =
        ALLOWED.iter().map(|(path, _)| path.rsplit('/').next().expect("a path has a last part")).collect();
    for (path, allowed) in ALLOWED {
        let manifest = std::fs::read_to_string(root.join(path).join("Cargo.toml")).expect(path);
        for line in manifest.lines() {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_dependency = line.contains("workspace") && names.contains(name);
            assert!(!is_dependency || allowed.contains(&name), "{path} must not depend on {name}");
        }
    }
}
