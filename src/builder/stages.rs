//! The stages of a build: which there are, where it is, how long each probably takes.
//!
//! A recipe's `build.sh` names its parts, in the order in which they are made, and says
//! when it begins to make one. Parts that are in the cache are passed over.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::cache;
use crate::progress::Stage;

/// What comes after the recipe.
pub(super) const LOADING: &str = "loading";

/// Seconds on a machine with two processors and an empty cache.
const MEASURED: [(&str, f64); 9] = [
    ("base", 50.0),
    ("kubernetes", 500.0),
    ("etcd", 28.0),
    ("coredns", 98.0),
    ("local-path-provisioner", 94.0),
    ("assembling", 40.0),
    ("ingress-nginx-base", 20.0),
    ("ingress-nginx", 99.0),
    ("metrics-server", 167.0),
];

/// Seconds that stages took on this machine, by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Times(BTreeMap<String, f64>);

impl Times {
    const DIRECTORY: &str = "builds";
    const FILE: &str = "times.json";

    /// Those of earlier builds, as far as they are kept.
    pub(super) fn kept() -> Times {
        let mut directories = cache::directories(Times::DIRECTORY);
        let bytes = directories.find_map(|directory| cache::kept(&directory.join(Times::FILE)));
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).map(Times).unwrap_or_default()
    }

    /// Keeps them for the next build, where that is possible.
    fn keep(&self) {
        let directory = cache::writable(cache::directories(Times::DIRECTORY));
        if let (Some(directory), Ok(bytes)) = (directory, serde_json::to_vec(&self.0)) {
            // The next build only expects other times then.
            let _ = cache::keep(&directory.join(Times::FILE), &bytes);
        }
    }

    fn expected(&self, stage: &str) -> Option<Duration> {
        let measured = || MEASURED.iter().find(|(name, _)| *name == stage).map(|(_, time)| *time);
        let seconds = self.0.get(stage).copied().or_else(measured)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// Where a build is.
pub(super) struct Stages {
    names: Vec<String>,
    times: Times,
    /// What is being made, and since when.
    current: Option<(usize, Instant)>,
    /// Whether `times` has something that was not known before.
    has_news: bool,
}

impl Stages {
    /// Those of a recipe with this `build.sh`.
    pub(super) fn new(build: &str, times: Times) -> Self {
        let names = build.lines().filter_map(named).chain([LOADING]).map(str::to_owned);
        Stages { names: names.collect(), times, current: None, has_news: false }
    }

    /// Takes in a line of the recipe's output; returns the stage that begins with it.
    pub(super) fn line(&mut self, line: &str) -> Option<Stage> {
        if let Some((name, rest)) = line.split_once(": ")
            && rest.strip_suffix(" s").is_some_and(|seconds| seconds.parse::<u64>().is_ok())
            && self.current.is_some_and(|(at, _)| self.names[at] == name)
        {
            self.end();
            return None;
        }
        self.begin(line.strip_suffix(": building").unwrap_or(line))
    }

    /// Begins a stage, if there is one of this name.
    pub(super) fn begin(&mut self, name: &str) -> Option<Stage> {
        let at = self.names.iter().position(|other| other == name)?;
        self.end();
        self.current = Some((at, Instant::now()));
        let expected = |name: &String| self.times.expected(name).unwrap_or_default();
        Some(Stage {
            number: at + 1,
            count: self.names.len(),
            name: name.to_owned(),
            expected: self.times.expected(name),
            before: self.names[..at].iter().map(expected).sum(),
            total: self.names.iter().map(expected).sum(),
        })
    }

    fn end(&mut self) {
        if let Some((at, since)) = self.current.take() {
            let name = self.names[at].clone();
            // Not worth a file of its own: every build has it.
            self.has_news |= name != LOADING;
            self.times.0.insert(name, since.elapsed().as_secs_f64().round());
        }
    }

    /// The build is done: keeps how long its stages took.
    pub(super) fn finish(mut self) {
        self.end();
        if self.has_news {
            self.times.keep();
        }
    }
}

/// The stage that a line of `build.sh` begins: `part NAME …` or `say "NAME"`.
fn named(line: &str) -> Option<&str> {
    let said = line.strip_prefix("say \"").and_then(|rest| rest.strip_suffix('"'));
    let part = line.strip_prefix("part ").and_then(|rest| rest.split(' ').next());
    part.or(said).filter(|name| !name.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = "#!/bin/bash\n# part of it\npart base \"$BUILDER/debian.sh\" minbase\n  say \"no recipe\"\npart kubernetes go.sh \\\n  x\npart etcd go.sh\nsay \"assembling\"\nbash x\n";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn a_build_passes_over_what_is_kept_and_measures_the_rest() {
        let times = Times([("etcd".to_owned(), 10.0)].into());
        let mut stages = Stages::new(BUILD, times);
        assert_eq!(stages.names, ["base", "kubernetes", "etcd", "assembling", "loading"]);
        assert_eq!(stages.line("Get:1 http://mirror.example trixie"), None);
        // The base is there.
        let stage = stages.line("kubernetes: building").unwrap();
        let expected = Stage {
            number: 2,
            count: 5,
            name: "kubernetes".into(),
            expected: Some(seconds(500)),
            before: seconds(50),
            total: seconds(600),
        };
        assert_eq!(stage, expected);
        tokio::time::sleep(seconds(300)).await;
        assert_eq!(stages.line("etcd: 3 s"), None, "another part");
        assert_eq!(stages.line("kubernetes: 300 s"), None);
        tokio::time::sleep(seconds(7)).await;
        let stage = stages.line("etcd: building").unwrap();
        assert_eq!((stage.number, stage.expected), (3, Some(seconds(10))));
        tokio::time::sleep(seconds(20)).await;
        let stage = stages.line("assembling").unwrap();
        // What is known by now counts.
        assert_eq!((stage.number, stage.before), (4, seconds(370)));
        tokio::time::sleep(seconds(5)).await;
        assert_eq!(stages.begin(LOADING).unwrap().number, 5);
        let found = [("kubernetes", 300.0), ("etcd", 20.0), ("assembling", 5.0)];
        let found = found.map(|(name, time)| (name.to_owned(), time));
        assert_eq!(stages.times, Times(found.into()));
    }
}
