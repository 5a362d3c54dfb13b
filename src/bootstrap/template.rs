//! The part of Go's `text/template` that network manifests use: fields,
//! literals, pipelines of a few functions, `if`, comments and trim markers.

use std::fmt;
use std::iter::Peekable;
use std::{slice, vec};

/// Fills in a template whose data is one field, `.PodSubnet`.
///
/// # Errors
/// What is wrong with the template, or which part of the language is unknown.
pub fn render(template: &str, pod_subnet: &str) -> Result<String, String> {
    let mut parts = split(template)?.into_iter();
    let mut out = String::new();
    match block(&mut parts, pod_subnet, Some(&mut out))? {
        None => Ok(out),
        Some(words) => Err(format!("{{{{{}}}}} without {{{{if}}}}", words.join(" "))),
    }
}

#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    /// The words of one action; none for a comment.
    Action(Vec<String>),
}

/// Text and actions, with trim markers applied.
fn split(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    let mut trim = false;
    loop {
        let (text, after) = match rest.split_once("{{") {
            Some((text, after)) => (text, Some(after)),
            None => (rest, None),
        };
        let text = if trim { text.trim_start() } else { text };
        let Some(after) = after else {
            parts.push(Part::Text(text.to_owned()));
            return Ok(parts);
        };
        let left = after.strip_prefix('-').filter(|rest| rest.starts_with(char::is_whitespace));
        parts.push(Part::Text(if left.is_some() { text.trim_end() } else { text }.to_owned()));
        let (words, after, right) = action(left.unwrap_or(after))?;
        parts.push(Part::Action(words));
        (rest, trim) = (after, right);
    }
}

/// The words up to `}}`, what follows it, and whether white space is trimmed
/// there.
fn action(text: &str) -> Result<(Vec<String>, &str, bool), String> {
    let open = || format!("{{{{ is never closed: {:?}", text.lines().next().unwrap_or_default());
    if let Some(comment) = text.trim_start().strip_prefix("/*") {
        let (_, after) = comment.split_once("*/").ok_or_else(open)?;
        let (_, after) = after.split_once("}}").ok_or_else(open)?;
        let trims = text[..text.len() - after.len()].ends_with("-}}");
        return Ok((Vec::new(), after, trims));
    }
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        let spaced = rest.starts_with(char::is_whitespace);
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix("-}}").filter(|_| spaced) {
            return Ok((words, after, true));
        }
        if let Some(after) = rest.strip_prefix("}}") {
            return Ok((words, after, false));
        }
        let word = word(rest).ok_or_else(open)?;
        words.push(rest[..word].to_owned());
        rest = &rest[word..];
    }
}

/// The length of the word that `text` starts with.
fn word(text: &str) -> Option<usize> {
    match text.chars().next()? {
        '"' => {
            let mut escaped = false;
            let end = text.char_indices().skip(1).find(|(_, c)| {
                let end = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                end
            });
            end.map(|(at, _)| at + 1)
        }
        '`' => text[1..].find('`').map(|at| at + 2),
        '(' | ')' | '|' => Some(1),
        _ => {
            let end = |c: char| c.is_whitespace() || "()|\"`}".contains(c);
            Some(text.find(end).unwrap_or(text.len())).filter(|length| *length > 0)
        }
    }
}

type Parts = vec::IntoIter<Part>;

/// Writes parts, to nowhere in a branch not taken, up to the `end` or `else`
/// that belongs to somebody else, which is returned.
fn block(
    parts: &mut Parts,
    data: &str,
    mut out: Option<&mut String>,
) -> Result<Option<Vec<String>>, String> {
    while let Some(part) = parts.next() {
        let text = match part {
            Part::Text(text) => text,
            Part::Action(words) => match words.first().map(String::as_str) {
                None => continue,
                Some("end" | "else") => return Ok(Some(words)),
                Some("if") => {
                    condition(&words[1..], parts, data, out.as_deref_mut())?;
                    continue;
                }
                Some(_) => evaluate(&words, data)?.to_string(),
            },
        };
        if let Some(out) = &mut out {
            out.push_str(&text);
        }
    }
    Ok(None)
}

