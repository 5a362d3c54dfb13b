//! Small tools for text: hexadecimal digits, random names, suggestions, text from
//! elsewhere on a terminal.

mod words;

pub(crate) use words::filled;

/// Two digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random hexadecimal digits, two for each of `bytes` bytes.
///
/// # Errors
/// Returns [`NoRandom`] if the system's random number generator fails.
pub fn random_hex(bytes: usize) -> Result<String, NoRandom> {
    let mut random = vec![0u8; bytes];
    getrandom::fill(&mut random).map_err(|e| NoRandom(e.to_string()))?;
    Ok(hex(&random))
}

/// The system's random number generator failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read random bytes: {0}")]
pub struct NoRandom(pub String);

/// Text from elsewhere (an image, a node, a registry) as it may be shown on a
/// terminal: it cannot move the cursor, overwrite other lines or change the order of
/// letters. Colours are left out. Other control characters are shown by their
/// numbers, except line feeds and tabs.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = after_colour(rest) {
            rest = after;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '\r' if rest.starts_with('\n') => {}
            '\n' | '\t' => shown.push(first),
            first if first.is_control() || is_invisible(first) => {
                shown.extend(first.escape_unicode());
            }
            first => shown.push(first),
        }
    }
    shown
}

/// The text after the escape sequence for a colour that it begins with
/// (ECMA-48, 8.3.117, "SGR").
fn after_colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let rest = parameters.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';' || c == ':');
    rest.strip_prefix('m')
}

/// Separators of lines, and marks that change the direction of the text around them
/// (Unicode, annex 9, "Explicit Directional Formatting Characters").
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The last `count` lines.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Characters of [`short`] texts.
const SHORT: usize = 400;

/// A message from elsewhere in one line, cut if it is very long.
pub(crate) fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// `a, b and c`; of more than `limit` names the others are counted: `a, b and 3 more`.
pub(crate) fn listed(names: &[String], limit: usize) -> String {
    let (shown, others) = match names {
        [first @ .., last] if names.len() <= limit => (first, last.clone()),
        _ => {
            let limit = limit.min(names.len());
            (&names[..limit], format!("{} more", names.len() - limit))
        }
    };
    if shown.is_empty() { others } else { format!("{} and {others}", shown.join(", ")) }
}

/// At most `limit` lines, the last of which counts the others.
pub(crate) fn at_most(mut lines: Vec<String>, limit: usize) -> Vec<String> {
    if lines.len() > limit {
        let others = lines.len() - (limit - 1);
        lines.truncate(limit - 1);
        lines.push(format!("… and {others} more"));
    }
    lines
}

/// What has the same key, together, in the order of the first.
pub(crate) fn grouped<K: PartialEq, V>(
    pairs: impl IntoIterator<Item = (K, V)>,
) -> Vec<(K, Vec<V>)> {
    let mut groups: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in pairs {
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, values)) => values.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    groups
}

/// The sections of a report of a script: the words of each title, and the text below it.
/// A title is a line that begins with the record separator (RS, octal 036).
pub(crate) fn sections(report: &str) -> impl Iterator<Item = (Vec<&str>, &str)> {
    report.split('\u{1e}').skip(1).map(|section| {
        let (title, text) = section.split_once('\n').unwrap_or((section, ""));
        (title.split(' ').collect(), text)
    })
}

