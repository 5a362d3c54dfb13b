//! Where the fields of a definition stand in its file: for messages about them.

use std::collections::BTreeMap;
use std::fmt;

/// The file that a definition was read from. The default is no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// As the user named it; `None` for stdin, and where there is none.
    pub file: Option<String>,
    /// The line of every field by its path, such as `nodes[1].labels.tier`.
    pub lines: BTreeMap<String, Line>,
    /// The line of a second YAML document, which is not read.
    pub second_document: Option<usize>,
}

/// The line at which a field stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Whether this is the first line of a text whose further lines follow it.
    pub is_text: bool,
}

impl Source {
    /// A field.
    pub fn place(&self, path: &str) -> Place {
        self.place_in(path, 0)
    }

    /// A line, from 0, of the text in a field.
    pub fn place_in(&self, path: &str, line_of_text: usize) -> Place {
        // The text of a JSON 6902 patch is a field of it.
        let inner = format!("{path}.patch");
        let line = self.lines.get(&inner).or_else(|| self.lines.get(path));
        let line = line.map(|line| line.number + if line.is_text { line_of_text } else { 0 });
        Place { path: path.to_owned(), file: self.file.clone(), line }
    }
}

/// A field of a definition, and where it stands. Displayed as
/// `lab.yaml:4: featureGates.X`, with as much as is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Option<String>,
    /// From 1.
    pub line: Option<usize>,
    /// Such as `featureGates.X` or `nodes[1].kubeadmConfigPatches[0]`.
    pub path: String,
}

impl Place {
    /// `lab.yaml:4`, or `line 4` if it has no file; `None` if the line is not known.
    pub fn position(&self) -> Option<String> {
        let line = self.line?;
        Some(match &self.file {
            Some(file) => format!("{file}:{line}"),
            None => format!("line {line}"),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if let Some(position) = self.position() {
            write!(f, "{position}: ")?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_say_what_is_known() {
        let line = |number, is_text| Line { number, is_text };
        let lines = [
            ("a.b".to_owned(), line(3, false)),
            ("p[0]".to_owned(), line(5, true)),
            ("q[0]".to_owned(), line(8, false)),
            ("q[0].patch".to_owned(), line(9, true)),
        ];
        let mut source = Source { lines: lines.into(), ..Source::default() };
        for (path, line_of_text, shown, in_file) in [
            ("a.b", 0, "line 3: a.b", "lab.yaml:3: a.b"),
            ("a.b", 2, "line 3: a.b", "lab.yaml:3: a.b"),
            ("p[0]", 2, "line 7: p[0]", "lab.yaml:7: p[0]"),
            ("q[0]", 1, "line 10: q[0]", "lab.yaml:10: q[0]"),
            ("elsewhere", 1, "elsewhere", "elsewhere"),
        ] {
            source.file = None;
            assert_eq!(source.place_in(path, line_of_text).to_string(), shown);
            source.file = Some("lab.yaml".into());
            assert_eq!(source.place_in(path, line_of_text).to_string(), in_file);
        }
    }
}