/// What stands between `{{if}}` and its `{{end}}`.
fn condition(
    words: &[String],
    parts: &mut Parts,
    data: &str,
    mut out: Option<&mut String>,
) -> Result<(), String> {
    let mut holds = evaluate(words, data)?.is_true();
    let mut taken = false;
    loop {
        let branch = if holds && !taken { out.as_deref_mut() } else { None };
        taken |= holds;
        let end = block(parts, data, branch)?.ok_or("{{if}} without {{end}}")?;
        match &end[..] {
            [end] if end == "end" => return Ok(()),
            [_] => holds = true,
            [_, second, rest @ ..] if second == "if" => holds = evaluate(rest, data)?.is_true(),
            words => return Err(unknown(&words.join(" "))),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Bool(bool),
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Value::Text(text) => !text.is_empty(),
            Value::Bool(value) => *value,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Bool(value) => write!(f, "{value}"),
        }
    }
}

const FUNCTIONS: [&str; 7] = ["and", "eq", "ne", "not", "or", "print", "printf"];

type Words<'w> = Peekable<slice::Iter<'w, String>>;

fn evaluate(words: &[String], data: &str) -> Result<Value, String> {
    let mut left = words.iter().peekable();
    let value = pipeline(&mut left, data)?;
    match left.next() {
        None => Ok(value),
        Some(_) => Err(unknown(&words.join(" "))),
    }
}

fn pipeline(words: &mut Words, data: &str) -> Result<Value, String> {
    let mut value = command(words, data, None)?;
    while words.next_if(|word| *word == "|").is_some() {
        value = command(words, data, Some(value))?;
    }
    Ok(value)
}

/// An operand, or a function and its arguments, the last of them `piped`.
fn command(words: &mut Words, data: &str, piped: Option<Value>) -> Result<Value, String> {
    let function = words.next_if(|word| FUNCTIONS.contains(&word.as_str()));
    let mut arguments = Vec::new();
    while let Some(word) = words.next_if(|word| *word != "|" && *word != ")") {
        arguments.push(operand(word, words, data)?);
    }
    arguments.extend(piped);
    match (function, &arguments[..]) {
        (Some(name), arguments) => call(name, arguments),
        (None, [value]) => Ok(value.clone()),
        (None, _) => Err("an action has no value, or several".to_owned()),
    }
}

fn operand(word: &str, words: &mut Words, data: &str) -> Result<Value, String> {
    match word {
        ".PodSubnet" | "$.PodSubnet" => Ok(Value::Text(data.to_owned())),
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        "(" => {
            let value = pipeline(words, data)?;
            words.next_if(|word| *word == ")").map(|_| value).ok_or_else(|| unknown(word))
        }
        _ if word.starts_with('`') => Ok(Value::Text(word.trim_matches('`').to_owned())),
        _ if word.starts_with('"') => {
            serde_json::from_str(word).map(Value::Text).map_err(|_| unknown(word))
        }
        _ => Err(unknown(word)),
    }
}

fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    match (name, arguments) {
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            Ok(Value::Bool(others.contains(first)))
        }
        ("ne", [a, b]) => Ok(Value::Bool(a != b)),
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("and", [.., last]) => {
            Ok(arguments.iter().find(|value| !value.is_true()).unwrap_or(last).clone())
        }
        ("or", [.., last]) => {
            Ok(arguments.iter().find(|value| value.is_true()).unwrap_or(last).clone())
        }
        ("print", _) => Ok(Value::Text(arguments.iter().map(Value::to_string).collect())),
        ("printf", [Value::Text(format), arguments @ ..]) => formatted(format, arguments),
        _ => Err(format!("the arguments of {name} do not fit")),
    }
}

