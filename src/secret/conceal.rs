//! Finds secrets in texts, by what they look like.

use std::borrow::Cow;
use std::ops::Range;

use super::MASK;
use super::url::{ends_word, user_in_text, user_of_proxy};

/// The token that kubeadm's documentation has as an example; it opens nothing here.
const EXAMPLE_TOKEN: &str = "abcdef.0123456789abcdef";

/// Fields with secrets, in lower case: of kubeconfigs, of kubeadm's documents, of the
/// docker client, of HTTP. Bootstrap tokens are known by their form.
const FIELDS: [&str; 8] = [
    "password",
    "passwd",
    "client-key-data",
    "certificatekey",
    "identitytoken",
    "registrytoken",
    "authorization",
    "x-registry-auth",
];

/// Parts of the names of a URL's parameters with secrets, in lower case.
const PARAMETERS: [&str; 6] = ["token", "secret", "passw", "signature", "credential", "apikey"];

/// Begins the last line of a private key.
const KEY_END: &str = "-----END";

/// Where in a text the next secret is. The second text is the same in lower case: a line
/// may have many secrets, and is long then.
type Find = fn(&str, &str) -> Option<Range<usize>>;

const FINDS: [Find; 5] = [
    user_of_proxy,
    |text, _| user_in_text(text),
    field,
    |text, _| parameter(text),
    |text, _| bootstrap_token(text),
];

/// A text without the secrets that can be recognized: passwords in URLs, values of
/// fields with a telling name, bootstrap tokens, private keys.
pub(crate) fn conceal(text: &str) -> Cow<'_, str> {
    let mut concealer = Concealer::default();
    let lines: Vec<Cow<str>> =
        text.split_inclusive('\n').map(|line| concealer.line(line)).collect();
    match lines.iter().all(|line| matches!(line, Cow::Borrowed(_))) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(lines.concat()),
    }
}

/// Conceals a text line by line.
#[derive(Default)]
pub(crate) struct Concealer {
    /// Within a private key.
    in_key: bool,
}

impl Concealer {
    /// The next line as it may be shown. It may end with its line feed.
    pub(crate) fn line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        let mut line = line;
        if self.in_key {
            let end = line.find(KEY_END);
            self.in_key = end.is_none();
            line = end.map_or("", |end| &line[end..]);
        }
        let mut shown = Cow::Borrowed(line);
        let mut from = 0;
        while let Some((range, is_open)) = private_key(&shown[from..]) {
            self.in_key = is_open;
            let start = from + range.start;
            shown.to_mut().replace_range(start..from + range.end, MASK);
            from = start + MASK.len();
        }
        for find in FINDS {
            if let Some(concealed) = replaced(&shown, find) {
                shown = Cow::Owned(concealed);
            }
        }
        shown
    }
}

/// `None` if there is nothing to replace.
fn replaced(text: &str, find: Find) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(range) = find(rest, &lower[text.len() - rest.len()..]) {
        shown.push_str(&rest[..range.start]);
        shown.push_str(MASK);
        rest = &rest[range.end..];
    }
    (rest.len() < text.len()).then(|| shown + rest)
}

/// What follows the first line of a private key in PEM, and whether the key goes on in
/// the next line.
fn private_key(line: &str) -> Option<(Range<usize>, bool)> {
    const MARK: &str = "PRIVATE KEY-----";
    let begin = line.find("-----BEGIN ")?;
    let start = begin + line[begin..].find(MARK)? + MARK.len();
    let body = &line[start..];
    match body.find(KEY_END) {
        Some(end) => Some((start..start + end, false)),
        None => Some((start..start + body.trim_end().len(), true)),
    }
}

/// The value in `password: VALUE`, `"password": "VALUE"` or `password=VALUE`.
fn field(text: &str, lower: &str) -> Option<Range<usize>> {
    let lower = lower.as_bytes();
    (0..lower.len()).find_map(|at| {
        let name = FIELDS.iter().find(|name| lower[at..].starts_with(name.as_bytes()))?;
        value(text, at + name.len(), name)
    })
}

/// The value of the field whose name ends at `end`.
fn value(text: &str, end: usize, name: &str) -> Option<Range<usize>> {
    let after = text[end..].trim_start_matches(['"', '\'', '\\']);
    let value = after.trim_start().strip_prefix([':', '='])?.trim_start_matches(' ');
    // `authorization: {mode: Webhook}` is about permissions.
    if name == "authorization" && value.starts_with('{') {
        return None;
    }
    let quotes = value.len() - value.trim_start_matches(['"', '\'', '\\']).len();
    let start = text.len() - value.len() + quotes;
    let is_end = |c: char| match quotes > 0 || name == "authorization" {
        true => matches!(c, '"' | '\'' | '\\' | '\n' | '\r'),
        false => ends_word(c) || matches!(c, ',' | '&' | '}' | ']'),
    };
    let length = text[start..].find(is_end).unwrap_or(text.len() - start);
    (length > 0).then_some(start..start + length)
}

/// The value of a parameter of a URL, such as `?token=VALUE`.
fn parameter(text: &str) -> Option<Range<usize>> {
    text.match_indices(['?', '&']).find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let part =
            &rest[..rest.find(|c| ends_word(c) || c == '&' || c == '#').unwrap_or(rest.len())];
        let (name, value) = part.split_once('=')?;
        let lower = name.to_lowercase();
        let is_secret = lower == "sig" || PARAMETERS.iter().any(|known| lower.contains(known));
        let start = at + 1 + name.len() + 1;
        (is_secret && !value.is_empty()).then(|| start..start + value.len())
    })
}

/// A token such as `abcdef.0123456789abcdef`, with which nodes join.
fn bootstrap_token(text: &str) -> Option<Range<usize>> {
    let is_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let bytes = text.as_bytes();
    text.match_indices('.').find_map(|(dot, _)| {
        let (start, end) = (dot.checked_sub(6)?, dot + 17);
        let (id, secret) = (&bytes[start..dot], bytes.get(dot + 1..end)?);
        let is_token = id.iter().chain(secret).all(is_digit)
            && secret.iter().any(u8::is_ascii_digit)
            && !bytes[..start].last().is_some_and(|byte| in_word(byte) || b"./".contains(byte))
            && !bytes.get(end).is_some_and(in_word)
            && &text[start..end] != EXAMPLE_TOKEN;
        is_token.then_some(start..end)
    })
}

#[cfg(test)]
mod tests;
