//! Random definitions: each is read or refused, never a panic, and what is
//! read can be planned.
//!
//! Made from the examples by mutations that keep most of YAML's structure.
//! `FUZZ=1000000 cargo test --release --test it fuzz` tries that many.

mod archives;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use skiff::cluster::Role;
use skiff::dry_run::{DryRun, DryRunInput};
use skiff::{config, yaml};

use crate::support::random::Random;

const WORDS: &[&str] = &[
    "~",
    "null",
    "''",
    "\"\"",
    "[]",
    "{}",
    "true",
    "yes",
    "\"true\"",
    "0",
    "-1",
    "80",
    "80.5",
    "\"80\"",
    "1e3",
    "0x1F",
    "0b11",
    "08",
    "65536",
    "99999999999999999999",
    "1_000",
    ".inf",
    "x",
    "&a",
    "*a",
    "&a [*a]",
    "<<: *a",
    "- ",
    "  ",
    "\t",
    " # c",
    "|",
    "|2-",
    ">+",
    "\"\\x41\"",
    "\"\\q\"",
    "\"open",
    "!!str 5",
    "!!int \"5\"",
    "!!binary YQ==",
    "!foo x",
    "? a",
    ": b",
    "a: b",
    "---",
    "...",
    "%YAML 1.2",
    "{a: 1, a: 2}",
    "[a,]",
    "[,]",
    "@",
    "`",
    "é",
    "\u{2028}",
    "\u{85}",
    "\u{feff}",
    "\u{7}",
    "\r\n",
    "0.0.0.0",
    "::",
    "::1",
    "fd00::/64",
    "10.0.0.0/8",
    "10.0.0.0/8,fd00::/64",
    "1.2.3.4/40",
    "UDP",
    "sctp",
    "None",
    "Bidirectional",
    "worker",
    "control-plane",
    "ipv4",
    "ipv6",
    "dual",
    "none",
    "ipvs",
    "kind: InitConfiguration",
    "apiVersion: kubeadm.k8s.io/v1beta4",
    "extraArgs: {a: b}",
    "certSANs: [a]",
    "- {op: remove, path: /a}",
    "[{\"op\": \"add\", \"path\": \"/-\", \"value\": 1}]",
    "[a.b]",
    "version = 2",
    "a = [1, 'x']",
    "name",
    "nodes",
    "networking",
    "labels",
    "hostPort",
    "extraMounts",
    "kubeadmConfigPatches",
];

fn mutate(text: &str, other: &str, random: &mut Random) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let line = random.below(lines.len());
    let word = random.of(WORDS);
    match random.below(9) {
        0 if !lines.is_empty() => drop(lines.remove(line)),
        1 if !lines.is_empty() => lines.insert(random.below(lines.len()), lines[line]),
        2 if !lines.is_empty() => {
            lines[line] = lines[line].trim_start();
        }
        3 => {
            let others: Vec<&str> = other.lines().collect();
            let from = random.below(others.len());
            let many = random.below(4) + 1;
            lines.splice(line..line, others.into_iter().skip(from).take(many));
        }
        4 => lines.truncate(line),
        // A value, a name, or a whole line becomes another word.
        kind @ 5..=7 if !lines.is_empty() => {
            let (before, after) = lines[line].split_once(':').unwrap_or((lines[line], ""));
            let indent = &before[..before.len() - before.trim_start().len()];
            let new = match kind {
                5 => format!("{before}: {word}"),
                6 => format!("{indent}{word}:{after}"),
                _ => format!("{indent}{word}"),
            };
            lines[line] = &new;
            return lines.join("\n");
        }
        _ => {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = places.get(random.below(places.len())).copied().unwrap_or(0);
            let until = places.get(random.below(places.len())).copied().unwrap_or(0);
            let until = if random.below(2) == 0 { at } else { until.clamp(at, at + 8) };
            let until = if text.is_char_boundary(until) { until } else { at };
            return format!("{}{word}{}", &text[..at], &text[until..]);
        }
    }
    lines.join("\n")
}

/// What must hold of any text; planning takes far longer than reading.
/// Returns whether the text was read.
fn check(text: &str, plan: bool) -> bool {
    let Ok(cluster) = config::parse(text) else { return false };
    assert!(cluster.nodes.iter().any(|node| node.role == Role::ControlPlane));
    assert!(config::valid_name(&cluster.name).is_ok());
    if !plan {
        return true;
    }
    let mut cluster = cluster;
    cluster.set_image("node:v1.37.2");
    let dry_run = DryRun::without_engine(cluster, "none is needed");
    let plan = dry_run.render(&DryRunInput {
        network: "kind",
        directory: Path::new("/"),
        get_env: |_| None,
    });
    if let Ok(plan) = plan {
        yaml::documents(&plan).expect("a plan is YAML");
    }
    true
}

/// Returns how many texts were read.
fn run(seed: u64, count: usize, corpus: &[String]) -> usize {
    let (mut random, mut read) = (Random(seed), 0);
    for round in 0..count {
        let mut text = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(4) {
            text = mutate(&text, &corpus[random.below(corpus.len())], &mut random);
        }
        match catch_unwind(|| check(&text, round % 16 == 0)) {
            Ok(accepted) => read += usize::from(accepted),
            Err(_) => panic!("seed {seed}, round {round}:\n{text}\n(as a string: {text:?})"),
        }
    }
    read
}

#[test]
fn any_definition_is_read_or_refused() {
    let count = std::env::var("FUZZ").map_or(20_000, |text| text.parse().unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    let corpus: Vec<String> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let read: usize = std::thread::scope(|scope| {
        let corpus = &corpus;
        let threads = [1, 2].map(|seed| scope.spawn(move || run(seed, count / 2, corpus)));
        threads.into_iter().map(|thread| thread.join().expect("no definition panics")).sum()
    });
    // Neither nonsense only, nor what every parser takes.
    assert!((count / 20..count / 2).contains(&read), "{read} of {count} were read");
}
