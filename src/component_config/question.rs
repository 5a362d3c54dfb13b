//! What the programs of a node image are asked: whether they take the flags and files that
//! a definition sets, beyond what every cluster has.

use serde_json::Value;

use crate::components::Component;
use crate::kubeadm::ConfigData;

/// Where the script that asks keeps its files.
pub(super) const DIRECTORY: &str = "/tmp/component-config";

/// What one component on one node is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub component: Component,
    /// The first of the nodes that it is about.
    pub node: String,
    /// Names and values, as in `--name=value`.
    pub flags: Vec<(String, String)>,
    /// Its configuration file; empty if it has none, or only what every cluster has.
    pub documents: Vec<Value>,
}

/// The questions about a node, whose documents would be `plain` if the definition set
/// nothing. `is_first`: it inits, and decides for the entire cluster.
pub(super) fn questions(
    data: &ConfigData,
    is_first: bool,
    patched: &[Value],
    plain: &[Value],
) -> Vec<Question> {
    let changed = |kind: &str| {
        let own = document(patched, kind);
        (own != document(plain, kind)).then_some(own)
    };
    let question = |component, flags: Vec<(String, String)>, documents: Vec<Value>| {
        let node = data.node_name.to_owned();
        let is_empty = flags.is_empty() && documents.is_empty();
        (!is_empty).then_some(Question { component, node, flags, documents })
    };
    let own_flags = |kind: &str, pointer: &str| {
        let flags = |documents| arguments(document(documents, kind).pointer(pointer));
        let common = flags(plain);
        flags(patched).into_iter().filter(|flag| !common.contains(flag)).collect::<Vec<_>>()
    };

    let registration = if is_first { "InitConfiguration" } else { "JoinConfiguration" };
    let mut kubelet = own_flags(registration, "/nodeRegistration/kubeletExtraArgs");
    let taints = |documents| taints(&document(documents, registration));
    kubelet.extend(taints(patched).filter(|own| Some(own) != taints(plain).as_ref()));
    let takes_file = is_first || data.version.at_least(1, 25);
    let file = changed("KubeletConfiguration").filter(|_| takes_file);
    let is_set = file.is_some() || !kubelet.is_empty();
    // Even for its flags alone: its own defaults may not be for this host.
    let file = file.or_else(|| Some(document(plain, "KubeletConfiguration"))).filter(|_| is_set);
    let mut all: Vec<Option<Question>> =
        vec![question(Component::Kubelet, kubelet, file.into_iter().collect())];

    let of_kubeadm: &[&str] = match is_first {
        true => &[
            "ClusterConfiguration",
            "InitConfiguration",
            "KubeletConfiguration",
            "KubeProxyConfiguration",
        ],
        false => &["JoinConfiguration"],
    };
    // kubeadm can do this since 1.26.
    if data.version.at_least(1, 26) && of_kubeadm.iter().any(|kind| changed(kind).is_some()) {
        let documents = of_kubeadm.iter().map(|kind| document(patched, kind));
        let documents = documents.filter(|document| !document.is_null()).collect();
        all.push(question(Component::Kubeadm, Vec::new(), documents));
    }
    if is_first {
        for (component, pointer) in [
            (Component::ApiServer, "/apiServer/extraArgs"),
            (Component::ControllerManager, "/controllerManager/extraArgs"),
            (Component::Scheduler, "/scheduler/extraArgs"),
        ] {
            all.push(question(component, own_flags("ClusterConfiguration", pointer), Vec::new()));
        }
        let file = changed("KubeProxyConfiguration").filter(|document| !document.is_null());
        all.push(question(Component::KubeProxy, Vec::new(), file.into_iter().collect()));
    }
    all.into_iter().flatten().collect()
}

fn document(documents: &[Value], kind: &str) -> Value {
    documents.iter().find(|document| document["kind"] == kind).cloned().unwrap_or_default()
}

/// Arguments in the form of any of kubeadm's API versions.
fn arguments(arguments: Option<&Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match arguments {
        Some(Value::Object(map)) => {
            map.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|flag| Some((flag["name"].as_str()?.to_owned(), text(flag.get("value")?))))
            .collect(),
        _ => Vec::new(),
    }
}

/// The flag that kubeadm makes of a node's taints (Kubernetes 1.37,
/// `cmd/kubeadm/app/phases/kubelet/flags.go`).
fn taints(registration: &Value) -> Option<(String, String)> {
    let taints = registration.pointer("/nodeRegistration/taints")?.as_array()?;
    let text = |taint: &Value| {
        let of = |name: &str| taint[name].as_str().unwrap_or_default().to_owned();
        match of("value") {
            value if value.is_empty() => format!("{}:{}", of("key"), of("effect")),
            value => format!("{}={value}:{}", of("key"), of("effect")),
        }
    };
    let all: Vec<String> = taints.iter().map(text).collect();
    (!all.is_empty()).then(|| ("register-with-taints".to_owned(), all.join(",")))
}

