//! Takes typed values out of a [`Tree`], with the conversions of Go's yaml.v3.
//!
//! A problem does not end decoding: it is recorded, the default is used
//! instead, and decoding continues to find further problems.

use super::problem::Problems;
use crate::text;
use crate::yaml::located::{Entry, Tree, Value, field_path, item_path};

/// A value and its place in the file.
pub(super) struct Located<'t> {
    /// Such as `nodes[1].role`.
    pub path: String,
    /// The line of the field's name, or of the list item.
    pub line: usize,
    pub tree: &'t Tree,
}

/// The fields of one mapping; none by default.
#[derive(Default)]
pub(super) struct Fields<'t>(Vec<(&'t str, Located<'t>)>);

impl<'t> Fields<'t> {
    /// `None` if the field is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&Located<'t>> {
        let found = self.0.iter().find(|(key, _)| *key == name);
        found.map(|(_, at)| at).filter(|at| at.tree.value != Value::Null)
    }

    pub(super) fn string(&self, name: &str, problems: &mut Problems) -> String {
        self.get(name).and_then(|at| at.string(problems)).unwrap_or_default()
    }

    pub(super) fn bool(&self, name: &str, problems: &mut Problems) -> bool {
        self.get(name).and_then(|at| at.bool(problems)).unwrap_or_default()
    }

    pub(super) fn list(&self, name: &str, problems: &mut Problems) -> Vec<Located<'t>> {
        self.get(name).map(|at| at.list(problems)).unwrap_or_default()
    }

    pub(super) fn strings(&self, name: &str, problems: &mut Problems) -> Vec<String> {
        self.list(name, problems).iter().filter_map(|at| at.string(problems)).collect()
    }

    /// Every entry of a field that is a mapping with free keys, null values included.
    pub(super) fn entries(
        &self,
        name: &str,
        problems: &mut Problems,
    ) -> Vec<(&'t str, Located<'t>)> {
        self.get(name).map(|at| at.entries(problems)).unwrap_or_default()
    }
}

impl<'t> Located<'t> {
    /// The document itself.
    pub(super) fn root(tree: &'t Tree) -> Self {
        Located { path: String::new(), line: tree.line, tree }
    }

    /// Records a problem of this value.
    pub(super) fn problem(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.add(self.line, &self.path, message);
    }

