//! Reads files of a layer on this host.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc;

use crate::engine::ByteStream;
use crate::platform;

const BUFFER: usize = 256 << 10;
/// Buffers that may be queued for a slow reader.
const QUEUE: usize = 4;

/// The contents of files in `directory`, one after the other; each name ends with
/// a zero byte. A thread for blocking work reads them, as long as the stream is.
pub(super) fn read(directory: PathBuf, names: Bytes) -> ByteStream {
    let (to, buffers) = mpsc::channel(QUEUE);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read_into(&to, &directory, &names) {
            let _ = to.blocking_send(Err(error));
        }
    });
    stream::unfold(buffers, |mut buffers| async { Some((buffers.recv().await?, buffers)) }).boxed()
}

fn read_into(
    to: &mpsc::Sender<io::Result<Bytes>>,
    directory: &Path,
    names: &[u8],
) -> io::Result<()> {
    let directory = directory.canonicalize()?;
    let mut known = PathBuf::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut file = File::open(inside(&directory, name, &mut known)?)?;
        loop {
            let mut buffer = Vec::with_capacity(BUFFER);
            if file.by_ref().take(BUFFER as u64).read_to_end(&mut buffer)? == 0 {
                break;
            }
            if to.blocking_send(Ok(buffer.into())).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The file of this name. The name comes from an image, and links in a layer must
/// not lead to other files of this host. `known` is the last directory that was
/// checked.
fn inside(directory: &Path, name: &[u8], known: &mut PathBuf) -> io::Result<PathBuf> {
    let path = directory.join(platform::path_of_bytes(name)?);
    let outside = || io::Error::other(format!("{} is not in its layer", path.display()));
    let parent = path.parent().ok_or_else(outside)?;
    if parent != known && !parent.canonicalize()?.starts_with(directory) {
        return Err(outside());
    }
    parent.clone_into(known);
    if path.symlink_metadata()?.is_file() { Ok(path) } else { Err(outside()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::collect;

    async fn contents(root: &Path, names: &'static [u8]) -> io::Result<Vec<u8>> {
        collect(read(root.join("layer"), Bytes::from_static(names))).await
    }

    #[tokio::test]
    async fn files_follow_each_other_and_links_do_not_lead_outside() {
        let root = tempfile::tempdir().unwrap();
        let layer = root.path().join("layer");
        std::fs::create_dir_all(layer.join("a")).unwrap();
        std::fs::write(layer.join("a/b"), vec![1; BUFFER + 1]).unwrap();
        std::fs::write(layer.join("c"), b"c").unwrap();
        std::fs::write(root.path().join("secret"), b"secret").unwrap();
        std::os::unix::fs::symlink("..", layer.join("out")).unwrap();
        std::os::unix::fs::symlink("../secret", layer.join("link")).unwrap();
        let both = contents(root.path(), b"./a/b\0./c\0").await.unwrap();
        assert_eq!((both.len(), both.last()), (BUFFER + 2, Some(&b'c')));
        for name in
            [&b"./out/secret\0"[..], b"./link\0", b"./../secret\0", b"./nothing\0", b"./a\0"]
        {
            let name: &'static [u8] = name;
            assert!(contents(root.path(), name).await.is_err(), "{}", name.escape_ascii());
        }
    }
}
