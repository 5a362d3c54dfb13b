//! The last words of a component: what it wrote before it ended, and what of it
//! says why.

use std::borrow::Cow;

use serde_json::Value;

/// Lines of the same run that are shown at most.
const SHOWN: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Info,
    /// The line does not tell.
    Plain,
    Warning,
    Error,
    /// Nothing comes after it.
    Fatal,
}

/// What one run of a component wrote last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LastWords {
    /// Why it ended, in its own words; `None` if nothing says so, as when it was killed.
    pub fatal: Option<String>,
    /// What is worth showing, without repetitions, oldest first.
    pub lines: Vec<String>,
}

impl LastWords {
    /// Reads the end of the log of one run. If it ended by itself (`by_itself`), its very
    /// last line says why, whatever its form.
    pub(super) fn of(log: &str, by_itself: bool) -> LastWords {
        let mut lines: Vec<(Level, String)> = Vec::new();
        for line in joined(log).iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()) {
            // What follows is where in the program it happened.
            if line.starts_with("goroutine ") {
                break;
            }
            lines.push(read(line));
        }
        let said = lines.iter().rev().find(|(level, _)| *level == Level::Fatal);
        let last = || lines.last().filter(|(level, _)| by_itself && *level == Level::Plain);
        let fatal = said.or_else(last);
        let fatal = fatal.map(|(_, text)| text.clone());
        let least = if fatal.is_some() { Level::Error } else { Level::Plain };
        let mut shown: Vec<String> = Vec::new();
        for (level, text) in lines.into_iter().rev() {
            let is_new = !shown.iter().any(|other| is_same(other, &text));
            if (level >= least || fatal.as_ref() == Some(&text)) && is_new && shown.len() < SHOWN {
                shown.push(text);
            }
        }
        shown.reverse();
        LastWords { fatal, lines: shown }
    }

    /// Whether two runs ended for the same reason.
    pub(super) fn same_end(&self, other: &LastWords) -> bool {
        match (&self.fatal, &other.fatal) {
            (Some(a), Some(b)) => is_same(a, b),
            _ => false,
        }
    }
}

/// Whether two messages differ in numbers only: times, addresses, process IDs.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    fn words(text: &str) -> impl Iterator<Item = &str> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word })
    }
    words(a).eq(words(b))
}

/// The lines of a log. A value of several lines, which klog writes as `err=<`, a tab
/// before each line, and ` >`, becomes one line.
fn joined(log: &str) -> Vec<Cow<'_, str>> {
    let mut all: Vec<Cow<str>> = Vec::new();
    let mut is_open = false;
    for line in log.lines() {
        match (is_open, all.last_mut()) {
            (true, _) if line.trim_end() == " >" => is_open = false,
            (true, Some(last)) if line.starts_with('\t') => {
                let begun = last.strip_suffix('<').unwrap_or(last).to_owned();
                let space = if begun.ends_with('=') { "" } else { " " };
                *last = Cow::Owned(format!("{begun}{space}{}", line.trim()));
            }
            _ => {
                is_open = line.ends_with("=<");
                all.push(line.into());
            }
        }
    }
    all
}

/// A line without its time and its place in the program.
fn read(line: &str) -> (Level, String) {
    json(line).or_else(|| klog(line)).or_else(|| logfmt(line)).unwrap_or_else(|| plain(line))
}

/// etcd's form.
fn json(line: &str) -> Option<(Level, String)> {
    let entry: Value = serde_json::from_str(line).ok().filter(Value::is_object)?;
    let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty());
    let error = text("error").map(|error| format!(": {error}")).unwrap_or_default();
    Some((level(text("level")?), format!("{}{error}", text("msg")?)))
}

/// The form of Kubernetes' components: `E1125 15:14:51.407329 1 run.go:72] text`.
fn klog(line: &str) -> Option<(Level, String)> {
    let (head, text) = line.split_once("] ")?;
    let bytes = head.as_bytes();
    let is_dated = bytes.len() > 5 && bytes[1..5].iter().all(u8::is_ascii_digit);
    let level = match bytes.first()? {
        b'I' => Level::Info,
        b'W' => Level::Warning,
        b'E' => Level::Error,
        b'F' => Level::Fatal,
        _ => return None,
    };
    if !is_dated || !head.contains(':') {
        return None;
    }
    for failed in ["\"command failed\" err=", "\"Failed to run kubelet\" err="] {
        if let Some(error) = text.strip_prefix(failed) {
            let error = unquoted(error);
            // The kubelet writes out its whole configuration behind what is wrong with it.
            let error = error.split(", path: &").next().unwrap_or_default();
            return Some((Level::Fatal, error.to_owned()));
        }
    }
    Some((level, text.to_owned()))
}

/// containerd's form: `time="…" level=error msg="…" error="…"`.
fn logfmt(line: &str) -> Option<(Level, String)> {
    let (_, rest) = line.strip_prefix("time=")?.split_once(" level=")?;
    let (name, text) = rest.split_once(' ')?;
    // Without a plugin containerd goes on, but without these it is no use to the kubelet.
    let is_fatal = text.contains("failed to load plugin") && text.contains(".cri");
    Some((if is_fatal { Level::Fatal } else { level(name) }, text.to_owned()))
}

fn plain(line: &str) -> (Level, String) {
    const FATAL: [&str; 9] = [
        "panic:",
        "fatal error:",
        "Error:",
        "error:",
        "[FATAL]",
        "containerd: ",
        // Go's own reader of flags, which etcd uses.
        "flag provided but not defined",
        "invalid value ",
        "invalid boolean value ",
    ];
    let is_fatal = FATAL.iter().any(|sign| line.starts_with(sign))
        // CoreDNS about its Corefile.
        || line.contains(" - Error during parsing: ");
    let level = match line {
        _ if is_fatal => Level::Fatal,
        _ if line.starts_with("[INFO]") => Level::Info,
        _ if line.starts_with("[WARNING]") => Level::Warning,
        _ if line.starts_with("[ERROR]") => Level::Error,
        _ => Level::Plain,
    };
    (level, line.trim_start().to_owned())
}

fn level(name: &str) -> Level {
    match name {
        "fatal" | "panic" => Level::Fatal,
        "error" => Level::Error,
        "warn" | "warning" => Level::Warning,
        _ => Level::Info,
    }
}

/// The text of a quoted string at the beginning, as Go writes it.
pub(super) fn unquoted(text: &str) -> String {
    let mut quoted = serde_json::Deserializer::from_str(text).into_iter::<String>();
    quoted.next().and_then(Result::ok).unwrap_or_else(|| text.to_owned())
}
