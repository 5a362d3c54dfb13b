//! Known causes, recognised by the last words of a component.

/// Why a component cannot come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A feature gate that this version does not have.
    UnknownGate(String),
    /// A flag that this component does not have.
    UnknownFlag(String),
    /// A limit of the host: inotify, or open files.
    OpenFiles,
    DiskFull,
    /// A port of the node is taken.
    PortInUse,
    Cgroups,
    /// CoreDNS asks itself.
    DnsLoop,
    /// Its words must do.
    Other,
}

impl Cause {
    /// The cause in the words of a component.
    pub(super) fn of(words: &str) -> Cause {
        let named = |signs: &[&str]| signs.iter().find_map(|sign| word_after(words, sign));
        if let Some(gate) = named(&["unrecognized feature gate: ", "unknown feature gate "]) {
            return Cause::UnknownGate(gate);
        }
        if let Some(flag) = named(&["unknown flag: --", "flag provided but not defined: -"]) {
            return Cause::UnknownFlag(flag.trim_start_matches('-').to_owned());
        }
        let lower = words.to_lowercase();
        let known = [
            ("too many open files", Cause::OpenFiles),
            ("inotify", Cause::OpenFiles),
            ("no space left on device", Cause::DiskFull),
            ("address already in use", Cause::PortInUse),
            ("loop (", Cause::DnsLoop),
            ("cgroup", Cause::Cgroups),
        ];
        let found = known.into_iter().find(|(sign, _)| lower.contains(sign));
        found.map_or(Cause::Other, |(_, cause)| cause)
    }
}

/// The word that follows a sign: letters, digits and dashes.
fn word_after(text: &str, sign: &str) -> Option<String> {
    let (_, rest) = text.split_once(sign)?;
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_recognised() {
        let gate = |name: &str| Cause::UnknownGate(name.into());
        let flag = |name: &str| Cause::UnknownFlag(name.into());
        for (words, cause) in [
            ("unrecognized feature gate: EphemeralContainers", gate("EphemeralContainers")),
            ("Error: unknown flag: --enable-podsecuritypolicy", flag("enable-podsecuritypolicy")),
            ("flag provided but not defined: -no-such-flag", flag("no-such-flag")),
            ("inotify_init: too many open files", Cause::OpenFiles),
            ("Failed to create inotify object: Too many open files", Cause::OpenFiles),
            ("write /x: no space left on device", Cause::DiskFull),
            ("listen tcp :2379: bind: address already in use", Cause::PortInUse),
            ("plugin/loop: Loop (127.0.0.1:4 -> :53) detected for zone \".\"", Cause::DnsLoop),
            ("failed to create cgroup", Cause::Cgroups),
            ("something else", Cause::Other),
        ] {
            assert_eq!(Cause::of(words), cause, "{words}");
        }
    }
}
