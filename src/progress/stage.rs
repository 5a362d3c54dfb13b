//! The stages of a step that takes minutes.

use std::time::Duration;

use crate::duration;

/// One of the stages that a step consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// Its place, from 1.
    pub number: usize,
    /// How many stages the step has.
    pub count: usize,
    /// What is made in it, such as `kubernetes`.
    pub name: String,
    /// How long it probably takes; `None` if nothing is known of it.
    pub expected: Option<Duration>,
    /// How long the stages before it probably take.
    pub before: Duration,
    /// How long all stages together probably take.
    pub total: Duration,
}

impl Stage {
    /// Where the step is, such as `[2 of 9] kubernetes, 1m30s of about 8m20s`, when the
    /// stage has taken this long.
    pub fn describe(&self, elapsed: Duration) -> String {
        let Stage { number, count, name, .. } = self;
        let expected = self.about().map(|about| format!(" of {about}"));
        let elapsed = duration::format(elapsed);
        format!("[{number} of {count}] {name}, {elapsed}{}", expected.unwrap_or_default())
    }

    /// What begins, such as `[2 of 9] kubernetes (about 8m20s)`.
    pub fn announce(&self) -> String {
        let Stage { number, count, name, .. } = self;
        let expected = self.about().map(|about| format!(" ({about})"));
        format!("[{number} of {count}] {name}{}", expected.unwrap_or_default())
    }

    fn about(&self) -> Option<String> {
        let expected = self.expected.filter(|expected| *expected >= Duration::from_secs(1))?;
        Some(format!("about {}", duration::format(expected)))
    }

    /// The part of the step that is done, from 0 to 1, when the stage has taken this long.
    /// A stage that takes longer than expected counts as done.
    pub fn share(&self, elapsed: Duration) -> f64 {
        let done = self.before + elapsed.min(self.expected.unwrap_or_default());
        match self.total.as_secs_f64() {
            0.0 => 0.0,
            total => (done.as_secs_f64() / total).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(expected: Option<u64>) -> Stage {
        Stage {
            number: 2,
            count: 3,
            name: "etcd".into(),
            expected: expected.map(Duration::from_secs),
            before: Duration::from_secs(40),
            total: Duration::from_secs(100),
        }
    }

    #[test]
    fn a_stage_says_how_far_it_is() {
        for (expected, seconds, said, share) in [
            (Some(50), 0, "[2 of 3] etcd, 0s of about 50s", 0.4),
            (Some(50), 25, "[2 of 3] etcd, 25s of about 50s", 0.65),
            (Some(50), 90, "[2 of 3] etcd, 1m30s of about 50s", 0.9),
            (Some(0), 1, "[2 of 3] etcd, 1s", 0.4),
            (None, 7, "[2 of 3] etcd, 7s", 0.4),
        ] {
            let (stage, elapsed) = (stage(expected), Duration::from_secs(seconds));
            assert_eq!(stage.describe(elapsed), said);
            assert!((stage.share(elapsed) - share).abs() < 1e-9, "{said}");
        }
        assert_eq!(stage(Some(50)).announce(), "[2 of 3] etcd (about 50s)");
        assert_eq!(stage(None).announce(), "[2 of 3] etcd");
        assert_eq!(Stage::default().share(Duration::from_secs(1)), 0.0);
    }
}
