//! Asks this machine. What it answers decides only if the engine's containers run on its
//! kernel: an engine in a virtual machine has a socket here, and a kernel of its own.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::facts::{Machine, Memory};
use super::{kernel, routes};
use crate::cluster::{Cluster, ProxyMode};
use crate::engine::{Host, Product};
use crate::platform;
use crate::provision::inotify;

/// Where Docker's configuration is, unless it runs without root.
const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// `None` unless the engine's containers run on this machine's kernel.
pub(crate) fn of_this_process(host: &Host, cluster: &Cluster) -> Option<Machine> {
    let release = read("/proc/sys/kernel/osrelease");
    let is_shared = host.local && !host.kernel.is_empty() && host.kernel == release.trim();
    is_shared.then(|| Machine {
        inotify: inotify::of_this_machine(),
        open_files: open_files(host),
        free_disk: free_space(Path::new(&host.storage.root)),
        memory: memory(&read("/proc/meminfo")),
        has_ipvs: (cluster.networking.proxy_mode == ProxyMode::Ipvs)
            .then(|| kernel::has_ipvs(&host.kernel))
            .flatten(),
        has_ipv6: Path::new("/proc/sys/net/ipv6").exists(),
        routes: routes::read(&read("/proc/net/route"), &read("/proc/net/ipv6_route")),
        first_unprivileged_port: number("/proc/sys/net/ipv4/ip_unprivileged_port_start"),
        restricts_user_namespaces: number::<u8>(
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        ) == Some(1),
    })
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn number<T: std::str::FromStr>(path: &str) -> Option<T> {
    read(path).trim().parse().ok()
}

/// The engine's directory is root's. Those above it are on the same disk, as a rule: one
/// that a disk is mounted at can be asked by everybody.
fn free_space(root: &Path) -> Option<u64> {
    let mut directories = root.ancestors();
    directories.find_map(|directory| match platform::free_space(directory) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
        found => Some(found.ok()),
    })?
}

fn memory(meminfo: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { available: bytes("MemAvailable")?, swap: bytes("SwapTotal").unwrap_or(0) })
}

/// What the engine's configuration gives to containers, else what they inherit from
/// containerd, which starts them: systemd's limit for that service, for example.
fn open_files(host: &Host) -> Option<u64> {
    if host.product != Product::Docker {
        return None;
    }
    let configured = (!host.rootless).then(|| configured_limit(&read(DAEMON_JSON))).flatten();
    configured.or_else(|| processes().filter(is_engines_containerd).filter_map(limit).max())
}

/// `default-ulimits` in the configuration of Docker's daemon.
fn configured_limit(daemon_json: &str) -> Option<u64> {
    let configuration: Value = serde_json::from_str(daemon_json).ok()?;
    let hard = configuration["default-ulimits"]["nofile"]["Hard"].as_i64()?;
    // -1 is no limit.
    Some(hard.try_into().unwrap_or(u64::MAX))
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The containerd of a node is started by the node's systemd, which is not process 1 here.
fn is_engines_containerd(process: &u32) -> bool {
    let name = |process: u32| read(format!("/proc/{process}/comm"));
    let parent = || parent(&read(format!("/proc/{process}/stat")));
    name(*process).trim() == "containerd"
        && parent().is_some_and(|parent| parent == 1 || name(parent).trim() == "dockerd")
}

/// Of `/proc/PID/stat`: `PID (NAME) STATE PARENT …`, with any characters in NAME.
fn parent(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse().ok()
}

fn limit(process: u32) -> Option<u64> {
    hard_limit(&read(format!("/proc/{process}/limits")))
}

/// Of `/proc/PID/limits`: `Max open files SOFT HARD files`.
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machine_of_the_engines_kernel_is_asked() {
        let cluster = crate::config::default_cluster();
        let release = read("/proc/sys/kernel/osrelease").trim().to_owned();
        for (kernel, local) in
            [("0.1-elsewhere".to_owned(), true), (release, false), (String::new(), true)]
        {
            let host = Host { kernel, local, ..Host::default() };
            assert_eq!(of_this_process(&host, &cluster), None, "{host:?}");
        }
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let meminfo = "MemTotal:       24684092 kB\nMemFree:         1777664 kB\nMemAvailable:   2348 kB\nSwapTotal:      10 kB\n";
        assert_eq!(memory(meminfo), Some(Memory { available: 2348 * 1024, swap: 10 * 1024 }));
        assert_eq!(memory("MemTotal: 1 kB\n"), None, "Linux before 3.14");
    }

    #[test]
    fn containers_get_the_configured_limit_or_inherit_one() {
        let configured = |text: &str| configured_limit(text);
        let ulimits =
            r#"{"default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 1024}}}"#;
        assert_eq!(configured(ulimits), Some(64_000));
        assert_eq!(configured(&ulimits.replace("64000", "-1")), Some(u64::MAX));
        for text in ["", "{}", "[", r#"{"default-ulimits": {"nproc": {"Hard": 1}}}"#] {
            assert_eq!(configured(text), None, "{text}");
        }
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max core file size        0                    unlimited            bytes\n\
            Max open files            1024                 20000                files\n";
        assert_eq!(hard_limit(limits), Some(20_000));
        assert_eq!(hard_limit(&limits.replace("20000", "unlimited")), Some(u64::MAX));
        assert_eq!(hard_limit(""), None);
        assert_eq!(parent("12 (a) b) S 7 12 12 0"), Some(7));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn the_disk_of_a_directory_that_is_there_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        assert!(free_space(directory.path()).is_some());
        assert_eq!(free_space(&directory.path().join("missing")), None);
    }
}
