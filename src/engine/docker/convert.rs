//! Converts between the types of [`crate::engine`] and those of Docker's API.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::SystemTime;

use bollard::auth::DockerCredentials;
use bollard::models::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cluster::Protocol;
use crate::engine::credentials::Credentials;
use crate::engine::spec::{BindMount, ContainerSpec, NetworkSpec, Publish, Restart};
use crate::engine::state::{
    CgroupControllers, Container, ContainerState, Host, Image, Network, Product, PullEvent,
    RunStatus, Storage,
};

pub(super) fn host(info: SystemInfo, product: Product, local: bool) -> Host {
    let options = info.security_options.clone().unwrap_or_default();
    let has = |name: &str| options.iter().any(|o| o.contains(&format!("name={name}")));
    let storage = info.driver.clone().unwrap_or_default();
    let backing = info.driver_status.iter().flatten().any(|pair| {
        pair.first().is_some_and(|key| key == "Backing Filesystem")
            && pair.get(1).is_some_and(|fs| matches!(fs.as_str(), "btrfs" | "zfs" | "xfs"))
    });
    // Without a cgroup driver the reported limits mean nothing
    // (https://github.com/moby/moby/issues/42151).
    let has_driver = info.cgroup_driver != Some(SystemInfoCgroupDriverEnum::NONE);
    let usable = |limit: Option<bool>| has_driver && limit != Some(false);
    let arch = goarch(info.architecture.as_deref().unwrap_or("unknown"));
    Host {
        product,
        version: info.server_version.clone().unwrap_or_default(),
        cgroup_v1: info.cgroup_version == Some(SystemInfoCgroupVersionEnum::_1),
        rootless: has("rootless"),
        cgroup_controllers: CgroupControllers {
            cpu: usable(info.cpu_shares),
            memory: usable(info.memory_limit),
            pids: usable(info.pids_limit),
        },
        userns_remap: has("userns"),
        needs_dev_mapper: !has("rootless")
            && (backing || matches!(storage.as_str(), "btrfs" | "zfs" | "devicemapper")),
        kernel: info.kernel_version.clone().unwrap_or_default(),
        arch: arch.to_owned(),
        memory: info.mem_total.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default(),
        clock: info.system_time.as_deref().and_then(moment),
        local,
        storage: Storage {
            containerd: info.driver_status.iter().flatten().any(|pair| {
                pair.iter().map(String::as_str).eq(["driver-type", "io.containerd.snapshotter.v1"])
            }),
            root: info.docker_root_dir.clone().unwrap_or_default(),
            driver: storage,
        },
        description: serde_json::to_value(info).unwrap_or_default(),
    }
}

/// A time such as `2026-11-25T19:21:44.526175791Z`.
fn moment(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

pub(super) fn image(found: ImageInspect) -> Image {
    let labels = found.config.and_then(|c| c.labels).unwrap_or_default();
    Image {
        id: found.id.unwrap_or_default(),
        labels: labels.into_iter().collect(),
        tags: found.repo_tags.unwrap_or_default(),
        layers: found.root_fs.and_then(|fs| fs.layers).unwrap_or_default(),
        size: found.size.and_then(|size| size.try_into().ok()).unwrap_or(u64::MAX),
    }
}

pub(super) fn pull_event(info: CreateImageInfo) -> PullEvent {
    let detail = info.progress_detail.unwrap_or_default();
    let bytes = |number: Option<i64>| number.and_then(|number| number.try_into().ok());
    PullEvent {
        layer: info.id,
        status: info.status.unwrap_or_default(),
        done: bytes(detail.current),
        total: bytes(detail.total),
    }
}

/// Of Docker's bridge driver.
const MTU_OPTION: &str = "com.docker.network.driver.mtu";

pub(super) fn network(id: String, found: NetworkInspect) -> Network {
    let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    let gateways = configs.iter().filter_map(|config| config.gateway.as_ref()?.parse().ok());
    let mtu = found.options.and_then(|options| options.get(MTU_OPTION)?.parse().ok());
    Network {
        id,
        containers: found.containers.map_or(0, |c| c.len()),
        gateway: gateways.min(),
        subnets: configs.into_iter().filter_map(|config| config.subnet).collect(),
        mtu,
    }
}

pub(super) fn network_request(spec: &NetworkSpec) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: spec.name.clone(),
        driver: Some("bridge".into()),
        enable_ipv6: Some(spec.ipv6_subnet.is_some()),
        ipam: spec.ipv6_subnet.clone().map(|subnet| Ipam {
            config: Some(vec![IpamConfig { subnet: Some(subnet), ..Default::default() }]),
            ..Default::default()
        }),
        options: Some(
            spec.options
                .clone()
                .into_iter()
                .chain(spec.mtu.map(|mtu| (MTU_OPTION.to_owned(), mtu.to_string())))
                .collect(),
        ),
        ..Default::default()
    }
}

