//! The kinds of failures, and their exit codes.

/// Exit codes above this one say which signal ended the program, as in shells.
pub(super) const SIGNALS: u8 = 128;

/// What a failure is about; whoever calls the program can tell by its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None of the others.
    Other,
    Usage,
    Definition,
    Host,
    Engine,
    Image,
    Bootstrap,
    TimeOut,
    Interrupted,
}

impl Kind {
    /// All of them, in the order of their exit codes.
    pub(crate) const ALL: [Kind; 9] = [
        Kind::Other,
        Kind::Usage,
        Kind::Definition,
        Kind::Host,
        Kind::Engine,
        Kind::Image,
        Kind::Bootstrap,
        Kind::TimeOut,
        Kind::Interrupted,
    ];

    /// The exit code of skiff. After a signal it is [`SIGNALS`] and the signal's number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Kind::Other | Kind::Interrupted => 1,
            Kind::Usage => 2,
            Kind::Definition => 3,
            Kind::Host => 4,
            Kind::Engine => 5,
            Kind::Image => 6,
            Kind::Bootstrap => 7,
            Kind::TimeOut => 8,
        }
    }

    /// The name that programs see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Other => "other",
            Kind::Usage => "usage",
            Kind::Definition => "definition",
            Kind::Host => "host",
            Kind::Engine => "engine",
            Kind::Image => "image",
            Kind::Bootstrap => "bootstrap",
            Kind::TimeOut => "time-out",
            Kind::Interrupted => "interrupted",
        }
    }

    /// What belongs to it, for the table of exit codes.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Kind::Other => "any other failure",
            Kind::Usage => {
                "the command line: a flag, or the name of something that does not exist or is taken"
            }
            Kind::Definition => "the cluster definition, its patches, an add-on or a manifest",
            Kind::Host => "the engine's host: kernel, limits, ports or disk space do not suffice",
            Kind::Engine => "the container engine does not answer, or refuses a request",
            Kind::Image => "an image is missing, or cannot be pulled, built or loaded",
            Kind::Bootstrap => "a node or a component of Kubernetes does not start",
            Kind::TimeOut => "something started, but was not ready in time",
            Kind::Interrupted => "a signal ended it: 130 SIGINT, 143 SIGTERM, 129 SIGHUP",
        }
    }
}

/// The table of exit codes, a line each.
pub(crate) fn exit_codes() -> String {
    let row = |kind: &Kind| match kind {
        Kind::Interrupted => format!("128+n  {:11}  {}\n", kind.name(), kind.meaning()),
        kind => format!("{:5}  {:11}  {}\n", kind.code(), kind.name(), kind.meaning()),
    };
    let success =
        format!("{:5}  {:11}  {}\n", 0, "success", "everything that was asked for is done");
    success + &Kind::ALL.iter().map(row).collect::<String>()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_and_a_name_of_its_own() {
        let codes: Vec<u8> = Kind::ALL[..8].iter().map(|kind| kind.code()).collect();
        assert_eq!(codes, (1..=8).collect::<Vec<u8>>());
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }

    #[test]
    fn the_readme_has_the_table() {
        let readme = include_str!("../../README.md");
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Interrupted) {
            let row = format!("| {} | {} | {} |", kind.code(), kind.name(), kind.meaning());
            assert!(readme.contains(&row), "{row}");
        }
        let meaning = Kind::Interrupted.meaning();
        assert!(readme.contains(&format!("| 128+n | interrupted | {meaning} |")));
    }
}
