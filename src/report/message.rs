//! Messages that are not part of a step.

use crate::diagnose::Style;
use crate::progress::Level;

/// Where text goes, which includes its line feeds.
pub(super) type Output = Box<dyn Fn(&str) + Send + Sync>;

const YELLOW: &str = "\u{1b}[33m";

/// The text of a message, ending in a line feed; `None` if it is not shown at this
/// verbosity.
pub(super) fn shown(level: Level, text: &str, verbosity: i32, style: Style) -> Option<String> {
    is_shown(level, verbosity).then(|| match level {
        Level::Warning => style.paragraph("WARNING:", YELLOW, text),
        Level::Info => style.paragraph("", "", text),
        // Much of it is output of programs.
        Level::Debug(_) => format!("DEBUG: {text}\n"),
    })
}

pub(super) fn is_shown(level: Level, verbosity: i32) -> bool {
    match level {
        Level::Warning => true,
        Level::Info => verbosity >= 0,
        Level::Debug(needed) => verbosity >= needed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_is_kinds() {
        assert!(is_shown(Level::Warning, -1) && !is_shown(Level::Info, -1));
        assert!(is_shown(Level::Debug(1), 1) && !is_shown(Level::Debug(2), 1));
    }

    #[test]
    fn messages_are_broken_between_words_on_a_terminal() {
        let style = Style { width: Some(30), colour: false };
        let text = "two words, three words, four words";
        for (level, expected) in [
            (Level::Warning, "WARNING: two words, three\n         words, four words\n"),
            (Level::Info, "two words, three words, four\nwords\n"),
            (Level::Debug(1), "DEBUG: two words, three words, four words\n"),
        ] {
            assert_eq!(shown(level, text, 1, style).unwrap(), expected);
        }
        let command = "\nwith:\n\n  kubectl get pods --all-namespaces --watch";
        assert_eq!(shown(Level::Info, command, 0, style).unwrap(), format!("{command}\n"));
    }
}
