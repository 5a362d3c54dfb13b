//! The add-ons: directories of `configs/addons/`, embedded, and of the user's own.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::definition::Definition;
use super::error::AddonError;
use crate::text;

static CATALOG: Dir = include_dir!("$CARGO_MANIFEST_DIR/configs/addons");

/// The file that makes a directory an add-on.
const DEFINITION: &str = "addon.yaml";
/// The directory in it that its image is built from.
const IMAGE: &str = "image";

#[derive(Debug, Clone)]
pub(crate) struct Addon {
    pub definition: Definition,
    /// The other files of its directory, by name; templates.
    pub files: BTreeMap<String, String>,
    /// What its image can be built from.
    pub image_source: Option<&'static Dir<'static>>,
}

impl Addon {
    fn from_files(mut files: BTreeMap<String, String>) -> Result<Addon, String> {
        let text = files.remove(DEFINITION).ok_or(format!("{DEFINITION} is missing"))?;
        let definition = Definition::parse(&text).map_err(|e| format!("{DEFINITION}: {e}"))?;
        Ok(Addon { definition, files, image_source: None })
    }

    fn embedded(dir: &'static Dir) -> Addon {
        let named = |file: &include_dir::File| {
            Some((file.path().file_name()?.to_str()?.to_owned(), file.contents_utf8()?.to_owned()))
        };
        let addon = Addon::from_files(dir.files().filter_map(named).collect())
            .unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
        Addon { image_source: dir.get_dir(dir.path().join(IMAGE)), ..addon }
    }

    /// An add-on of the user's own.
    ///
    /// # Errors
    /// Returns a sentence if the directory cannot be read or is not a valid add-on.
    fn from_directory(directory: &Path) -> Result<Addon, String> {
        let mut files = BTreeMap::new();
        let entries = std::fs::read_dir(directory).map_err(|e| e.to_string())?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
            files.insert(name, text);
        }
        Addon::from_files(files)
    }
}

/// All embedded add-ons, by name.
pub(crate) fn all() -> Vec<Addon> {
    let is_addon = |dir: &&Dir| dir.get_file(dir.path().join(DEFINITION)).is_some();
    let mut all: Vec<Addon> = CATALOG.dirs().filter(is_addon).map(Addon::embedded).collect();
    all.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
    all
}

/// The add-on of this name. A name with a `/` is the path of a directory.
///
/// # Errors
/// Returns [`AddonError::Unknown`], or [`AddonError::Definition`] for an invalid
/// directory.
pub(crate) fn find(name: &str) -> Result<Addon, AddonError> {
    if name.contains('/') {
        return Addon::from_directory(Path::new(name))
            .map_err(|problem| AddonError::Definition { path: name.to_owned(), problem });
    }
    let all = all();
    let known: Vec<String> = all.iter().map(|addon| addon.definition.name.clone()).collect();
    all.into_iter().find(|addon| addon.definition.name == name).ok_or_else(|| AddonError::Unknown {
        name: name.to_owned(),
        similar: similar(name, &known),
        known,
    })
}

/// The known names that share a word with `name`, or are spelled like it.
fn similar(name: &str, known: &[String]) -> Vec<String> {
    let lower = name.to_lowercase();
    let shares_a_word = |other: &&String| {
        lower.split('-').any(|word| word.len() > 2 && other.split('-').any(|o| o == word))
    };
    let mut similar: Vec<String> = known.iter().filter(shares_a_word).cloned().collect();
    let spelled = text::similar(name, known.iter().map(String::as_str));
    similar.extend(spelled.into_iter().map(str::to_owned));
    similar.sort();
    similar.dedup();
    similar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found() {
        let known = ["ingress-nginx".to_owned(), "metrics-server".to_owned()];
        for (written, meant) in [
            ("ingres-nginx", "ingress-nginx"),
            ("ingress", "ingress-nginx"),
            ("nginx-ingress", "ingress-nginx"),
            ("metrics", "metrics-server"),
            ("metric-server", "metrics-server"),
            ("Metrics-Server", "metrics-server"),
        ] {
            assert_eq!(similar(written, &known), [meant], "{written}");
        }
        assert!(similar("dashboard", &known).is_empty());
    }

    #[test]
    fn a_directory_of_the_users_own_is_an_addon() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().to_str().unwrap();
        let error = find(name).unwrap_err().to_string();
        assert!(error.contains("addon.yaml is missing"), "{error}");
        let text = "name: mine\nversion: v1\nsummary: s\nkubernetes: '*'\nsteps: [{apply: a.yaml}, {wait: {get: /healthz, contains: ok}}]\n";
        std::fs::write(directory.path().join("addon.yaml"), text).unwrap();
        std::fs::write(directory.path().join("a.yaml"), "kind: X\n").unwrap();
        let addon = find(name).unwrap();
        assert_eq!(addon.definition.name, "mine");
        assert_eq!(addon.files["a.yaml"], "kind: X\n");
    }
}
