//! The variables and the standard input of this process: the only place that
//! reads them.

#![expect(clippy::disallowed_methods, reason = "this is the door to them")]

use std::ffi::OsString;
use std::io::Stdin;

/// The value of a variable, if it is text and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable, which may be a path that is not text.
pub fn path_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Whether a variable is set, be it empty.
pub fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The standard input.
pub fn stdin() -> Stdin {
    std::io::stdin()
}
