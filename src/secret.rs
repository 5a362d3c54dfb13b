//! Passwords, tokens and keys: they are used, but not shown or kept in logs.
//!
//! A value that skiff itself handles is a [`Secret`]. A text from elsewhere (the
//! output of a command, an error, a log, a document of the user) may contain some:
//! it goes through [`conceal`] before a human or a file gets it.

mod conceal;
mod url;

use std::fmt;

use serde::Serializer;
use serde_json::Value;

pub(crate) use conceal::{Concealer, conceal};
pub(crate) use url::without_user;

/// What stands for a secret, as Go's `URL.Redacted` and `docker info` write it.
pub(crate) const MASK: &str = "xxxxx";

/// A text that is not shown: neither `Display` nor `Debug` has it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself, for whom it is meant.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Serializes the secret itself, for documents that must have it.
    ///
    /// # Errors
    /// Fails if the serializer does.
    pub(crate) fn serialize_revealed<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A variable `NAME=VALUE` as it may be shown: the URL of a proxy may have a password.
pub(crate) fn conceal_variable(entry: &str) -> String {
    match entry.split_once('=') {
        Some((name, value)) if is_proxy(name) => format!("{name}={}", without_user(value)),
        _ => conceal(entry).into_owned(),
    }
}

/// A document of the engine as it may be kept: see [`conceal_variable`] and
/// [`conceal`].
pub(crate) fn conceal_values(document: &mut Value) {
    match document {
        Value::String(text) => *text = conceal_variable(text),
        Value::Array(values) => values.iter_mut().for_each(conceal_values),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_proxy(name) => *text = without_user(text),
                    other => conceal_values(other),
                }
            }
        }
        _ => {}
    }
}

/// Whether a variable or a field of this name contains the URL of a proxy.
fn is_proxy(name: &str) -> bool {
    name.to_lowercase().ends_with("proxy")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("s3cret");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "xxxxx xxxxx Some(xxxxx)");
        assert_eq!(secret.reveal(), "s3cret");
    }

    #[test]
    fn documents_of_the_engine_are_kept_without_passwords() {
        let mut document = json!({
            "Config": {"Env": ["HTTPS_PROXY=http://me:s3 /?#@cret@proxy:1", "A=b@c", "no_proxy=x"]},
            "HttpProxy": "me:s3cret@proxy:1",
            "Mirrors": [{"url": "https://me:s3cret@mirror/v2"}],
            "Size": 5,
        });
        conceal_values(&mut document);
        let expected = json!({
            "Config": {"Env": ["HTTPS_PROXY=http://xxxxx@proxy:1", "A=b@c", "no_proxy=x"]},
            "HttpProxy": "xxxxx@proxy:1",
            "Mirrors": [{"url": "https://xxxxx@mirror/v2"}],
            "Size": 5,
        });
        assert_eq!(document, expected);
    }
}
