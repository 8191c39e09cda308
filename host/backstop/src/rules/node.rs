//! A TOML document read key by key: exact numbers from the text itself, every fault noted with path and line, unknown keys refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Fault;
use super::{keys, number};

/// The word for a limit that does not exist.
pub const UNLIMITED: &str = "unlimited";

/// What was seen and found wrong so far.
#[derive(Debug)]
pub struct Reader {
    line_starts: Vec<usize>,
    lines: RefCell<BTreeMap<String, usize>>,
    faults: RefCell<Vec<Fault>>,
    missing: RefCell<Vec<Fault>>,
}

impl Reader {
    pub fn new(text: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self {
            line_starts,
            lines: RefCell::default(),
            faults: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// Line of a byte, from 1.
    pub fn line_at(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    /// Notes a fault at a key, or at the nearest table above it that the file states.
    pub fn fault(&self, path: &str, text: impl Display) {
        self.faults.borrow_mut().push(self.located(path, text));
    }

    /// Notes that something is not there, which is not known while the text is no TOML.
    pub fn missing(&self, path: &str, text: impl Display) {
        let fault = self.located(path, text);
        self.missing.borrow_mut().push(fault);
    }

    fn located(&self, path: &str, text: impl Display) -> Fault {
        let lines = self.lines.borrow();
        let above = |path: &str| path.rfind(['.', '[']).map(|at| path[..at].to_owned());
        let mut known = Some(path.to_owned());
        let line = loop {
            match known {
                None => break 1,
                Some(path) => match lines.get(&path) {
                    Some(line) => break *line,
                    None => known = above(&path),
                },
            }
        };
        Fault { line, path: path.into(), text: text.to_string() }
    }

    /// True if the file itself states the key.
    pub fn states(&self, path: &str) -> bool {
        self.lines.borrow().contains_key(path)
    }

    /// True if a fault was noted at the key or below it.
    pub fn is_faulty(&self, path: &str) -> bool {
        let below = |fault: &Fault| {
            fault.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.faults.borrow().iter().any(below) || self.missing.borrow().iter().any(below)
    }

    /// Faults by line: those of the text itself and, on other lines, of what it says. What is missing is not known while the text is no TOML.
    pub fn into_faults(self, syntax: Vec<Fault>) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        if syntax.is_empty() {
            faults.extend(self.missing.into_inner());
        }
        faults.retain(|fault| syntax.iter().all(|other| other.line != fault.line));
        faults.extend(syntax);
        faults.sort();
        faults.dedup();
        faults
    }
}

/// Path of a key of a table; keys that are no bare TOML keys are quoted.
pub fn joined(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    format!("{path}{dot}{}", key_text(key))
}

/// A key as TOML writes it.
pub fn key_text(key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !key.is_empty() && key.bytes().all(bare) { key.into() } else { toml::Value::from(key).to_string() }
}

/// A value, where it stands.
pub struct Node<'a> {
    reader: &'a Reader,
    value: &'a DeValue<'a>,
    pub path: String,
    /// It stands elsewhere, and its faults are noted there.
    inherited: bool,
}

impl<'a> Node<'a> {
    pub fn fault(&self, text: impl Display) {
        if !self.inherited {
            self.reader.fault(&self.path, text);
        }
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        self.fault(format!("is a TOML {}, not {what}", self.value.type_str()));
        None
    }

    fn noted<T>(&self, result: Result<T, String>) -> Option<T> {
        result.map_err(|text| self.fault(text)).ok()
    }

    /// The digits of a number, or what stands between quotes.
    pub fn number(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str()),
            DeValue::Float(float) => Some(float.as_str()),
            _ => self.expected("a number or a number in quotes"),
        }
    }

    /// A rate over the scale within `bounds`, both over the scale.
    pub fn rate(&self, scale: u32, bounds: RangeInclusive<u32>) -> Option<u32> {
        let text = self.number()?;
        let rate = self.noted(number::rate(text, scale))?;
        let within = u32::try_from(rate).ok().filter(|rate| bounds.contains(rate));
        if within.is_none() {
            let [min, max] = [bounds.start(), bounds.end()].map(|&bound| number::rate_text(bound, scale));
            self.fault(format!("{text} is outside {min} to {max}"));
        }
        within
    }

    /// An amount of quote currency in quanta.
    pub fn amount(&self) -> Option<u64> {
        self.noted(number::amount(self.number()?))
    }

    /// An amount, or [`u64::MAX`] for the word "unlimited".
    pub fn limit(&self) -> Option<u64> {
        if self.is_word(UNLIMITED) { Some(u64::MAX) } else { self.amount() }
    }

    pub fn integer<T: TryFrom<i64>>(&self, bounds: RangeInclusive<i64>) -> Option<T> {
        let DeValue::Integer(integer) = self.value else { return self.expected("a whole number") };
        let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let within = value.filter(|value| bounds.contains(value)).and_then(|value| T::try_from(value).ok());
        if within.is_none() {
            self.fault(format!("{} is outside {} to {}", integer.as_str(), bounds.start(), bounds.end()));
        }
        within
    }