/// The text in lines of at most `width` characters, broken between words where that
/// is possible.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = width;
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        let needed = word.len() + usize::from(room < width);
        if needed <= room {
            let line = lines.last_mut().expect("there is one");
            line.extend((room < width).then_some(' '));
            line.extend(&word);
            room -= needed;
            continue;
        }
        lines.extend(word.chunks(width).map(|piece| piece.iter().collect::<String>()));
        room = width - lines.last().map_or(0, |line| line.chars().count());
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// The known words that `word` was probably meant to be, at most three, closest
/// first: those within a few typing errors, and those that start with it. Case
/// is ignored.
pub fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut found: Vec<(usize, &str)> = Vec::new();
    for other in known {
        let lower = other.to_lowercase();
        let edits = strsim::levenshtein(&word, &lower);
        let is_typo = edits <= 1 + other.len() / 4;
        let is_start = word.len() > 2 && lower.starts_with(&word);
        if is_typo || is_start {
            found.push((edits, other));
        }
    }
    found.sort();
    found.into_iter().map(|(_, other)| other).take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_elsewhere_cannot_act_on_a_terminal() {
        for (text, shown) in [
            ("pulling a\tb\r\nc 📦 é\n", "pulling a\tb\nc 📦 é\n"),
            ("\u{1b}[0;1;39mmulti-user.target\u{1b}[0m\u{1b}[m", "multi-user.target"),
            ("fine\rERROR", "fine\\u{d}ERROR"),
            ("\u{1b}[2J\u{1b}[31", "\\u{1b}[2J\\u{1b}[31"),
            (
                "\u{1b}]0;title\u{7}\u{8}\0\u{9b}1m\u{7f}",
                "\\u{1b}]0;title\\u{7}\\u{8}\\u{0}\\u{9b}1m\\u{7f}",
            ),
            ("a\u{202e}txt\u{2066}\u{2028}", "a\\u{202e}txt\\u{2066}\\u{2028}"),
            ("", ""),
        ] {
            assert_eq!(printable(text), shown, "{text:?}");
            assert_eq!(printable(shown), shown);
        }
    }

    #[test]
    fn the_last_lines() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn lines_are_no_wider_than_asked_for() {
        for (text, lines) in [
            ("", &[][..]),
            ("one", &["one"]),
            ("one two three", &["one two", "three"]),
            ("one two  ten", &["one two", "ten"]),
            ("ab abcdefghij c", &["ab", "abcdefgh", "ij c"]),
            ("ääääääää ö", &["ääääääää", "ö"]),
        ] {
            assert_eq!(wrapped(text, 8), lines, "{text}");
        }
    }

    #[test]
    fn names_and_lines_are_counted_when_there_are_many() {
        let names = |count: usize| ["a", "b", "c", "d"][..count].iter().map(|n| n.to_string());
        for (count, limit, text) in [
            (1, 2, "a"),
            (2, 2, "a and b"),
            (3, 3, "a, b and c"),
            (3, 2, "a, b and 1 more"),
            (4, 1, "a and 3 more"),
        ] {
            assert_eq!(listed(&names(count).collect::<Vec<_>>(), limit), text);
        }
        assert_eq!(at_most(names(4).collect(), 4), ["a", "b", "c", "d"]);
        assert_eq!(at_most(names(4).collect(), 3), ["a", "b", "… and 2 more"]);
        let pairs = [(1, "a"), (2, "b"), (1, "c")];
        assert_eq!(grouped(pairs), [(1, vec!["a", "c"]), (2, vec!["b"])]);
    }

    #[test]
    fn messages_from_elsewhere_are_one_line() {
        assert_eq!(short(" a\n  b\t c "), "a b c");
        assert_eq!(short(&"ä".repeat(400)), "ä".repeat(400));
        assert_eq!(short(&"ä".repeat(401)), format!("{}…", "ä".repeat(400)));
    }

    #[test]
    fn a_report_has_sections() {
        let found: Vec<_> = sections("noise\n\u{1e}a b\nx\ny\n\u{1e}c\n\u{1e}d").collect();
        assert_eq!(found, [(vec!["a", "b"], "x\ny\n"), (vec!["c"], ""), (vec!["d"], "")]);
    }

    #[test]
    fn near_words_are_suggested() {
        let known = ["hostPath", "image", "kubeProxyMode", "extraMounts", "extraPortMappings"];
        for (word, expected) in [
            ("imgae", &["image"][..]),
            ("proxyMode", &["kubeProxyMode"]),
            ("tostPath", &["hostPath"]),
            ("host", &["hostPath"]),
            ("extra", &["extraMounts", "extraPortMappings"]),
            ("networking", &[]),
            ("ho", &[]),
        ] {
            assert_eq!(similar(word, known), expected, "{word}");
        }
    }

    #[test]
    fn random_digits_differ() {
        let (a, b) = (random_hex(8).unwrap(), random_hex(8).unwrap());
        assert_eq!((a.len(), b.len()), (16, 16));
        assert_ne!(a, b);
    }
}
