//! The script that asks, and its report.

use std::collections::BTreeMap;

use super::question::{DIRECTORY, Question};
use crate::kubeadm;

const SCRIPT: &str = include_str!("ask.sh");

/// Separates the sections of a report.
const SEPARATOR: char = '\u{1e}';

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its exit status.
    pub code: i32,
    /// What it wrote: if that is long, the beginning and the end.
    pub log: String,
}

/// Asks all questions at the same time.
pub(super) fn questions(questions: &[Question]) -> String {
    let mut script = SCRIPT.to_owned();
    for (number, question) in questions.iter().enumerate() {
        let file = format!("{DIRECTORY}/{number}.yaml");
        if !question.documents.is_empty() {
            let text = quoted(&kubeadm::render(&question.documents));
            script += &format!("printf %s {text} >{file}\n");
        }
        let words: Vec<String> = question.command(&file).iter().map(|word| quoted(word)).collect();
        script += &format!("ask {number} {} &\n", words.join(" "));
    }
    let numbers: Vec<String> = (0..questions.len()).map(|number| number.to_string()).collect();
    script + &format!("wait\nreport {}\n", numbers.join(" "))
}

/// Asks for the names of feature gates and flags that programs have.
pub(super) fn names(programs: &[&str]) -> String {
    programs
        .iter()
        .fold(SCRIPT.to_owned(), |script, program| script + &format!("names {program}\n"))
}

/// The answers by the number of their question.
pub(super) fn answers(report: &str) -> BTreeMap<usize, Answer> {
    let answer = |(title, log): (&str, &str)| {
        let (number, code) = title.split_once(' ')?;
        let code = code.parse().ok()?;
        Some((number.parse().ok()?, Answer { code, log: log.to_owned() }))
    };
    sections(report).filter_map(answer).collect()
}

/// The names by program: feature gates, and flags without dashes.
pub(super) fn read_names(report: &str) -> BTreeMap<&str, (Vec<&str>, Vec<&str>)> {
    sections(report)
        .map(|(program, text)| {
            let gates = text.lines().filter_map(|line| line.strip_suffix("=true|false"));
            let flags = text.lines().filter_map(|line| line.split_once("--").map(|(_, name)| name));
            (program, (gates.collect(), flags.collect()))
        })
        .collect()
}

fn sections(report: &str) -> impl Iterator<Item = (&str, &str)> {
    report.split(SEPARATOR).skip(1).filter_map(|section| section.split_once('\n'))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
