//! Labels of Kubernetes nodes. Without this check the kubelet would refuse an
//! invalid one when it starts.

/// Kubernetes' own labels that a kubelet may set on its node, besides
/// everything below `kubelet.kubernetes.io` and `node.kubernetes.io`.
const KUBELET_LABELS: &[&str] = &[
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
];

/// Checks whether the kubelet accepts the label. All labels reach it as one
/// flag, in which a comma starts the next label (kind v0.33.0,
/// `pkg/cluster/internal/create/actions/config/config.go`,
/// `hashMapLabelsToCommaSeparatedLabels`).
///
/// # Errors
/// Returns a sentence that quotes the invalid key or value and states the rule.
pub(super) fn check(key: &str, value: &str) -> Result<(), String> {
    for label in format!("{key}={value}").split(',').filter(|label| !label.is_empty()) {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        check_one(key.trim(), value.trim())?;
    }
    Ok(())
}

fn check_one(key: &str, value: &str) -> Result<(), String> {
    let (domain, name) =
        key.rsplit_once('/').map_or((None, key), |(domain, name)| (Some(domain), name));
    if !is_word(name) || domain.is_some_and(|domain| !is_domain(domain)) {
        return Err(format!(
            "{key:?} is not a valid label key; use letters, digits, `-`, `_` and `.`, as in example.com/name"
        ));
    }
    if !value.is_empty() && !is_word(value) {
        return Err(format!(
            "{value:?} is not a valid label value; use at most 63 letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit"
        ));
    }
    match domain {
        Some(domain) if is_reserved(domain) && !KUBELET_LABELS.contains(&key) => Err(format!(
            "the kubelet may not set {key:?} on its node; use `kubectl label node` once the cluster runs"
        )),
        _ => Ok(()),
    }
}

fn is_reserved(domain: &str) -> bool {
    let below = |parent: &str| domain == parent || domain.ends_with(&format!(".{parent}"));
    let open = below("kubelet.kubernetes.io") || below("node.kubernetes.io");
    !open && (below("kubernetes.io") || below("k8s.io"))
}

fn is_word(text: &str) -> bool {
    text.len() <= 63 && bounded(text, |c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_domain(text: &str) -> bool {
    let label =
        |part: &str| bounded(part, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    text.len() <= 253 && text.split('.').all(label)
}

/// Whether the text has allowed characters only, and a letter or digit at both
/// ends.
fn bounded(text: &str, allowed: impl Fn(char) -> bool) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    end(text.chars().next()) && end(text.chars().last()) && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let long = "x".repeat(64);
        let cases = [
            ("tier", "front", ""),
            ("tier", "", ""),
            ("example.com/a_b.c", "1.2-3", ""),
            ("ingress-ready", "true", ""),
            ("topology.kubernetes.io/zone", "a", ""),
            ("node.kubernetes.io/anything", "a", ""),
            ("node-role.kubernetes.io/worker", "", "may not set"),
            ("k8s.io/x", "", "may not set"),
            ("", "x", "not a valid label key"),
            ("/x", "x", "not a valid label key"),
            ("a/b/c", "x", "not a valid label key"),
            ("Example.com/x", "x", "not a valid label key"),
            ("-x", "x", "not a valid label key"),
            (&long, "x", "not a valid label key"),
            ("x", &long, "not a valid label value"),
            ("x", "a b", "not a valid label value"),
            ("x", "a,b=c", ""),
            ("x", "a,b c=d", "not a valid label key"),
            ("x", " a ", ""),
        ];
        for (key, value, want) in cases {
            match check(key, value) {
                Ok(()) => assert_eq!(want, "", "{key}={value}"),
                Err(why) => assert!(!want.is_empty() && why.contains(want), "{key}={value}: {why}"),
            }
        }
    }
}
