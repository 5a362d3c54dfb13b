//! Small tools for text: hexadecimal digits, random names, suggestions.

/// Two digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Random hexadecimal digits, two for each of `bytes`.
///
/// # Errors
/// The system has no random numbers.
pub fn random_hex(bytes: usize) -> Result<String, NoRandom> {
    let mut random = vec![0u8; bytes];
    getrandom::fill(&mut random).map_err(|e| NoRandom(e.to_string()))?;
    Ok(hex(&random))
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read random bytes: {0}")]
pub struct NoRandom(pub String);

/// The last `count` lines.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The known words that somebody who wrote `word` probably meant, best first,
/// at most three.
pub fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Jaro-Winkler similarity; 0.8 lets two letters change places in short words.
    let score = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase());
    let mut scored: Vec<(f64, &str)> =
        known.into_iter().map(|other| (score(other), other)).filter(|(s, _)| *s >= 0.8).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|(_, other)| other).take(3).collect()
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
    fn near_words_are_suggested() {
        let known = ["extraPortMappings", "extraMounts", "image", "role"];
        assert_eq!(similar("extraPortMapping", known)[0], "extraPortMappings");
        assert_eq!(similar("imgae", known), ["image"]);
        assert!(similar("networking", known).is_empty());
    }

    #[test]
    fn random_digits_differ() {
        let (a, b) = (random_hex(8).unwrap(), random_hex(8).unwrap());
        assert_eq!((a.len(), b.len()), (16, 16));
        assert_ne!(a, b);
    }
}