/// `printf` with `%s`, `%v`, `%q` and `%%`.
fn formatted(format: &str, arguments: &[Value]) -> Result<Value, String> {
    let (mut out, mut arguments, mut rest) = (String::new(), arguments.iter(), format);
    while let Some((text, after)) = rest.split_once('%') {
        out.push_str(text);
        let mut value = || arguments.next().ok_or("printf has too few arguments");
        match after.chars().next() {
            Some('%') => out.push('%'),
            Some('s' | 'v') => out.push_str(&value()?.to_string()),
            Some('q') => out.push_str(&format!("{:?}", value()?.to_string())),
            verb => return Err(unknown(&format!("%{}", verb.unwrap_or(' ')))),
        }
        rest = &after[1..];
    }
    Ok(Value::Text(out + rest))
}

fn unknown(what: &str) -> String {
    format!("skiff does not know `{what}` in Go templates")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let cases = [
            ("", ""),
            ("no action: { } }}", "no action: { } }}"),
            ("a: {{ .PodSubnet }}", "a: 10.244.0.0/16"),
            ("{{.PodSubnet}},{{$.PodSubnet}}", "10.244.0.0/16,10.244.0.0/16"),
            ("a \n {{- .PodSubnet -}} \n b", "a10.244.0.0/16b"),
            ("a {{/* it's }} \" a comment */}} b", "a  b"),
            ("a {{- /* x */ -}} b", "ab"),
            ("{{\"{{\"}} {{`}}`}} {{\"\\\"\"}}", "{{ }} \""),
            ("{{if .PodSubnet}}yes{{end}}", "yes"),
            ("{{ if not .PodSubnet }}a{{ else }}b{{ end }}", "b"),
            ("{{if false}}a{{else if eq .PodSubnet \"x\" `10.244.0.0/16`}}b{{else}}c{{end}}", "b"),
            ("{{if true}}a{{else if true}}b{{else}}c{{end}}", "a"),
            ("{{if (and .PodSubnet (ne .PodSubnet \"\"))}}{{if false}}x{{end}}a{{end}}", "a"),
            ("{{ .PodSubnet | printf \"%s=%q %%\" \"net\" }}", "net=\"10.244.0.0/16\" %"),
            ("{{ or \"\" .PodSubnet | print \"a\" }}", "a10.244.0.0/16"),
        ];
        for (template, want) in cases {
            assert_eq!(render(template, "10.244.0.0/16").as_deref(), Ok(want), "{template}");
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        let cases = [
            ("{{ .Nodes }}", "`.Nodes`"),
            ("{{ range .PodSubnet }}{{ end }}", "`range`"),
            ("{{ with .PodSubnet }}x{{ end }}", "`with`"),
            ("{{ $x := .PodSubnet }}", "`$x`"),
            ("{{ .PodSubnet | upper }}", "`upper`"),
            ("{{ printf \"%d\" .PodSubnet }}", "`%d`"),
            ("{{ eq .PodSubnet }}", "arguments of eq"),
            ("{{ .PodSubnet .PodSubnet }}", "or several"),
            ("{{ if true }}", "without {{end}}"),
            ("{{ end }}", "{{end}} without {{if}}"),
            ("a: {{ .PodSubnet", "never closed"),
            ("{{ \"x }}", "never closed"),
            ("{{ /* x }}", "never closed"),
        ];
        for (template, want) in cases {
            match render(template, "x") {
                Ok(text) => assert!(want.is_empty(), "{template}: {text}"),
                Err(why) => assert!(!want.is_empty() && why.contains(want), "{template}: {why}"),
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn text_without_actions_stays(text in "[^{]*") {
            proptest::prop_assert_eq!(render(&text, "x"), Ok(text.clone()));
        }

        #[test]
        fn any_template_is_rendered_or_refused(text in "[-{}|()\"`/*%a-z. \n]{0,60}") {
            let _ = render(&text, "x");
        }
    }
}
