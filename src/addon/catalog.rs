//! The add-ons there are: folders of `configs/addons/`, embedded, or of one's own.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::AddonError;
use super::definition::Definition;

static CATALOG: Dir = include_dir!("$CARGO_MANIFEST_DIR/configs/addons");

/// The file that makes a folder an add-on.
const DEFINITION: &str = "addon.yaml";
/// The folder in it for building its image.
const RECIPE: &str = "image";

#[derive(Debug, Clone)]
pub struct Addon {
    pub definition: Definition,
    /// The other files of its folder, by name; templates.
    pub files: BTreeMap<String, String>,
    /// What its image can be built from.
    pub recipe: Option<&'static Dir<'static>>,
}

impl Addon {
    fn of(mut files: BTreeMap<String, String>) -> Result<Addon, String> {
        let text = files.remove(DEFINITION).ok_or(format!("there is no {DEFINITION}"))?;
        let definition = Definition::parse(&text).map_err(|e| format!("{DEFINITION}: {e}"))?;
        Ok(Addon { definition, files, recipe: None })
    }

    fn embedded(dir: &'static Dir) -> Addon {
        let named = |file: &include_dir::File| {
            Some((file.path().file_name()?.to_str()?.to_owned(), file.contents_utf8()?.to_owned()))
        };
        let addon = Addon::of(dir.files().filter_map(named).collect())
            .unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
        Addon { recipe: dir.get_dir(dir.path().join(RECIPE)), ..addon }
    }

    /// An add-on of one's own.
    ///
    /// # Errors
    /// A folder that is none.
    fn from_folder(folder: &Path) -> Result<Addon, String> {
        let mut files = BTreeMap::new();
        let entries = std::fs::read_dir(folder).map_err(|e| e.to_string())?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_file()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).map_err(|e| format!("{name}: {e}"))?;
            files.insert(name, text);
        }
        Addon::of(files)
    }
}

/// All embedded add-ons, by name.
pub fn all() -> Vec<Addon> {
    let folders = CATALOG.dirs().filter(|dir| dir.get_file(dir.path().join(DEFINITION)).is_some());
    let mut all: Vec<Addon> = folders.map(Addon::embedded).collect();
    all.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
    all
}

/// The add-on of this name; a name with a `/` is a folder.
///
/// # Errors
/// [`AddonError::Unknown`], [`AddonError::Definition`].
pub fn find(name: &str) -> Result<Addon, AddonError> {
    if name.contains('/') {
        return Addon::from_folder(Path::new(name))
            .map_err(|problem| AddonError::Definition { path: name.to_owned(), problem });
    }
    let all = all();
    let names: Vec<String> = all.iter().map(|addon| addon.definition.name.clone()).collect();
    all.into_iter().find(|addon| addon.definition.name == name).ok_or_else(|| AddonError::Unknown {
        name: name.to_owned(),
        similar: near(name, &names),
        known: names,
    })
}

/// Names that somebody who wrote `name` may have meant.
fn near(name: &str, known: &[String]) -> Vec<String> {
    let name = name.to_lowercase();
    let meant = |other: &&String| {
        let shared =
            name.split('-').any(|part| part.len() > 2 && other.split('-').any(|o| o == part));
        shared || strsim::jaro_winkler(&name, other) > 0.8
    };
    known.iter().filter(meant).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found() {
        let known = ["ingress-nginx".to_owned(), "metrics-server".to_owned()];
        for (written, meant) in [
            ("ingres-nginx", "ingress-nginx"),
            ("ingress", "ingress-nginx"),
            ("nginx-ingress", "ingress-nginx"),
            ("metrics", "metrics-server"),
            ("metric-server", "metrics-server"),
            ("Metrics-Server", "metrics-server"),
        ] {
            assert_eq!(near(written, &known), [meant], "{written}");
        }
        assert!(near("dashboard", &known).is_empty());
    }

    #[test]
    fn a_folder_of_ones_own_is_an_addon() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().to_str().unwrap();
        let error = find(name).unwrap_err().to_string();
        assert!(error.contains("there is no addon.yaml"), "{error}");
        let text = "name: mine\nversion: v1\nsummary: s\nkubernetes: '*'\nsteps: [{apply: a.yaml}, {wait: {get: /healthz, contains: ok}}]\n";
        std::fs::write(folder.path().join("addon.yaml"), text).unwrap();
        std::fs::write(folder.path().join("a.yaml"), "kind: X\n").unwrap();
        let addon = find(name).unwrap();
        assert_eq!(addon.definition.name, "mine");
        assert_eq!(addon.files["a.yaml"], "kind: X\n");
    }
}
