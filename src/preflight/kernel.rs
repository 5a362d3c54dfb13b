//! What the kernel of the engine's host can do for kube-proxy.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::facts::Facts;
use crate::check::Check;
use crate::cluster::{Cluster, ProxyMode};

/// The oldest kernel for kube-proxy's nftables mode (Kubernetes 1.37,
/// `pkg/util/kernel/constants.go`, `NFTablesKubeProxyKernelVersion`).
const NFTABLES: (u32, u32) = (5, 13);

const TITLE: &str = "networking.kubeProxyMode";

/// Whether kube-proxy can work in the definition's mode.
pub(super) fn proxy_mode(cluster: &Cluster, facts: &Facts) -> Option<Check> {
    let kernel = &facts.host.kernel;
    let failed = |found: String, needed: &str, remedy: &str| {
        Check::error(TITLE, found).needed(needed).remedy(remedy)
    };
    Some(match cluster.networking.proxy_mode {
        ProxyMode::Iptables | ProxyMode::None => return None,
        ProxyMode::Nftables => match numbers(kernel) {
            Some(found) if found < NFTABLES => failed(
                format!("nftables, on Linux {kernel}"),
                "Linux 5.13 or later for nftables",
                "use kubeProxyMode: iptables",
            ),
            _ => Check::ok(TITLE, format!("nftables, on Linux {kernel}")),
        },
        ProxyMode::Ipvs => match facts.machine.as_ref().and_then(|machine| machine.has_ipvs) {
            Some(true) => Check::ok(TITLE, "ipvs, which the kernel has"),
            Some(false) => failed(
                "ipvs, which the kernel of the engine's host does not have".into(),
                "a kernel with IPVS (module ip_vs)",
                "use kubeProxyMode: iptables or nftables, or load the module: sudo modprobe ip_vs",
            ),
            None => Check::ok(TITLE, "ipvs; the first node tells whether the kernel has it"),
        },
    })
}

/// Whether the first node must be asked for IPVS.
pub(crate) fn is_open(cluster: &Cluster, facts: &Facts) -> bool {
    let known = facts.machine.as_ref().and_then(|machine| machine.has_ipvs);
    cluster.networking.proxy_mode == ProxyMode::Ipvs && known.is_none()
}

/// Whether the kernel of this machine has IPVS; `None` if it cannot be said.
pub(super) fn has_ipvs(release: &str) -> Option<bool> {
    Findings::of_this_machine(release).has_ipvs()
}

/// What a Linux machine tells about its kernel.
#[derive(Debug, Default)]
struct Findings {
    /// IPVS is loaded.
    is_loaded: bool,
    /// Every module that is built in or on the disk, if both are listed.
    modules: Option<String>,
    /// The configuration that the kernel was built with.
    config: Option<String>,
}

impl Findings {
    fn of_this_machine(release: &str) -> Findings {
        let modules = |name: &str| {
            fs::read_to_string(Path::new("/lib/modules").join(release).join(name)).ok()
        };
        let unpack = |packed: fs::File| {
            let mut text = String::new();
            GzDecoder::new(packed).read_to_string(&mut text).ok().map(|_| text)
        };
        Findings {
            is_loaded: Path::new("/proc/net/ip_vs").exists(),
            modules: modules("modules.builtin").zip(modules("modules.dep")).map(|(a, b)| a + &b),
            config: fs::File::open("/proc/config.gz").ok().and_then(unpack),
        }
    }

    fn has_ipvs(&self) -> Option<bool> {
        let in_modules = self.modules.as_ref().map(|list| list.contains("/ip_vs.ko"));
        if self.is_loaded || in_modules == Some(true) {
            return Some(true);
        }
        let option = self.config.as_ref().map(|config| {
            config.lines().find_map(|line| line.strip_prefix("CONFIG_IP_VS=")).unwrap_or("n")
        });
        match option {
            Some("y") => Some(true),
            Some("n") => Some(false),
            // A module, of which there may be no list here.
            _ => in_modules,
        }
    }
}

/// The first two numbers of a version such as `6.1.0-28-amd64`.
pub(super) fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Outcome;
    use crate::preflight::facts::Machine;
    use crate::preflight::fixtures::{cluster, facts};

    #[test]
    fn ipvs_is_loaded_built_in_or_a_module() {
        let dep = |name: &str| format!("kernel/net/netfilter/{name}: kernel/lib/libcrc32c.ko\n");
        let (with, without) = (dep("ipvs/ip_vs.ko.zst"), dep("xt_ipvs.ko"));
        let (yes, module, no) = (
            "CONFIG_IP_VS=y\n",
            "CONFIG_IP_VS=m\n",
            "CONFIG_IP_SET=y\n# CONFIG_IP_VS is not set\n",
        );
        for (is_loaded, modules, config, wanted) in [
            (true, None, None, Some(true)),
            (true, Some(&without), Some(no), Some(true)),
            (false, Some(&with), None, Some(true)),
            (false, Some(&with), Some(module), Some(true)),
            (false, Some(&without), None, Some(false)),
            (false, Some(&without), Some(module), Some(false)),
            (false, None, Some(yes), Some(true)),
            (false, None, Some(no), Some(false)),
            (false, None, Some("CONFIG_IP_VS_IPV6=y\n"), Some(false)),
            (false, None, Some(module), None),
            (false, None, None, None),
        ] {
            let found = Findings {
                is_loaded,
                modules: modules.cloned(),
                config: config.map(str::to_owned),
            };
            assert_eq!(found.has_ipvs(), wanted, "{found:?}");
        }
    }

    #[test]
    fn a_kernel_that_is_too_old_for_nftables_is_refused() {
        let cluster = cluster("networking: {kubeProxyMode: nftables}");
        for (kernel, outcome) in [
            ("5.12.19", Outcome::Error),
            ("4.18.0-553.el8_10.x86_64", Outcome::Error),
            ("5.13.0", Outcome::Ok),
            ("5.15.167.4-microsoft-standard-WSL2", Outcome::Ok),
            ("6.1.0-28-amd64", Outcome::Ok),
            ("10.0", Outcome::Ok),
            ("", Outcome::Ok),
            ("unknown", Outcome::Ok),
        ] {
            let mut facts = facts();
            facts.host.kernel = kernel.into();
            assert_eq!(proxy_mode(&cluster, &facts).unwrap().outcome, outcome, "{kernel}");
        }
    }

    #[test]
    fn without_ipvs_its_mode_is_refused_and_a_node_is_asked_where_it_is_not_known() {
        for (machine, has_ipvs, outcome, asks) in [
            (true, Some(false), Outcome::Error, false),
            (true, Some(true), Outcome::Ok, false),
            (true, None, Outcome::Ok, true),
            (false, None, Outcome::Ok, true),
        ] {
            let machine = machine.then(|| Machine { has_ipvs, ..Machine::default() });
            let facts = Facts { machine, ..facts() };
            let ipvs = cluster("networking: {kubeProxyMode: ipvs}");
            let check = proxy_mode(&ipvs, &facts).unwrap();
            assert_eq!((check.outcome, is_open(&ipvs, &facts)), (outcome, asks), "{check}");
            let iptables = cluster("");
            assert_eq!((proxy_mode(&iptables, &facts), is_open(&iptables, &facts)), (None, false));
        }
    }
}
