//! Names of clusters.

/// Checks the name of a cluster by kind's rule
/// (kind v0.33.0, `pkg/internal/apis/config/validate.go`, `validNameRE`).
///
/// # Errors
/// Returns a sentence that quotes the name and states the rule.
pub fn valid_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    match !name.is_empty() && name.chars().all(allowed) {
        true => Ok(()),
        false => Err(format!(
            "{name:?} is not a valid cluster name; use lower-case letters, digits, `.` and `-` (^[a-z0-9.-]+$)"
        )),
    }
}
