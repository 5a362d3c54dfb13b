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