pub(super) fn credentials(found: Credentials, registry: &str) -> DockerCredentials {
    let serveraddress = Some(registry.to_owned());
    match found {
        Credentials::Password { user, password } => DockerCredentials {
            username: Some(user),
            password: Some(password.reveal().to_owned()),
            serveraddress,
            ..Default::default()
        },
        Credentials::IdentityToken(token) => DockerCredentials {
            identitytoken: Some(token.reveal().to_owned()),
            serveraddress,
            ..Default::default()
        },
    }
}

/// The architecture as Go calls it; engines report it as `uname -m` does.
fn goarch(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "armv6l" | "armv7l" | "armhf" => "arm",
        "i386" | "i486" | "i586" | "i686" => "386",
        // The same in both: s390x, ppc64le, riscv64.
        other => other,
    }
}

fn restart_policy(restart: Restart) -> Option<RestartPolicy> {
    let (name, count) = match restart {
        Restart::Never => return None,
        Restart::OnFailure(count) => (RestartPolicyNameEnum::ON_FAILURE, Some(count)),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    Some(RestartPolicy { name: Some(name), maximum_retry_count: count })
}

fn status(state: Option<ContainerSummaryStateEnum>) -> RunStatus {
    match state {
        Some(ContainerSummaryStateEnum::RUNNING) => RunStatus::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => RunStatus::Paused,
        Some(ContainerSummaryStateEnum::RESTARTING) => RunStatus::Restarting,
        _ => RunStatus::Stopped,
    }
}

pub(super) fn container(found: ContainerSummary) -> Container {
    let name =
        found.names.unwrap_or_default().first().map(|n| n.trim_start_matches('/').to_owned());
    Container {
        name: name.unwrap_or_default(),
        labels: found.labels.unwrap_or_default().into_iter().collect(),
        status: status(found.state),
        image: found.image.unwrap_or_default(),
        created: found.created.unwrap_or_default(),
        ports: found.ports.into_iter().flatten().filter_map(published).collect(),
    }
}

fn published(port: PortSummary) -> Option<(Protocol, u16)> {
    let protocol = match port.typ {
        Some(PortSummaryTypeEnum::UDP) => Protocol::Udp,
        Some(PortSummaryTypeEnum::SCTP) => Protocol::Sctp,
        _ => Protocol::Tcp,
    };
    Some((protocol, port.public_port?))
}

fn mount(spec: &BindMount) -> Mount {
    let options = MountBindOptions {
        propagation: spec.propagation.option().and_then(|word| word.parse().ok()),
        create_mountpoint: Some(spec.create_source),
        ..Default::default()
    };
    Mount {
        source: Some(spec.source.clone()),
        target: Some(spec.target.clone()),
        typ: Some(MountType::BIND),
        read_only: Some(spec.read_only),
        bind_options: Some(options),
        ..Default::default()
    }
}

pub(super) fn container_request(spec: &ContainerSpec) -> ContainerCreateBody {
    let list = |v: &[String]| (!v.is_empty()).then(|| v.to_vec());
    let port = |p: &Publish| format!("{}/{}", p.container_port, p.protocol.as_str());
    let mut bindings: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for publish in &spec.publish {
        let binding = PortBinding {
            host_ip: Some(publish.host_address.clone()),
            host_port: Some(publish.port().unwrap_or(0).to_string()),
        };
        bindings.entry(port(publish)).or_default().get_or_insert_default().push(binding);
    }
    let devices = spec.devices.iter().map(|path| DeviceMapping {
        path_on_host: Some(path.clone()),
        path_in_container: Some(path.clone()),
        cgroup_permissions: Some("rwm".into()),
    });
    ContainerCreateBody {
        hostname: Some(spec.hostname.clone()),
        image: Some(spec.image.clone()),
        labels: Some(spec.labels.clone().into_iter().collect()),
        env: Some(spec.env.clone()),
        tty: Some(spec.tty),
        stop_signal: spec.stop_signal.clone(),
        exposed_ports: (!spec.publish.is_empty()).then(|| spec.publish.iter().map(port).collect()),
        volumes: list(&spec.volumes),
        entrypoint: list(&spec.entrypoint),
        cmd: list(&spec.command),
        host_config: Some(HostConfig {
            privileged: Some(spec.privileged),
            security_opt: list(&spec.security_opt),
            tmpfs: Some(spec.tmpfs.iter().map(|path| (path.clone(), String::new())).collect()),
            binds: list(&spec.binds),
            mounts: (!spec.mounts.is_empty()).then(|| spec.mounts.iter().map(mount).collect()),
            auto_remove: Some(spec.auto_remove),
            devices: Some(devices.collect()),
            port_bindings: Some(bindings),
            sysctls: Some(spec.sysctls.clone().into_iter().collect()),
            network_mode: spec.network.clone(),
            restart_policy: restart_policy(spec.restart),
            init: Some(false),
            // No limit, which Docker has by default and Podman has not.
            pids_limit: Some(-1),
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            userns_mode: spec.userns_host.then(|| "host".into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(super) fn inspected(found: ContainerInspectResponse) -> ContainerState {
    let settings = found.network_settings.unwrap_or_default();
    let networks: Vec<EndpointSettings> =
        settings.networks.unwrap_or_default().into_values().collect();
    // An address that is missing is an empty text.
    let parsed = |texts: fn(&EndpointSettings) -> [&Option<String>; 2]| {
        let texts = networks.iter().flat_map(texts).flatten();
        let mut found: Vec<IpAddr> = texts.filter_map(|text| text.parse().ok()).collect();
        found.sort();
        found
    };
    let first = |bindings: Option<Vec<PortBinding>>| {
        let binding = bindings?.into_iter().next()?;
        Some((binding.host_ip.unwrap_or_default(), binding.host_port?.parse().ok()?))
    };
    let ports = settings.ports.unwrap_or_default();
    let state = found.state.unwrap_or_default();
    ContainerState {
        image_id: found.image.unwrap_or_default(),
        running: state.running.unwrap_or_default(),
        exit_code: state.exit_code,
        addresses: parsed(|network| [&network.ip_address, &network.global_ipv6_address]),
        gateways: parsed(|network| [&network.gateway, &network.ipv6_gateway]),
        ports: ports
            .into_iter()
            .filter_map(|(port, bindings)| Some((port, first(bindings)?)))
            .collect(),
        labels: found.config.and_then(|c| c.labels).unwrap_or_default().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn info(change: impl FnOnce(&mut SystemInfo)) -> Host {
        let mut info = SystemInfo {
            cgroup_version: Some(SystemInfoCgroupVersionEnum::_2),
            cgroup_driver: Some(SystemInfoCgroupDriverEnum::SYSTEMD),
            memory_limit: Some(true),
            pids_limit: Some(true),
            cpu_shares: Some(true),
            driver: Some("overlay2".into()),
            architecture: Some("x86_64".into()),
            ..SystemInfo::default()
        };
        change(&mut info);
        host(info, Product::Docker, true)
    }

    fn option(name: &str) -> Option<Vec<String>> {
        Some(vec!["name=seccomp,profile=builtin".into(), format!("name={name}")])
    }

    #[test]
    fn host_facts_come_from_docker_info() {
        let usual = info(|_| {});
        assert!(!usual.cgroup_v1 && !usual.rootless && !usual.userns_remap);
        assert!(!usual.needs_dev_mapper);
        let all = CgroupControllers { cpu: true, memory: true, pids: true };
        assert_eq!(usual.cgroup_controllers, all);
        assert_eq!(usual.arch, "amd64");
        for (machine, arch) in [
            ("aarch64", "arm64"),
            ("amd64", "amd64"),
            ("armv7l", "arm"),
            ("riscv64", "riscv64"),
            ("s390x", "s390x"),
        ] {
            assert_eq!(info(|i| i.architecture = Some(machine.into())).arch, arch, "{machine}");
        }
        assert!(info(|i| i.cgroup_version = Some(SystemInfoCgroupVersionEnum::_1)).cgroup_v1);
        assert!(info(|i| i.security_options = option("rootless")).rootless);
        assert!(info(|i| i.security_options = option("userns")).userns_remap);
        assert_eq!(info(|i| i.server_version = Some("26.1.5".into())).version, "26.1.5");
        assert_eq!(info(|i| i.mem_total = Some(2048)).memory, 2048);
        assert_eq!((usual.memory, usual.clock), (0, None), "what is not told");
        let clock = info(|i| i.system_time = Some("1970-01-01T02:00:30.5+02:00".into())).clock;
        assert_eq!(clock, Some(SystemTime::UNIX_EPOCH + Duration::from_millis(30_500)));
        assert_eq!(info(|i| i.system_time = Some("now".into())).clock, None);
        assert_eq!(info(|i| i.kernel_version = Some("6.1.0".into())).kernel, "6.1.0");
        let no_pids = info(|i| i.pids_limit = Some(false));
        assert_eq!(no_pids.cgroup_controllers, CgroupControllers { pids: false, ..all });
        let no_driver = info(|i| i.cgroup_driver = Some(SystemInfoCgroupDriverEnum::NONE));
        assert_eq!(no_driver.cgroup_controllers, CgroupControllers::default());
    }

    #[test]
    fn some_storage_drivers_need_dev_mapper() {
        let backing = |fs: &str| Some(vec![vec!["Backing Filesystem".into(), fs.into()]]);
        for (driver, filesystem, rootless, needed) in [
            ("overlay2", "extfs", false, false),
            ("overlay2", "xfs", false, true),
            ("overlay2", "btrfs", false, true),
            ("overlay2", "zfs", true, false),
            ("btrfs", "extfs", false, true),
            ("zfs", "extfs", false, true),
            ("devicemapper", "extfs", false, true),
            ("devicemapper", "extfs", true, false),
        ] {
            let host = info(|i| {
                i.driver = Some(driver.into());
                i.driver_status = backing(filesystem);
                i.security_options = rootless.then(|| option("rootless")).flatten();
            });
            assert_eq!(host.needs_dev_mapper, needed, "{driver} on {filesystem}, {rootless}");
        }
    }
}
