//! Expected texts below `tests/snapshots/`, compared with what the tests get.
//!
//! `SNAPSHOTS=write` writes them instead of comparing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

#[allow(clippy::disallowed_methods, reason = "a test has no other way to be told")]
fn writing() -> bool {
    std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "write")
}

/// All files of one directory below `tests/snapshots/`.
pub struct Directory {
    path: PathBuf,
    expected: BTreeSet<String>,
    differences: Vec<String>,
}

impl Directory {
    pub fn new(name: &str) -> Self {
        let path = root().join(name);
        Directory { path, expected: BTreeSet::new(), differences: Vec::new() }
    }

    /// Compares one file, or writes it.
    pub fn check(&mut self, name: &str, text: &str) {
        let path = self.path.join(name);
        self.differences.extend(difference_of_file(&path, text));
        assert!(self.expected.insert(name.to_owned()), "{name} is checked twice");
    }

    /// Fails for all differences, and for files that were not checked. When
    /// writing, removes these.
    pub fn finish(mut self) {
        for name in entries(&self.path).difference(&self.expected) {
            let path = self.path.join(name);
            match writing() {
                true => fs::remove_file(path).unwrap(),
                false => {
                    self.differences.push(format!("{}: no test has this output", path.display()));
                }
            }
        }
        report(&self.differences);
    }
}

/// Compares one file directly below `tests/snapshots/`, or writes it.
pub fn check(name: &str, text: &str) {
    report(&Vec::from_iter(difference_of_file(&root().join(name), text)));
}

/// The names of all files and directories directly below `tests/snapshots/`.
pub fn top_level() -> BTreeSet<String> {
    entries(&root())
}

fn entries(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn report(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{}\nIf this is intended, run the test again with SNAPSHOTS=write.",
        differences.join("\n")
    );
}

fn difference_of_file(path: &Path, text: &str) -> Option<String> {
    if writing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return None;
    }
    let Ok(expected) = fs::read_to_string(path) else {
        return Some(format!("{}: the file is missing; it would be\n{text}", path.display()));
    };
    (expected != text).then(|| format!("{}:\n{}", path.display(), diff(&expected, text)))
}

/// The lines that differ, `-` expected and `+` found, each with three lines
/// around it.
fn diff(expected: &str, found: &str) -> String {
    const AROUND: usize = 3;
    let lines =
        edits(&expected.split('\n').collect::<Vec<_>>(), &found.split('\n').collect::<Vec<_>>());
    let near = |at: usize| {
        let around = at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1);
        lines[around].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    for (at, (mark, line)) in lines.iter().enumerate() {
        match near(at) {
            true => text += &format!("{mark} {line}\n"),
            false if at == 0 || near(at - 1) => text += "  …\n",
            false => {}
        }
    }
    text
}

/// The shortest way from one text to the other: every line with ` `, `-` or `+`.
fn edits<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, &'a str)> {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (start, a, b) = (&a[..same], &a[same..], &b[same..]);
    // How many lines can stay the same from (row, column) on.
    let mut stay = vec![vec![0u32; b.len() + 1]; a.len() + 1];
    for row in (0..a.len()).rev() {
        for column in (0..b.len()).rev() {
            stay[row][column] = match a[row] == b[column] {
                true => stay[row + 1][column + 1] + 1,
                false => stay[row + 1][column].max(stay[row][column + 1]),
            };
        }
    }
    let mut lines: Vec<(char, &str)> = start.iter().map(|line| (' ', *line)).collect();
    let (mut row, mut column) = (0, 0);
    while row < a.len() || column < b.len() {
        if row < a.len() && column < b.len() && a[row] == b[column] {
            lines.push((' ', a[row]));
            (row, column) = (row + 1, column + 1);
        } else if column == b.len()
            || row < a.len() && stay[row + 1][column] >= stay[row][column + 1]
        {
            lines.push(('-', a[row]));
            row += 1;
        } else {
            lines.push(('+', b[column]));
            column += 1;
        }
    }
    lines
}

#[test]
fn a_difference_shows_what_changed_and_where() {
    let before = "a\nb\nc\nd\ne\nf\ng\nh\n";
    let after = "a\nb\nc\nd\ne\nF\ng\nh\n";
    assert_eq!(diff(before, after), "  …\n  c\n  d\n  e\n- f\n+ F\n  g\n  h\n  \n");
    assert_eq!(diff("a\nb", "b\na\n"), "- a\n  b\n+ a\n+ \n");
    assert_eq!(diff("", "x\n"), "+ x\n  \n");
}
