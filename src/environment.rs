//! The variables and the standard input of this process, and the time: the only place
//! that reads them.

#![expect(clippy::disallowed_methods, reason = "this is the door to them")]

use std::ffi::OsString;
use std::io::Stdin;
use std::time::SystemTime;

/// The value of a variable, if it is text and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable, which may be a path that is not text.
pub(crate) fn path_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Whether a variable is set, be it empty.
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// The time of this machine's clock, which the command line passes in.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// The standard input.
pub(crate) fn stdin() -> Stdin {
    std::io::stdin()
}
