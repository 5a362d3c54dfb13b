//! Recipes: the embedded files that an image is built from, and their digest.

use std::path::PathBuf;

use include_dir::{Dir, DirEntry, include_dir};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::text;

/// What recipes share.
static SHARED: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/builder/shared");

/// A directory with `build.sh`, what that needs, and `config.json`.
#[derive(Clone)]
pub(crate) struct Recipe {
    /// What it builds, in words: `node image`.
    pub what: &'static str,
    pub directory: &'static Dir<'static>,
    /// For `build.sh`.
    pub arguments: Vec<String>,
    /// More labels of the image than `config.json` has.
    pub labels: Vec<(&'static str, String)>,
}

impl Recipe {
    /// Identifies what an image is made from, so that equal ones are built once.
    pub(super) fn digest(&self, arch: &str, mirror: Option<&str>) -> String {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        };
        let labels = self.labels.iter().flat_map(|(name, value)| [name, value.as_str()]);
        let words = [arch, mirror.unwrap_or_default()].into_iter();
        for word in words.chain(self.arguments.iter().map(String::as_str)).chain(labels) {
            add(word.as_bytes());
        }
        for (path, contents) in self.files() {
            add(path.to_string_lossy().as_bytes());
            add(contents);
        }
        text::hex(&hash.finalize()[..12])
    }

    /// The files as a tar archive, for the builder's root directory.
    ///
    /// # Errors
    /// Fails if a path does not fit into a tar header.
    pub(super) fn archive(&self) -> std::io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, contents) in self.files() {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, path, contents)?;
        }
        archive.into_inner()
    }

    /// The text of `build.sh`.
    pub(super) fn script(&self) -> &'static str {
        let file = self.directory.get_file(self.directory.path().join("build.sh"));
        file.and_then(include_dir::File::contents_utf8).unwrap_or_default()
    }

    /// How containers of the image are run: the `config` of an image configuration
    /// (OCI image specification, `config.md`).
    ///
    /// # Panics
    /// Panics if `config.json` is not a JSON object, which a test excludes.
    pub(super) fn config(&self) -> Map<String, Value> {
        let file = self.directory.get_file(self.directory.path().join("config.json"));
        let text = file.map_or(&b"{}"[..], include_dir::File::contents);
        serde_json::from_slice(text).expect("the files of recipes are part of the program")
    }

    /// By their places in the builder.
    fn files(&self) -> Vec<(PathBuf, &'static [u8])> {
        let mut files = Vec::new();
        for (place, directory) in [("src", self.directory), ("builder", &SHARED)] {
            let mut directories = vec![directory];
            while let Some(next) = directories.pop() {
                for entry in next.entries() {
                    match entry {
                        DirEntry::Dir(dir) => directories.push(dir),
                        DirEntry::File(file) => {
                            let path = file.path().strip_prefix(directory.path());
                            let path = path.expect("a directory's files are below it");
                            files.push((PathBuf::from(place).join(path), file.contents()));
                        }
                    }
                }
            }
        }
        // Documentation does not change the image.
        files.retain(|(path, _)| path.extension().is_none_or(|extension| extension != "md"));
        files.sort();
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(argument: &str) -> Recipe {
        Recipe {
            what: "image",
            directory: &SHARED,
            arguments: vec![argument.into()],
            labels: vec![("io.skiff.part", "one".into())],
        }
    }

    #[test]
    fn the_digest_depends_on_every_input() {
        let labelled = Recipe { labels: vec![("io.skiff.part", "two".into())], ..recipe("v1") };
        let all = [
            recipe("v1").digest("amd64", None),
            recipe("v2").digest("amd64", None),
            recipe("v1").digest("arm64", None),
            recipe("v1").digest("amd64", Some("m")),
            labelled.digest("amd64", None),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other != one));
        }
        assert_eq!(recipe("v1").digest("amd64", None), all[0]);
    }

    #[test]
    fn recipe_and_shared_files_have_places_of_their_own() {
        let files = recipe("v1").files();
        let has = |place: &str| files.iter().any(|(path, _)| path == &PathBuf::from(place));
        assert!(has("src/common.sh") && has("builder/common.sh"), "{files:?}");
    }
}
