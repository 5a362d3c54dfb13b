use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::progress::{Amount, Level, Stage, Step, StepId};

#[test]
fn colour_and_animation_only_on_terminals_that_can() {
    assert!(is_smart(true, false, None));
    assert!(is_smart(true, false, Some("xterm")));
    assert!(!is_smart(false, false, None));
    assert!(!is_smart(true, true, None));
    assert!(!is_smart(true, false, Some("dumb")));
}

/// Keeps what reaches the terminal.
#[derive(Default)]
struct Shown(Mutex<String>);

impl Reporter for &Shown {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push_str(&match event {
            Event::Started { title, .. } => title,
            Event::Detail { text, .. } | Event::Message { text, .. } => text,
            Event::Transferred { amount, .. } => amount.text,
            Event::Stage { stage, .. } => stage.name,
            Event::Ended { .. } => String::new(),
        });
    }
}

#[test]
fn nothing_that_is_reported_reaches_the_terminal_as_it_is() {
    let (shown, hostile) = (Shown::default(), || "\u{1b}]0;x\u{7}\r".to_owned());
    let (reporter, step) = (Printable(&shown), StepId(1));
    reporter.report(Event::Started { step, title: hostile() });
    reporter.report(Event::Detail { step, text: hostile() });
    let amount = Amount { text: hostile(), ..Amount::default() };
    reporter.report(Event::Transferred { step, amount });
    let stage = Stage { name: hostile(), ..Stage::default() };
    reporter.report(Event::Stage { step, stage });
    reporter.report(Event::Message { level: Level::Warning, text: hostile() });
    let shown = shown.0.into_inner().unwrap();
    assert_eq!(shown.matches("]0;x").count(), 5);
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// Everything that is written.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<String>>);

impl Written {
    pub(super) fn output(&self) -> Output {
        let text = self.0.clone();
        Box::new(move |more| text.lock().unwrap().push_str(more))
    }

    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

fn plain(verbosity: i32, as_kind: bool) -> (Progress, Written) {
    let written = Written::default();
    let plain = Plain::new(written.output(), verbosity, Style::default(), as_kind);
    let plain = Arc::new(plain);
    if !as_kind {
        tokio::spawn(plain::show_life(Arc::downgrade(&plain)));
    }
    (Progress::new(plain), written)
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_millis(seconds * 1000 + 1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_runs_is_shown_every_half_a_minute() {
    let (progress, written) = plain(0, false);
    let step = progress.step("Waiting");
    pass(31).await;
    step.detail("coredns is not ready");
    pass(60).await;
    step.done();
    pass(60).await;
    let expected = " • Waiting  ...
 • still Waiting, 30s
 • still Waiting, 1m0s (coredns is not ready)
 • still Waiting, 1m30s (coredns is not ready)
 ✓ Waiting
";
    assert_eq!(written.text(), expected);
    let (progress, written) = plain(-1, false);
    let _step = progress.step("Waiting");
    pass(60).await;
    assert_eq!(written.text(), "");
}

#[tokio::test(start_paused = true)]
async fn kinds_users_see_what_kind_shows() {
    let (progress, written) = plain(1, true);
    let step = progress.step("Waiting");
    pass(60).await;
    step.done();
    assert_eq!(written.text(), " • Waiting  ...\n ✓ Waiting\n");
}

#[tokio::test(start_paused = true)]
async fn stages_say_how_long_they_take() {
    let (progress, written) = plain(0, false);
    let step = progress.step("Building");
    let stage = |number, name: &str, seconds: Option<u64>| Stage {
        number,
        count: 3,
        name: name.into(),
        expected: seconds.map(Duration::from_secs),
        ..Stage::default()
    };
    step.stage(stage(1, "base", Some(10)));
    pass(20).await;
    step.stage(stage(2, "kubernetes", Some(500)));
    step.detail("compiling");
    pass(62).await;
    step.stage(stage(3, "loading", None));
    drop(step);
    let expected = " • Building  ...
 • [1 of 3] base (about 10s)
 • [2 of 3] kubernetes (about 8m20s)
 • still Building, 50s: [2 of 3] kubernetes, 30s of about 8m20s
 • still Building, 1m20s: [2 of 3] kubernetes, 1m0s of about 8m20s
 • [3 of 3] loading
 ✗ Building
";
    assert_eq!(written.text(), expected);
}

fn transfer(step: &Step, text: &str) {
    step.transferred(Amount { text: text.into(), ..Amount::default() });
}

#[tokio::test(start_paused = true)]
async fn a_transfer_is_shown_every_ten_seconds() {
    let (progress, written) = plain(0, false);
    let (step, other) = (progress.step("a"), progress.step("b"));
    for second in 0..25 {
        transfer(&step, &format!("{second} MB"));
        pass(1).await;
    }
    transfer(&other, "1 MB");
    let expected = " • a  ...\n • b  ...\n • a: 10 MB\n • a: 20 MB\n • b: 1 MB\n";
    assert_eq!(written.text(), expected);
    // What is shown for the transfer is life enough.
    pass(20).await;
    assert!(!written.text().contains("still a"), "{}", written.text());
}

#[tokio::test(start_paused = true)]
async fn verbose_steps_end_with_their_seconds() {
    let (progress, written) = plain(1, false);
    let (one, other) = (progress.step("a"), progress.step("a"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    one.done();
    tokio::time::sleep(Duration::from_millis(600)).await;
    drop(other);
    assert_eq!(written.text(), " • a  ...\n • a  ...\n ✓ a 1.5s\n ✗ a 2.1s\n");
}
