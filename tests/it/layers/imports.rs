//! Which file uses which: read from `use` statements and paths in the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The module path of every file below `src/`, such as `["load", "node"]`, with
/// its text before the unit tests and without comments.
pub fn sources() -> BTreeMap<Vec<String>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    for path in files(&root) {
        let relative = path.strip_prefix(&root).unwrap().with_extension("");
        let module: Vec<String> =
            relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let is_test = module.iter().any(|part| ["tests", "fake"].contains(&part.as_str()));
        let is_root = ["lib", "main"].contains(&module[0].as_str());
        if !is_test && !is_root && module != ["builder", "watch"] {
            found.insert(module, code(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// Every Rust file below a directory.
pub fn files(root: &Path) -> Vec<PathBuf> {
    files_that(root, |path| path.extension().is_some_and(|extension| extension == "rs"))
}

/// Every such file below a directory.
pub fn files_that(root: &Path, is_meant: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let (mut found, mut directories) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if is_meant(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// For every file the other files that it uses. A parent that re-exports what
/// a child defines does not use it; who imports it from the parent uses the
/// child.
pub fn imports(
    sources: &BTreeMap<Vec<String>, String>,
) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let reexports: BTreeMap<&Vec<String>, BTreeMap<String, Vec<String>>> =
        sources.iter().map(|(module, text)| (module, reexported(module, text))).collect();
    let mut all = BTreeMap::new();
    for (module, text) in sources {
        let mut used = BTreeSet::new();
        for path in paths(module, text, sources) {
            let mut owner = path;
            let mut item = None;
            while !sources.contains_key(&owner) && !owner.is_empty() {
                item = owner.pop();
            }
            let from = item.and_then(|item| reexports.get(&owner)?.get(&item).cloned());
            let owner = from.filter(|from| sources.contains_key(from)).unwrap_or(owner);
            if !owner.is_empty() && owner != *module {
                used.insert(owner);
            }
        }
        all.insert(module.clone(), used);
    }
    all
}

/// Names that a file hands on, and the module each is from.
fn reexported(module: &[String], text: &str) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    for (visible, tree) in uses(text) {
        for path in expand(&tree).into_iter().filter(|_| visible) {
            let mut path = absolute(module, &path).unwrap_or_else(|| {
                module.iter().cloned().chain(path.split("::").map(str::to_owned)).collect()
            });
            if let Some(name) = path.pop() {
                names.insert(name, path);
            }
        }
    }
    names
}

/// Every path of this crate in a file, absolute.
fn paths(
    module: &[String],
    text: &str,
    sources: &BTreeMap<Vec<String>, String>,
) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (visible, tree) in uses(text) {
        let own: Vec<String> = if visible { Vec::new() } else { expand(&tree) };
        found.extend(own.iter().filter_map(|path| {
            absolute(module, path).or_else(|| {
                let relative =
                    [module, &path.split("::").map(str::to_owned).collect::<Vec<_>>()].concat();
                let child = [module, &relative[module.len()..module.len() + 1]].concat();
                sources.contains_key(&child).then_some(relative)
            })
        }));
    }
    let body: Vec<&str> = text.lines().filter(|line| !line.contains("use ")).collect();
    for word in body.join("\n").split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        let Some((first, _)) = word.split_once("::") else { continue };
        let child = [module, &[first.to_owned()]].concat();
        match first {
            "crate" | "super" | "self" => found.extend(absolute(module, word)),
            _ if sources.contains_key(&child) => {
                let words = word.split("::").map(str::to_owned);
                found.push(module.iter().cloned().chain(words).collect());
            }
            _ => {}
        }
    }
    found
}

/// `use` statements, and whether they are visible outside.
fn uses(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default().trim();
        // Not within `pub enum Pause`.
        let visible = line.starts_with("pub") && !line.contains(' ');
        if line.is_empty() || visible {
            let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
            let tree: String = rest[at + 4..end].chars().filter(|c| !c.is_whitespace()).collect();
            found.push((visible, tree));
            rest = &rest[end..];
        } else {
            rest = &rest[at + 4..];
        }
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`; `a::{self}` as `a`.
fn expand(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else {
        let plain = tree.trim_end_matches("::self");
        let plain = plain.split("as ").next().unwrap();
        return vec![plain.to_owned()];
    };
    let (prefix, inner) = (&tree[..open], &tree[open + 1..tree.rfind('}').unwrap()]);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    parts.flat_map(|part| expand(&format!("{prefix}{part}"))).collect()
}

/// A path that begins with `crate`, `super` or `self`, from the crate's root.
fn absolute(module: &[String], path: &str) -> Option<Vec<String>> {
    let mut words = path.split("::").peekable();
    let mut base: Vec<String> = match *words.peek()? {
        "crate" => Vec::new(),
        "super" | "self" => module.to_vec(),
        _ => return None,
    };
    for word in words {
        match word {
            "crate" | "self" | "" => {}
            "super" => drop(base.pop()),
            other => base.push(other.to_owned()),
        }
    }
    Some(base)
}

/// Files that use themselves by way of others, and the others.
pub fn circles(imports: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>) -> Vec<String> {
    let reach = |from: &Vec<String>| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(file) = open.pop() {
            let used = imports.get(&file).into_iter().flatten();
            open.extend(used.filter(|used| seen.insert((*used).clone())).cloned());
        }
        seen
    };
    let reached: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
        imports.keys().map(|file| (file, reach(file))).collect();
    let mut found = Vec::new();
    for (file, used) in imports.iter().filter(|(file, _)| reached[file].contains(*file)) {
        let back = used.iter().filter(|used| reached.get(used).is_some_and(|r| r.contains(file)));
        let back: Vec<String> = back.map(|used| used.join("/")).collect();
        found.push(format!("{} uses {}", file.join("/"), back.join(", ")));
    }
    found
}
