//! What a node may be asked to run, whatever an image says.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize as _;
use serde_json::Value;

use crate::engine::Command;
use crate::image::{Digest, Reference, oci};

/// The names that images may get on nodes.
pub(super) struct Allowed<'a> {
    pub names: &'a BTreeSet<String>,
}

/// What a command does, if it is one that loading images needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Report,
    Pull,
    Import,
    Tag,
    Remove,
    ReadEngine,
}

impl Allowed<'_> {
    /// Panics unless the command is one that loading images needs, and every part
    /// of it has the form that it should have.
    pub(super) fn check(&self, command: &Command) -> Kind {
        let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        let stdin = command.stdin.as_deref();
        match words[..] {
            ["bash", "-c", script, "node.sh", mode, ref rest @ ..] => {
                assert_eq!(script, include_str!("../node.sh"));
                self.node_script(mode, rest, stdin)
            }
            ["ctr", "--namespace=k8s.io", "images", "rm", "--sync", ref names @ ..] => {
                assert!(!names.is_empty() && names.iter().all(|name| is_stored_name(name)));
                Kind::Remove
            }
            ["sh", "-c", script, "/engine", ref paths @ ..] => {
                assert!(script.starts_with("cd \"$0\" && "), "{script}");
                assert!(paths.iter().all(|path| is_engine_path(path)), "{paths:?}");
                Kind::ReadEngine
            }
            _ => panic!("unknown command: {words:?}"),
        }
    }

    fn node_script(&self, mode: &str, rest: &[&str], stdin: Option<&[u8]>) -> Kind {
        match (mode, rest, stdin) {
            ("report", [boundary, snapshotter, filters @ ..], stdin) => {
                assert!(boundary.len() == 32 && is_hex(boundary), "{boundary}");
                assert!(is_word(snapshotter), "{snapshotter:?}");
                self.filters(filters);
                let Some(stdin) = stdin else { return Kind::Report };
                self.pull(stdin);
                Kind::Pull
            }
            ("import", [snapshotter, platform], stdin) => {
                assert!(is_word(snapshotter) && is_platform(platform), "{rest:?}");
                stdin.into_iter().for_each(|archive| self.archive(archive));
                Kind::Import
            }
            ("tag", [name, new_names @ ..], None) => {
                assert!(is_stored_name(name), "{name:?}");
                new_names.iter().for_each(|name| self.name(name));
                Kind::Tag
            }
            _ => panic!("{mode} {rest:?}"),
        }
    }

    fn name(&self, name: &str) {
        let reference = Reference::parse(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(reference.to_string(), name);
        let is_exact = name.split_once('@').is_some_and(|(repository, _)| {
            let is_of = |name: &String| {
                name.strip_prefix(repository).is_some_and(|rest| rest.starts_with([':', '@']))
            };
            self.names.iter().any(is_of) || repository == "docker.io/library/image"
        });
        assert!(self.names.contains(name) || is_exact, "{name} was not asked for");
    }

    fn filters(&self, filters: &[&str]) {
        for filter in filters.iter().filter(|filter| **filter != "name==none") {
            let (field, value) = filter.split_once("==\"").unwrap_or_else(|| panic!("{filter}"));
            let value = value.strip_suffix('"').unwrap_or_else(|| panic!("{filter}"));
            match Digest::parse(value) {
                Some(_) => assert!(["name", "target.digest"].contains(&field), "{filter}"),
                None => {
                    assert_eq!(field, "name");
                    self.name(value);
                }
            }
        }
    }

    /// The fields that `node.sh` reads.
    fn pull(&self, stdin: &[u8]) {
        let text = std::str::from_utf8(stdin).unwrap().strip_suffix('\0').unwrap();
        let mut fields = text.split('\0');
        let mut next = || fields.next().expect("one more field");
        assert_eq!(next(), "pull");
        let filters: Vec<&str> = (0..number(next())).map(|_| next()).collect();
        self.filters(&filters);
        let address = format!("{}:{}", next().parse::<IpAddr>().unwrap(), number(next()));
        for _ in 0..number(next()) {
            let url = next().strip_prefix(&format!("http://{address}/")).expect("our registry");
            let parts: Vec<&str> = url.split('/').collect();
            let [token, node, root, "v2"] = parts[..] else { panic!("{url}") };
            assert!(is_hex(token) && root.len() == 64 && is_hex(root) && number(node) < 2, "{url}");
            assert!(["daemon", "client"].contains(&next()));
            let platform = next();
            assert!(is_platform(platform), "{platform:?}");
            for _ in 0..number(next()) {
                self.name(next());
            }
        }
        assert_eq!(fields.next(), None);
    }

    /// What a node imports: blobs, and an `index.json` of skiff's own.
    fn archive(&self, archive: &[u8]) {
        // What ends early names no image.
        for entry in tar::Archive::new(archive).entries().unwrap().map_while(Result::ok) {
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            assert!(entry.header().entry_type().is_file());
            let digest = name.strip_prefix("blobs/sha256/").and_then(Digest::from_hex);
            if name == "index.json" {
                let index: Value = serde_json::from_reader(entry).unwrap();
                index["manifests"].as_array().unwrap().iter().for_each(|entry| self.entry(entry));
            } else {
                assert!(
                    digest.is_some() || ["blob", "oci-layout"].contains(&&name[..]),
                    "{name:?}"
                );
            }
        }
    }

    fn entry(&self, entry: &Value) {
        let fields = entry.as_object().unwrap();
        let known = ["mediaType", "digest", "size", "annotations"];
        assert!(fields.keys().all(|key| known.contains(&&key[..])), "{entry}");
        assert!(oci::Descriptor::deserialize(entry).is_ok(), "{entry}");
        let annotations = fields["annotations"].as_object().unwrap();
        assert_eq!(annotations.len(), 1);
        self.name(annotations[oci::NAME_ANNOTATION].as_str().unwrap());
    }
}

/// A call of `ctr` by `node.sh`: each argument is an option of `node.sh`'s own, or has
/// the form of what is loaded.
pub(super) fn check_ctr_call(call: &[String]) {
    let own = |word: &str| {
        [
            "--namespace=k8s.io",
            "--local",
            "--hosts-dir",
            "--snapshotter",
            "--platform",
            "--force",
            "-q",
        ]
        .contains(&word)
            || [
                "images",
                "content",
                "snapshots",
                "ls",
                "pull",
                "tag",
                "import",
                "--help",
                "-",
                "stdin=",
            ]
            .contains(&word)
            || word.starts_with("server = \"http://127.0.0.1:") && word.matches('"').count() == 2
            || word.starts_with('/') && word.contains("/skiff-load.")
    };
    for word in call {
        let is_filter = word.starts_with("name==") || word.starts_with("target.digest==");
        let is_content = is_word(word) || is_platform(word) || is_filter || is_stored_name(word);
        assert!(own(word) || is_content, "{word:?} in {call:?}");
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| part.is_empty() || is_word(part))
}

/// A name that the node itself reported.
fn is_stored_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_engine_path(path: &str) -> bool {
    let starts = ["image/overlay2/imagedb/", "image/overlay2/layerdb/", "blobs/sha256/"];
    let starts = starts.iter().any(|start| path.starts_with(start))
        || path.starts_with("image/fuse-overlayfs/");
    starts && path.split('/').all(is_word)
}
