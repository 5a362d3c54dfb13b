//! Fields that kubeadm or a component does not know and leaves out.

/// A field without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownField {
    /// Of the document, such as `KubeletConfiguration`.
    pub kind: String,
    /// Such as `apiServer.extraArg`.
    pub path: String,
}

/// The fields that a line of a log is about, such as `W1125 … error unmarshaling
/// configuration schema.GroupVersionKind{…, Kind:"KubeletConfiguration"}: strict decoding
/// error: unknown field "maxPodz"` (Kubernetes 1.37,
/// `cmd/kubeadm/app/util/config/strict/strict.go`). Components do not say which `kind` of
/// document they read.
pub fn unknown_fields(line: &str, kind: Option<&str>) -> Vec<UnknownField> {
    let Some((before, fields)) = line.split_once("strict decoding error: ") else {
        return Vec::new();
    };
    let named = before.rsplit_once("Kind:\"").and_then(|(_, rest)| rest.split('"').next());
    let Some(kind) = named.or(kind) else { return Vec::new() };
    let path = |text: &str| {
        let (_, quoted) = text.split_once("unknown field ")?;
        let path = quoted.trim_matches(['\\', '"', ' ']);
        Some(UnknownField { kind: kind.to_owned(), path: path.to_owned() })
    };
    fields.split(", ").filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_are_left_out_are_named() {
        let field = |kind: &str, path: &str| UnknownField { kind: kind.into(), path: path.into() };
        let kubeadm = r#"W1125 15:16:26.398858    2507 initconfiguration.go:334] error unmarshaling configuration schema.GroupVersionKind{Group:"kubelet.config.k8s.io", Version:"v1beta1", Kind:"KubeletConfiguration"}: strict decoding error: unknown field "maxPodz""#;
        let several = r#"error: error unmarshaling configuration schema.GroupVersionKind{Group:"kubeadm.k8s.io", Version:"v1beta4", Kind:"ClusterConfiguration"}: strict decoding error: unknown field "apiServer.extraArg", unknown field "networkin""#;
        let proxy = r#"I1125 19:28:32.590734     282 options.go:502] "Using lenient decoding as strict decoding failed" err="strict decoding error: unknown field \"iptables.more\", unknown field \"unknownThing\"""#;
        let of_proxy = "KubeProxyConfiguration";
        for (line, kind, expected) in [
            (kubeadm, None, vec![field("KubeletConfiguration", "maxPodz")]),
            (
                several,
                Some("other"),
                vec![
                    field("ClusterConfiguration", "apiServer.extraArg"),
                    field("ClusterConfiguration", "networkin"),
                ],
            ),
            (
                proxy,
                Some(of_proxy),
                vec![field(of_proxy, "iptables.more"), field(of_proxy, "unknownThing")],
            ),
            (proxy, None, vec![]),
            ("[certs] Generating \"ca\" certificate and key", None, vec![]),
        ] {
            assert_eq!(unknown_fields(line, kind), expected, "{line}");
        }
    }
}
