//! Manifests on their way from the node image to the API server.

use serde_json::{Value, json};

use crate::yaml;

/// Applied by kubeadm to its CoreDNS Deployment: asked every second instead of
/// every ten, CoreDNS counts as available nine seconds earlier.
pub const COREDNS_PATCH: &str = "\
spec:
  template:
    spec:
      containers:
      - name: coredns
        readinessProbe:
          periodSeconds: 1
";

/// For node images without a storage manifest.
pub const HOST_PATH_STORAGE: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations:
    storageclass.kubernetes.io/is-default-class: \"true\"
provisioner: kubernetes.io/host-path
";

/// Fills in what a network manifest asks for by kind's magic phrases
/// (kind.md §4.2, installcni); without them it is passed on as it is.
///
/// # Errors
/// A manifest that is not YAML.
pub fn network(manifest: &str, pod_subnet: &str, endpoint: &str) -> Result<String, String> {
    let mut text = manifest.to_owned();
    if manifest.contains("would you kindly template this file") {
        for form in ["{{ .PodSubnet }}", "{{.PodSubnet}}"] {
            text = text.replace(form, pod_subnet);
        }
    }
    if !manifest.contains("would you kindly patch this file") {
        return Ok(text);
    }
    let mut documents = yaml::documents(&text)?;
    for document in documents.iter_mut().filter(|d| d["kind"] == "DaemonSet") {
        let container =
            document.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut);
        let env = container
            .ok_or("its DaemonSet has no container")?
            .entry("env")
            .or_insert_with(|| json!([]));
        let list = env.as_array_mut().ok_or("its DaemonSet's env is no list")?;
        list.push(json!({"name": "CONTROL_PLANE_ENDPOINT", "value": endpoint}));
    }
    let texts: Vec<String> = documents.iter().map(yaml::to_string).collect();
    Ok(texts.join("---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magic_phrases_are_honoured() {
        let manifest = "# would you kindly patch this file\n# would you kindly template this file\nkind: DaemonSet\nspec:\n  template:\n    spec:\n      containers:\n      - name: net\n        args: ['{{ .PodSubnet }}']\n---\nkind: ServiceAccount\n";
        let out = yaml::documents(&network(manifest, "10.244.0.0/16", "cp:6443").unwrap()).unwrap();
        let container = out[0].pointer("/spec/template/spec/containers/0").unwrap();
        assert_eq!(container["args"][0], "10.244.0.0/16");
        assert_eq!(container["env"][0]["value"], "cp:6443");
        assert_eq!(out[1]["kind"], "ServiceAccount");
        assert_eq!(
            network("kind: X {{ .PodSubnet }}", "a", "b").unwrap(),
            "kind: X {{ .PodSubnet }}"
        );
    }
}