    /// The fields of a mapping, which must all be among `known`.
    pub(super) fn fields(&self, known: &[&str], problems: &mut Problems) -> Fields<'t> {
        let all = self.entries(problems);
        for (key, at) in all.iter().filter(|(key, _)| !known.contains(key)) {
            at.problem(problems, format!("unknown field{}", hint(key, known)));
        }
        Fields(all)
    }

    fn entries(&self, problems: &mut Problems) -> Vec<(&'t str, Located<'t>)> {
        let at = |e: &'t Entry| Located {
            path: field_path(&self.path, &e.key),
            line: e.line,
            tree: &e.tree,
        };
        match &self.tree.value {
            Value::Map(entries) => entries.iter().map(|e| (e.key.as_str(), at(e))).collect(),
            _ => self.wrong_type("a mapping", problems).unwrap_or_default(),
        }
    }

    /// The items that are not null, each with its index in the file.
    fn list(&self, problems: &mut Problems) -> Vec<Located<'t>> {
        let Value::List(items) = &self.tree.value else {
            return self.wrong_type("a list", problems).unwrap_or_default();
        };
        let written = items.iter().enumerate().filter(|(_, tree)| tree.value != Value::Null);
        written
            .map(|(i, tree)| Located { path: item_path(&self.path, i), line: tree.line, tree })
            .collect()
    }

    /// Any scalar, as written; null is the empty string.
    pub(super) fn string(&self, problems: &mut Problems) -> Option<String> {
        match &self.tree.value {
            Value::Null => Some(String::new()),
            Value::Scalar { text, .. } => Some(text.clone()),
            _ => self.wrong_type("a string", problems),
        }
    }

    /// `true`, `false`, or a boolean of YAML 1.1 such as `yes`, quoted or not;
    /// null is false.
    pub(super) fn bool(&self, problems: &mut Problems) -> Option<bool> {
        match &self.tree.value {
            Value::Null => return Some(false),
            Value::Scalar { text, plain, .. } => match text.as_str() {
                "true" | "True" | "TRUE" if *plain => return Some(true),
                "false" | "False" | "FALSE" if *plain => return Some(false),
                "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(true),
                "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(false),
                _ => {}
            },
            _ => {}
        }
        self.wrong_type("true or false", problems)
    }

    /// An integer that is not quoted.
    pub(super) fn int(&self, problems: &mut Problems) -> Option<i64> {
        let number = match &self.tree.value {
            Value::Scalar { text, plain: true, .. } => integer(text),
            _ => None,
        };
        number.or_else(|| self.wrong_type("a whole number", problems))
    }

    /// One of the words of `table`. `noun` completes the message "is not …". The
    /// empty string is `None`, like an absent field.
    pub(super) fn choice<T: Copy>(
        &self,
        noun: &str,
        table: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let word = self.string(problems).filter(|word| !word.is_empty())?;
        let found = table.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            let (last, others) = names.split_last().expect("a table of choices is never empty");
            self.problem(
                problems,
                format!("{word:?} is not {noun}; use {} or {last}", others.join(", ")),
            );
        }
        found
    }

    fn wrong_type<T>(&self, wanted: &str, problems: &mut Problems) -> Option<T> {
        let found = match &self.tree.value {
            Value::Null => "null".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
            Value::Scalar { text, plain: true, .. } => format!("`{}`", shorten(text)),
            Value::Scalar { text, .. } => format!("the string {:?}", shorten(text)),
        };
        self.problem(problems, format!("expected {wanted}, found {found}"));
        None
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The integers of Go's yaml.v3: `80`, `8_080`, `0x50`, `0o120`, `0120` (octal),
/// `0b101`, and floats, whose fraction is dropped.
fn integer(text: &str) -> Option<i64> {
    if text.starts_with('_') {
        return None;
    }
    let text = text.replace('_', "").to_ascii_lowercase();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let based = |radix, digits: &str| match digits.starts_with(['+', '-']) {
        true => None,
        false => i64::from_str_radix(digits, radix).ok(),
    };
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8), ("", 10)];
    let absolute = prefixes
        .into_iter()
        .filter_map(|(prefix, radix)| based(radix, digits.strip_prefix(prefix)?))
        .next()
        .or_else(|| digits.parse::<f64>().ok().filter(|f| *f < 1e15).map(|f| f as i64))?;
    Some(if negative { -absolute } else { absolute })
}

/// The end of an "unknown field" message: the likely spelling, or all fields.
fn hint(key: &str, known: &[&str]) -> String {
    match text::similar(key, known.iter().copied()).first() {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; the fields here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let good = [
            ("80", 80),
            ("-1", -1),
            ("+7", 7),
            ("0", 0),
            ("0x50", 80),
            ("0120", 80),
            ("0o120", 80),
            ("0b11", 3),
            ("8_080", 8080),
            ("80.0", 80),
            ("8e1", 80),
            ("089", 89),
            ("0X5F", 95),
            ("80.5", 80),
            ("-.5", 0),
        ];
        for (text, want) in good {
            assert_eq!(integer(text), Some(want), "{text}");
        }
        for text in [
            "",
            "-",
            "--1",
            "0x",
            "0x-1",
            "_80",
            "inf",
            "nan",
            "eighty",
            "9e99",
            "99999999999999999999999",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn hints() {
        let known = ["role", "image", "extraMounts", "extraPortMappings"];
        assert_eq!(hint("roles", &known), "; did you mean `role`?");
        assert_eq!(hint("extramounts", &known), "; did you mean `extraMounts`?");
        assert_eq!(hint("extraPortMapping", &known), "; did you mean `extraPortMappings`?");
        assert_eq!(
            hint("gpu", &known),
            "; the fields here are role, image, extraMounts, extraPortMappings"
        );
    }
}
