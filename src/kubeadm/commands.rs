//! The command lines of kubeadm.

use super::data::API_PORT;
use crate::cluster::ProxyMode;
use crate::version::Version;

/// The arguments of `kubeadm init`, the program first.
pub fn init_command(config: &str, version: &Version, mode: ProxyMode) -> Vec<String> {
    let mut command = ["kubeadm", "init", "--config", config, "--skip-token-print", "--v=6"]
        .map(str::to_owned)
        .to_vec();
    command.extend(skip_phases(version, &init_phases(version, mode)));
    command
}

/// The arguments of `kubeadm join`, the program first.
pub fn join_command(config: &str, version: &Version) -> Vec<String> {
    let mut command = ["kubeadm", "join", "--config", config, "--v=6"].map(str::to_owned).to_vec();
    command.extend(skip_phases(version, &JOIN_PHASES));
    command
}

/// Phases to skip. The preflight checks would pull images that the node image
/// contains already (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`, `Derive`).
pub(super) const JOIN_PHASES: [&str; 1] = ["preflight"];

/// `kubelet-finalize` restarts the kubelet when it is needed for CoreDNS; what else it
/// does is done later ([`finalize_kubelet_command`]). Add-ons are installed meanwhile
/// ([`addons_command`]): `init` limits its requests to five in a second.
pub(super) fn init_phases(version: &Version, mode: ProxyMode) -> Vec<&'static str> {
    let ours = if config_skips(version) { &OUR_PHASES[..] } else { &[] };
    let proxy = (mode == ProxyMode::None).then_some(KUBE_PROXY);
    ["preflight"].into_iter().chain(ours.iter().copied()).chain(proxy).collect()
}

const OUR_PHASES: [&str; 2] = ["kubelet-finalize", "addon"];
const KUBE_PROXY: &str = "addon/kube-proxy";
const COREDNS: &str = "addon/coredns";

/// kubeadm's phase that installs add-ons, if skiff has to run it: `skipped` are the
/// phases that `init` skips in the end. A patch that replaces them leaves add-ons to
/// `init`, or to nobody.
pub fn addons_command(config: &str, skipped: &[&str]) -> Option<Vec<String>> {
    if !OUR_PHASES.iter().all(|phase| skipped.contains(phase)) {
        return None;
    }
    let addons = match (skipped.contains(&COREDNS), skipped.contains(&KUBE_PROXY)) {
        (false, false) => "all",
        (false, true) => "coredns",
        (true, false) => "kube-proxy",
        (true, true) => return None,
    };
    let command = ["kubeadm", "init", "phase", "addon", addons, "--config", config, "--v=6"];
    Some(command.map(str::to_owned).to_vec())
}

/// kubeadm's phase `kubelet-finalize`, which has the kubelet read its client
/// certificate from the file that it renews, from its next start on. kubeadm restarts
/// the kubelet if it finds `systemctl` (Kubernetes 1.37,
/// `cmd/kubeadm/app/cmd/phases/init/kubeletfinalize.go`). The kubelet that runs renews
/// its certificate without that.
pub fn finalize_kubelet_command(config: &str) -> Vec<String> {
    let script = r#"kubeadm=$(command -v kubeadm) && PATH= exec "$kubeadm" init phase kubelet-finalize all --config "$0""#;
    ["sh", "-c", script, config].map(str::to_owned).to_vec()
}

/// Whether the configuration can name the phases to skip: v1beta3 and later can.
pub(super) fn config_skips(version: &Version) -> bool {
    version.at_least(1, 23)
}

fn skip_phases(version: &Version, phases: &[&str]) -> Option<String> {
    (!config_skips(version)).then(|| format!("--skip-phases={}", phases.join(",")))
}

/// Whether this line of `kubeadm init` says that the API server answers `admin.conf`:
/// it is well, or what comes after this check has begun (Kubernetes 1.37,
/// `cmd/kubeadm/app/util/apiclient/wait.go`, `cmd/kubeadm/app/cmd/phases/init/uploadconfig.go`).
pub fn api_answers_in(line: &str) -> bool {
    let is_well = line.contains(&format!(":{API_PORT}/livez")) && line.contains("200 OK");
    is_well || line.contains("[upload-config]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_skipped_by_flag_before_1_23() {
        let init = |version: &str, mode| {
            init_command("/c", &version.parse().unwrap(), mode)[6..].join(" ")
        };
        let join = |version: &str| join_command("/c", &version.parse().unwrap())[5..].join(" ");
        assert_eq!(init("v1.22.17", ProxyMode::Iptables), "--skip-phases=preflight");
        assert_eq!(init("v1.22.17", ProxyMode::None), "--skip-phases=preflight,addon/kube-proxy");
        assert_eq!(init("v1.23.0", ProxyMode::None), "");
        assert_eq!(join("v1.22.17"), "--skip-phases=preflight");
        assert_eq!(join("v1.23.0-rc.1"), "");
    }

    #[test]
    fn addons_are_installed_by_exactly_one() {
        for (skipped, addons) in [
            (&["preflight", "kubelet-finalize", "addon"][..], Some("all")),
            (&["preflight", "kubelet-finalize", "addon", "addon/kube-proxy"], Some("coredns")),
            (&["preflight", "kubelet-finalize", "addon", "addon/coredns"], Some("kube-proxy")),
            (&["kubelet-finalize", "addon", "addon/coredns", "addon/kube-proxy"], None),
            // A patch replaces our list: `init` does what is left of it.
            (&["preflight"], None),
            (&["preflight", "addon"], None),
            (&[], None),
        ] {
            let command = addons_command("/c", skipped).map(|command| command[4].clone());
            assert_eq!(command.as_deref(), addons, "{skipped:?}");
        }
        let ours = init_phases(&"v1.37.2".parse().unwrap(), ProxyMode::None);
        assert!(addons_command("/c", &ours).unwrap().contains(&"coredns".to_owned()));
    }

    #[test]
    fn kubeadm_says_when_the_api_server_answers() {
        for (line, answers) in [
            (
                r#"I1 "Response" verb="GET" url="https://172.18.0.2:6443/livez?timeout=10s" status="200 OK""#,
                true,
            ),
            ("I1 GET https://172.18.0.2:6443/livez?timeout=10s 200 OK in 1 milliseconds", true),
            (
                "I1 uploadconfig.go:109] [upload-config] Uploading the kubeadm ClusterConfiguration",
                true,
            ),
            (
                r#"I1 "Response" verb="GET" url="https://172.18.0.2:6443/livez?timeout=10s" status="403 Forbidden""#,
                false,
            ),
            ("I1 kube-scheduler check failed at https://127.0.0.1:10259/livez: 200 OK", false),
        ] {
            assert_eq!(api_answers_in(line), answers, "{line}");
        }
    }
}
