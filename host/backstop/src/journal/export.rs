//! A journal as JSON lines, for programs that share no code with this one. Every field: `docs/journal.md`.

use std::io::{BufWriter, Write};
use std::path::Path;

use engine::event::{Command, Event, Flag};
use engine::rules::Rules;
use serde::Serialize;

use super::format::VERSION;
use super::{Disk, Entry, Header, JournalError, JournalReader};

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Every entry before it was written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("cannot write the JSON lines after {lines} lines: {cause}")]
    Output {
        lines: u64,
        #[source]
        cause: std::io::Error,
    },
}

/// The journal file at `path` as JSON lines; returns the number of lines.
///
/// # Errors
/// As [`write_json_lines`].
pub fn export(path: &Path, output: impl Write) -> Result<u64, ExportError> {
    write_json_lines(JournalReader::open(path)?, output)
}

/// Writes the header and then one line per entry; returns the number of lines.
///
/// # Errors
/// The journal's first error, after the entries before it, or the output's.
pub fn write_json_lines<D: Disk>(journal: JournalReader<D>, output: impl Write) -> Result<u64, ExportError> {
    let mut output = BufWriter::new(output);
    let mut lines = 0;
    let mut put = |line: &Line| {
        let written = serde_json::to_writer(&mut output, line).map_err(std::io::Error::from);
        written
            .and_then(|()| output.write_all(b"\n"))
            .map_err(|cause| ExportError::Output { lines, cause })?;
        lines += 1;
        Ok::<(), ExportError>(())
    };
    put(&header_line(journal.header()))?;
    let mut end = Ok(());
    for entry in journal {
        match entry {
            Ok(entry) => put(&line(&entry))?,
            Err(error) => end = Err(error.into()),
        }
    }
    output.flush().map_err(|cause| ExportError::Output { lines, cause })?;
    end.map(|()| lines)
}

/// One line, as `docs/journal.md` names its fields. Amounts and hashes are text.
#[derive(Serialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
enum Line<'a> {
    Header { version: u32, instance: String, rules_hash: String },
    EpisodeStarted { index: u32, seed: u64, rules: &'a Rules, source: &'a str },
    Event { sequence: u64, time_ms: i64, event: &'a Event },
    RoundEnded { round: u64, time_ms: i64, first_sequence: u64, events: u32, external: bool },
    Verdict { round: u64, flags: &'a [Flag] },
    Decision { round: u64, commands: &'a [Command] },
    EpisodeEnded { index: u32, state_hash: String },
    Note { time_ms: i64, text: &'a str },
    Taken { source: u16, sequence: u64 },
    Restarted { next_sequence: u64 },
}

fn header_line(header: &Header) -> Line<'static> {
    Line::Header { version: VERSION, instance: hex(&header.instance), rules_hash: hex(&header.rules_hash) }
}

fn line(entry: &Entry) -> Line<'_> {
    match entry {
        Entry::EpisodeStarted { index, seed, rules, source } => {
            Line::EpisodeStarted { index: *index, seed: *seed, rules, source }
        }
        Entry::Event { sequence, time_ms, event } => {
            Line::Event { sequence: *sequence, time_ms: *time_ms, event }
        }
        &Entry::RoundEnded { round, time_ms, first_sequence, events, external } => {
            Line::RoundEnded { round, time_ms, first_sequence, events, external }
        }
        Entry::Verdict { round, flags } => Line::Verdict { round: *round, flags },
        Entry::Decision { round, commands } => Line::Decision { round: *round, commands },
        Entry::EpisodeEnded { index, state_hash } => {
            Line::EpisodeEnded { index: *index, state_hash: hex(state_hash) }
        }
        Entry::Note { time_ms, text } => Line::Note { time_ms: *time_ms, text },
        &Entry::Taken { source, sequence } => Line::Taken { source, sequence },
        &Entry::Restarted { next_sequence } => Line::Restarted { next_sequence },
    }
}

/// Lower case, two digits a byte, in order.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::{entries, written};
    use super::*;

    fn lines() -> Vec<String> {
        let mut text = Vec::new();
        let journal = JournalReader::new(written(&entries(), true), "test".as_ref()).unwrap();
        let count = write_json_lines(journal, &mut text).unwrap();
        let lines: Vec<String> = String::from_utf8(text).unwrap().lines().map(str::to_string).collect();
        assert_eq!(lines.len() as u64, count);
        lines
    }

    #[test]
    fn a_line_per_entry_and_text_for_amounts() {
        let lines = lines();
        assert_eq!(lines.len(), entries().len() + 1);
        let hash = hex(&Rules::default().hash());
        let header = format!(
            r#"{{"entry":"header","version":3,"instance":"{}","rules_hash":"{hash}"}}"#,
            "01".repeat(16)
        );
        assert_eq!(lines[0], header);
        assert_eq!(
            lines[3],
            r#"{"entry":"event","sequence":1,"time_ms":1000,"event":{"type":"fund_endowed","instrument":null,"quanta":"1152921504606846976"}}"#
        );
        let verdict = r#""equity":"-1237940039285380274899124224","requirement":"170141183460469231731687303715884105727"}]}"#;
        assert!(lines[6].ends_with(verdict), "{}", lines[6]);
        for command in [
            r#"{"type":"take_over","accounts":[7,8]}"#,
            r#"{"type":"absorb","account":7,"instrument":0,"lots":-5,"quote":"1152921504606846976"}"#,
        ] {
            assert!(lines[8].contains(command), "{}", lines[8]);
        }
        assert!(lines[17].contains(r#""owner":3,"isolated":0}"#), "{}", lines[17]);
        assert!(lines[20].contains(r#""count":2,"reserved":"18446744073709551615"}"#), "{}", lines[20]);
    }

    #[test]
    fn a_torn_journal_is_exported_to_its_last_whole_entry() {
        let disk = written(&entries()[..4], false);
        let last = disk.clone().names().unwrap().pop().unwrap();
        let mut bytes = disk.bytes(&last);
        let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        bytes[end] = 1;
        disk.replace(&last, bytes);
        let mut text = Vec::new();
        let journal = JournalReader::new(disk, "test".as_ref()).unwrap();
        let error = write_json_lines(journal, &mut text).unwrap_err();
        assert!(matches!(error, ExportError::Journal(error) if error.is_torn_tail()));
        assert_eq!(text, (lines()[..5].join("\n") + "\n").into_bytes());
    }

    /// A field that the page does not name is a field that an outsider cannot read.
    #[test]
    fn every_field_and_kind_is_documented() {
        fn names(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                    into.push(name.clone());
                    if let (true, Some(kind)) = (name == "type" || name == "entry", value.as_str()) {
                        into.push(kind.to_string());
                    }
                    names(value, into);
                }),
                Value::Array(items) => items.iter().for_each(|item| names(item, into)),
                _ => {}
            }
        }
        let page = include_str!("../../../../docs/journal.md");
        let mut found = Vec::new();
        lines().iter().for_each(|line| names(&serde_json::from_str(line).unwrap(), &mut found));
        for name in found {
            assert!(page.contains(&format!("`{name}`")), "docs/journal.md does not name `{name}`");
        }
    }
}
