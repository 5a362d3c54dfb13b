//! Every call fails, gets its answer lost, or is where Ctrl-C comes.

use super::*;

const ALL: [(Action, RunStatus); 8] = [
    (Action::Stop, RunStatus::Running),
    (Action::Stop, RunStatus::Paused),
    (Action::Start, RunStatus::Stopped),
    (Action::Start, RunStatus::Paused),
    (Action::Start, RunStatus::Running),
    (Action::Restart, RunStatus::Running),
    (Action::Pause, RunStatus::Running),
    (Action::Unpause, RunStatus::Paused),
];

#[tokio::test]
async fn whatever_goes_wrong_the_same_command_goes_on() {
    let mut failed = 0;
    for (action, before) in ALL {
        let smooth = engine(before, "");
        smoothly(action, &smooth).await.unwrap();
        let calls = smooth.calls().len();
        assert!(calls > 4, "{action}: {calls}");
        for call in 0..calls {
            for kind in 0..3 {
                let cancel = CancellationToken::new();
                let fault = Fault::kinds(&cancel)[kind].clone();
                let engine = engine(before, "").and_armed(When::Call(call), fault);
                let outcome = run(action, &engine, &cancel).await;
                let at = engine.calls().get(call).cloned().unwrap_or_default();
                let what = format!("{action} of {before:?}, {at} ({kind})");
                match outcome {
                    // Ctrl-C may come when nothing is left to be interrupted.
                    Ok(_) => assert_eq!(kind, 2, "{what} was ignored"),
                    Err(error) => {
                        failed += 1;
                        let expected = match kind {
                            2 => "interrupted".to_owned(),
                            _ => format!("fault at call {call}"),
                        };
                        assert!(error.to_string().contains(&expected), "{what}: {error}");
                    }
                }
                smoothly(action, &engine).await.unwrap_or_else(|e| panic!("{what}, again: {e}"));
                assert_eq!(statuses(&engine), [status_after(action); 4], "{what}");
                assert_eq!(policies(&engine), expected_policies(action), "{what}");
            }
        }
    }
    assert!(failed > 200, "{failed}");
}

/// Those after [`Action::Restart`] and [`Action::Start`] are the ones of a creation; a
/// container that had ended before the second attempt to stop it stays stopped with
/// either of two.
fn policies(engine: &FakeEngine) -> Vec<Restart> {
    let policy = |name: &&str| match engine.spec(name).restart {
        Restart::Never if engine.status(name) == RunStatus::Stopped => Restart::UnlessStopped,
        other => other,
    };
    NAMES.iter().map(policy).collect()
}

fn expected_policies(action: Action) -> Vec<Restart> {
    let node = Restart::OnFailure(1);
    match action {
        Action::Stop => vec![Restart::UnlessStopped; 4],
        Action::Start | Action::Restart => vec![node, node, Restart::UnlessStopped, node],
        // As they were: those of the script are never started again.
        Action::Pause | Action::Unpause => vec![Restart::Never; 4],
    }
}

/// However often it is interrupted, each attempt gets further.
#[tokio::test]
async fn a_command_that_fails_again_and_again_comes_to_its_end() {
    for (action, before) in ALL {
        if action == Action::Restart {
            continue;
        }
        let mut engine = engine(before, "");
        // Further and further apart.
        for step in 0..60 {
            engine = engine.and_armed(When::Call(step * (step + 1) / 2), Fault::Fails);
        }
        let mut attempts = 0;
        while let Err(error) = smoothly(action, &engine).await {
            attempts += 1;
            assert!(attempts < 60, "{action} of {before:?}: {error}");
        }
        assert_eq!(statuses(&engine), [status_after(action); 4], "{action} of {before:?}");
    }
}
