//! Every example under `configs/` says what it means to say.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use skiff::dry_run::{DryRun, DryRunInput};
use skiff::{config, yaml};

pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")
}

/// The text of every example, by its name.
pub fn examples() -> BTreeMap<String, String> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn planned(text: &str) -> String {
    let mut cluster = config::parse(text).unwrap();
    cluster.set_image("node:v1.37.2");
    let dry_run = DryRun::without_engine(cluster, "none is needed");
    dry_run
        .render(&DryRunInput { network: "kind", directory: Path::new("/here"), get_env: |_| None })
        .unwrap()
}

#[test]
fn every_example_is_planned_and_named_after_its_file() {
    let examples = examples();
    assert!(examples.len() >= 9, "{:?}", examples.keys());
    for (name, text) in examples {
        assert!(text.starts_with("# "), "{name} says what it shows");
        let cluster = config::parse(&text).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        assert_eq!(cluster.name, name);
        let plan = yaml::documents(&planned(&text)).unwrap();
        let inits = plan.iter().filter(|d| d["kind"] == "InitConfiguration").count();
        assert_eq!(inits, cluster.nodes.len(), "{name}");
    }
}

#[test]
fn every_example_shows_in_its_plan() {
    let cases: [(&str, &[&str]); 9] = [
        ("single-node", &["name: single-node-control-plane"]),
        ("ha", &["name: ha-control-plane3", "name: ha-worker"]),
        ("ipv6", &["podSubnet: fd00:10:244::/56", "host_address: \"::1\""]),
        ("dual-stack", &["podSubnet: 10.244.0.0/16,fd00:10:244::/56"]),
        (
            "subnets",
            &["serviceSubnet: 10.211.0.0/20", "mode: nftables", "16443", "KIND_DNS_SEARCH="],
        ),
        ("no-cni", &["name: no-cni-worker"]),
        (
            "mounts-and-ports",
            &["/tmp/skiff-shared:/shared-read-only:ro,rslave", "protocol: udp", "30080"],
        ),
        (
            "patches",
            &[
                "name: event-ttl",
                "- api.example.com",
                "maxPods: 60",
                "metricsBindAddress: 0.0.0.0:10249",
                "value: ingress-ready=true",
                "tier=backend",
                "PreferNoSchedule",
                "AllAlpha=false",
                "api/alpha=false",
            ],
        ),
        ("devops-lab", &["value: ingress-ready=true", "443"]),
    ];
    let examples = examples();
    for (name, words) in cases {
        let plan = planned(&examples[name]);
        for word in words {
            assert!(plan.contains(word), "{name}: {word} is not in\n{plan}");
        }
    }
    assert!(!planned(&examples["no-cni"]).contains("SKIFF_DEFAULT_CNI"));
}

#[test]
fn the_short_way_through_the_tutorial_is_part_of_the_long_one() {
    let read =
        |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let (short, long) = (read("README.md"), read("configs/tutorial/README.md"));
    let (_, section) = short.split_once("in ten commands\n\n```\n").unwrap();
    let commands: Vec<&str> = section.split_once("```").unwrap().0.lines().collect();
    assert_eq!(commands.len(), 10);
    for command in commands {
        assert!(long.lines().any(|line| line == command), "{command}");
    }
}
