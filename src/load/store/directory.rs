//! The engine's own directory: read by this process where it can, else through a
//! container that sees it read-only. So skiff needs neither root nor an engine on
//! its own host.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::StoreError;
use super::layout::Layout;
use super::local_files;
use crate::context::RunError;
use crate::engine::{ByteStream, Command};
use crate::image::Digest;
use crate::node::NodeHandle;

/// Where a container sees the directory.
pub(super) const MOUNT: &str = "/engine";

/// Writes the files in the directory `$0` whose names are on stdin. The names come from
/// an image, and links in a layer must not lead to other files of the engine.
const CONTENTS: &str = r#"
cd "$0" && names=$(mktemp) && cat >"$names" || exit
# A path outside of the directory stays absolute.
xargs -0 -r realpath -ze --relative-base=. -- <"$names" >"$names.real" || exit
if grep -qz '^/' "$names.real"; then
  echo "a link leads out of $0" >&2
  exit 1
fi
exec xargs -0 -r cat -- <"$names"
"#;

/// Where the engine's directory can be read.
pub(crate) enum EngineDirectory {
    Local(PathBuf),
    Container(NodeHandle),
}

impl fmt::Display for EngineDirectory {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            EngineDirectory::Local(root) => write!(f, "in {}", root.display()),
            EngineDirectory::Container(node) => write!(f, "through container {}", node.name()),
        }
    }
}

impl EngineDirectory {
    /// The directory, if this process may read it. Whether it is the right one is
    /// checked by content: the images with these IDs are in it.
    pub(crate) fn local<'a>(
        layout: &Layout,
        mut ids: impl Iterator<Item = &'a Digest>,
    ) -> Option<EngineDirectory> {
        let (likeliest, others) = layout.directories();
        let mut directories = [likeliest].into_iter().chain(others).map(PathBuf::from);
        let contains = |directory: &Path, id: &Digest| {
            std::fs::read(directory.join(layout.id_file(id)))
                .is_ok_and(|text| Digest::of(&text) == *id)
        };
        let first = ids.next()?;
        let directory = directories.find(|directory| contains(directory, first))?;
        ids.all(|id| contains(&directory, id)).then_some(EngineDirectory::Local(directory))
    }

    /// The contents of those files that exist.
    ///
    /// # Errors
    /// Returns [`StoreError`] if the container fails.
    pub(crate) async fn read(
        &self,
        paths: &[String],
    ) -> Result<BTreeMap<String, Bytes>, StoreError> {
        match self {
            EngineDirectory::Local(root) => {
                let contents = paths.iter().filter_map(|path| {
                    Some((path.clone(), std::fs::read(root.join(path)).ok()?.into()))
                });
                Ok(contents.collect())
            }
            EngineDirectory::Container(node) => {
                let script = "cd \"$0\" && for file; do [ ! -f \"$file\" ] || echo \"$file\"; done | tar -chf - -T -";
                Ok(files_in_tar(&node.output(command(script, paths)).await?)?)
            }
        }
    }

    /// The lengths in bytes of those files that exist.
    ///
    /// # Errors
    /// Returns [`StoreError`] if the container fails.
    pub(crate) async fn sizes(&self, paths: &[String]) -> Result<Vec<(String, u64)>, StoreError> {
        match self {
            EngineDirectory::Local(root) => {
                let size = |path: &String| {
                    Some((path.clone(), std::fs::metadata(root.join(path)).ok()?.len()))
                };
                Ok(paths.iter().filter_map(size).collect())
            }
            EngineDirectory::Container(node) => {
                let script =
                    "cd \"$0\" && for file; do stat -c '%n %s' \"$file\" 2>/dev/null; done; true";
                let text = node.run(command(script, paths)).await?;
                let line = |line: &str| {
                    let (path, size) = line.rsplit_once(' ')?;
                    Some((path.to_owned(), size.parse().ok()?))
                };
                Ok(text.lines().filter_map(line).collect())
            }
        }
    }

    /// The contents of files in `directory`, one after the other. Each name begins
    /// with `./` and ends with a zero byte. The stream ends with an error if a file
    /// cannot be read.
    ///
    /// # Errors
    /// Returns the engine's error, or [`RunError::Cancelled`].
    pub(crate) async fn contents(
        &self,
        directory: &str,
        names: Bytes,
    ) -> Result<ByteStream, RunError> {
        match self {
            EngineDirectory::Local(root) => Ok(local_files::read(root.join(directory), names)),
            EngineDirectory::Container(node) => {
                let directory = format!("{MOUNT}/{directory}");
                let command = Command::new(["sh", "-c", CONTENTS, &directory]);
                node.stream_out(command.stdin(names)).await
            }
        }
    }
}

fn command(script: &str, paths: &[String]) -> Command {
    let start = ["sh", "-c", script, MOUNT].map(str::to_owned);
    Command::new(start.into_iter().chain(paths.iter().cloned()))
}

fn files_in_tar(archive: &[u8]) -> io::Result<BTreeMap<String, Bytes>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(path, bytes.into());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    #[test]
    fn links_in_a_layer_do_not_lead_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        let layer = root.path().join("layer");
        std::fs::create_dir_all(layer.join("a b")).unwrap();
        std::fs::write(layer.join("a b/c\nd"), "one ").unwrap();
        std::fs::write(layer.join("-e"), "two").unwrap();
        std::fs::write(root.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink("..", layer.join("out")).unwrap();
        std::os::unix::fs::symlink("../secret", layer.join("link")).unwrap();
        let contents = |names: &str| {
            let mut names_file = tempfile::tempfile().unwrap();
            names_file.write_all(names.as_bytes()).unwrap();
            names_file.rewind().unwrap();
            let mut sh = std::process::Command::new("sh");
            sh.args(["-c", CONTENTS]).arg(&layer).env("TMPDIR", root.path()).stdin(names_file);
            let output = sh.output().unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(contents("./a b/c\nd\0./-e\0"), (true, "one two".to_owned()));
        assert_eq!(contents(""), (true, String::new()));
        for name in ["./out/secret", "./link", "./../secret", "./nothing"] {
            let found = contents(&format!("./-e\0{name}\0"));
            assert_eq!(found, (false, String::new()), "{name}");
        }
    }

    #[test]
    fn a_directory_is_the_engines_if_it_contains_the_images() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::Docker {
            root: root.path().to_str().unwrap().into(),
            driver: "overlay2".into(),
        };
        let (id, other) = (Digest::of(b"{}"), Digest::of(b"other"));
        let is_local =
            |ids: &[&Digest]| EngineDirectory::local(&layout, ids.iter().copied()).is_some();
        assert!(!is_local(&[&id]));
        let put = |id: &Digest| {
            let file = root.path().join(layout.id_file(id));
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, b"{}").unwrap();
        };
        put(&id);
        put(&other);
        assert!(is_local(&[&id]) && !is_local(&[&id, &other]) && !is_local(&[]));
    }
}
