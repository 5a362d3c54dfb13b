//! Manifests on their way from the node image to the API server.

use serde_json::{Value, json};

use super::template;
use crate::yaml;

/// Applied by kubeadm to its CoreDNS Deployment: asked every second instead of
/// every ten, CoreDNS counts as available nine seconds earlier.
pub(super) const COREDNS_PATCH: &str = "\
spec:
  template:
    spec:
      containers:
      - name: coredns
        readinessProbe:
          periodSeconds: 1
";

/// For node images without a storage manifest.
pub(super) const HOST_PATH_STORAGE: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations:
    storageclass.kubernetes.io/is-default-class: \"true\"
provisioner: kubernetes.io/host-path
";

/// Fills in what a network manifest asks for by kind's magic phrases
/// (kind v0.33.0, `pkg/cluster/internal/create/actions/installcni/cni.go`); without
/// them it is passed on as it is.
///
/// # Errors
/// Returns the reason why a template or manifest is invalid.
pub(super) fn network(manifest: &str, pod_subnet: &str, endpoint: &str) -> Result<String, String> {
    let mut text = manifest.to_owned();
    if manifest.contains("would you kindly template this file") {
        text = template::render(manifest, pod_subnet)?;
    }
    if !text.contains("would you kindly patch this file") {
        return Ok(text);
    }
    let mut documents = yaml::documents(&text)?;
    let daemon = |d: &&mut Value| d["kind"] == "DaemonSet" && d["apiVersion"] == "apps/v1";
    for document in documents.iter_mut().filter(daemon) {
        let container =
            document.pointer_mut("/spec/template/spec/containers/0").and_then(Value::as_object_mut);
        let env = container
            .ok_or("its DaemonSet has no container")?
            .entry("env")
            .or_insert_with(|| json!([]));
        let list = env.as_array_mut().ok_or("its DaemonSet's env is not a list")?;
        list.push(json!({"name": "CONTROL_PLANE_ENDPOINT", "value": endpoint}));
    }
    let texts: Vec<String> = documents.iter().map(yaml::to_string).collect();
    Ok(texts.join("---\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the form of kind's manifest
    /// (kind v0.33.0, `pkg/build/nodeimage/const_cni.go`).
    const KINDNET: &str = "\
# would you kindly template this file
# would you kindly patch this file
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: kindnet}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kindnet}
spec:
  template:
    spec:
      containers:
      - name: kindnet-cni
        env:
        - name: POD_SUBNET
          value: {{ .PodSubnet }}
";

    #[test]
    fn the_magic_phrases_are_honoured() {
        let out = network(KINDNET, "10.244.0.0/16,fd00:10:244::/56", "cp:6443").unwrap();
        let documents = yaml::documents(&out).unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(
            documents[1].pointer("/spec/template/spec/containers/0/env").unwrap(),
            &json!([
                {"name": "POD_SUBNET", "value": "10.244.0.0/16,fd00:10:244::/56"},
                {"name": "CONTROL_PLANE_ENDPOINT", "value": "cp:6443"},
            ])
        );
        let bare =
            KINDNET.replace("        env:\n", "").replace("        - name: POD_SUBNET\n", "");
        let bare = bare.replace("          value: {{ .PodSubnet }}\n", "");
        assert!(network(&bare, "", "cp:6443").unwrap().contains("value: cp:6443"));
    }

    #[test]
    fn without_them_a_manifest_stays_as_it_is() {
        let plain = "kind: X {{ .PodSubnet }} # as it is\n";
        assert_eq!(network(plain, "a", "b").unwrap(), plain);
        let patched_only = "# would you kindly patch this file\na: '{{ .PodSubnet }}'\n";
        assert_eq!(network(patched_only, "a", "b").unwrap(), "a: \"{{ .PodSubnet }}\"\n");
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        let template = "# would you kindly template this file\n{{ .Nodes }}";
        assert!(network(template, "a", "b").unwrap_err().contains(".Nodes"));
        let empty = "# would you kindly patch this file\napiVersion: apps/v1\nkind: DaemonSet\n";
        assert!(network(empty, "a", "b").unwrap_err().contains("no container"));
    }
}
