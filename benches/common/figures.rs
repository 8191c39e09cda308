//! Figures of a bench as JSON lines in `target/bench`, for the page, with the machine they were measured on.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// True under `cargo bench`, false under `cargo test`: then everything is small and nothing is written.
pub fn is_full() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// Where a bench's figures go: `target/bench/NAME.jsonl`, with the machine first.
pub fn figures(name: &str) -> Box<dyn Write> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (load, cpu) = (read("/proc/loadavg"), read("/proc/cpuinfo"));
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cpu = cpu.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{name}: {cores} x {cpu}, load average {load}");
    if !is_full() {
        return Box::new(io::sink());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").join("bench");
    std::fs::create_dir_all(&folder).expect("target is writable");
    let mut file = File::create(folder.join(format!("{name}.jsonl"))).expect("target is writable");
    let date = std::process::Command::new("date").args(["-u", "+%F"]).output();
    let date = date.map(|date| String::from_utf8_lossy(&date.stdout).trim().to_owned()).unwrap_or_default();
    let line = format!(
        r#"{{"bench":"host","name":"{name}","cpu":"{cpu}","cores":{cores},"load":"{load}","date":"{date}","mode":"full"}}"#
    );
    writeln!(file, "{line}").expect("target is writable");
    Box::new(file)
}
