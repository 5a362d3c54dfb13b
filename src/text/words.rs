//! Breaking sentences into lines.

/// The text in lines of at most `width` characters, broken between words. What stands in
/// backquotes or quotes, such as a command, is one word; a word that is wider than a line
/// stays whole, so that it can be copied.
pub(crate) fn filled(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in words(text) {
        let needed = word.chars().count();
        match lines.last_mut() {
            Some(line) if used + 1 + needed <= width => {
                line.push(' ');
                line.push_str(word);
                used += 1 + needed;
            }
            _ => {
                lines.push(word.to_owned());
                used = needed;
            }
        }
    }
    lines
}

/// The words of a text, with what they are quoted by.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (at, letter) in text.char_indices() {
        if quote.is_none() && letter.is_whitespace() {
            words.extend(start.take().map(|start: usize| &text[start..at]));
            continue;
        }
        start.get_or_insert(at);
        if quote == Some(letter) {
            quote = None;
        } else if quote.is_none() && matches!(letter, '`' | '"') {
            // A quote that does not end quotes nothing.
            quote = text[at + 1..].contains(letter).then_some(letter);
        }
    }
    words.extend(start.map(|start| &text[start..]));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_only() {
        for (text, lines) in [
            ("", &[][..]),
            ("one", &["one"]),
            ("one two three", &["one two", "three"]),
            ("one two  ten", &["one two", "ten"]),
            ("ab /a/very/long/path c", &["ab", "/a/very/long/path", "c"]),
            ("run `a b c d` (`e f`)", &["run", "`a b c d`", "(`e f`)"]),
            ("file \"a b c d\" end", &["file", "\"a b c d\"", "end"]),
            ("5\" of rain today", &["5\" of", "rain", "today"]),
            ("a=\"b c d e f\", g", &["a=\"b c d e f\",", "g"]),
            ("ääääääää ö", &["ääääääää", "ö"]),
        ] {
            assert_eq!(filled(text, 8), lines, "{text}");
        }
    }
}
