//! What a node asks for, as the path of its request says it.

use crate::image::Digest;

/// The path of a request. It never becomes a path of this host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestPath<'a> {
    pub secret: &'a str,
    /// The number of the node.
    pub node: usize,
    pub digest: Digest,
}

/// The path of the registry for one image, to which nodes add
/// `/NAME/manifests/REFERENCE` or `/NAME/blobs/DIGEST`.
pub(super) fn base(secret: &str, node: usize, root: &Digest) -> String {
    format!("/{secret}/{node}/{}/v2", root.hex())
}

/// Reads a path. A tag in place of a digest stands for the root of the image.
pub(super) fn parse(path: &str) -> Option<RequestPath<'_>> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let [secret, node, root, "v2", name @ .., kind, reference] = &parts[..] else { return None };
    let root = Digest::from_hex(root)?;
    let is_name = !name.is_empty() && name.iter().all(|part| is_word(part));
    let digest = match *kind {
        "blobs" => Digest::parse(reference)?,
        "manifests" if is_word(reference) => root,
        "manifests" => Digest::parse(reference)?,
        _ => return None,
    };
    is_name.then_some(RequestPath { secret, node: node.parse().ok()?, digest })
}

/// A tag, or a part of an image's name.
fn is_word(text: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(is_usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_secret_a_node_and_a_digest() {
        let (root, blob) = (Digest::of(b"root"), Digest::of(b"blob"));
        let base = base("secret", 1, &root);
        for (rest, digest) in [
            ("app/manifests/1.0", &root),
            ("library/app/manifests/latest", &root),
            (&format!("a/b/c/manifests/{blob}"), &blob),
            (&format!("a_b/c-d/blobs/{blob}"), &blob),
        ] {
            let path = format!("{base}/{rest}");
            let expected = RequestPath { secret: "secret", node: 1, digest: digest.clone() };
            assert_eq!(parse(&path), Some(expected), "{path}");
        }
    }

    #[test]
    fn nothing_else_is_a_path() {
        let (root, blob) = (Digest::of(b"root"), Digest::of(b"blob"));
        let base = base("secret", 1, &root);
        for path in [
            "",
            "/",
            "//",
            "*",
            "/v2/",
            &base,
            &format!("{base}/"),
            &format!("{base}/manifests/1"),
            &format!("{base}/app/tags/list"),
            &format!("{base}/app/blobs/1.0"),
            &format!("{base}/app/blobs/{}", blob.hex()),
            &format!("{base}/app/blobs/{blob}/"),
            &format!("{base}/app/blobs/{blob}/../../etc/passwd"),
            &format!("{base}/../../../etc/passwd"),
            &format!("{base}/app/manifests/.."),
            &format!("{base}/app/manifests/..%2f..%2fetc%2fpasswd"),
            &format!("{base}/../blobs/{blob}"),
            &format!("{base}//blobs/{blob}"),
            &format!("{base}/%2e%2e/blobs/{blob}"),
            &format!("/secret/-1/{}/v2/app/blobs/{blob}", root.hex()),
            &format!("/secret/1/../v2/app/blobs/{blob}"),
            &format!("http://host{base}/app/blobs/{blob}"),
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