impl Question {
    /// The program and its arguments. Those of our own have it end as soon as it has
    /// checked the others, without any effect: they name files that do not exist, or have
    /// it write down its configuration. The API server lacks flags that it needs.
    pub(super) fn command(&self, file: &str) -> Vec<String> {
        let none = format!("{DIRECTORY}/none");
        let certificate =
            [format!("--tls-cert-file={none}"), format!("--tls-private-key-file={none}")];
        let kubeconfig = format!("--kubeconfig={none}");
        let config = (!self.documents.is_empty()).then(|| format!("--config={file}"));
        let mut own: Vec<String> = Vec::new();
        match self.component {
            Component::ApiServer => {
                own.extend(
                    ["--etcd-servers=http://127.0.0.1:1", "--advertise-address=192.0.2.1"]
                        .map(str::to_owned),
                );
                own.extend(certificate);
            }
            Component::ControllerManager | Component::Scheduler => {
                own.extend(certificate);
                own.push(kubeconfig);
            }
            Component::KubeProxy => own.push("--write-config-to=/dev/null".to_owned()),
            Component::Kubelet => own.extend([
                format!("--cert-dir={DIRECTORY}/pki"),
                kubeconfig,
                "--bootstrap-kubeconfig=".to_owned(),
            ]),
            _ => {}
        }
        let verb = ["config", "validate"].map(str::to_owned);
        let is_kubeadm = self.component == Component::Kubeadm;
        let flags = self.flags.iter().map(|(name, value)| format!("--{name}={value}"));
        let program = program(self.component).to_owned();
        let verb = verb.into_iter().filter(|_| is_kubeadm);
        [program].into_iter().chain(verb).chain(config).chain(flags).chain(own).collect()
    }

    /// The kind of its file, if there is but one.
    pub(super) fn kind(&self) -> Option<&str> {
        match &self.documents[..] {
            [document] => document["kind"].as_str(),
            _ => None,
        }
    }

    /// The same without a feature gate; `None` if it has none of this name.
    pub(super) fn without_gate(&self, gate: &str) -> Option<Question> {
        let mut rest = self.clone();
        for (name, value) in &mut rest.flags {
            if name == "feature-gates" {
                let is_other = |pair: &&str| pair.split('=').next().map(str::trim) != Some(gate);
                *value = value.split(',').filter(is_other).collect::<Vec<_>>().join(",");
            }
        }
        rest.flags.retain(|(name, value)| name != "feature-gates" || !value.is_empty());
        for document in &mut rest.documents {
            if let Some(gates) = document.get_mut("featureGates").and_then(Value::as_object_mut) {
                gates.shift_remove(gate);
            }
        }
        Some(rest).filter(|rest| rest != self)
    }

    /// The same without a flag.
    pub(super) fn without_flag(&self, flag: &str) -> Option<Question> {
        let mut rest = self.clone();
        rest.flags.retain(|(name, _)| name != flag);
        Some(rest).filter(|rest| rest != self)
    }

    /// The same without the field at a path such as `a.b[0].c`, in all documents or that
    /// of a kind.
    pub(super) fn without_field(&self, kind: Option<&str>, path: &str) -> Option<Question> {
        let pointer: String = path
            .replace(']', "")
            .split(['.', '['])
            .map(|segment| format!("/{}", segment.replace('~', "~0").replace('/', "~1")))
            .collect();
        let (parent, field) = pointer.rsplit_once('/')?;
        let mut rest = self.clone();
        let documents = rest.documents.iter_mut();
        for document in
            documents.filter(|document| kind.is_none_or(|kind| document["kind"] == kind))
        {
            if let Some(Value::Object(fields)) = document.pointer_mut(parent) {
                fields.shift_remove(field);
            }
        }
        Some(rest).filter(|rest| rest != self)
    }
}

/// What the program of a component is called.
pub(super) fn program(component: Component) -> &'static str {
    match component {
        Component::ApiServer => "kube-apiserver",
        Component::ControllerManager => "kube-controller-manager",
        Component::Scheduler => "kube-scheduler",
        Component::KubeProxy => "kube-proxy",
        Component::Kubeadm => "kubeadm",
        Component::Kubelet => "kubelet",
        Component::Containerd | Component::Etcd | Component::CoreDns | Component::PodNetwork => "",
    }
}
