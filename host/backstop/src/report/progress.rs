//! How far a run is, on a terminal; nothing on a pipe or beside `--json`. What must be told is told in any case.

use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error. Cheap to advance: it redraws a few times a second.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Over `total` bytes of tape.
    pub fn bytes(total: u64, quiet: bool) -> Self {
        Self::new(total, quiet, "{bytes}/{total_bytes}  {bytes_per_sec}")
    }

    /// Over `total` marks.
    pub fn marks(total: u64, quiet: bool) -> Self {
        Self::new(total, quiet, "{human_pos}/{human_len} marks  {per_sec}")
    }

    /// Over `total` records.
    pub fn records(total: u64, quiet: bool) -> Self {
        Self::new(total, quiet, "{human_pos}/{human_len} records  {per_sec}")
    }

    /// Over `total` steps of the marks.
    pub fn steps(total: u64, quiet: bool) -> Self {
        Self::new(total, quiet, "{human_pos}/{human_len} steps")
    }

    /// Over `total` seeds.
    pub fn seeds(total: u64, quiet: bool) -> Self {
        Self::new(total, quiet, "{human_pos}/{human_len} seeds  {per_sec}")
    }

    fn new(total: u64, quiet: bool, unit: &str) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
        let template = format!("{{msg}}  [{{bar:30}}] {{percent:>3}} %  {unit}  {{eta}} left");
        let style = ProgressStyle::with_template(&template).expect("a fixed template").progress_chars("=> ");
        Self { bar: ProgressBar::with_draw_target(Some(total), target).with_style(style) }
    }

    /// What is being done: `episode 3`.
    pub fn say(&self, what: impl Into<std::borrow::Cow<'static, str>>) {
        self.bar.set_message(what);
    }

    /// A line on the standard error, above the bar.
    pub fn tell(&self, line: &str) {
        // The run goes on where nobody reads of it.
        self.bar.suspend(|| drop(writeln!(std::io::stderr(), "{line}")));
    }

    pub fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    /// To an absolute position.
    pub fn reach(&self, position: u64) {
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    /// Leaves the terminal clean for the summary.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_draws_nothing() {
        for progress in [Progress::bytes(10, true), Progress::marks(0, true)] {
            progress.say("episode 1");
            progress.advance(3);
            progress.reach(20);
            assert!(progress.bar.is_hidden());
            assert_eq!(progress.bar.position(), 20);
        }
    }
}