    pub fn boolean(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.expected("true or false"))
    }

    pub fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.expected("text in quotes"))
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.value.as_str() == Some(word)
    }

    /// One of a fixed list of words, read by its serde name.
    pub fn choice<T: for<'de> serde::Deserialize<'de>>(&self) -> Option<T> {
        let text = self.text()?;
        let word = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text);
        self.noted(T::deserialize(word).map_err(|error| error.to_string()))
    }

    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// A table that may hold these keys and no others.
    pub fn table(&self, keys: &'static [&'static str]) -> Option<Table<'a>> {
        let Some(entries) = self.value.as_table() else { return self.expected("a table") };
        Some(Table::of(self.reader, self.path.clone(), entries, keys, self.inherited))
    }

    /// The entries of a table whose keys are names.
    pub fn named(&self) -> Vec<(&'a str, Node<'a>)> {
        let Some(entries) = self.value.as_table() else {
            self.expected::<()>("a table");
            return Vec::new();
        };
        let node = |(key, value): (&'a Spanned<_>, &'a Spanned<DeValue<'a>>)| {
            let name: &'a std::borrow::Cow<'a, str> = key.get_ref();
            let path = joined(&self.path, name);
            self.reader.lines.borrow_mut().insert(path.clone(), self.reader.line_at(key.span().start));
            (&**name, Node { reader: self.reader, value: value.get_ref(), path, inherited: self.inherited })
        };
        entries.iter().map(node).collect()
    }

    pub fn list(&self) -> Option<Vec<Node<'a>>> {
        let Some(values) = self.value.as_array() else { return self.expected("a list") };
        let node = |(at, value): (usize, &'a Spanned<DeValue<'a>>)| {
            let path = format!("{}[{at}]", self.path);
            if !self.inherited {
                let line = self.reader.line_at(value.span().start);
                self.reader.lines.borrow_mut().insert(path.clone(), line);
            }
            Node { reader: self.reader, value: value.get_ref(), path, inherited: self.inherited }
        };
        Some(values.iter().enumerate().map(node).collect())
    }
}

/// A table of known keys; what it does not state may stand in another.
pub struct Table<'a> {
    reader: &'a Reader,
    pub path: String,
    entries: &'a DeTable<'a>,
    keys: &'static [&'static str],
    inherited: bool,
    above: Option<&'a Table<'a>>,
    inherits: bool,
    /// What is missing may be stated elsewhere.
    partial: bool,
    lacking: Cell<usize>,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub fn root(reader: &'a Reader, entries: &'a DeTable<'a>, keys: &'static [&'static str]) -> Self {
        Self::of(reader, String::new(), entries, keys, false)
    }

    fn of(
        reader: &'a Reader,
        path: String,
        entries: &'a DeTable<'a>,
        keys: &'static [&'static str],
        inherited: bool,
    ) -> Self {
        if !inherited {
            for (key, _) in entries {
                let (name, line) = (key.get_ref(), reader.line_at(key.span().start));
                let at = joined(&path, name);
                reader.lines.borrow_mut().insert(at.clone(), line);
                if !keys.contains(&name.as_ref()) {
                    reader.fault(&at, format!("unknown key; known here: {}", keys.join(", ")));
                }
            }
        }
        Self {
            reader,
            path,
            entries,
            keys,
            inherited,
            above: None,
            inherits: false,
            partial: false,
            lacking: Cell::new(0),
        }
    }

    /// With what the defaults, if there are any, state for what it does not state itself.
    pub fn below(self, above: Option<&'a Table<'a>>) -> Self {
        Self { above, inherits: true, ..self }
    }

    /// A missing key is no fault.
    pub fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// How many of the keys asked for are stated nowhere.
    pub fn lacking(&self) -> usize {
        self.lacking.get()
    }

    pub fn optional(&self, key: &'static str) -> Option<Node<'a>> {
        assert!(self.keys.contains(&key), "{key} is read and therefore a known key");
        match self.entries.get(key) {
            Some(value) => Some(Node {
                reader: self.reader,
                value: value.get_ref(),
                path: joined(&self.path, key),
                inherited: self.inherited,
            }),
            None => {
                let above = self.above.filter(|above| above.keys.contains(&key))?;
                above.optional(key).map(|node| Node { inherited: true, ..node })
            }
        }
    }

    /// What `read` makes of a key's value; `instead` where that fails, so that reading goes on.
    pub fn read<T>(&self, key: &'static str, instead: T, read: impl FnOnce(&Node<'a>) -> Option<T>) -> T {
        match self.optional(key) {
            Some(node) => read(&node).unwrap_or(instead),
            None => {
                self.lacking.set(self.lacking.get() + 1);
                if !self.partial && !self.inherited {
                    let or_above = self.inherits && keys::INSTRUMENT.contains(&key);
                    let remedy = if or_above { " or in [defaults]" } else { "" };
                    let text = format!("missing; state it here{remedy}");
                    self.reader.missing(&joined(&self.path, key), text);
                }
                instead
            }
        }
    }
}
