//! How Go prints what kind prints with `%q`.

/// A list of quoted names: `["a" "b"]`.
pub(crate) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", quoted.join(" "))
}
