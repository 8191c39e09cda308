//! The device commands and the served device, as processes.
#![cfg(feature = "sim")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn backstop(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstop")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `backstop serve-device`, ended with the test.
struct Served {
    process: Child,
    socket: PathBuf,
    _directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let process = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["serve-device", "--socket", socket.to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + PATIENCE;
        while !socket.exists() {
            assert!(Instant::now() < end, "the server does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, socket, _directory: directory }
    }

    fn device(&self) -> String {
        format!("user:{}", self.socket.display())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_client_killed_at_any_moment_leaves_the_server_usable() {
    let mut served = Served::start();
    let device = served.device();
    for milliseconds in [1, 5, 20, 80, 200, 500, 900, 1_500] {
        let mut client = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["device", "selftest", "--device", &device, "--json"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        client.kill().unwrap();
        client.wait().unwrap();
    }
    let selftest = backstop(&["device", "selftest", "--device", &device, "--records", "20000"]);
    let said = text(&selftest.stdout);
    assert!(selftest.status.success() && said.contains("selftest passed"), "{said}");
    let info = backstop(&["device", "info", "--device", &device, "--json"]);
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!((&info["lanes"], &info["heart_beats"]), (&1.into(), &true.into()));

    Command::new("kill").arg(served.process.id().to_string()).status().unwrap();
    assert!(served.process.wait().unwrap().success(), "a server that is told to end ends well");
    assert!(!served.socket.exists());
}

#[test]
fn in_process_and_at_a_socket_the_records_and_their_hash_are_the_same() {
    let served = Served::start();
    let hash = |device: &str, lanes: &str| {
        let selftest =
            backstop(&["device", "selftest", "--device", device, "--lanes", lanes, "--records", "5000"]);
        let said = text(&selftest.stdout);
        assert!(selftest.status.success(), "{said}");
        said.split_once("hash ").unwrap().1[..64].to_owned()
    };
    assert_eq!(hash("sim-pcie", "1"), hash(&served.device(), "1"));
    assert_ne!(hash("sim-pcie", "4"), hash("sim-pcie", "1"), "other lanes, other accounts");
}

#[test]
fn what_cannot_be_done_says_why_and_how_to_mend_it() {
    for (arguments, code, words) in [
        (
            &["info", "--device", "cpu"][..],
            2,
            "cpu is no PCI function; name sim-pcie, user:SOCKET or vfio:BDF",
        ),
        (
            &["info", "--device", "user:/nowhere/x"],
            1,
            "start one with `backstop serve-device --socket /nowhere/x`",
        ),
        (&["info", "--device", "vfio:ff:1f.7"], 1, "ff:1f.7"),
        (
            &["info", "--device", "sim-pcie", "--lanes", "3"],
            1,
            "no machine of 3 lanes is built, only of [1, 4]",
        ),
        (
            &["info", "--device", "fpga"],
            2,
            "a device is cpu, cpu-fast, sim, sim-pcie, user:SOCKET or vfio:BDF",
        ),
    ] {
        let output = backstop(&[&["device"][..], arguments].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let selftest = backstop(&["device", "selftest", "--device", "user:/nowhere/x"]);
    assert_eq!(selftest.status.code(), Some(1));
    assert!(text(&selftest.stdout).contains("FAIL  identity, reset and rings: no vfio-user server"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let serve = |socket: &Path| backstop(&["serve-device", "--socket", socket.to_str().unwrap()]);
    let output = serve(file.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot listen at"), "{}", text(&output.stderr));
    assert!(file.path().exists(), "what is not ours stays");
}
