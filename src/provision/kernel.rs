//! What the kernel of the engine's host can do for kube-proxy.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::error::ProvisionError;
use super::host::HostError;
use crate::cluster::ProxyMode;
use crate::context::RunError;
use crate::engine::{Command, Host};
use crate::node::NodeHandle;

/// The oldest kernel for kube-proxy's nftables mode (Kubernetes 1.37,
/// `pkg/util/kernel/constants.go`, `NFTablesKubeProxyKernelVersion`).
const NFTABLES: (u32, u32) = (5, 13);

/// What could be found out without a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Works,
    /// Another machine's kernel: a node must be asked for IPVS.
    AskNode,
}

/// Checks whether kube-proxy can work in this mode, before anything is made.
///
/// # Errors
/// Returns [`HostError::NoIpvs`] or [`HostError::OldKernel`] if it certainly
/// cannot.
pub(crate) fn check(host: &Host, mode: ProxyMode) -> Result<Verdict, HostError> {
    let ipvs = || has_ipvs(&Findings::of_this_machine(&host.kernel));
    match mode {
        ProxyMode::Iptables | ProxyMode::None => Ok(Verdict::Works),
        ProxyMode::Nftables => match version(&host.kernel) {
            Some(found) if found < NFTABLES => Err(HostError::OldKernel(host.kernel.clone())),
            _ => Ok(Verdict::Works),
        },
        ProxyMode::Ipvs => match is_shared(host).then(ipvs).flatten() {
            Some(true) => Ok(Verdict::Works),
            Some(false) => Err(HostError::NoIpvs),
            None => Ok(Verdict::AskNode),
        },
    }
}

/// Asks a node that runs, which shares the kernel of the engine's host.
///
/// # Errors
/// Returns [`HostError::NoIpvs`], or the error of the command.
pub(crate) async fn check_in_node(node: &NodeHandle) -> Result<(), ProvisionError> {
    // Nodes have the host's modules. Where modprobe cannot load one, the kernel
    // itself does when somebody asks for it, as kube-proxy will.
    let script =
        "f=/proc/net/ip_vs; test -e $f || modprobe ip_vs || genl ctrl get name IPVS; test -e $f";
    match node.run(Command::new(["sh", "-c", script])).await {
        Err(RunError::Command { .. }) => Err(HostError::NoIpvs.into()),
        ran => Ok(ran.map(drop)?),
    }
}

/// Whether the engine's containers run on the kernel that this process runs on:
/// an engine in a virtual machine has a socket here, and a kernel of its own.
pub(crate) fn is_shared(host: &Host) -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    host.local && !host.kernel.is_empty() && host.kernel == release.trim()
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
}

/// `None` if it cannot be said.
fn has_ipvs(found: &Findings) -> Option<bool> {
    let in_modules = found.modules.as_ref().map(|list| list.contains("/ip_vs.ko"));
    if found.is_loaded || in_modules == Some(true) {
        return Some(true);
    }
    let option = found.config.as_ref().map(|config| {
        config.lines().find_map(|line| line.strip_prefix("CONFIG_IP_VS=")).unwrap_or("n")
    });
    match option {
        Some("y") => Some(true),
        Some("n") => Some(false),
        // A module, of which there may be no list here.
        _ => in_modules,
    }
}

/// Major and minor version of a release such as `6.1.0-28-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(has_ipvs(&found), wanted, "{found:?}");
        }
    }

    #[test]
    fn a_kernel_that_is_too_old_for_nftables_is_refused() {
        for (kernel, fine) in [
            ("5.12.19", false),
            ("4.18.0-553.el8_10.x86_64", false),
            ("5.13.0", true),
            ("5.15.167.4-microsoft-standard-WSL2", true),
            ("6.1.0-28-amd64", true),
            ("10.0", true),
            ("", true),
            ("unknown", true),
        ] {
            let host = Host { kernel: kernel.into(), ..Host::default() };
            let found = check(&host, ProxyMode::Nftables);
            assert_eq!(found.is_ok(), fine, "{kernel}: {found:?}");
            assert_eq!(check(&host, ProxyMode::Iptables), Ok(Verdict::Works));
        }
    }

    #[test]
    fn a_node_answers_for_another_kernel() {
        for local in [true, false] {
            let host = Host { kernel: "0.1-elsewhere".into(), local, ..Host::default() };
            assert_eq!(check(&host, ProxyMode::Ipvs), Ok(Verdict::AskNode));
        }
    }
}
