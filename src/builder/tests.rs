//! Builds on an engine in memory.

use std::sync::{Arc, Mutex};

use include_dir::{Dir, include_dir};
use tokio_util::sync::CancellationToken;

use super::{Build, BuildError, BuildOptions, Recipe};
use crate::context::Context;
use crate::engine::fake::{FakeEngine, Script};
use crate::progress::{Event, Level, Progress, Reporter};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/builder/shared");

/// Keeps warnings.
#[derive(Default, Clone)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Reporter for Warnings {
    fn report(&self, event: Event) {
        if let Event::Message { level: Level::Warning, text } = event {
            self.0.lock().unwrap().push(text);
        }
    }
}

/// Builds an image on an engine with this script; returns the engine and warnings.
async fn build(script: &str, force: bool) -> (FakeEngine, Vec<String>, Result<(), BuildError>) {
    let (warnings, cancel) = (Warnings::default(), CancellationToken::new());
    let engine = Script::parse(script).unwrap().engine(&cancel);
    let progress = Progress::new(warnings.clone());
    let ctx = Context::new(Arc::new(engine.clone()), progress, cancel);
    let (arguments, labels) = (Vec::new(), Vec::new());
    let recipe = Recipe { what: "image", directory: &FILES, arguments, labels };
    let options = BuildOptions { force, ..BuildOptions::default() };
    let built = Build::plan(&ctx, "app:1", recipe, options).await.unwrap().run().await;
    let warnings = warnings.0.lock().unwrap().clone();
    (engine, warnings, built)
}

#[tokio::test]
async fn only_a_forced_build_must_have_the_newest_packages() {
    // So that the builder can be looked at.
    let stays =
        "{images: {skiff/debian:trixie: {}}, faults: [{call: remove_container, does: fails}]}";
    for force in [false, true] {
        let (engine, _, _) = build(stays, force).await;
        let builder = &engine.container_names()[0];
        let env = engine.spec(builder).env;
        assert_eq!(env.contains(&"REFRESH=1".to_owned()), force, "{env:?}");
    }
}

#[tokio::test]
async fn the_image_is_loaded_and_warnings_of_the_recipe_are_shown() {
    let script = "{images: {skiff/debian:trixie: {}}, commands: [{line: build.sh, stderr: \"one\\nwarning: the index is late\\n\"}]}";
    let (engine, warnings, built) = build(script, false).await;
    built.unwrap();
    assert_eq!(warnings, ["the index is late"]);
    assert!(engine.calls().contains(&"load_image".to_owned()));
    assert!(engine.container_names().is_empty());
}

#[tokio::test]
async fn a_result_without_facts_is_not_loaded() {
    let script = "{images: {skiff/debian:trixie: {}}, commands: [{line: cat /image/facts, stdout: \"layer=12\\n\"}]}";
    let (engine, _, built) = build(script, false).await;
    assert!(matches!(built, Err(BuildError::Failed { .. })), "{built:?}");
    assert!(!engine.calls().contains(&"load_image".to_owned()));
    assert!(engine.container_names().is_empty());
}

/// Keeps the stages.
#[derive(Default, Clone)]
struct StageNames(Arc<Mutex<Vec<String>>>);

impl Reporter for StageNames {
    fn report(&self, event: Event) {
        if let Event::Stage { stage, .. } = event {
            self.0
                .lock()
                .unwrap()
                .push(format!("{} of {} {}", stage.number, stage.count, stage.name));
        }
    }
}

/// What is made is shown, as the recipe says it.
#[tokio::test]
async fn a_build_shows_its_stages() {
    static RECIPE: Dir = include_dir!("$CARGO_MANIFEST_DIR/node-image");
    let (stages, cancel) = (StageNames::default(), CancellationToken::new());
    let script = "{images: {skiff/debian:trixie: {}}}";
    let engine = Script::parse(script).unwrap().engine(&cancel);
    let ctx = Context::new(Arc::new(engine), Progress::new(stages.clone()), cancel);
    let (arguments, labels) = (Vec::new(), Vec::new());
    let recipe = Recipe { what: "image", directory: &RECIPE, arguments, labels };
    let options = BuildOptions::default();
    Build::plan(&ctx, "app:1", recipe, options).await.unwrap().run().await.unwrap();
    assert_eq!(*stages.0.lock().unwrap(), ["9 of 9 loading"]);
}
