//! The text of a failure, as wide as the terminal.

use super::Failure;
use crate::secret::conceal;
use crate::text::{filled, printable};

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Style {
    /// Columns of the terminal; `None`: lines are not broken.
    pub width: Option<usize>,
    pub colour: bool,
}

/// The escape sequences of colours (ECMA-48, 8.3.117, "SGR").
const RED: &str = "\u{1b}[31m";
const CYAN: &str = "\u{1b}[36m";
const PLAIN: &str = "\u{1b}[0m";

impl Style {
    /// A paragraph after a label such as `hint:`, which may be empty. Lines that follow
    /// begin below the text. What is indented is left as it is.
    pub(crate) fn paragraph(self, label: &str, colour: &str, text: &str) -> String {
        let shown = match self.colour && !colour.is_empty() {
            true => format!("{colour}{label}{PLAIN}"),
            false => label.to_owned(),
        };
        let gap = if label.is_empty() { "" } else { " " };
        let indent = label.chars().count() + gap.len();
        let mut lines = Vec::new();
        for line in text.split('\n') {
            match self.width {
                Some(width) if !line.starts_with([' ', '\t']) && !line.is_empty() => {
                    lines.extend(filled(line, width.saturating_sub(indent).max(20)));
                }
                _ => lines.push(line.to_owned()),
            }
        }
        // Only what is broken here is moved to the right.
        let indent = if self.width.is_some() { " ".repeat(indent) } else { String::new() };
        let separator = format!("\n{indent}");
        format!("{shown}{gap}{}\n", lines.join(&separator))
    }
}

impl Failure {
    /// The text for stderr, without passwords and without control characters.
    pub(crate) fn render(&self, style: Style) -> String {
        let clean = |text: &str| printable(&conceal(text));
        let mut text = style.paragraph("ERROR:", RED, &clean(&self.heading));
        text.push_str(&self.body(style, clean));
        text
    }

    /// The text without a label and without passwords, ending in a newline.
    pub(crate) fn text(&self) -> String {
        let clean = |text: &str| conceal(text).into_owned();
        format!("{}\n{}", clean(&self.heading), self.body(Style::default(), clean))
    }

    /// Everything but the heading.
    fn body(&self, style: Style, clean: impl Fn(&str) -> String) -> String {
        let mut text = String::new();
        if !self.items.is_empty() {
            text.push('\n');
            let items = self.items.iter().map(|item| style.paragraph(" ", "", &clean(item)));
            text.extend(items);
        }
        if !self.details.trim().is_empty() {
            text.push_str(&format!("\n{}\n", clean(self.details.trim_end())));
        }
        for hint in self.all_hints() {
            text.push_str(&style.paragraph("hint:", CYAN, &clean(&hint)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn failure() -> Failure {
        Failure::new(Kind::Other, "one two three four five six seven eight")
            .items(["a problem of many many words".to_owned()])
            .details("quoted output is not broken, however long it is")
            .hint("use `docker run --rm busybox`, which is a command")
    }

    #[test]
    fn lines_are_broken_between_words_and_commands_are_not() {
        let broken = failure().render(Style { width: Some(32), colour: false });
        let expected = "ERROR: one two three four five
       six seven eight

  a problem of many many words

quoted output is not broken, however long it is
hint: use
      `docker run --rm busybox`,
      which is a command
";
        assert_eq!(broken, expected);
        let whole = failure().render(Style::default());
        assert!(whole.contains("hint: use `docker run --rm busybox`, which is a command\n"));
    }

    #[test]
    fn labels_have_colours_where_there_are_any() {
        let text = failure().render(Style { width: None, colour: true });
        assert!(text.starts_with("\u{1b}[31mERROR:\u{1b}[0m one two"), "{text}");
        assert!(text.contains("\n\u{1b}[36mhint:\u{1b}[0m use"), "{text}");
        let text = failure().render(Style::default());
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    /// What a node or registry answers cannot act on the terminal.
    #[test]
    fn control_characters_are_shown_by_their_numbers() {
        let hostile = "\u{1b}]0;x\u{7}";
        let failure = Failure::new(Kind::Other, hostile).details(hostile).hint(hostile);
        let text = failure.items([hostile.to_owned()]).render(Style::default());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
}
