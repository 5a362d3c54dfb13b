//! What the real program prints, on an engine in memory.
//!
//! Every scenario is one file: the script of the engine, then each command with
//! what it writes to stdout, to stderr (which is no terminal), and its exit code.

mod scenarios;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::configs;
use crate::program::{SKIFF, command, kind_folder, text};
use crate::support::golden;

pub struct Scenario {
    pub name: &'static str,
    /// What `skiff::engine::fake::Script` reads; all lines but the first are
    /// indented as the source is.
    pub script: &'static str,
    /// Words separated by spaces; the first is `skiff` or `kind`.
    pub commands: &'static [&'static str],
}

/// A directory with the engine's script and the examples, where a scenario runs.
struct Stage {
    directory: TempDir,
    kind: TempDir,
}

impl Stage {
    fn new(script: &str) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("engine.yaml"), script).unwrap();
        std::os::unix::fs::symlink(configs::directory(), directory.path().join("configs")).unwrap();
        Stage { directory, kind: kind_folder() }
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split(' ');
        let program = match words.next() {
            Some("kind") => self.kind.path().join("kind"),
            _ => Path::new(SKIFF).to_owned(),
        };
        let mut command = command(&program);
        command
            .args(words)
            .current_dir(&self.directory)
            // Whether kubectl is there must not matter.
            .env("PATH", "/nowhere")
            .env("KUBECONFIG", "kubeconfig")
            .env("XDG_CACHE_HOME", self.directory.path().join("cache"))
            .env("SKIFF_FAKE_ENGINE", "engine.yaml");
        command
    }

    /// Every file that the commands made, below the directory.
    fn files(&self) -> String {
        fn walk(directory: &Path, name: &str, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let name = format!("{name}/{}", entry.file_name().to_string_lossy());
                match entry.file_type().unwrap().is_dir() {
                    true => walk(&entry.path(), &name, found),
                    false => found.push(name),
                }
            }
        }
        let mut found = Vec::new();
        walk(self.directory.path(), ".", &mut found);
        found.retain(|name| !["./engine.yaml", "./configs"].contains(&&name[..]));
        found.sort();
        found.iter().map(|name| format!("{name}\n")).collect()
    }
}

/// No scenario takes longer than a few seconds.
fn output(line: &str, mut command: Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (pid, (sender, receiver)) = (child.id().to_string(), mpsc::channel());
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    receiver.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        panic!("`{line}` does not end")
    })
}

/// Without the indentation of the source.
fn dedented(script: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common = script.lines().skip(1).map(indent).min().unwrap_or_default();
    let cut =
        |(at, line): (usize, &str)| format!("{}\n", if at == 0 { line } else { &line[common..] });
    script.lines().enumerate().map(cut).collect()
}

/// Without what depends on when it was written: the moment of an event, and the seconds
/// that a step took.
fn timeless(stderr: &str) -> String {
    let line = |line: &str| {
        if let Ok(Value::Object(mut event)) = serde_json::from_str(line) {
            event.entry("time").and_modify(|time| *time = "TIME".into());
            event.entry("seconds").and_modify(|seconds| *seconds = "SECONDS".into());
            return format!("{}\n", Value::Object(event));
        }
        let is_end = line.starts_with(" ✓ ") || line.starts_with(" ✗ ");
        let seconds = line.rsplit_once(' ').filter(|(_, last)| {
            let number = last.strip_suffix('s').filter(|number| number.contains('.'));
            is_end && number.is_some_and(|number| number.parse::<f64>().is_ok())
        });
        match seconds {
            Some((step, _)) => format!("{step} SECONDS\n"),
            None => format!("{line}\n"),
        }
    };
    stderr.lines().map(line).collect()
}

fn play(scenario: &Scenario) -> String {
    let script = dedented(scenario.script);
    let stage = Stage::new(&script);
    let mut transcript: String = script.lines().map(|line| format!("# {line}\n")).collect();
    for line in scenario.commands {
        let out = output(line, stage.command(line));
        let code = out.status.code().unwrap_or_else(|| panic!("{line}: {:?}", out.status));
        let here = stage.directory.path().display().to_string();
        let stderr = timeless(&text(&out.stderr).replace(&here, "/here"));
        transcript += &format!("$ {line}\n{}", text(&out.stdout));
        transcript += &format!("-- stderr\n{stderr}-- exit code {code}\n\n");
    }
    format!("{transcript}-- files\n{}", stage.files())
}

#[test]
fn what_the_program_prints() {
    let mut goldens = golden::Directory::new("transcripts");
    for scenario in scenarios::ALL {
        goldens.check(&format!("{}.txt", scenario.name), &play(scenario));
    }
    goldens.finish();
}

/// Nothing but the script decides what is printed, and in which order.
#[test]
fn a_transcript_is_the_same_every_time() {
    let scenario = scenarios::ALL.iter().find(|scenario| scenario.name == "create-ha").unwrap();
    let first = play(scenario);
    for _ in 0..5 {
        assert_eq!(play(scenario), first);
    }
}

#[test]
fn a_broken_script_is_an_error() {
    let out = Stage::new("faults: 1").command("skiff get clusters").output().unwrap();
    let stderr = text(&out.stderr);
    assert!(stderr.starts_with("ERROR: SKIFF_FAKE_ENGINE=engine.yaml: "), "{stderr}");
}
