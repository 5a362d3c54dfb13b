//! Small tools for text: hexadecimal digits, random names, suggestions.

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
