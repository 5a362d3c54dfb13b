//! User and password in URLs.

use std::ops::Range;

use super::MASK;

/// A URL as it may be shown: without user and password. The scheme may be absent.
pub(crate) fn without_user(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    match url[start..].rfind('@') {
        Some(at) => format!("{}{MASK}{}", &url[..start], &url[start + at..]),
        None => url.to_owned(),
    }
}

/// Characters that end a URL within a text.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\')
}

/// The first user, with password if there is one, of a URL in a text.
pub(super) fn user_in_text(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, mark)| {
        let start = at + mark.len();
        let scheme = text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        let rest = &text[start..];
        let url = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
        let user = &url[..end_of_user(url)?];
        // A name alone is no secret where keys are the usual thing.
        let is_name = scheme.is_some_and(|scheme| scheme.ends_with("ssh")) && !user.contains(':');
        (!is_name && !user.is_empty()).then(|| start..start + user.len())
    })
}

/// Where `@` ends the user of a URL, which is given without its scheme.
fn end_of_user(url: &str) -> Option<usize> {
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    let at = authority.rfind('@').or_else(|| {
        // A password may have a slash that should have been encoded: what looks like a
        // port is none.
        let (_, port) = authority.rsplit_once(':')?;
        let is_port = port.chars().all(|c| c.is_ascii_digit() || c == ']');
        if is_port { None } else { url.rfind('@') }
    })?;
    // A name of an image with its digest has no user.
    (!url[at + 1..].starts_with("sha256:")).then_some(at)
}

/// The user in the value of a variable such as `HTTP_PROXY=me:secret@proxy:3128`, which
/// may have no scheme. `lower` is the text in lower case.
pub(super) fn user_of_proxy(text: &str, lower: &str) -> Option<Range<usize>> {
    lower.match_indices("_proxy=").find_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = &text[start..];
        let value = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
        let scheme = value.find("://").map_or(0, |at| at + 3);
        let user = value[scheme..].rfind('@')?;
        Some(start + scheme..start + scheme + user)
    })
}
