//! From an answer to what is wrong: in the component's own words.

use super::question::Question;
use super::script::Answer;
use crate::components::{Cause, Component, refusal};
use crate::kubeadm::{self, UnknownField};

/// What is wrong by one answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Judged {
    /// What the component does not take, each in a sentence.
    pub refusals: Vec<String>,
    /// Fields that it leaves out.
    pub unknown: Vec<UnknownField>,
    /// The same question without what is wrong: a program names one mistake at a time.
    pub again: Option<Question>,
}

/// What a sentence of a component is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Gate(String),
    Flag(String),
    /// A path such as `conntrack.maxPerCore`.
    Field(String),
    Other,
}

impl Subject {
    /// By the sentence.
    pub(super) fn of(sentence: &str) -> Subject {
        match Cause::of(sentence) {
            Cause::UnknownGate(gate) => return Subject::Gate(gate),
            Cause::UnknownFlag(flag) => return Subject::Flag(flag),
            _ => {}
        }
        if let Some((_, rest)) = sentence.split_once("cannot set feature gate ") {
            return Subject::Gate(rest.split(' ').next().unwrap_or_default().to_owned());
        }
        // `invalid argument "x" for "-v, --v" flag: …`
        let flag =
            sentence.split_once("\" flag: ").and_then(|(before, _)| before.rsplit_once("--"));
        if let Some((_, flag)) = flag {
            return Subject::Flag(flag.to_owned());
        }
        // Names of types begin with a capital letter, those of fields do not.
        let go_field =
            sentence.split_once("Go struct field ").and_then(|(_, rest)| rest.split(' ').next());
        if let Some(path) = go_field {
            let is_field = |part: &&str| !part.starts_with(|c: char| c.is_uppercase());
            return Subject::Field(path.split('.').filter(is_field).collect::<Vec<_>>().join("."));
        }
        Subject::Other
    }
}

/// Judges what a component answered. What it says that has nothing to do with the
/// definition is nothing wrong: the question itself makes it end with an error.
pub(super) fn judge(question: &Question, answer: &Answer) -> Judged {
    let mut unknown: Vec<UnknownField> = Vec::new();
    for line in answer.log.lines() {
        let found = kubeadm::unknown_fields(line, question.kind());
        unknown
            .extend(found.into_iter().filter(|field| !unknown.contains(field)).collect::<Vec<_>>());
    }
    let refusal = (answer.code != 0).then(|| refusal(&answer.log)).flatten();
    // kubeadm ends with this when it validates; when it works, it goes on.
    let refusal = refusal.filter(|words| !words.contains("strict decoding error"));
    let mut refusals: Vec<String> = refusal.iter().flat_map(|words| sentences(words)).collect();
    if question.component == Component::ApiServer {
        // It lacks the flags that kubeadm adds.
        refusals.retain(|sentence| self::refusal(&format!("Error: {sentence}")).is_some());
    }
    refusals.retain(|sentence| !is_about_missing(sentence));
    let mut rest = question.clone();
    for sentence in &refusals {
        let less = match Subject::of(sentence) {
            Subject::Gate(gate) => rest.without_gate(&gate),
            Subject::Flag(flag) => rest.without_flag(&flag),
            Subject::Field(path) => rest.without_field(None, &path),
            Subject::Other => None,
        };
        rest = less.unwrap_or(rest);
    }
    if question.component == Component::Kubeadm {
        for field in &unknown {
            rest = rest.without_field(Some(&field.kind), &field.path).unwrap_or(rest);
        }
    }
    Judged { refusals, unknown, again: (rest != *question).then_some(rest) }
}

fn is_about_missing(sentence: &str) -> bool {
    sentence.contains("required flag") || sentence.ends_with("must be set")
}

/// What is wrong, one sentence each, without what says where in the program it was
/// noticed.
fn sentences(words: &str) -> Vec<String> {
    const BEFORE: [&str; 10] = [
        "failed to decode: ",
        "failed lenient decoding: ",
        "failed validate: ",
        "failed complete: ",
        "failed to parse kubelet flag: ",
        "failed to validate kubelet flags: ",
        "failed to validate kubelet configuration, error: ",
        "while setting defaults, error: ",
        "Error: ",
        "error: ",
    ];
    let mut text = words;
    if text.contains("error unmarshaling configuration ") {
        text = text.split_once("\"}: ").map_or(text, |(_, rest)| rest);
    }
    for before in BEFORE {
        text = text.split_once(before).map_or(text, |(_, rest)| rest);
    }
    let listed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let Some(listed) = listed else { return vec![text.to_owned()] };
    let mut all: Vec<String> = Vec::new();
    // Sentences have commas, too.
    for piece in listed.split(", ") {
        let begins = is_about_missing(piece)
            || piece.ends_with(" is enabled")
            || !piece.starts_with("but ") && refusal(&format!("Error: {piece}")).is_some();
        match all.last_mut().filter(|_| !begins) {
            Some(last) => *last += &format!(", {piece}"),
            None => all.push(piece.to_owned()),
        }
    }
    all
}
