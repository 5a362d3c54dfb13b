//! From images, engines and nodes that mean harm to the commands that nodes would
//! run: these contain only what is allowed, whatever the input.
//!
//! `FUZZ=100000 cargo test --lib load::tests` tries that many inputs.

mod commands;
mod inputs;
#[allow(unreachable_pub, reason = "other test programs use it, too")]
#[path = "../../tests/support/random.rs"]
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use self::commands::{Allowed, Kind};
use self::inputs::Input;
use self::random::Random;
use super::containerd::tests as node_script;
use super::fixtures::arguments;
use super::{LoadError, Target};
use crate::context::Context;
use crate::engine::fake::FakeEngine;
use crate::engine::{Command, ContainerSpec};
use crate::environment;
use crate::labels;
use crate::progress::Progress;
use crate::text;

const NODES: [&str; 2] = ["kind-control-plane", "kind-worker"];

/// What a person asks for.
#[derive(Debug, Clone, Copy)]
enum Operation {
    LoadImage,
    LoadArchive,
    RemoveImage,
    ListImages,
}

/// The commands that nodes were asked to run.
type Ran = Arc<Mutex<Vec<Command>>>;

fn engine(input: &mut Input, ran: &Ran, cancel: &CancellationToken) -> FakeEngine {
    let (ran, files, cancel) = (ran.clone(), input.files.clone(), cancel.clone());
    let mut reports = std::mem::take(&mut input.reports).into_iter();
    let engine = FakeEngine::default()
        .with_host(input.host.clone())
        .with_image(input.image.clone(), input.archive.clone())
        .with_nodes(move |_, command| {
            ran.lock().unwrap().push(command.clone());
            match arguments(command)[..] {
                [_, _, script, ..] if script.contains("tar -chf") => Some(files.clone()),
                [_, _, _, "node.sh", "report", ..] => match reports.next() {
                    Some(report) => report.answer(command),
                    // It would be asked again and again.
                    None => {
                        cancel.cancel();
                        Some(Vec::new())
                    }
                },
                _ => None,
            }
        });
    for name in NODES {
        let labels = [(labels::CLUSTER, "kind"), (labels::ROLE, &name["kind-".len()..])];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        engine.put(ContainerSpec { name: name.to_owned(), labels, ..ContainerSpec::default() });
    }
    engine.with_gateways(&["127.0.0.1"])
}

async fn carry_out(
    operation: Operation,
    engine: FakeEngine,
    archive: &[u8],
    cancel: CancellationToken,
) -> Result<(), LoadError> {
    let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
    let target = Target { cluster: "kind".into(), nodes: Vec::new() };
    match operation {
        Operation::LoadImage => super::docker_images(&ctx, &target, &["app:1".to_owned()]).await,
        Operation::LoadArchive => {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(archive).unwrap();
            let path = file.path().to_str().unwrap().to_owned();
            super::image_archives(&ctx, &target, &[path]).await
        }
        Operation::RemoveImage => super::remove(&ctx, &target, "app:1", &mut Vec::new()).await,
        Operation::ListImages => {
            for image in super::list(&ctx, &target).await? {
                let line = format!("{} {} {}", image.name, image.digest, image.size);
                assert_eq!(text::printable(&line), line);
            }
            Ok(())
        }
    }
}

/// Runs one operation, checks its commands and returns them.
fn run(operation: Operation, mut input: Input) -> Vec<(Kind, Command)> {
    let (ran, cancel) = (Ran::default(), CancellationToken::new());
    let engine = engine(&mut input, &ran, &cancel);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    // Whether it succeeds is not the question here.
    let _ = runtime.block_on(carry_out(operation, engine, &input.archive, cancel));
    let asked_for = BTreeSet::from(["docker.io/library/app:1".to_owned()]);
    let names = match operation {
        Operation::LoadArchive => &input.names,
        _ => &asked_for,
    };
    let commands = std::mem::take(&mut *ran.lock().unwrap());
    let check = |command: Command| (Allowed { names }.check(&command), command);
    commands.into_iter().map(check).collect()
}

/// Has `node.sh` itself run a command, and checks how that calls `ctr`. The archive of
/// an import is left out.
fn run_for_real(command: &Command) {
    let mut command = command.clone();
    match arguments(&command)[..] {
        [_, _, _, "node.sh", "import", ..] => command.stdin = None,
        [_, _, _, "node.sh", ..] => {}
        _ => return,
    }
    node_script::ctr_calls(&command).iter().for_each(|call| commands::check_ctr_call(call));
}

/// The number of times that each kind of command was seen.
fn fuzz(seed: u64, count: usize) -> BTreeMap<Kind, usize> {
    let (mut random, mut seen) = (Random(seed), BTreeMap::new());
    for round in 0..count {
        let operation = match random.below(8) {
            0 => Operation::RemoveImage,
            1 => Operation::ListImages,
            2..5 => Operation::LoadArchive,
            _ => Operation::LoadImage,
        };
        let input = inputs::input(&mut random);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let commands = run(operation, input);
            if round % 200 == 0 {
                commands.iter().for_each(|(_, command)| run_for_real(command));
            }
            commands
        }));
        let Ok(commands) = checked else { panic!("seed {seed}, round {round}: {operation:?}") };
        commands.iter().for_each(|(kind, _)| *seen.entry(*kind).or_default() += 1);
    }
    seen
}

#[test]
fn nodes_run_only_what_is_allowed_whatever_images_engines_and_nodes_say() {
    let count = environment::variable("FUZZ").map_or(2000, |text| text.parse().unwrap());
    let seen = fuzz(1, count);
    for kind in [Kind::Report, Kind::Pull, Kind::Import, Kind::Tag, Kind::Remove, Kind::ReadEngine]
    {
        assert!(seen.get(&kind).is_some_and(|times| *times > count / 100), "{kind:?} in {seen:?}");
    }
}
